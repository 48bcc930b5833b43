"""`blacklist_disputed` against a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

EMAIL = "jonas.weber@example.com"


@pytest.fixture
def appeal(app: Any) -> int:
    """The item of an appeal by somebody on the blacklist who never paid."""
    return appealed(app)


def appealed(app: Any, **context: Any) -> int:
    """A blacklist entry and its item, which alice holds."""
    app.insert("email_blacklist", id=12, email=EMAIL, reason="3 failed payments within a week")
    app.insert("email_blacklist", id=13, email="other@example.com", reason="Chargeback")
    facts = {
        "email": EMAIL,
        "blacklist_reason": "3 failed payments within a week",
        "appeal_message": "My card had expired.",
        "payment_history": [{"status": "failed"}, {"status": "succeeded"}, {"status": "failed"}],
        "fraud_indicators": [],
    }
    reason = "User appeals blacklist entry: 3 failed payments within a week"
    thing = ("blacklist_disputed", "email_blacklist", 12)
    return int(app.claimed(*thing, "medium", reason, facts | context))


def paid(app: Any, *statuses: str) -> None:
    """Payments of the appellant, a day between them, the last one today."""
    for days, status in enumerate(reversed(statuses)):
        at = datetime.now(UTC) - timedelta(days=days)
        app.insert("payments", email=EMAIL, amount_cents=1900, status=status, created_at=at)


def test_remove_takes_the_address_off(app: Any, appeal: int, changed: Any) -> None:
    """Remove from blacklist deletes the address's row, the plan's only one."""
    before, plan = app.rows(), app.queue.plan(appeal, "remove", {})
    item, result = app.decide(appeal, "remove")
    assert (item.status, item.resolution) == ("resolved", "Removed from the blacklist")
    assert result == "Removed from the blacklist (1 row of email_blacklist)"
    assert changed(before, app.rows()) == {("email_blacklist", 12)} == touched(plan)
    assert ("email_blacklist", 12) not in app.rows()


def test_reject_leaves_the_address_and_its_date(app: Any, appeal: int, changed: Any) -> None:
    """Reject appeal keeps the address listed and leaves the date, in the plan's only row."""
    before, plan = app.rows(), app.queue.plan(appeal, "reject", {})
    item, result = app.decide(appeal, "reject")
    assert item.resolution == "Appeal rejected, the address stays on the blacklist"
    assert result == "Appeal rejected (1 row of email_blacklist)"
    assert changed(before, app.rows()) == {("email_blacklist", 12)} == touched(plan)
    assert app.rows()["email_blacklist", 12]["appeal_rejected_at"] is not None


def test_escalate_and_defer_leave_the_application_alone(app: Any, appeal: int, changed: Any) -> None:
    """Escalate goes to support; neither generic option changes anything of the application's."""
    before = app.rows()
    deferred, _ = app.decide(appeal, "defer")
    escalated, _ = app.decide(appeal, "escalate")
    assert (deferred.held, escalated.status, escalated.escalated_to) == ("deferred", "escalated", "support")
    assert changed(before, app.rows()) == set()


def touched(plan: Any) -> set[tuple[str, int]]:
    return {(touch.table, touch.key) for touch in plan.touches}


def test_the_menu_and_the_context_are_the_specifications(app: Any, appeal: int) -> None:
    """Options and context stand in the specification's order; long facts are summed up."""
    case = app.queue.examine(appeal)
    assert [offer.option.label for offer in case.offers] == [
        "Remove from blacklist",
        "Reject appeal",
        "Escalate to support",
        "Defer for 24 hours",
    ]
    assert case.workflow.advice == ["Consult the support team for context."]
    assert case.workflow.brief(case.item) == [
        ("E-mail", EMAIL),
        ("Blacklist reason", "3 failed payments within a week"),
        ("Appeal", "My card had expired."),
        ("Payment history", "3 payments: 1 succeeded, 2 failed"),
        ("Fraud indicators", "none"),
    ]


@pytest.mark.parametrize(
    ("payments", "option"),
    [
        (["succeeded", "failed", "failed"], "reject"),
        (["failed", "failed", "succeeded"], "remove"),
        (["failed"], None),
        ([], None),
    ],
)
def test_payments_speak(app: Any, appeal: int, payments: list[str], option: str | None) -> None:
    """Specification: multiple failed payments keep the entry; one that succeeded since lifts it."""
    paid(app, *payments)
    advice = app.queue.examine(appeal).recommendation
    assert (advice.option if advice else None) == option


def test_signs_of_fraud_outweigh_a_payment(app: Any) -> None:
    """Specification: check for fraud indicators; they recommend rejecting."""
    item = appealed(app, fraud_indicators=["VPN"])
    paid(app, "failed", "succeeded")
    advice = app.queue.examine(item).recommendation
    assert (advice.option, advice.sentence) == ("reject", "There are signs of fraud: VPN.")


def test_the_payments_are_counted_now(app: Any, appeal: int) -> None:
    """The check counts the payments as they are, not as they were recorded."""
    paid(app, "succeeded", "failed", "failed")
    answer = app.queue.examine(appeal).answers["payments"]
    assert (answer.verdict, answer.sentence) == ("fail", "Its payments: 2 failed, 1 succeeded")


@pytest.mark.parametrize("option", ["remove", "reject"])
def test_an_address_off_the_list_needs_no_decision(app: Any, appeal: int, option: str) -> None:
    """Who is on the list no more can be neither removed nor rejected; the sentence says so."""
    app.db.execute("delete from email_blacklist where id = 12")
    assert "The address is not on the blacklist any more" in app.refusal(appeal, option)


def test_the_address_is_found_however_it_is_spelt(app: Any) -> None:
    """Mail addresses are compared without regard to case."""
    item, _ = app.decide(appealed(app, email=EMAIL.upper()), "remove")
    assert item.status == "resolved" and ("email_blacklist", 12) not in app.rows()


ODD = [{"email": None}, {"email": 7}, {"payment_history": 3, "fraud_indicators": 4}]


@pytest.mark.parametrize("context", ODD)
def test_odd_context_is_shown_not_fatal(app: Any, context: dict[str, Any]) -> None:
    """Whatever a producer recorded, the item can be looked at."""
    case = app.queue.examine(appealed(app, **context))
    assert len(case.offers) == 4 and case.workflow.brief(case.item)
