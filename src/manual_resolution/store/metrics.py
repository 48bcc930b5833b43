"""What monitoring asks of the database, as one moment has it."""

from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from manual_resolution.store.connection import Db


@dataclass(frozen=True, slots=True)
class Gauges:
    """The queue at one moment; seconds by the database's clock."""

    by_priority: dict[str, int]
    oldest_seconds: float
    breaching: int
    alerts: dict[str, int]
    jobs: dict[str, dict[str, Any]]


def gauges(db: Db) -> Gauges:
    """Open items by priority, the age of the oldest, how many have passed their deadline; alerts; what ran when."""
    with db.cursor(row_factory=class_row(Gauges)) as cursor:
        row = cursor.execute(
            """with clock as materialized (select mrq_now() as now),
               open as materialized (
                 select priority, count(*) as n, min(created_at) as oldest,
                        count(*) filter (where sla_deadline < (select now from clock)) as late
                   from manual_resolution_queue where status <> 'resolved' group by priority)
               select (select coalesce(jsonb_object_agg(priority, n), '{}') from open) as by_priority,
                      (select coalesce(extract(epoch from max(now - oldest)), 0)::float8
                         from open, clock) as oldest_seconds,
                      (select coalesce(sum(late), 0)::bigint from open) as breaching,
                      jsonb_build_object(
                        'waiting', (select count(*) from mrq_outbox where state = 'waiting'),
                        'dead', (select count(*) from mrq_outbox where state = 'dead')) as alerts,
                      (select coalesce(jsonb_object_agg(component, detail || jsonb_build_object(
                                'at', extract(epoch from at))), '{}') from mrq_heartbeat) as jobs"""
        ).fetchone()
    assert row is not None
    return row
