"""The floors, as ratios inside one run. A floor whose cases were not measured is left out."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.cases import Measured
from bench.clients import Timed
from bench.console import SEARCHED
from bench.starting import median_seconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """One floor: what must reach what, what it came to."""

    floor: str
    claim: str
    value: float
    bound: float
    at_most: bool = False
    limit: float | None = None  # what the bare limit, with none of the duties, comes to

    @property
    def met(self) -> bool:
        """Whether the floor is reached."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        verdict = "met   " if self.met else "MISSED"
        limit = "" if self.limit is None else f"; the bare limit {self.limit:.2f}"
        return f"{verdict} {self.floor:4} {self.claim}: {self.value:.2f} (floor {sign} {self.bound:g}{limit})"


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

    def milliseconds(self, case: str, contender: str, part: str) -> float | None:
        """The median over the rounds of one of a case's latencies."""
        runs = self.runs.get((case, contender), [])
        return statistics.median(getattr(one.timed, part) for one in runs) * 1e3 if runs else None

    def to_best(self, case: str, contender: str, *prefixes: str, than: str | None = None) -> float | None:
        """`contender` to the best of those whose names begin so: the least ratio."""
        names = {name for found, name in self.runs if found == (than or case) and name.startswith(prefixes)}
        ratios = (self.ratio(case, contender, name, than=than) for name in names)
        return min((ratio for ratio in ratios if ratio is not None), default=None)


def verdicts(measured: Sequence[Measured]) -> list[Verdict]:
    """All floors that these cases can answer."""
    m = Medians(measured)
    found = (
        *_adding(m),
        *_bulk(m),
        *_claiming(m),
        *_resolving(m),
        *_waking(m),
        *_sweeping(m),
        *_reporting(m),
        *_browsing(m),
        *_starting(measured),
    )
    return [
        Verdict(floor, claim, value, bound, most, limit)
        for floor, claim, value, bound, most, limit in found
        if value is not None
    ]


Row = tuple[str, str, float | None, float, bool, float | None]
LIMIT = "bare limit"


def _to_peers(m: Medians, floor: str, said: str, case: str, peers: str, bound: float, than: str | None = None) -> Row:
    """MRQ to the best of the peers, and beside it what the bare limit comes to."""
    ours, limit = (m.to_best(case, name, *peers.split(), than=than) for name in ("MRQ", LIMIT))
    return floor, said, ours, bound, False, limit


def _adding(m: Medians) -> Iterator[Row]:
    for floor, case, of_l, of_procrastinate, of_pgqueuer in (
        ("G1", "add, 1 client", 0.8, 2.4, 1.2),
        ("G2", "add, 8 clients", 0.7, 2.5, 1.7),
    ):
        yield floor, f"{case}, MRQ to L", m.ratio(case, "MRQ", "L"), of_l, False, None
        yield _to_peers(m, floor, f"{case}, MRQ to procrastinate", case, "procrastinate", of_procrastinate)
        yield _to_peers(m, floor, f"{case}, MRQ to pgqueuer, better driver", case, "pgqueuer", of_pgqueuer)
    p99 = m.ratio("add, 8 clients", "MRQ", "L", value=lambda timed: timed.p99)
    yield "G2", "add, 8 clients, p99 of MRQ to L", p99, 2, True, None
    case, alone = "add, 8 clients, a listener woken", "add, 8 clients"
    yield "G2", f"{case}, MRQ to L that tells nobody", m.ratio(case, "MRQ", "L", than=alone), 0.7, False, None
    for peer, bound in (("procrastinate", 2.5), ("pgqueuer", 1.7)):
        yield _to_peers(m, "G2", f"{case}, MRQ to {peer}", case, peer, bound, than=alone)


def _bulk(m: Medians) -> Iterator[Row]:
    case, again = "add 100000", "repeat 100000"
    yield "G3", f"{case}, MRQ to raw COPY", m.ratio(case, "MRQ", "raw COPY"), 0.35, False, None
    yield _to_peers(m, "G3", f"{case}, MRQ to procrastinate", case, "procrastinate", 9)
    yield _to_peers(m, "G3", f"{case}, MRQ to pgqueuer, better driver", case, "pgqueuer", 1.5)
    yield "G4", f"{case} with dedup, MRQ to raw COPY", m.ratio(case, "MRQ", "raw COPY"), 0.28, False, None
    yield "G4", f"{again}, MRQ to L", m.ratio(again, "MRQ", "L"), 0.8, False, None


def _claiming(m: Medians) -> Iterator[Row]:
    for clients, of_peer in (("1 client", 1.7), ("8 clients", 2.0)):
        case = f"claim, 100000 waiting, {clients}"
        yield "G5", f"{case}, MRQ to L", m.ratio(case, "MRQ", "L"), 0.8, False, None
        yield _to_peers(m, "G5", f"{case}, MRQ to the better peer", case, "procrastinate pgqueuer", of_peer)
    small, large = "claim, 100000 waiting, 1 client", "claim, 1000000 waiting, 1 client"
    for said, bound, value in (("p50", 1.25, lambda timed: timed.p50), ("p99", 2, lambda timed: timed.p99)):
        ours, limit = (m.ratio(large, name, name, than=small, value=value) for name in ("MRQ", LIMIT))
        yield "G6", f"claim {said} at 1 000 000 to 100 000 waiting", ours, bound, True, limit


def _resolving(m: Medians) -> Iterator[Row]:
    two, one = "claim + resolve, 8 clients", "resolve and next, 8 clients"
    yield "G8", f"{two}, MRQ to L", m.ratio(two, "MRQ", "L"), 0.8, False, None
    ours, limit = (m.ratio(one, name, name, than=two) for name in ("MRQ", LIMIT))
    yield "G8", "resolve and next to its own two calls", ours, 1.6, False, limit
    for peer, bound in (("procrastinate", 3), ("pgqueuer", 2.5)):
        yield _to_peers(m, "G8", f"resolve and next to {peer}", one, peer, bound, than=two)


def _waking(m: Medians) -> Iterator[Row]:
    case, peers = "add to claimed by who waits", ("procrastinate", "pgqueuer, psycopg", "pgqueuer, asyncpg")
    ratios = {name: m.ratio(case, "MRQ", name, value=lambda timed: timed.p50) for name in ("L", *peers)}
    yield "G14", f"{case}, p50 of MRQ to L", ratios["L"], 2, True, None
    to_best = max((ratios[name] or 0 for name in peers), default=0) or None
    yield "G14", f"{case}, p50 of MRQ to the better peer", to_best, 1, True, None


def _sweeping(m: Medians) -> Iterator[Row]:
    case, empty = "escalate 100000", "empty sweep over 100000"
    yield "G9", f"{case}, MRQ to L", m.ratio(case, "MRQ", "L"), 0.8, False, None
    for loop, bound in (("specification's loop", 12), ("specification's loop, commits", 38)):
        yield "G9", f"{case}, MRQ to the {loop}", m.ratio(case, "MRQ", loop), bound, False, None
    yield "G9", f"{case}, longest transaction, ms", m.milliseconds(case, "MRQ", "p99"), 250, True, None
    yield "G9", f"{empty}, p50, ms", m.milliseconds(empty, "MRQ", "p50"), 1, True, None


def _reporting(m: Medians) -> Iterator[Row]:
    small, large = "figures over 1000000", "figures over 5000000"
    yield "G11", f"{large}, p99, ms", m.milliseconds(large, "MRQ", "p99"), 10, True, None
    growth = m.ratio(large, "MRQ", "MRQ", than=small, value=lambda timed: timed.p50)
    yield "G11", f"{large} to 1000000, p50", growth, 1.2, True, None
    yield (
        "G11",
        f"{large}, MRQ to the specification's queries",
        m.ratio(large, "MRQ", "specification's queries"),
        100,
        False,
        None,
    )
    scraped = m.milliseconds(large, "MRQ, metrics", "p99")
    yield "G11", f"{large}, metrics for a scraper, p99, ms", scraped, 10, True, None
    for name, other in (("MRQ", "specification's queries"), ("MRQ, percentiles too", "percentiles too, by hand")):
        taken = m.ratio(large, name, other, value=lambda timed: timed.p50)
        yield "G12", f"{large}, {name}, time to {other}", taken, 0.35, True, None
    kept = m.ratio("add, 8 clients", "MRQ", "MRQ, no sums")
    yield "G12", "add, 8 clients, MRQ to itself without sums", kept, 0.9, False, None


def _browsing(m: Medians) -> Iterator[Row]:
    open_items = "1000000 open"
    searched = [f"Queue, {name}" for name in SEARCHED]
    for name in ("Queue", "Queue, page 400", *searched, "Item", "Next", "Board"):
        for part, bound in (("p50", 50), ("p99", 150)):
            yield "page", f"{name}, {part}, ms", m.milliseconds(f"{name}, {open_items}", "MRQ", part), bound, True, None
    paint = m.milliseconds(f"first paint of Queue, {open_items}", "MRQ", "p99")
    yield "page", "first paint of Queue, nothing cached, slowest, ms", paint, 500, True, None
    first, far = f"API list, {open_items}", f"API list, page 400, {open_items}"
    for case in (first, far):
        yield "G13", f"{case}, p50, ms", m.milliseconds(case, "MRQ", "p50"), 3, True, None
    growth = m.ratio(far, "MRQ", "MRQ", than=first, value=lambda timed: timed.p50)
    yield "G13", "API list, page 400 to page 1, p50", growth, 1.5, True, None
    for name in SEARCHED:
        case = f"API, {name}, {open_items}"
        yield "G13", f"{case}, p50, ms", m.milliseconds(case, "MRQ", "p50"), 15, True, None
    watched = m.ratio("add, 50 browsers watch", "MRQ", "MRQ", than="add, 0 browsers watch")
    yield "page", "adds while 50 browsers watch to nobody watching", watched, 0.9, False, None


def _starting(measured: Sequence[Measured]) -> Iterator[Row]:
    bare, ours = median_seconds(measured, "python -c pass"), median_seconds(measured, "import manual_resolution")
    over = (ours - bare) * 1e3 if ours and bare else None
    shown, theirs = median_seconds(measured, "mrq --help"), median_seconds(measured, "procrastinate --help")
    yield "G15", "import manual_resolution over the bare interpreter, ms", over, 25, True, None
    yield "G15", "mrq --help to procrastinate --help", shown / theirs if shown and theirs else None, 0.5, True, None
    yield "G15", "mrq --help, ms", shown * 1e3 if shown else None, 80, True, None
