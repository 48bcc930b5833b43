"""The floors, as ratios inside one run. A floor whose cases were not measured is left out."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.cases import Measured
from bench.clients import Timed
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


Value = Callable[[Timed], float]


class Medians:
    """Medians over the rounds. A ratio is the median of the rounds' ratios: what stood side by side is compared."""

    def __init__(self, measured: Sequence[Measured]) -> None:
        self.runs: dict[tuple[str, str], list[Measured]] = {}
        for one in measured:
            self.runs.setdefault((one.case, one.contender), []).append(one)

    def ratio(
        self, case: str, contender: str, other: str, *, than: str | None = None, value: Value = lambda timed: timed.rate
    ) -> float | None:
        """`contender` to `other` in one case, or to `other` in the case `than`; None where one was not measured."""
        mine, its = self.runs.get((case, contender), []), self.runs.get((than or case, other), [])
        ratios = [value(one.timed) / value(two.timed) for one, two in zip(mine, its, strict=False)]
        return statistics.median(ratios) if ratios else None

    def to_best(self, case: str, contender: str, *prefixes: str, than: str | None = None) -> float | None:
        """`contender` to the best of those whose names begin so: the least ratio."""
        names = {name for found, name in self.runs if found == (than or case) and name.startswith(prefixes)}
        ratios = (self.ratio(case, contender, name, than=than) for name in names)
        return min((ratio for ratio in ratios if ratio is not None), default=None)


def verdicts(measured: Sequence[Measured]) -> list[Verdict]:
    """All floors that these cases can answer."""
    m = Medians(measured)
    found = (*_adding(m), *_bulk(m), *_claiming(m), *_resolving(m), *_starting(measured))
    return [
        Verdict(floor, claim, value, bound, most) for floor, claim, value, bound, most in found if value is not None
    ]


Row = tuple[str, str, float | None, float, bool]


def _adding(m: Medians) -> Iterator[Row]:
    for floor, case, of_l, of_procrastinate, of_pgqueuer in (
        ("G1", "add, 1 client", 0.8, 2.4, 1.2),
        ("G2", "add, 8 clients", 0.7, 2.5, 1.7),
    ):
        yield floor, f"{case}, MRQ to L", m.ratio(case, "MRQ", "L"), of_l, False
        yield floor, f"{case}, MRQ to procrastinate", m.to_best(case, "MRQ", "procrastinate"), of_procrastinate, False
        yield floor, f"{case}, MRQ to pgqueuer, better driver", m.to_best(case, "MRQ", "pgqueuer"), of_pgqueuer, False
    p99 = m.ratio("add, 8 clients", "MRQ", "L", value=lambda timed: timed.p99)
    yield "G2", "add, 8 clients, p99 of MRQ to L", p99, 2, True


def _bulk(m: Medians) -> Iterator[Row]:
    case, again = "add 100000", "repeat 100000"
    yield "G3", f"{case}, MRQ to raw COPY", m.ratio(case, "MRQ", "raw COPY"), 0.35, False
    yield "G3", f"{case}, MRQ to procrastinate", m.to_best(case, "MRQ", "procrastinate"), 9, False
    yield "G3", f"{case}, MRQ to pgqueuer, better driver", m.to_best(case, "MRQ", "pgqueuer"), 1.5, False
    yield "G4", f"{case} with dedup, MRQ to raw COPY", m.ratio(case, "MRQ", "raw COPY"), 0.28, False
    yield "G4", f"{again}, MRQ to L", m.ratio(again, "MRQ", "L"), 0.8, False


def _claiming(m: Medians) -> Iterator[Row]:
    for clients, of_peer in (("1 client", 1.7), ("8 clients", 2.0)):
        case = f"claim, 100000 waiting, {clients}"
        yield "G5", f"{case}, MRQ to L", m.ratio(case, "MRQ", "L"), 0.8, False
        better = m.to_best(case, "MRQ", "procrastinate", "pgqueuer")
        yield "G5", f"{case}, MRQ to the better peer", better, of_peer, False
    small, large = "claim, 100000 waiting, 1 client", "claim, 1000000 waiting, 1 client"
    p50 = m.ratio(large, "MRQ", "MRQ", than=small, value=lambda timed: timed.p50)
    p99 = m.ratio(large, "MRQ", "MRQ", than=small, value=lambda timed: timed.p99)
    yield "G6", "claim p50 at 1 000 000 to 100 000 waiting", p50, 1.25, True
    yield "G6", "claim p99 at 1 000 000 to 100 000 waiting", p99, 2, True


def _resolving(m: Medians) -> Iterator[Row]:
    two, one = "claim + resolve, 8 clients", "resolve and next, 8 clients"
    yield "G8", f"{two}, MRQ to L", m.ratio(two, "MRQ", "L"), 0.8, False
    yield "G8", "resolve and next to MRQ's two calls", m.ratio(one, "MRQ", "MRQ", than=two), 1.6, False
    yield "G8", "resolve and next to procrastinate", m.to_best(one, "MRQ", "procrastinate", than=two), 3, False
    yield "G8", "resolve and next to pgqueuer", m.to_best(one, "MRQ", "pgqueuer", than=two), 2.5, False


def _starting(measured: Sequence[Measured]) -> Iterator[Row]:
    bare, ours = median_seconds(measured, "python -c pass"), median_seconds(measured, "import manual_resolution")
    over = (ours - bare) * 1e3 if ours and bare else None
    shown, theirs = median_seconds(measured, "mrq --help"), median_seconds(measured, "procrastinate --help")
    yield "G15", "import manual_resolution over the bare interpreter, ms", over, 25, True
    yield "G15", "mrq --help to procrastinate --help", shown / theirs if shown and theirs else None, 0.5, True
    yield "G15", "mrq --help, ms", shown * 1e3 if shown else None, 80, True
