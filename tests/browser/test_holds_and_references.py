"""Retention holds and unexpected references: every option of both types in the browser, by two where it needs."""

from datetime import UTC, datetime, timedelta

import pytest

from manual_resolution import Queue
from tests.browser.conftest import Application, Come
from tests.browser.operator import Operator

KEPT_UNTIL = (datetime.now(UTC) + timedelta(days=200)).date().isoformat()
#: The options in the order of the menu, each decided on an item of its own.
HOLDS = ("keep_until", "release_and_delete", "escalate", "defer")
REFERENCES = ("retry", "detach_and_delete", "escalate", "defer")


@pytest.fixture
def held(application: Application, queue: Queue) -> Application:
    """Four plans whose PDFs a hold of legal's keeps: items #1 to #4 about plans #101 to #104."""
    db, blob = application.db, application.blob
    db.execute("insert into users (id, email, name) values (1, 'jonas@example.com', 'Jonas')")
    for number in range(101, 105):
        path = f"plans/{number}.pdf"
        blob.seed([(path, 1_000)])
        db.execute("insert into meal_plans (id, user_id, pdf_url) values (%s, 1, %s)", [number, blob.url_of(path)])
        db.execute(
            """insert into retention_holds (id, resource_type, resource_id, reason, placed_by)
               values (%s, 'meal_plan', %s, 'Case 2026-118', 'legal@example.com')""",
            [number, number],
        )
        facts = {"hold_id": number, "hold_reason": "Case 2026-118", "placed_by": "legal@example.com"}
        facts["pdf_url"] = blob.url_of(path)
        queue.add("retention_exception", "meal_plan", number, "medium", "A retention hold keeps it", facts)
    return application


@pytest.fixture
def referred(application: Application, queue: Queue) -> Application:
    """Four quiz responses that may not go, for a plan refers to each; the first one's has let it go meanwhile."""
    db = application.db
    db.execute("insert into users (id, email, name) values (1, 'jonas@example.com', 'Jonas')")
    for number in range(201, 205):
        db.execute("insert into quiz_responses (id, user_id) values (%s, 1)", [number])
        refers = None if number == 201 else number
        db.execute("insert into meal_plans (id, user_id, quiz_response_id) values (%s, 1, %s)", [number, refers])
        facts = {"referencing_table": "meal_plans", "constraint": "meal_plans_quiz_response_id_fkey"}
        queue.add("foreign_key_violation", "quiz_response", number, "medium", "meal_plans refers to it", facts)
    return application


def decides(who: Operator, number: int, option: str, **values: str) -> None:
    """Chooses an option on an item's page, answers what it asks, says why."""
    who.opens(number)
    who.page.locator(f"input[name=option][value={option}]").check()
    for name, value in values.items():
        who.page.locator(f"[name='{option}.{name}']").fill(value)
    who.page.locator("[data-why]").fill("legal said so")
    with who.page.expect_response("**/resolution"):
        who.clicks("Decide")


def approved(who: Operator, number: int, sees: str) -> None:
    """Another person finds it among the approvals, sees what it would touch, approves."""
    who.page.goto("/admin/manual-resolution-queue/approvals")
    who.page.get_by_role("link", name="Look, then approve or deny").click()
    who.is_at(number)
    who.sees(sees)
    who.clicks("Approve")
    who.sees("Resolved")


def test_each_option_of_a_hold(operator: Come, held: Application, queue: Queue) -> None:
    """A hold is dated, released by two with its PDF deleted once, passed on, and put aside, each from its page."""
    alice, bob = operator("alice"), operator("bob")
    alice.opens(1)
    options = alice.page.locator("input[name=option]")
    assert tuple(options.evaluate_all("all => all.map(one => one.value)")) == HOLDS
    decides(alice, 1, "keep_until", until=KEPT_UNTIL)
    alice.sees(f"Kept until {KEPT_UNTIL}")
    decides(alice, 2, "release_and_delete")
    alice.sees("Somebody else than you approves or denies it.")
    assert held.blob.has("plans/102.pdf")
    approved(bob, 2, sees="set released_at = now(): retention_holds #102")
    decides(alice, 3, "escalate")
    decides(alice, 4, "defer")
    assert [queue.get(n).resolution for n in (1, 2)] == [f"Kept until {KEPT_UNTIL}", "Hold released, PDF deleted"]
    assert (queue.get(3).status, queue.get(4).held) == ("escalated", "deferred")
    assert (held.blob.has("plans/101.pdf"), held.blob.has("plans/102.pdf")) == (True, False)
    assert held.one("select count(*) from retention_holds where released_at is null") == 3
    assert (
        held.one("select (keep_until at time zone 'UTC')::date::text from retention_holds where id = 101") == KEPT_UNTIL
    )


def test_each_option_of_a_reference(operator: Come, referred: Application, queue: Queue) -> None:
    """A row is deleted that nothing refers to any more, detached and deleted by two, passed on, and put aside."""
    alice, bob = operator("alice"), operator("bob")
    alice.opens(2)
    options = alice.page.locator("input[name=option]")
    assert tuple(options.evaluate_all("all => all.map(one => one.value)")) == REFERENCES
    alice.sees("not possible: 1 row refers to quiz_responses #202: meal_plans #202")
    decides(alice, 1, "retry")
    alice.sees("Deleted quiz_response #201")
    decides(alice, 2, "detach_and_delete")
    approved(bob, 2, sees="set quiz_response_id = NULL: meal_plans #202")
    decides(alice, 3, "escalate")
    decides(alice, 4, "defer")
    assert queue.get(2).resolution == "Deleted quiz_response #202, detached 1 row that referred to it"
    assert (queue.get(3).status, queue.get(4).held) == ("escalated", "deferred")
    assert referred.one("select array_agg(id order by id) from quiz_responses") == [203, 204]
    assert referred.one("select count(*) from meal_plans where quiz_response_id is null") == 2
