"""The four statuses and their moves, held by the database for every client (design, The database)."""

from itertools import product
from typing import Any

import psycopg
import pytest

from manual_resolution.item import STATUSES, Status
from manual_resolution.moves import OPEN, may_follow

#: Verbatim from the specification's runbook, the number apart.
RUNBOOK = r"""
  UPDATE manual_resolution_queue
  SET status = 'resolved',
      resolved_at = NOW(),
      resolution = 'Manual PDF deletion via API and DB update',
      resolution_metadata = '{"deleted_by": "alice@example.com"}'::jsonb
  WHERE id = 42;
"""
EVERY_TABLE = (
    "manual_resolution_queue", "mrq_event", "mrq_occurrence", "mrq_attempt", "mrq_proposal", "mrq_review",
)  # fmt: skip


def row(db: Any, item: int) -> dict[str, Any]:
    found = (
        db.cursor(row_factory=psycopg.rows.dict_row)
        .execute("select * from manual_resolution_queue where id = %s", [item])
        .fetchone()
    )
    assert found is not None
    return dict(found)


def events(db: Any, item: int) -> list[tuple[Any, ...]]:
    return list(
        db.execute(
            "select seq, verb, actor, actor_kind, via from mrq_event where item_id = %s order by seq", [item]
        ).fetchall()
    )


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_only_the_moves_of_the_table_pass(
    db: Any, make_item: Any, update: Any, foreign: dict[str, str], before: Status, after: Status
) -> None:
    """For every pair of statuses, plain SQL passes exactly where the table of moves says so."""
    item = make_item(before)
    told = len(events(db, item))
    if may_follow(before, after):
        assert update(foreign[after], item) == 1
        assert row(db, item)["status"] == after
        assert len(events(db, item)) == told + (before != after), "one event where something changed"
    else:
        with pytest.raises(psycopg.Error) as refused:
            update(foreign[after], item)
        assert refused.value.sqlstate == "MRQ02"
        assert row(db, item)["status"] == before
        assert len(events(db, item)) == told


@pytest.mark.parametrize("status", STATUSES)
def test_an_update_that_changes_nothing(db: Any, make_item: Any, update: Any, status: Status) -> None:
    """A no-op UPDATE leaves an open row and its history as they were, and is refused on a resolved one."""
    item = make_item(status)
    before, told = row(db, item), events(db, item)
    if may_follow(status, status):
        update("status = status", item)
    else:
        with pytest.raises(psycopg.Error, match="resolved and never changes"):
            update("status = status", item)
    after = row(db, item)
    assert {k: v for k, v in after.items() if k != "changed_for"} == {
        k: v for k, v in before.items() if k != "changed_for"
    }
    assert events(db, item) == told


@pytest.mark.parametrize("status", ["", "done", "Pending", "pending ", "open"])
def test_there_is_no_fifth_status(db: Any, make_item: Any, update: Any, status: str) -> None:
    """A status that is none of the four is refused from every open status, and for a new item."""
    for before in OPEN:
        with pytest.raises(psycopg.Error):
            update(f"status = '{status}'", make_item(before))
    with pytest.raises(psycopg.Error):
        make_item(status=status)


@pytest.mark.parametrize("status", ["assigned", "escalated", "resolved"])
def test_a_new_item_is_pending(make_item: Any, status: str) -> None:
    """An INSERT with any status but pending is refused."""
    with pytest.raises(psycopg.Error) as refused:
        make_item(status=status)
    assert refused.value.sqlstate == "MRQ01"


BY_HAND = {
    "pending": "status = status",
    "assigned": "status = 'assigned', assigned_to = 'alice'",
    "escalated": "status = 'escalated', escalated_at = now()",
    "escalated and assigned": "status = 'assigned', assigned_to = 'bob', escalated_at = now()",
    "deferred": "held = 'deferred', deferred_until = now() + interval '1 day'",
    "deferred and escalated": "status = 'escalated', escalated_at = now(), held = 'deferred',"
    " deferred_until = now() + interval '1 day'",
    "breached": "status = 'escalated', escalated_at = now(), escalation_level = 3, next_level_at = now()",
    "for a team": "status = 'escalated', escalated_at = now(), escalated_to = 'engineering', declined_by = '{alice}'",
    "moved up": "position = 1.5, position_by = 'dora', position_reason = 'customer waits',"
    " position_until = now() + interval '1 day'",
    "held by a batch": "held = 'batch', hold_until = now() + interval '1 hour'",
    "waits for approval": "status = 'assigned', assigned_to = 'alice', held = 'approval',"
    " hold_until = now() + interval '1 hour'",
}


@pytest.mark.parametrize("facts", BY_HAND)
def test_the_runbook_passes_from_every_open_status(db: Any, make_item: Any, update: Any, facts: str) -> None:
    """The specification's runbook UPDATE, word for word, resolves an open item whatever its facts."""
    make_item(id=42)
    db.execute(
        "insert into mrq_proposal (item_id, option, proposer, via, justification, seen, expires_at)"
        " values (42, 'retry', 'alice', 'cli:alice@desk', 'why', '{}', now() + interval '1 hour')"
    )
    update(BY_HAND[facts], 42)
    before = row(db, 42)
    db.execute(RUNBOOK.encode())
    after = row(db, 42)
    assert after["status"] == "resolved"
    assert after["resolution"] == "Manual PDF deletion via API and DB update"
    assert after["resolution_metadata"] == {"deleted_by": "alice@example.com"}
    assert after["assigned_to"] == before["assigned_to"]
    assert [after[fact] for fact in ("held", "lease_until", "deferred_until", "hold_until", "wake_at")] == [None] * 5
    assert (after["position"], after["position_by"], after["next_level_at"]) == (float("inf"), None, None)


def test_the_runbook_leaves_its_event_under_the_sql_users_name(fresh_database_url: str, connect: Any) -> None:
    """The runbook, run by a role that may only read and update the table, is recorded in its name."""
    db = connect(fresh_database_url)
    db.execute("grant select, update on manual_resolution_queue to pg_monitor")
    db.execute(
        "insert into manual_resolution_queue (id, item_type, resource_type, resource_id, priority, reason)"
        " values (42, 'pdf_deletion_failed', 'meal_plan', 12345, 'medium', 'r')"
    )
    db.execute("set session authorization pg_monitor")
    db.execute(RUNBOOK.encode())
    db.execute("reset session authorization")
    seq, verb, *who = events(db, 42)[-1]
    assert (seq, verb, who) == (2, "resolve", ["pg_monitor", "sql", "psql:pg_monitor"])


def test_an_escalated_item_never_goes_back_to_pending(
    db: Any, make_item: Any, update: Any, foreign: dict[str, str]
) -> None:
    """An assigned item that was escalated before returns to escalated, not to pending."""
    item = make_item("escalated")
    update(foreign["assigned"], item)
    with pytest.raises(psycopg.errors.CheckViolation, match="pending_was_not_escalated"):
        update(foreign["pending"], item)
    assert update("status = 'escalated', assigned_to = null, assigned_at = null", item) == 1


def test_the_first_escalation_stays(db: Any, make_item: Any, update: Any) -> None:
    """`escalated_at` is the first escalation, whatever a later UPDATE writes."""
    item = make_item("escalated")
    first = row(db, item)["escalated_at"]
    update("escalated_at = now() + interval '1 day'", item)
    update("status = 'assigned', assigned_to = 'bob', escalated_at = null", item)
    assert row(db, item)["escalated_at"] == first


def test_assigned_by_sql_gets_what_was_forgotten(db: Any, make_item: Any, update: Any) -> None:
    """An UPDATE that only names the owner gets the time and a lease, and ends a deferral and a position."""
    item = make_item()
    update(
        "held = 'deferred', deferred_until = now() + interval '1 day', position = 1, position_by = 'dora'",
        item,
    )
    update("status = 'assigned', assigned_to = 'alice'", item)
    after = row(db, item)
    lease = after["lease_until"] - after["assigned_at"]
    assert round(lease.total_seconds()) == 30 * 60
    assert (after["held"], after["deferred_until"], after["position"], after["position_by"]) == (
        None, None, float("inf"), None,
    )  # fmt: skip


def test_release_by_sql_ends_the_lease(db: Any, make_item: Any, update: Any, foreign: dict[str, str]) -> None:
    """An UPDATE that gives an item back leaves no lease behind."""
    item = make_item("assigned")
    update(foreign["pending"], item)
    assert row(db, item)["lease_until"] is None


@pytest.mark.parametrize("table", EVERY_TABLE)
@pytest.mark.parametrize("statement", ["delete from {}", "truncate {} cascade"])
def test_nothing_is_ever_removed(db: Any, make_item: Any, table: str, statement: str) -> None:
    """DELETE and TRUNCATE are refused on every table that holds items or what happened to them."""
    make_item()
    with pytest.raises(psycopg.Error) as refused:
        db.execute(statement.format(table).encode())
    assert refused.value.sqlstate == "MRQ05"


@pytest.mark.parametrize(
    "change",
    [
        "item_type = 'other'", "resource_type = 'other'", "resource_id = 99",
        "resource_id = null, resource_key = 'k'",
        "created_at = created_at - interval '1 hour'", "dedup_key = 'other'", "fingerprint = 'other'",
        "id = 4711", "reopened_from = id",
    ],
)  # fmt: skip
def test_what_an_item_is_about_never_changes(make_item: Any, update: Any, change: str) -> None:
    """The columns that say what failed, and when, are frozen from the first moment, whatever the status."""
    for status in OPEN:
        with pytest.raises(psycopg.Error) as refused:
            update(change, make_item(status))
        assert refused.value.sqlstate == "MRQ03"


def test_a_level_never_falls(db: Any, make_item: Any, update: Any) -> None:
    """The escalation level only rises."""
    item = make_item("escalated")
    update("escalation_level = 2", item)
    with pytest.raises(psycopg.Error, match="its level never falls"):
        update("escalation_level = 1", item)
    update("escalation_level = 3", item)


@pytest.mark.parametrize(
    "change",
    [
        "resolution = 'better words'", "resolution_metadata = '{}'", "resolved_at = now()",
        "assigned_to = 'mallory'",
        "priority = 'low'", "reason = 'another'", "context = '{}'", "occurrences = occurrences + 1",
        "last_occurred_at = now()", "position = 1", "version = version + 1", "changed_by = 'mallory'",
        "status = 'pending', resolved_at = null, resolution = null, resolution_metadata = null",
    ],
)  # fmt: skip
def test_a_resolved_row_refuses_every_update(db: Any, make_item: Any, update: Any, change: str) -> None:
    """Nothing about a resolved item changes any more, bookkeeping included."""
    item = make_item("resolved")
    before = row(db, item)
    with pytest.raises(psycopg.Error) as refused:
        update(change, item)
    assert refused.value.sqlstate == "MRQ02"
    assert row(db, item) == before


def test_one_refused_row_refuses_the_statement(db: Any, make_item: Any) -> None:
    """An UPDATE over many items that meets one it may not change changes none."""
    free = make_item()
    make_item("resolved")
    with pytest.raises(psycopg.Error):
        db.execute("update manual_resolution_queue set priority = 'high'")
    assert row(db, free)["priority"] == "medium"


def test_a_second_open_item_of_one_failure_is_refused(db: Any, make_item: Any, update: Any) -> None:
    """Plain SQL cannot open the same failure twice, but may open it again after it was resolved."""
    item = make_item(resource_id=12345)
    with pytest.raises(psycopg.errors.UniqueViolation, match="mrq_one_open_item_per_failure"):
        make_item(resource_id=12345)
    update(FOREIGN_RESOLVED, item)
    assert make_item(resource_id=12345) > item


FOREIGN_RESOLVED = "status = 'resolved', resolved_at = now()"
