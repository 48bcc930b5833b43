"""The specification's session at a real terminal, line by line, and each option of each item type once."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

#: The specification's "CLI Mode" with a real URL; lines that MRQ adds begin with "+".
TRANSCRIPT = """\
+
+1 of 1 · due in 3 days
Queue Item #42 (MEDIUM priority, age: 3 days)
Type: pdf_deletion_failed
Resource: meal_plan #12345
Reason: Vercel Blob API returned 503 after 3 retry attempts
Context:
  - PDF URL: https://k3vq9x1a.public.blob.vercel-storage.com/plans/12345-Xy7.pdf
  - Generated: 2023-10-01T12:00:00Z
  - Last error: ServiceUnavailable
+Checks, just now:
+  ✓ The PDF is still there (48,213 bytes)
+  ✓ The blob service answers; the last 503 was 3 days ago
+Recommended: 1. The error was a 503 and more than an hour has passed.
+Consider: Check the Vercel status page for ongoing incidents.

Resolution options:
  1. Retry deletion now
  2. Mark as permanently failed (update DB only)
  3. Escalate to engineering
  4. Defer for 24 hours

Your choice [1-4]: 1
+Why? Blob API is back

Action: Retrying PDF deletion...
Result: ✓ PDF deleted successfully
Resolution recorded: "Manual retry successful after Vercel API recovery"
+1 resolved, 0 failed, 0 unknown, nothing held by you. 0 wait. Time per item: 0 s.
""".splitlines()

#: The specification's "Queue metrics emitted".
METRIC = json.loads("""{
  "metric": "manual_resolution_queue_depth",
  "total_pending": 42,
  "by_priority": {"critical": 1, "high": 8, "medium": 25, "low": 8},
  "oldest_item_hours": 72,
  "items_breaching_sla": 3,
  "timestamp": "2026-01-03T15:00:00Z"
}""")

SCRIPT = (sys.executable, "scripts/manual_resolution/process_queue.py", "--mode", "cli")


def shape(value: Any) -> Any:
    """A document's names and types, its instants by their form."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in value.items()]
    return re.sub("[0-9]", "0", value) if isinstance(value, str) else type(value)


def test_the_session_is_the_specifications_line_by_line(stage: Any) -> None:
    """Each line of the specification's transcript stands in its order; what is added stands between."""
    stage.db.execute("alter table manual_resolution_queue alter column id restart with 42")
    happened = datetime.now(UTC) - timedelta(days=3, hours=1)
    item_id = stage.failed_deletion(occurred_at=happened)
    terminal = stage.terminal(command=SCRIPT, MRQ_METRICS_FILE=None)
    terminal.chooses("1", "Blob API is back")
    *shown, session, depth, _ = terminal.ends(0).split("\n")
    shown = [re.sub(r"item: \d+ s", "item: 0 s", line) for line in shown]
    assert shown == [line.removeprefix("+") for line in TRANSCRIPT]
    item = stage.item(item_id)
    assert (item.id, item.status) == (42, "resolved")
    assert item.resolution == "Manual retry successful after Vercel API recovery"
    assert item.resolution_metadata["justification"] == "Blob API is back"
    assert not stage.blob.has("plans/12345-Xy7.pdf") and stage.deletions() == 1
    assert stage.pdf_of() == (None, True)
    assert shape(json.loads(depth)) == shape(METRIC) and json.loads(session)["resolved"] == 1


def test_each_option_of_a_failed_deletion(stage: Any) -> None:
    """Retry, mark as failed, escalate, defer: each chosen once, each with its effect and no other."""
    ids = [stage.failed_deletion(plan, f"plans/{plan}.pdf") for plan in (1, 2, 3, 4)]
    terminal = stage.terminal()
    terminal.chooses("1", "it answers again").chooses("2", "the store was closed").chooses("3", "again and again")
    terminal.chooses("4", "24h", "the service has trouble")
    shown = terminal.ends()
    assert "Result: ✓ Marked as permanently failed (1 row of meal_plans)" in shown
    assert "Result: ✓ Escalated to engineering" in shown and "Result: ✓ Deferred until " in shown
    retried, marked, escalated, deferred = (stage.item(id) for id in ids)
    assert [stage.pdf_of(plan)[0] is None for plan in (1, 2, 3, 4)] == [True, True, False, False]
    assert [stage.blob.has(f"plans/{plan}.pdf") for plan in (1, 2, 3, 4)] == [False, True, True, True]
    assert sum(stage.deletions(f"plans/{plan}.pdf") for plan in (1, 2, 3, 4)) == 1
    assert (retried.status, marked.status) == ("resolved", "resolved")
    assert (escalated.status, escalated.escalated_to) == ("escalated", "engineering")
    assert (deferred.status, deferred.held) == ("pending", "deferred")
    assert (deferred.deferred_until - deferred.read_at) / timedelta(hours=24) == pytest.approx(1, abs=0.01)
    assert "2 resolved, 2 put aside, 0 failed, 0 unknown, nothing held by you. 2 wait." in shown


def orphaned_quiz(stage: Any, number: int, **facts: Any) -> int:
    """A quiz response without its user, as the cleanup script leaves it; the item's id."""
    stage.insert("quiz_responses", id=number, email=facts.pop("email", "ada@example.com"), created_at=facts.pop("at"))
    context = {"email": "ada@example.com", "created_at": "2026-01-01T00:00:00Z", "foreign_key_references": []}
    return int(
        stage.queue.add("quiz_orphaned", "quiz_response", number, "high", "Quiz response without a user", context).id
    )


def test_each_option_of_an_orphaned_quiz(stage: Any) -> None:
    """Delete, associate (its user proposed), defer, escalate: each with its effect and no other."""
    old = datetime.now(UTC) - timedelta(days=8)
    ids = [orphaned_quiz(stage, number, at=old) for number in (1, 2, 3, 4)]
    terminal = stage.terminal()
    terminal.chooses("1", "nobody needs it").chooses("2", "", "same e-mail").chooses("3", "2h", "she is answering")
    terminal.chooses("4", "support", "who is this?")
    shown = terminal.ends()
    assert "User [871]: " in shown and "How long? [24h] " in shown and "To which team? [anybody else] " in shown
    deleted, associated, deferred, escalated = (stage.item(id) for id in ids)
    assert deleted.resolution == "Orphaned quiz response deleted (no FK references)"
    assert associated.resolution == "Associated with user #871"
    rows = stage.db.execute("select id, user_id from quiz_responses order by id").fetchall()
    assert rows == [{"id": 2, "user_id": 871}, {"id": 3, "user_id": None}, {"id": 4, "user_id": None}]
    assert deferred.held == "deferred"
    assert (escalated.status, escalated.escalated_to) == ("escalated", "support")


def test_an_option_that_is_not_possible_says_why_and_does_nothing(stage: Any) -> None:
    """A quiz response that a meal plan refers to is not deleted: the menu and the answer say which plan."""
    item_id = orphaned_quiz(stage, 67890, at=datetime.now(UTC) - timedelta(days=8))
    stage.insert("meal_plans", id=11873, user_id=871, quiz_response_id=67890)
    terminal = stage.terminal().chooses("1").chooses("q")
    shown = terminal.ends()
    why = "meal_plan #11873 refers to quiz_response #67890"
    assert f"  1. Delete immediately     not possible: {why}\n" in shown
    assert f"Your choice [1-4]: 1\nNot possible: {why}. Nothing was done.\nYour choice [1-4]: q\n" in shown
    assert stage.item(item_id).status == "pending" and stage.one("select count(*) from quiz_responses") == 1


def test_each_option_of_a_disputed_blacklist_entry(stage: Any) -> None:
    """Remove, reject, escalate to support, defer: each with its effect and no other."""
    ids = []
    for number in (1, 2, 3, 4):
        email = f"{number}@example.com"
        stage.insert("email_blacklist", id=number, email=email, reason="3 failed payments")
        context = {
            "email": email,
            "blacklist_reason": "3 failed payments",
            "appeal_message": "My card had expired.\nPlease!",
            "payment_history": [{"status": "failed"}],
        }
        added = stage.queue.add("blacklist_disputed", "email_blacklist", number, "medium", "User appeals", context)
        ids.append(added.id)
    terminal = stage.terminal()
    terminal.chooses("1", "valid").chooses("2", "fraud").chooses("3", "no idea").chooses("4", "1d", "asked the bank")
    shown = terminal.ends()
    assert "  - Payment history: 1 payment: 1 failed\n" in shown
    assert "  - Appeal: My card had expired.\\nPlease!\n" in shown
    removed, rejected, escalated, deferred = (stage.item(id) for id in ids)
    rows = stage.db.execute(
        "select id, appeal_rejected_at is not null as no from email_blacklist order by id"
    ).fetchall()
    assert rows == [{"id": 2, "no": True}, {"id": 3, "no": False}, {"id": 4, "no": False}]
    assert (removed.resolution, rejected.resolution) == (
        "Removed from the blacklist",
        "Appeal rejected, the address stays on the blacklist",
    )
    assert (escalated.escalated_to, deferred.held) == ("support", "deferred")
