"""The floors, as ratios inside one run. A floor whose cases were not measured is left out."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.cases import Measured
from bench.starting import median_seconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """One floor: what must reach what, what it came to."""

    floor: str
    claim: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        """Whether the floor is reached."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        verdict = "met   " if self.met else "MISSED"
        return f"{verdict} {self.floor:4} {self.claim}: {self.value:.2f} (floor {sign} {self.bound:g})"


class Medians:
    """Medians over the rounds, by case and contender."""

    def __init__(self, measured: Sequence[Measured]) -> None:
        self.measured = measured
        found: dict[tuple[str, str], list[Measured]] = {}
        for one in measured:
            found.setdefault((one.case, one.contender), []).append(one)
        self.runs = found

    def rate(self, case: str, contender: str) -> float | None:
        """Operations a second."""
        return self._of(case, contender, lambda one: one.timed.rate)

    def p50(self, case: str, contender: str) -> float | None:
        """Seconds."""
        return self._of(case, contender, lambda one: one.timed.p50)

    def p99(self, case: str, contender: str) -> float | None:
        """Seconds."""
        return self._of(case, contender, lambda one: one.timed.p99)

    def _of(self, case: str, contender: str, value: Callable[[Measured], float]) -> float | None:
        runs = self.runs.get((case, contender))
        return statistics.median(map(value, runs)) if runs else None

    def best(self, case: str, prefix: str) -> float | None:
        """The fastest contender whose name begins so."""
        names = {name for found, name in self.runs if found == case and name.startswith(prefix)}
        return max((rate for name in names if (rate := self.rate(case, name))), default=None)


def verdicts(measured: Sequence[Measured]) -> list[Verdict]:
    """All floors that these cases can answer."""
    medians = Medians(measured)
    found = (
        *_adding(medians),
        *_bulk(medians),
        *_claiming(medians),
        *_resolving(medians),
        *_starting(measured),
    )
    return [
        Verdict(floor, claim, value, bound, most) for floor, claim, value, bound, most in found if value is not None
    ]


Row = tuple[str, str, float | None, float, bool]


def _over(value: float | None, other: float | None) -> float | None:
    return value / other if value and other else None


def _adding(m: Medians) -> Iterator[Row]:
    for floor, case, of_l, of_procrastinate, of_pgqueuer in (
        ("G1", "add, 1 client", 0.8, 2.4, 1.2),
        ("G2", "add, 8 clients", 0.7, 2.5, 1.7),
    ):
        mrq = m.rate(case, "MRQ")
        yield floor, f"{case}, MRQ to L", _over(mrq, m.rate(case, "L")), of_l, False
        yield (
            floor,
            f"{case}, MRQ to procrastinate",
            _over(mrq, m.best(case, "procrastinate")),
            of_procrastinate,
            False,
        )
        yield (
            floor,
            f"{case}, MRQ to pgqueuer (better driver)",
            _over(mrq, m.best(case, "pgqueuer")),
            of_pgqueuer,
            False,
        )
    yield (
        "G2",
        "add, 8 clients, p99 MRQ to L",
        _over(m.p99("add, 8 clients", "MRQ"), m.p99("add, 8 clients", "L")),
        2,
        True,
    )


def _bulk(m: Medians) -> Iterator[Row]:
    case = "add 100000"
    mrq = m.rate(case, "MRQ")
    yield "G3", f"{case}, MRQ to raw COPY", _over(mrq, m.rate(case, "raw COPY")), 0.35, False
    yield "G3", f"{case}, MRQ to procrastinate", _over(mrq, m.best(case, "procrastinate")), 9, False
    yield "G3", f"{case}, MRQ to pgqueuer (better driver)", _over(mrq, m.best(case, "pgqueuer")), 1.5, False
    yield "G4", f"{case} with dedup, MRQ to raw COPY", _over(mrq, m.rate(case, "raw COPY")), 0.28, False
    yield (
        "G4",
        "repeat 100000, MRQ to L",
        _over(m.rate("repeat 100000", "MRQ"), m.rate("repeat 100000", "L")),
        0.8,
        False,
    )


def _claiming(m: Medians) -> Iterator[Row]:
    for clients, of_peer in (("1 client", 1.7), ("8 clients", 2.0)):
        case = f"claim, 100000 waiting, {clients}"
        peers = [rate for peer in ("procrastinate", "pgqueuer") if (rate := m.best(case, peer))]
        yield "G5", f"{case}, MRQ to L", _over(m.rate(case, "MRQ"), m.rate(case, "L")), 0.8, False
        yield (
            "G5",
            f"{case}, MRQ to the better peer",
            _over(m.rate(case, "MRQ"), max(peers, default=None)),
            of_peer,
            False,
        )
    small, large = "claim, 100000 waiting, 1 client", "claim, 1000000 waiting, 1 client"
    yield (
        "G6",
        "p50 at 1 000 000 to 100 000 waiting",
        _over(m.p50(large, "MRQ"), m.p50(small, "MRQ")),
        1.25,
        True,
    )
    yield (
        "G6",
        "p99 at 1 000 000 to 100 000 waiting",
        _over(m.p99(large, "MRQ"), m.p99(small, "MRQ")),
        2,
        True,
    )


def _resolving(m: Medians) -> Iterator[Row]:
    two, one = "claim + resolve, 8 clients", "resolve and next, 8 clients"
    yield "G8", f"{two}, MRQ to L", _over(m.rate(two, "MRQ"), m.rate(two, "L")), 0.8, False
    yield (
        "G8",
        "resolve and next to two calls, 8 clients",
        _over(m.rate(one, "MRQ"), m.rate(two, "MRQ")),
        1.6,
        False,
    )
    yield (
        "G8",
        "resolve and next to procrastinate's two calls",
        _over(m.rate(one, "MRQ"), m.best(two, "procrastinate")),
        3,
        False,
    )
    yield (
        "G8",
        "resolve and next to pgqueuer's two calls",
        _over(m.rate(one, "MRQ"), m.best(two, "pgqueuer")),
        2.5,
        False,
    )


def _starting(measured: Sequence[Measured]) -> Iterator[Row]:
    bare, ours = (
        median_seconds(measured, "python -c pass"),
        median_seconds(measured, "import manual_resolution"),
    )
    over = (ours - bare) * 1e3 if ours and bare else None
    shown, theirs = median_seconds(measured, "mrq --help"), median_seconds(measured, "procrastinate --help")
    yield "G15", "import manual_resolution over the bare interpreter, ms", over, 25, True
    yield "G15", "mrq --help to procrastinate --help", _over(shown, theirs), 0.5, True
    yield "G15", "mrq --help, ms", shown * 1e3 if shown else None, 80, True
