"""The report's figures: the specification's sample, the definitions of the docs, and sums that equal a recount."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from manual_resolution.errors import InvalidInput
from manual_resolution.report_text import as_text
from manual_resolution.reports import Report, as_json, figures
from manual_resolution.store.connection import Database
from tests.conftest import Clock, Connect
from tests.reports.history import MOMENT, sample

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs" / "operate" / "reports.md"

FIRST, LAST = "2025-12-05", "2026-01-03"
#: Each definition of the docs: its title and its SQL.
DEFINED = re.findall(r"^### (.+?)\n.*?```sql\n(.+?)```", DOCS.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def at_the_sample(clock: Clock, connect: Connect) -> psycopg.Connection[Any]:
    """The specification's day with data made to match its report."""
    clock.set((MOMENT - datetime.now(UTC)).total_seconds())
    db = connect()
    sample(db)
    return db


def defined(db: psycopg.Connection[Any], report: Report) -> dict[str, Any]:
    """Every definition of the docs, asked of the database, for this report's window."""
    queries = (
        (title, query.replace(FIRST, str(report.first)).replace(LAST, str(report.last))) for title, query in DEFINED
    )
    return {title: db.execute(query.encode()).fetchall() for title, query in queries}


def told(report: Report) -> dict[str, Any]:
    """The same from the report."""
    return {
        "Open": [(name, n) for name, n in sorted(report.open.items()) if n],
        "Items resolved": [(report.resolved,)],
        "Average time-to-resolution": [(report.average_hours,)],
        "Percentiles": [(report.p50_hours, report.p90_hours)],
        "SLA compliance": [(report.in_time, report.resolved + report.overdue)],
        "Escalation rate": [(report.escalated, report.created)],
        "Come-back rate": [(report.came_back, report.resolved)],
        "Withdrawn": [(report.withdrawn,)],
        "By day": [
            (one.day, one.created, one.escalated, one.resolved, one.in_time, one.overdue, one.open)
            for one in report.by_day
        ],
        "By item type": sorted((t.item_type, t.open, t.resolved, t.average_hours) for t in report.types),
        "Resolvers": sorted((r.resolver, name, n) for r in report.resolvers for name, n in r.by_type.items()),
    }


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Counts are equal; hours too, as far as a double tells."""
    assert rounded(found) == rounded(expected)


def rounded(value: Any) -> Any:
    """JSON-ready, fractions to twelve digits."""
    plain = json.dumps(value, default=lambda one: str(one) if isinstance(one, date) else float(one))
    return json.loads(plain, parse_float=lambda digits: f"{float(digits):.12g}")


def test_the_specifications_report(at_the_sample: psycopg.Connection[Any], database: Database) -> None:
    """On data made to match it the report is the specification's, letter for letter."""
    assert as_text(figures(database)) == (HERE / "golden" / "report.txt").read_text()


def test_definitions_of_the_docs(at_the_sample: psycopg.Connection[Any], database: Database) -> None:
    """Each figure is what its definition's SQL in the docs finds in the items, to the last digit."""
    for report in (figures(database), figures(database, days=1), figures(database, 4, date(2026, 1, 1))):
        same(told(report), defined(at_the_sample, report))


def test_lists_are_bounded_not_figures(at_the_sample: psycopg.Connection[Any], database: Database) -> None:
    """`top` bounds the text's lists; JSON has all types and resolvers with their mix."""
    report = figures(database, top=1)
    assert "quiz_orphaned" not in as_text(report)
    document = json.loads(json.dumps(as_json(report)))
    assert len(document["types"]) == 13
    assert document["resolvers"][0]["by_type"] == {"pdf_deletion_failed": 15, "quiz_orphaned": 30}
    assert document["resolvers"][0]["per_day"] == 1.5
    assert (document["first"], document["last"], document["total_open"]) == ("2025-12-05", "2026-01-03", 42)


def test_days_add_up(at_the_sample: psycopg.Connection[Any], database: Database) -> None:
    """Every day of the window has a line; together they are the window's figures, and the last ends as the queue is."""
    report = figures(database, quick=True)
    assert [one.day for one in report.by_day] == [report.first + timedelta(days=n) for n in range(30)]
    for name in ("created", "escalated", "resolved", "in_time", "overdue"):
        assert sum(getattr(one, name) for one in report.by_day) == getattr(report, name), name
    assert report.by_day[-1].open == report.total_open == 42
    document = as_json(report)["by_day"][0]
    assert (document["day"], document["sla_compliance"]) == ("2025-12-05", report.by_day[0].sla_compliance)


def test_an_empty_queue(database: Database) -> None:
    """Nothing yet: no division by nothing, and text that says so."""
    report = figures(database)
    assert (report.sla_compliance, report.escalation_rate, report.average_hours) == (None, None, None)
    assert "Avg time-to-resolution: none yet" in as_text(report, more=True)


@pytest.mark.parametrize(
    ("days", "until", "top"), [(0, None, None), (9999, None, None), (1, "later", None), (1, None, 0)]
)
def test_windows_that_are_none(database: Database, days: int, until: str | None, top: int | None) -> None:
    """A window without days, one in the future and an empty list are refused in a sentence."""
    with pytest.raises(InvalidInput):
        figures(database, days, date(9999, 1, 1) if until else None, top)


def test_a_name_forges_no_line(database: Database, connect: Connect) -> None:
    """A resolver's name with a line break stays one line of the text."""
    db = connect()
    db.execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)"
        " values ('x', 'y', 1, 'low', 'z')"
    )
    db.execute("update manual_resolution_queue set status = 'resolved', assigned_to = E'eve\\n  - bob: 900 items'")
    assert "\n  - bob" not in as_text(figures(database))


ADD = """
insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason, created_at)
select (array['a', 'b'])[1 + n % 2], 'r', 1 + n % 6, (array['critical', 'high', 'medium', 'low'])[1 + n % 4], 'x',
       mrq_now() - n % 90 * interval '7 hours' from generate_series({n}, {n} * 2, 7) n on conflict do nothing
"""
MOVES = {
    "sweep": "status = case status when 'pending' then 'escalated' else status end, escalation_level = 1,"
    " escalated_at = coalesce(escalated_at, mrq_now()) where status <> 'resolved' and escalation_level = 0"
    " and sla_deadline < mrq_now()",
    "escalate": "status = 'escalated', escalated_at = mrq_now() - {n} * interval '1 hour' where status = 'pending'",
    "claim": "status = 'assigned', assigned_to = 'p' || {n} % 2 where status <> 'resolved'",
    "resolve": "status = 'resolved', resolved_at = mrq_now() - {n} * interval '1 hour' where status <> 'resolved'",
    "withdraw": "status = 'resolved', resolution_metadata = '{{\"withdrawn\": true}}' where status <> 'resolved'",
    "raise": "priority = 'critical', sla_deadline = created_at + interval '4 hours' where status <> 'resolved'"
    " and sla_seconds > 14400",
    "erase": "resolution_metadata = '{{}}', changed_how = 'erase', changed_by = 'x', changed_for = version + 1"
    " where status = 'resolved' and resolution_metadata is not null",
}


@given(
    st.lists(st.tuples(st.sampled_from(["add", "add", "fold", *MOVES]), st.integers(0, 60)), min_size=5, max_size=25)
)
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_sums_equal_a_recount(
    worker_database: Any, database: Database, connection: psycopg.Connection[Any], moves: list[tuple[str, int]]
) -> None:
    """After any moves, by rows or in bulk, folded or not, every figure equals what the items themselves say."""
    worker_database.reset()
    for name, n in moves:
        moved = "update manual_resolution_queue set " + MOVES.get(name, "") + " and id % 3 = {n} % 3"  # noqa: S608
        statement = {"add": ADD, "fold": "select mrq_rollup_fold()"}.get(name, moved)
        connection.execute(statement.format(n=n).encode())
    report = figures(database, days=3 + len(moves))
    same(told(report), defined(connection, report))
    kept = rollups(connection)
    connection.execute("select mrq_rollup_rebuild()")
    assert rollups(connection) == kept


@pytest.fixture
def connection(connect: Connect) -> psycopg.Connection[Any]:
    return connect()


def rollups(db: psycopg.Connection[Any]) -> Any:
    """The sums, folded or not."""
    by_day = (
        "select day, item_type, resolver, sum(created), sum(escalated), sum(resolved), sum(in_time), sum(micros),"
        " sum(withdrawn) from mrq_by_day group by 1, 2, 3 having (sum(created), sum(escalated), sum(resolved),"
        " sum(withdrawn)) <> (0, 0, 0, 0) order by 1, 2, 3"
    )
    opens = "select item_type, priority, due, breached, sum(n) from mrq_open_now group by 1, 2, 3, 4"
    spans = "select item_type, within, sum(resolved), sum(micros) from mrq_by_span group by 1, 2"
    return (
        db.execute(f"{opens} having sum(n) <> 0 order by 1, 2, 3, 4".encode()).fetchall(),
        db.execute(by_day).fetchall(),
        db.execute(f"{spans} having sum(resolved) <> 0 order by 1, 2".encode()).fetchall(),
    )
