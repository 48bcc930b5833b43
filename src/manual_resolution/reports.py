"""The report: how the queue is doing, and who resolves it (specification, report_metrics.py).

Each definition stands in docs/operate/reports.md beside the SQL that a test runs against it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from manual_resolution.errors import InvalidInput
from manual_resolution.heads import PATIENCE, Head, head
from manual_resolution.inert import inert
from manual_resolution.item import iso
from manual_resolution.priority import PRIORITIES
from manual_resolution.settings import Settings
from manual_resolution.store import reports as store
from manual_resolution.store.connection import Database
from manual_resolution.store.reports import OpenCount, Spread, Sums

MOST_DAYS: Final = 3660
Row = TypeVar("Row")

#: The specification's sample shows three types and two resolvers.
TYPES, RESOLVERS = 3, 2


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """One item type: open now; resolved in the window, in hours on average, at the median, at nine in ten."""

    item_type: str
    open: int
    resolved: int
    average_hours: float | None
    p50_hours: float | None = None
    p90_hours: float | None = None
    came_back: int | None = None


@dataclass(frozen=True, slots=True)
class ResolverFigures:
    """One person: items resolved in the window, of which types, how many a day, in hours on average."""

    resolver: str
    resolved: int
    average_hours: float | None
    per_day: float
    by_type: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every figure. Days are UTC, `first` and `last` included; rates from 0 to 1, none where nothing is counted.

    `p50_hours`, `p90_hours`, `came_back` and `head` are none in a quick report.
    """

    at: datetime
    first: date
    last: date
    days: int
    top: int | None
    sla_hours: Mapping[str, float]
    open: Mapping[str, int]
    created: int
    escalated: int
    resolved: int
    in_time: int
    overdue: int
    withdrawn: int
    average_hours: float | None
    p50_hours: float | None = None
    p90_hours: float | None = None
    came_back: int | None = None
    types: Sequence[TypeFigures] = ()
    resolvers: Sequence[ResolverFigures] = ()
    head: Head | None = None

    @property
    def total_open(self) -> int:
        """Pending, assigned and escalated items."""
        return sum(self.open.values())

    @property
    def sla_compliance(self) -> float | None:
        """Resolved by their deadline ÷ (resolved + open ones whose deadline has passed in the window)."""
        return ratio(self.in_time, self.resolved + self.overdue)

    @property
    def escalation_rate(self) -> float | None:
        """First escalated in the window ÷ created in it."""
        return ratio(self.escalated, self.created)

    @property
    def come_back_rate(self) -> float | None:
        """Of those resolved in the window: failed again since."""
        return None if self.came_back is None else ratio(self.came_back, self.resolved)

    def shown(self, most: int) -> int:
        """How many lines of a list are shown: `top`, else the specification's number."""
        return most if self.top is None else self.top


def figures(
    database: Database,
    days: int = 30,
    until: date | None = None,
    top: int | None = None,
    *,
    settings: Settings | None = None,
    quick: bool = False,
) -> Report:
    """The figures of `days` whole days (UTC) up to `until`, the database's today by default, which is included.

    `top` bounds the lists shown, not those counted. `quick` leaves out what is read from the items themselves
    (percentiles, come-backs, the audit's head): all else takes the same few milliseconds whatever the history.
    Raises `InvalidInput`, `Unreachable`.
    """
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput("days", days, f"a whole number from 1 to {MOST_DAYS}")
    if top is not None and not 1 <= top <= 1000:
        raise InvalidInput("top", top, "a whole number from 1 to 1000")
    if until is not None and until.year < 1970:
        raise InvalidInput("until", until, "a day since 1970-01-01")
    with database.connection(PATIENCE) as db:
        if not database.read_only:
            store.fold(db)
        with db.transaction():
            db.execute("set transaction isolation level repeatable read, read only")
            now, today = store.today(db)
            last = until or today
            first = last - timedelta(days=days - 1)
            if last > today:
                raise InvalidInput("until", last, f"a day that has come: today is {today}, UTC")
            summed = _summed(store.open_now(db), store.window(db, first, last))
            overdue = store.overdue(db, first, last)
        spreads = [] if quick else store.spreads(db, first, last)  # with no snapshot held longer than one statement
    hours = settings or Settings()
    found = Report(
        at=now,
        first=first,
        last=last,
        days=days,
        top=top,
        sla_hours={priority: hours.sla_hours(priority) for priority in PRIORITIES},
        head=None if quick else head(database),
        overdue=overdue,
        **summed,
    )
    return _spread(_per_day(found), spreads)


def _summed(opens: Sequence[OpenCount], sums: Sequence[Sums]) -> dict[str, Any]:
    return {
        "open": {p: sum(one.n for one in opens if one.priority == p) for p in PRIORITIES},
        "created": sum(one.created for one in sums),
        "escalated": sum(one.escalated for one in sums),
        "resolved": sum(one.resolved for one in sums),
        "in_time": sum(one.in_time for one in sums),
        "withdrawn": sum(one.withdrawn for one in sums),
        "average_hours": _average(sums),
        "types": _types(opens, sums),
        "resolvers": _resolvers(sums),
    }


def _types(opens: Sequence[OpenCount], sums: Sequence[Sums]) -> tuple[TypeFigures, ...]:
    """All types with anything open or resolved, those with most open first."""
    waiting = {name: sum(one.n for one in own) for name, own in _grouped(opens, lambda one: one.item_type).items()}
    done = _grouped(sums, lambda one: one.item_type)
    found = (
        TypeFigures(name, waiting.get(name, 0), _count(done.get(name, ())), _average(done.get(name, ())))
        for name in waiting.keys() | done.keys()
    )
    return tuple(sorted((t for t in found if t.open or t.resolved), key=lambda t: (-t.open, -t.resolved, t.item_type)))


def _resolvers(sums: Sequence[Sums]) -> tuple[ResolverFigures, ...]:
    """All who resolved anything, those with most first; what plain SQL resolved without an owner is nobody's."""
    by_name = _grouped((one for one in sums if one.resolver and one.resolved), lambda one: one.resolver)
    found = (
        ResolverFigures(name, _count(own), _average(own), 0.0, {one.item_type: one.resolved for one in own})
        for name, own in by_name.items()
    )
    return tuple(sorted(found, key=lambda r: (-r.resolved, r.resolver)))


def _per_day(report: Report) -> Report:
    return replace(
        report, resolvers=tuple(replace(one, per_day=one.resolved / report.days) for one in report.resolvers)
    )


def _spread(report: Report, spreads: Sequence[Spread]) -> Report:
    found = {one.item_type: one for one in spreads}

    def told(spread: Spread | None) -> dict[str, Any]:
        if spread is None:
            return {}
        return {"p50_hours": _hours(spread.p50), "p90_hours": _hours(spread.p90), "came_back": spread.came_back}

    types = tuple(replace(one, **told(found.get(one.item_type))) for one in report.types)
    return replace(report, types=types, **told(found.get(None)))


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def _count(sums: Iterable[Sums]) -> int:
    return sum(one.resolved for one in sums)


def _average(sums: Sequence[Sums]) -> float | None:
    micros, count = sum((one.micros for one in sums), Decimal()), _count(sums)
    return float(micros / count / 3_600_000_000) if count else None


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 3600


def ratio(part: int, whole: int) -> float | None:
    """A rate; none of nothing."""
    return part / whole if whole else None


# ------------------------------------------------------------------ as text


def as_text(report: Report, *, more: bool = False) -> str:
    """The specification's report, line for line; `more` adds what it does not have, behind it."""
    types, resolvers = report.types[: report.shown(TYPES)], report.resolvers[: report.shown(RESOLVERS)]
    sections = {
        f"Manual Resolution Queue Report ({report.last})": [],
        "Queue Status:": [
            f"Total pending: {report.total_open:,}",
            *(f"{p.capitalize()}: {report.open[p]:,} (SLA: {sla(report.sla_hours[p])})" for p in PRIORITIES),
        ],
        f"Performance (Last {report.days} Day{'s' if report.days > 1 else ''}):": [
            f"Items resolved: {report.resolved:,}",
            f"Avg time-to-resolution: {hours(report.average_hours)}",
            f"SLA compliance: {percent(report.sla_compliance)}",
            f"Escalation rate: {percent(report.escalation_rate)}",
        ],
        "By Item Type:": [
            f"{inert(one.item_type)}: {one.open:,} pending, avg resolution {short(one.average_hours)}" for one in types
        ]
        or ["none yet"],
        "Top Resolvers:": [
            f"{inert(one.resolver)}: {one.resolved:,} item{'s' if one.resolved != 1 else ''}, "
            f"avg {short(one.average_hours)}"
            for one in resolvers
        ]
        or ["nobody yet"],
    } | ({"Beside the Averages:": beside(report)} if more else {})
    text = "\n\n".join("\n".join([title, *(f"  - {line}" for line in lines)]) for title, lines in sections.items())
    return text + (f"\n\nAudit: {report.head}" if more and report.head else "") + "\n"


def beside(report: Report) -> list[str]:
    """What the specification's report does not say."""
    spread = [
        f"Time-to-resolution: half within {short(report.p50_hours)}, nine in ten within {short(report.p90_hours)}",
        f"Come-back rate: {percent(report.come_back_rate)}",
    ]
    return [*(spread if report.came_back is not None else []), f"Withdrawn by producers: {report.withdrawn:,}"]


def sla(given: float) -> str:
    """`4h`, `24h`, `7d`."""
    return f"{given / 24:g}d" if given >= 48 and given % 24 == 0 else f"{given:g}h"


def hours(given: float | None) -> str:
    """`18.3 hours`."""
    return "none yet" if given is None else f"{given:.1f} hours"


def short(given: float | None) -> str:
    """`12h`; below one hour in minutes; a dash for none."""
    if given is None:
        return "–"
    return f"{given:.0f}h" if given >= 0.995 else f"{given * 60:.0f}min"


def percent(rate: float | None) -> str:
    """`94.2%`; 100.0% and 0.0% are said of nothing else."""
    if rate is None:
        return "none yet"
    rounded = f"{rate:.1%}"
    if rounded == "100.0%" and rate < 1:
        return "99.9%"
    return "0.1%" if rounded == "0.0%" and rate > 0 else rounded


# ------------------------------------------------------------------ as JSON


def as_json(report: Report) -> dict[str, Any]:
    """Everything, all types and all resolvers with their type mix, JSON-ready."""
    names = ("total_open", "sla_compliance", "escalation_rate", "come_back_rate")
    rates = {name: getattr(report, name) for name in names}
    plain = {name: value for name, value in asdict(report).items() if name not in ("top", "head")}
    return (
        plain
        | rates
        | {
            "at": iso(report.at),
            "first": str(report.first),
            "last": str(report.last),
            "head": str(report.head) if report.head else None,
        }
    )
