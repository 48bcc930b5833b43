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
from manual_resolution.item import iso
from manual_resolution.priority import PRIORITIES
from manual_resolution.settings import Settings
from manual_resolution.store import reports as store
from manual_resolution.store.connection import Database, Db
from manual_resolution.store.reports import DaySums, OpenCount, Spread, Sums

MOST_DAYS: Final = 3660
Row = TypeVar("Row")


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


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day (UTC). `escalated`: for the first time. `overdue`: open now, due on this day. `open`: at its end."""

    day: date
    created: int
    escalated: int
    resolved: int
    in_time: int
    overdue: int
    open: int

    @property
    def sla_compliance(self) -> float | None:
        """The report's, of this day alone."""
        return ratio(self.in_time, self.resolved + self.overdue)


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
    by_day: Sequence[DayFigures] = ()
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
            counted = _counted(db, days, until)
    hours = settings or Settings()
    sla_hours: dict[str, float] = {priority: hours.sla_hours(priority) for priority in PRIORITIES}
    found = Report(days=days, top=top, sla_hours=sla_hours, **counted)
    return found if quick else replace(with_spread(database, found), head=head(database))


def _counted(db: Db, days: int, until: date | None) -> dict[str, Any]:
    """What the sums tell of the window, and where it lies."""
    now, today = store.today(db)
    last = until or today
    if last > today:
        raise InvalidInput("until", last, f"a day that has come: today is {today}, UTC")
    first = last - timedelta(days=days - 1)
    opens, sums, late = store.open_now(db), store.window(db, first, last), store.overdue(db, first, last)
    by_day = _by_day(first, last, store.days(db, first), late, sum(one.n for one in opens))
    counts = {
        name: sum(getattr(one, name) for one in sums)
        for name in ("created", "escalated", "resolved", "in_time", "withdrawn")
    }
    return counts | {
        "at": now,
        "first": first,
        "last": last,
        "overdue": sum(late.values()),
        "open": {p: sum(one.n for one in opens if one.priority == p) for p in PRIORITIES},
        "average_hours": _average(sums),
        "types": _types(opens, sums),
        "resolvers": _resolvers(sums, days),
        "by_day": by_day,
    }


def _by_day(
    first: date, last: date, sums: Mapping[date, DaySums], late: Mapping[date, int], waiting: int
) -> tuple[DayFigures, ...]:
    """Each day of the window; what was open at its end is what is open now, less what came and plus what went since."""
    waiting -= sum(one.created - one.resolved for day, one in sums.items() if day > last)
    found = []
    for back in range((last - first).days + 1):
        day = last - timedelta(days=back)
        one = sums.get(day) or DaySums(day)
        overdue = late.get(day, 0)
        found.append(DayFigures(day, one.created, one.escalated, one.resolved, one.in_time, overdue, waiting))
        waiting -= one.created - one.resolved
    return tuple(reversed(found))


def _types(opens: Sequence[OpenCount], sums: Sequence[Sums]) -> tuple[TypeFigures, ...]:
    """All types with anything open or resolved, those with most open first."""
    waiting = {name: sum(one.n for one in own) for name, own in _grouped(opens, lambda one: one.item_type).items()}
    done = _grouped(sums, lambda one: one.item_type)
    found = (
        TypeFigures(name, waiting.get(name, 0), _count(done.get(name, ())), _average(done.get(name, ())))
        for name in waiting.keys() | done.keys()
    )
    return tuple(sorted((t for t in found if t.open or t.resolved), key=lambda t: (-t.open, -t.resolved, t.item_type)))


def _resolvers(sums: Sequence[Sums], days: int) -> tuple[ResolverFigures, ...]:
    """All who resolved anything, those with most first; what plain SQL resolved without an owner is nobody's."""
    by_name = _grouped((one for one in sums if one.resolver and one.resolved), lambda one: one.resolver)
    found = (
        ResolverFigures(name, count := _count(own), _average(own), count / days, {s.item_type: s.resolved for s in own})
        for name, own in by_name.items()
    )
    return tuple(sorted(found, key=lambda r: (-r.resolved, r.resolver)))


def with_spread(database: Database, report: Report) -> Report:
    """The same with percentiles and come-backs, read from the items that were resolved in its window."""
    with database.connection(PATIENCE) as db:
        found = {one.item_type: one for one in store.spreads(db, report.first, report.last)}
    types = tuple(replace(one, **_told(found.get(one.item_type))) for one in report.types)
    return replace(report, types=types, **_told(found.get(None)))


def _told(spread: Spread | None) -> dict[str, Any]:
    if spread is None:
        return {}
    return {"p50_hours": _hours(spread.p50), "p90_hours": _hours(spread.p90), "came_back": spread.came_back}


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


# ------------------------------------------------------------------ as JSON


def as_json(report: Report) -> dict[str, Any]:
    """Everything, all days, all types and all resolvers with their type mix, JSON-ready."""
    names = ("total_open", "sla_compliance", "escalation_rate", "come_back_rate")
    rates = {name: getattr(report, name) for name in names}
    plain = {name: value for name, value in asdict(report).items() if name != "top"}
    days = [asdict(one) | {"day": str(one.day), "sla_compliance": one.sla_compliance} for one in report.by_day]
    return (
        plain
        | rates
        | {
            "at": iso(report.at),
            "first": str(report.first),
            "last": str(report.last),
            "by_day": days,
            "head": str(report.head) if report.head else None,
        }
    )
