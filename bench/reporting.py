"""The report's figures over long histories: kept sums and two index probes, beside the specification's queries."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any

from bench import clients
from bench.clients import Timed
from bench.contender import Contender
from manual_resolution.reports import figures
from manual_resolution.store.connection import Database
from manual_resolution.store.invariants import INVARIANTS, at_fault
from manual_resolution.store.metrics import gauges
from manual_resolution.store.reports import spreads

#: Five in a hundred are open; the rest was resolved over ninety days.
FILL = """
insert into manual_resolution_queue
  (item_type, resource_type, resource_id, priority, reason, created_at, last_occurred_at, sla_seconds, sla_deadline,
   dedup_key, fingerprint, status, assigned_to, resolved_at, resolution)
select 'type_' || n %% 5, 'meal_plan', n, (array['critical', 'high', 'medium', 'low'])[1 + n %% 4], 'It failed', at, at,
       86400, at + interval '1 day', n::text, 'x', case when n %% 20 = 0 then 'pending' else 'resolved' end,
       case when n %% 20 <> 0 then 'person_' || n %% 23 end,
       case when n %% 20 <> 0 then at + n %% 30 * interval '1 hour' end, case when n %% 20 <> 0 then 'Done' end
  from generate_series(1, %s::bigint) n,
       lateral (select clock_timestamp() - interval '2 days' - n %% 90 * interval '1 day' as at) t
"""
#: Adds and moves by one row and by many.
LIVED = (
    "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)"
    " select 'type_' || n % 7, 'lived', n, 'high', 'It failed' from generate_series(1, 2000) n",
    "update manual_resolution_queue set status = 'escalated', escalated_at = mrq_now(), escalation_level = 1"
    " where status = 'pending' and resource_type <> 'lived' and resource_id % 3 = 0 and resource_id < 100000",
    "update manual_resolution_queue set status = 'assigned', assigned_to = 'person_1' where resource_type = 'lived'",
    *(
        f"update manual_resolution_queue set status = 'resolved' where resource_type = 'lived' and resource_id = {n}"  # noqa: S608
        for n in range(1, 100)
    ),
    "update manual_resolution_queue set status = 'resolved' where resource_type = 'lived' and resource_id % 5 = 0"
    " and status <> 'resolved'",
    "update manual_resolution_queue set status = 'resolved', resolution_metadata = '{\"withdrawn\": true}'"
    " where resource_type = 'lived' and resource_id % 7 = 0 and status <> 'resolved'",
)
SPECIFIED = (
    "select priority, count(*) from manual_resolution_queue where status <> 'resolved' group by priority",
    "select count(*), avg(resolved_at - created_at) from manual_resolution_queue"
    " where resolved_at >= now() - interval '30 days'",
    "select avg((resolved_at <= sla_deadline)::integer) from manual_resolution_queue"
    " where resolved_at >= now() - interval '30 days'",
    "select avg((escalated_at is not null)::integer) from manual_resolution_queue"
    " where created_at >= now() - interval '30 days'",
    "select item_type, count(*) filter (where status <> 'resolved'), avg(resolved_at - created_at)"
    " from manual_resolution_queue group by item_type",
    "select assigned_to, count(*), avg(resolved_at - created_at) from manual_resolution_queue"
    " where resolved_at >= now() - interval '30 days' group by assigned_to order by 2 desc limit 2",
)
#: What the report says beside them, as one would write it by hand (docs/operate/reports.md).
BESIDE = (
    "select item_type, percentile_disc(0.5) within group (order by resolved_at - created_at),"
    " percentile_disc(0.9) within group (order by resolved_at - created_at) from manual_resolution_queue"
    " where resolved_at >= now() - interval '30 days' group by rollup (item_type)",
    "select count(*) from manual_resolution_queue q where resolved_at >= now() - interval '30 days' and exists ("
    "select from manual_resolution_queue later where later.dedup_key = q.dedup_key"
    " and (later.status <> 'resolved' or later.resolved_at > q.resolved_at))",
)


def fill(contender: Contender, amount: int) -> None:
    """A history of so many items; the sums counted anew."""
    contender.empty()
    with contender.connect(options="-c session_replication_role=replica") as db:
        db.execute(FILL, [amount])
        db.execute("select mrq_rollup_rebuild()")
    contender.settle()


def live(contender: Contender) -> None:
    """Days of work upon it, by statements of every size. Raises `SystemExit` where a recount differs from the sums."""
    with contender.connect() as db:
        for statement in LIVED:
            db.execute(statement.encode())
        for one in INVARIANTS:
            if one.name.endswith("add up") and (found := at_fault(db, one, 3)):
                raise SystemExit(f"G12: {one.sentence}, but {found}")
    contender.settle()


def ways(contender: Contender) -> Iterator[tuple[str, Callable[[], Any], int]]:
    """Who answers, how, and how often in a run."""
    database = Database(contender.address)
    until = (datetime.now(UTC) - timedelta(days=1)).date()
    yield "MRQ", lambda: figures(database, until=until, quick=True), 100
    yield "MRQ, metrics", lambda: asked_for_metrics(database), 100
    yield "MRQ, percentiles too", lambda: whole(database, until), 5
    yield "specification's queries", lambda: asked(database, SPECIFIED), 3
    yield "percentiles too, by hand", lambda: asked(database, SPECIFIED + BESIDE), 3


def asked_for_metrics(database: Database) -> None:
    """What a scraper asks for."""
    with database.connection(60) as db:
        gauges(db)


def whole(database: Database, until: date) -> None:
    """Sums, percentiles and come-backs: the report but for the audit's head."""
    report = figures(database, until=until, quick=True)
    with database.connection(600) as db:
        spreads(db, report.first, report.last)


def asked(database: Database, queries: Sequence[str]) -> None:
    """Figures, a query each."""
    with database.connection(600) as db:
        for query in queries:
            db.execute(query.encode()).fetchall()


def answered(question: Callable[[], Any], times: int) -> Timed:
    """Ask it so often, after a first time that is not counted."""
    question()
    took = sorted(timed(question) for _ in range(times))
    return Timed(times / sum(took), clients.at(took, 0.5), clients.at(took, 0.99), times)


def timed(question: Callable[[], Any]) -> float:
    """Seconds of one answer."""
    begun = perf_counter()
    question()
    return perf_counter() - begun
