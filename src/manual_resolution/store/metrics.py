"""What monitoring asks of the database, as one moment has it: a few milliseconds, however many items there are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict

from psycopg.rows import class_row

from manual_resolution.store.connection import Db

#: Seconds that times to resolution are told apart by, each bound included: those of `mrq_within` in 0002_rollups.sql.
BOUNDS: Final = (900, 3600, 14_400, 43_200, 86_400, 259_200, 604_800, 1_209_600, 2_592_000, 7_776_000)


class Spans(TypedDict):
    """How many stayed within how many of the bounds, the number as a text, and the seconds of all together."""

    within: dict[str, int]
    sum: float


@dataclass(frozen=True, slots=True)
class Gauges:
    """The queue at one moment by the database's clock; spans in seconds.

    `resolved`, by type: how many took how long (each of `BOUNDS`, then longer than all), and their sum.
    """

    at: datetime
    by_priority: dict[str, int]
    oldest_seconds: float
    breaching: int
    resolved: dict[str, Spans]
    alerts: dict[str, int]
    jobs: dict[str, dict[str, Any]]


# Whole days are summed already (0002_rollups.sql), and so is what a sweep has raised. What fell due since midnight and
# was not raised yet is counted by index, and so is the oldest found: one look for each status, type and priority.
_GAUGES: Final = """
with clock as materialized (
  select now, mrq_day(now) as today, mrq_day(now)::timestamp at time zone 'UTC' as midnight
    from (select mrq_now() as now offset 0) read),
open as materialized (
  select item_type, priority, due, breached, sum(n) as n from mrq_open_now
   group by item_type, priority, due, breached having sum(n) <> 0)
select now as at,
       (select coalesce(jsonb_object_agg(priority, n), '{}')
          from (select priority, sum(n) as n from open group by priority) summed) as by_priority,
       (select coalesce(extract(epoch from now - min(oldest.created_at)), 0)::float8
          from (select distinct item_type, priority from open) kinds
         cross join (values ('pending'), ('assigned'), ('escalated')) statuses (status)
         cross join lateral (
           select q.created_at from manual_resolution_queue q
            where (q.status, q.item_type, q.priority) = (statuses.status, kinds.item_type, kinds.priority)
            order by q.created_at limit 1) oldest) as oldest_seconds,
       ((select coalesce(sum(n), 0) from open where due < today or breached)
        + (select count(*) from manual_resolution_queue
            where status <> 'resolved' and escalation_level = 0 and sla_deadline >= midnight and sla_deadline < now)
       )::bigint as breaching,
       (select coalesce(jsonb_object_agg(item_type, jsonb_build_object('within', counts, 'sum', micros / 1e6)), '{}')
          from (select item_type, jsonb_object_agg(within, n) as counts, sum(micros) as micros
                  from (select item_type, within, sum(resolved) as n, sum(micros) as micros
                          from mrq_by_span group by item_type, within) spans
                 group by item_type having sum(n) > 0) by_type) as resolved,
       jsonb_build_object('waiting', (select count(*) from mrq_outbox where state = 'waiting'),
                          'dead', (select count(*) from mrq_outbox where state = 'dead')) as alerts,
       (select coalesce(jsonb_object_agg(component, detail || jsonb_build_object('at', extract(epoch from h.at))), '{}')
          from mrq_heartbeat h) as jobs
  from clock
"""


def gauges(db: Db) -> Gauges:
    """Open items by priority, the oldest, those past their deadline; what was resolved; alerts; what ran when.

    What was counted since is added to the sums before: whoever asks next has less to add up.
    """
    db.execute("select mrq_rollup_fold()")
    with db.cursor(row_factory=class_row(Gauges)) as cursor:
        row = cursor.execute(_GAUGES).fetchone()
    assert row is not None
    return row
