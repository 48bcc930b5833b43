"""`mrq doctor --deep`: whatever a superuser did to the rows with the guards switched off is found and named."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest

from manual_resolution import (
    OutcomeUnknown,
    Queue,
    Settings,
    WaitsForApproval,
    Workflow,
    doctor,
    done,
    resolved,
    unclear,
)
from manual_resolution.registry import Registry
from manual_resolution.store.invariants import INVARIANTS
from tests.commands import invoke

Db = psycopg.Connection[Any]

ALICE, BOB = "alice@example.com", "bob@example.com"
workflow = Workflow("payout_stuck")
pay = workflow.option("pay", "Pay", effect="external")
pay.call(lambda item: done("paid") if item.resource_id != 9 else unclear("no answer"))
pay.then(lambda: resolved("Paid"))
pay.probe(lambda: unclear("no answer either"))
forgive = workflow.option("forgive", "Forgive", effect="database", approvals=1)
forgive.run(lambda: resolved("Forgiven"))

PENDING, OWNED, OVERDUE, PAID, REOPENED, UNKNOWN, PROPOSED, REPEATED = range(1, 9)

ROW, GAPS = "the row as its history left it", "history without gaps"
OPEN, DAYS, TIMES = "open items add up", "days add up", "times to resolution add up"
ALERT = "insert into mrq_outbox (item_id, kind, level, channel, incident, payload, state, ended_at) "
ATTEMPT, PROPOSAL = "held while an attempt is open", "held while a proposal is open"
#: What to do to the rows, and which invariants it breaks of which item.
BROKEN: Final = (
    ("update items set status = 'waiting' where id = 1", 1, {"one view", ROW}),
    ("update items set assigned_to = null where id = 2", 2, {"one view", ROW}),
    ("update items set held = 'deferred' where id = 1", 1, {"one view", ROW}),
    ("update items set dedup_key = (select dedup_key from manual_resolution_queue where id = 1)"
     " where id = 2", 1, {"one open item per failure"}),
    ("delete from mrq_event where item_id = 2 and seq = 1", 2, {GAPS}),
    ("update mrq_event set seq = 7 where item_id = 1", 1, {GAPS}),
    ("update items set version = 3 where id = 2", 2, {GAPS}),
    ("delete from manual_resolution_queue where id = 1", 1, {GAPS, "occurrences of an item", OPEN, DAYS}),
    ("update items set priority = 'low' where id = 1", 1, {ROW, OPEN}),
    ("update mrq_event set data = data || '{\"status\": \"resolved\"}' where item_id = 2 and seq = 1",
     2, {"only legal moves"}),
    ("update mrq_event set data = data || '{\"sla_deadline\": \"2001-01-01T00:00:00\"}' where item_id = 2 and seq = 1",
     2, {"only legal moves"}),
    ("update mrq_event set verb = 'edit' where item_id = 3 and verb = 'sweep'", 3, {"a level, an event"}),
    ("update mrq_event set verb = 'sweep' where item_id = 3 and seq = 3", 3, {"a level, an event"}),
    ("update mrq_attempt set state = 'failed' where item_id = 4", 4, {"a success for each resolution by attempt"}),
    ("insert into mrq_attempt (item_id, n, state, option, actor, via, started_at, deadline, ended_at) "
     "select 4, 2, 'succeeded', option, actor, via, started_at, deadline, ended_at from mrq_attempt where item_id = 4",
     4, {"one success"}),
    ("update mrq_attempt set state = 'succeeded' where item_id = 6", 6, {"one success", ATTEMPT}),
    ("update mrq_attempt set n = 2 where item_id = 6", 6, {"attempts without gaps"}),
    ("update mrq_proposal set state = 'void', ended_at = now() where item_id = 7", 7, {PROPOSAL}),
    ("update mrq_proposal set proposer = 'mallory' where item_id = 7", 7, {PROPOSAL}),
    ("update mrq_proposal set state = 'approved', ended_at = now(), ended_by = upper(proposer) where item_id = 7",
     7, {"two persons", PROPOSAL}),
    ("update items set occurrences = 9 where id = 8", 8, {"occurrences add up"}),
    ("update items set occurrences = 1 where id = 8", 8, {"occurrences add up"}),
    ("update mrq_occurrence set n = 1 where item_id = 8", 8, {"occurrences add up"}),
    ("update mrq_occurrence set item_id = 99 where item_id = 8 and n = 2",
     99, {"occurrences of an item", "occurrences add up"}),
    ("update items set reopened_from = 1 where id = 5", 5, {"reopened from what was resolved"}),
    (f"{ALERT} values (3, 'breach', 9, 'slack', 'x', '{{}}', 'sent', now())", 3, {"alerts of what happened"}),
    (f"{ALERT} values (77, 'breach', 1, 'slack', 'x', '{{}}', 'waiting', null)", 77, {"alerts of what happened"}),
    (f"{ALERT} values (4, 'breach', 1, 'pagerduty', 'x', '{{}}', 'sent', now())", 4,
     {"alerts of what happened", "incidents end"}),
    ("update mrq_rollup_delta set open = open + 1 where ctid = (select min(ctid) from mrq_rollup_delta"
     " where priority is not null)", None, {OPEN}),
    ("update items set created_at = created_at - interval '2 days' where id = 1", None, {DAYS}),
    ("update items set resolved_at = resolved_at + interval '2 hours' where id = 4", None, {DAYS, TIMES}),
)  # fmt: skip


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """One item of each kind."""
    queue = Queue(database_url, settings=Settings(), workflows=Registry([("this test", workflow)]))
    now = datetime.now(UTC)
    for number in (PENDING, OWNED, OVERDUE, PAID):
        late = {"occurred_at": now - timedelta(hours=30)} if number == OVERDUE else {}
        queue.add("payout_stuck", "payout", number, "high", "stuck", **late)
    queue.claim(OWNED, ALICE)
    queue.sweep()
    queue.claim(OVERDUE, ALICE)
    queue.resolve(PAID, "pay", "it is due", ALICE)
    queue.reopen(PAID, ALICE, "it came back")
    for number in (9, PROPOSED, REPEATED, REPEATED):
        queue.add("payout_stuck", "payout", number, "high", "stuck")
    with pytest.raises(OutcomeUnknown):
        queue.resolve(UNKNOWN, "pay", "it is due", ALICE)
    with pytest.raises(WaitsForApproval):
        queue.resolve(PROPOSED, "forgive", "too small", ALICE)
    yield queue
    queue.close()


@pytest.fixture
def unguarded(queue: Queue, connect: Any) -> Db:
    """A superuser for whom no trigger fires, the table's check and unique indexes taken away."""
    db: Db = connect(options="-c session_replication_role=replica")
    return db


def found(db: Db) -> dict[str, str]:
    """The invariants that are broken, and what is told of each."""
    return {check.name: check.detail for check in doctor.of_every_row(db, Settings()) if check.result == "wrong"}


def test_each_invariant_that_is_broken_is_named_with_its_row(unguarded: Db) -> None:
    """Guards off and a row changed by hand: exactly the invariants it contradicts are told, with the item's number."""
    assert found(unguarded) == {}
    with unguarded.transaction(force_rollback=True):
        unguarded.execute("alter table manual_resolution_queue drop constraint every_rule_holds")
        unguarded.execute("alter table mrq_proposal drop constraint approver_is_another")
        unguarded.execute("alter table mrq_attempt drop constraint mrq_attempt_item_id_fkey")
        unguarded.execute("drop index mrq_one_open_item_per_failure")
        for statement, item_id, names in BROKEN:
            with unguarded.transaction(force_rollback=True):
                full = statement.replace("update items", "update manual_resolution_queue")
                assert unguarded.execute(full.encode()).rowcount, statement
                told = found(unguarded)
            assert set(told) == names, statement
            assert all(f"#{item_id}" in detail or "add up" in name for name, detail in told.items()), told
    assert {name for _, _, names in BROKEN for name in names} == {invariant.name for invariant in INVARIANTS}


def test_many_rows_at_fault_are_not_all_told(unguarded: Db, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """The first five rows, then that there are more; exit code 1; without --deep nobody looks."""
    unguarded.execute("update manual_resolution_queue set version = 9")
    (broken,) = found(unguarded).values()
    assert broken.startswith("each item has as many events as its version says, numbered from 1, but #1: version 9, 1 ")
    assert broken.count("#") == 5 and broken.endswith("; and more")
    monkeypatch.setenv("DATABASE_URL", database_url)
    deep, plain = invoke(["doctor", "--deep"]), invoke(["doctor"])
    assert f"WRONG history without gaps: {broken}\n" in deep.stdout and deep.exit_code == 1
    assert "history without gaps" not in plain.stdout
    assert (
        "ok    one success: an outside effect that took place is one, and its item is resolved by it\n" in deep.stdout
    )
