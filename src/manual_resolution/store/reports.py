"""Statements behind the report: sums from the rollups, percentiles and come-backs from the items themselves."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from psycopg.rows import class_row

from manual_resolution.store.connection import Db


@dataclass(frozen=True, slots=True)
class OpenCount:
    """How many items of one type and priority are open."""

    item_type: str
    priority: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What happened in a window to one item type, through one resolver ('' for none); `micros` is their total time."""

    item_type: str
    resolver: str
    created: int
    escalated: int
    resolved: int
    in_time: int
    micros: Decimal
    withdrawn: int


@dataclass(frozen=True, slots=True)
class DaySums:
    """What happened on one day, to all item types."""

    day: date
    created: int = 0
    escalated: int = 0
    resolved: int = 0
    in_time: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds from happening to resolution that half, and nine in ten, of the resolved stayed within; all types: None.

    `came_back` of these `resolved` failed again after they had been resolved.
    """

    item_type: str | None
    resolved: int
    p50: float | None
    p90: float | None
    came_back: int


_OPEN: Final = """
select item_type, priority, sum(n)::bigint as n from mrq_open_now group by item_type, priority having sum(n) <> 0
 order by item_type, priority
"""
_WINDOW: Final = """
select item_type, resolver, sum(created)::bigint as created, sum(escalated)::bigint as escalated,
       sum(resolved)::bigint as resolved, sum(in_time)::bigint as in_time, sum(micros) as micros,
       sum(withdrawn)::bigint as withdrawn
  from mrq_by_day where day between %(first)s and %(last)s
 group by item_type, resolver order by item_type, resolver
"""
_DAYS: Final = """
select day, sum(created)::bigint as created, sum(escalated)::bigint as escalated, sum(resolved)::bigint as resolved,
       sum(in_time)::bigint as in_time
  from mrq_by_day where day >= %(first)s group by day
"""
# Whole days from the sums, and what a sweep has raised since midnight; what it did not yet, by the index of deadlines.
_OVERDUE: Final = """
with clock as materialized (select mrq_now() as now),
since as materialized (
  select now, greatest(mrq_day(now), %(first)s::date)::timestamp at time zone 'UTC' as midnight,
         least(now, (%(last)s::date + 1)::timestamp at time zone 'UTC') as ends from clock)
select due, sum(n)::bigint
  from (select due, n from mrq_open_now
         where due between %(first)s and %(last)s and (breached or due < (select mrq_day(now) from clock))
        union all
        select mrq_day((select midnight from since)), count(*) from manual_resolution_queue
         where status <> 'resolved' and escalation_level = 0
           and sla_deadline >= (select midnight from since) and sla_deadline < (select ends from since)) late
 group by due having sum(n) <> 0
"""


def _ended(is_withdrawn: str) -> str:
    """Items that ended since the window began, in the words of the index that holds them."""
    return f"""
    from manual_resolution_queue
   where status = 'resolved' and (resolution_metadata @> '{{"withdrawn": true}}') is {is_withdrawn}
     and resolved_at >= %(first)s::date::timestamp at time zone 'UTC'"""


# Whose failure was resolved more than once is found by one hash over the window, not by asking for each item.
_SPREADS: Final = f"""
with ended as not materialized (
  select item_type, dedup_key, resolved_at, created_at {_ended("not true")}),
again as materialized (
  select dedup_key, max(resolved_at) as last_at
    from (select dedup_key, resolved_at from ended
          union all
          select dedup_key, resolved_at {_ended("true")}) every
   group by dedup_key having count(*) > 1),
gone as (
  select ended.item_type, extract(epoch from ended.resolved_at - ended.created_at)::float8 as took,
         still.dedup_key is not null or coalesce(again.last_at > ended.resolved_at, false) as came_back
    from ended left join again using (dedup_key)
         left join manual_resolution_queue still
                on still.dedup_key = ended.dedup_key and still.status <> 'resolved'
   where ended.resolved_at < (%(last)s::date + 1)::timestamp at time zone 'UTC')
select item_type, count(*) as resolved, percentile_disc(0.5) within group (order by took) as p50,
       percentile_disc(0.9) within group (order by took) as p90, count(*) filter (where came_back) as came_back
  from gone group by grouping sets ((), (item_type)) order by item_type nulls first
"""


def fold(db: Db) -> int:
    """Move what was counted into the sums; the number of rows. A figure is the same before and after."""
    row = db.execute("select mrq_rollup_fold()").fetchone()
    return row[0] if row else 0


def rebuild(db: Db) -> None:
    """Count everything anew: after rows came in past the triggers, or figures that do not add up."""
    db.execute("select mrq_rollup_rebuild()")


def today(db: Db) -> tuple[datetime, date]:
    """The database's clock, and its day (UTC)."""
    row = db.execute("select now, mrq_day(now) from (select mrq_now() as now offset 0) clock").fetchone()
    assert row is not None
    return row[0], row[1]


def open_now(db: Db) -> list[OpenCount]:
    """Open items by type and priority."""
    with db.cursor(row_factory=class_row(OpenCount)) as cursor:
        return cursor.execute(_OPEN).fetchall()


def window(db: Db, first: date, last: date) -> list[Sums]:
    """What happened in these whole days (UTC, both included), by type and resolver."""
    with db.cursor(row_factory=class_row(Sums)) as cursor:
        return cursor.execute(_WINDOW, {"first": first, "last": last}).fetchall()


def days(db: Db, first: date) -> dict[date, DaySums]:
    """What happened on each day (UTC) since this one, as far as anything did."""
    with db.cursor(row_factory=class_row(DaySums)) as cursor:
        return {one.day: one for one in cursor.execute(_DAYS, {"first": first})}


def overdue(db: Db, first: date, last: date) -> dict[date, int]:
    """Open items whose deadline has passed and fell into these days, by day."""
    return dict(db.execute(_OVERDUE, {"first": first, "last": last}).fetchall())


def spreads(db: Db, first: date, last: date) -> list[Spread]:
    """Percentiles and come-backs of what was resolved in these days, all types together first."""
    with db.transaction(), db.cursor(row_factory=class_row(Spread)) as cursor:
        cursor.execute("set local jit = off")  # compiling it takes longer than a year of items
        return cursor.execute(_SPREADS.encode(), {"first": first, "last": last}).fetchall()


# ------------------------------------------------------------------ one mail a day

# A mail under way, and one of which nobody knows whether it arrived, are not begun again but on request.
_BEGIN: Final = """
insert into mrq_report as r (day, message_id)
select %(day)s, format('<mrq-report-%%s.%%s@%%s>', %(day)s::date, left(value, 8), %(domain)s::text)
  from mrq_setting where name = 'install'
on conflict (day) do update set state = 'sending', begun_at = mrq_now(), ended_at = null, answer = null
 where r.state = 'failed' or (%(again)s and not (r.state = 'sending' and r.begun_at > mrq_now() - interval '5 minutes'))
returning message_id
"""


def begin(db: Db, day: date, domain: str, *, again: bool = False) -> str | None:
    """Take on mailing a day's report: its Message-ID, always the same; none where somebody has or had it."""
    row = db.execute(_BEGIN, {"day": day, "domain": domain, "again": again}).fetchone()
    return row[0] if row else None


def end(db: Db, day: date, state: str, answer: str) -> None:
    """Record how it ended."""
    db.execute(
        "update mrq_report set state = %s, answer = %s, ended_at = mrq_now() where day = %s", [state, answer, day]
    )


def mailed(db: Db, day: date) -> dict[str, Any] | None:
    """What is recorded of a day's mail: state (one that was sending for five minutes is unknown), answer, instant."""
    row = db.execute(
        """select case when state = 'sending' and begun_at <= mrq_now() - interval '5 minutes' then 'unknown'
                       else state end, answer, coalesce(ended_at, begun_at) from mrq_report where day = %s""",
        [day],
    ).fetchone()
    return None if row is None else {"state": row[0], "answer": row[1], "at": row[2]}
