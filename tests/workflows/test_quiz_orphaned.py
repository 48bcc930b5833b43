"""`quiz_orphaned` against a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from manual_resolution import Changed, InvalidInput, NotPossible

QUIZ = 67890


@pytest.fixture
def quiz(app: Any) -> int:
    """The item of a ten days old quiz response that belongs to nobody, with nothing referring to it."""
    return orphan(app, age=timedelta(days=10))


def orphan(app: Any, *, age: timedelta, email: str = "eva@example.com", **row: Any) -> int:
    """A quiz response of that age and its item, which alice holds."""
    created_at = datetime.now(UTC) - age
    app.insert("quiz_responses", id=QUIZ, email=email, created_at=created_at, **row)
    context = {"email": email, "user_id": None, "created_at": created_at, "foreign_key_references": []}
    reason = "Quiz response without a user cannot be deleted"
    return int(app.claimed("quiz_orphaned", "quiz_response", QUIZ, "high", reason, context))


def owner(app: Any) -> object:
    return app.rows()["quiz_responses", QUIZ]["user_id"]


def test_delete_removes_the_one_row(app: Any, quiz: int, changed: Any) -> None:
    """Delete immediately deletes the quiz response, the plan's only row, in the runbook's words."""
    before, plan = app.rows(), app.queue.plan(quiz, "delete", {})
    item, result = app.decide(quiz, "delete")
    assert (item.status, item.resolution) == ("resolved", "Orphaned quiz response deleted (no FK references)")
    assert result == "Deleted quiz_response #67890 (1 row of quiz_responses)"
    assert changed(before, app.rows()) == {("quiz_responses", QUIZ)} == touched(plan)
    assert ("quiz_responses", QUIZ) not in app.rows()


def test_associate_gives_it_to_the_user(app: Any, quiz: int, changed: Any) -> None:
    """Associate sets the user, in the plan's only row, and says so in the documented words."""
    app.insert("users", id=604, email="eva@example.com", name="Eva")
    before, plan = app.rows(), app.queue.plan(quiz, "associate", {"user": "604"})
    item, result = app.decide(quiz, "associate", user="604")
    assert (item.status, item.resolution) == ("resolved", "Associated with user #604")
    assert result == "Associated with user #604 (1 row of quiz_responses)"
    assert changed(before, app.rows()) == {("quiz_responses", QUIZ)} == touched(plan)
    assert owner(app) == 604


def test_defer_and_escalate_leave_the_application_alone(app: Any, quiz: int, changed: Any) -> None:
    """The generic options change nothing of the application's."""
    before = app.rows()
    deferred, _ = app.decide(quiz, "defer")
    escalated, _ = app.decide(quiz, "escalate")
    assert (deferred.held, escalated.status, escalated.escalated_to) == ("deferred", "escalated", None)
    assert changed(before, app.rows()) == set()


def touched(plan: Any) -> set[tuple[str, int]]:
    return {(touch.table, touch.key) for touch in plan.touches}


def test_the_menu_is_the_specifications(app: Any, quiz: int) -> None:
    """Options stand in the specification's order: delete, associate, defer."""
    labels = [offer.option.label for offer in app.queue.examine(quiz).offers]
    assert labels == ["Delete immediately", "Associate with user", "Defer", "Escalate"]


def test_what_is_referred_to_cannot_be_deleted(app: Any, quiz: int) -> None:
    """Specification: if it is referenced by a meal plan, don't delete; the refusal names the plan."""
    app.insert("meal_plans", id=11873, user_id=871, quiz_response_id=QUIZ)
    case = app.queue.examine(quiz)
    assert case.offer("delete").because == "meal_plan #11873 refers to quiz_response #67890"
    with pytest.raises(NotPossible) as refused:
        app.decide(quiz, "delete")
    expected = "Not possible: meal_plan #11873 refers to quiz_response #67890. Nothing was done."
    assert str(refused.value) == expected and ("quiz_responses", QUIZ) in app.rows()


def test_a_reference_nobody_checked_is_refused_in_a_sentence(app: Any, quiz: int) -> None:
    """A table the workflow does not know keeps its reference: the refusal is told, nothing is done."""
    app.db.execute("create table reviews (quiz bigint references quiz_responses)")
    app.db.execute("insert into reviews values (67890)")
    with pytest.raises(NotPossible, match=r"reviews refers to quiz_response #67890\. Nothing was done"):
        app.decide(quiz, "delete")
    assert app.queue.get(quiz).status == "assigned" and ("quiz_responses", QUIZ) in app.rows()


def test_a_reference_made_after_looking_stops_the_deletion(app: Any, quiz: int) -> None:
    """A decision is bound to what was seen: a meal plan that came meanwhile is told, nothing is deleted."""
    case = app.queue.examine(quiz)
    app.insert("meal_plans", id=11873, user_id=871, quiz_response_id=QUIZ)
    with pytest.raises(Changed, match="meal_plan #11873 refers to quiz_response"):
        app.queue.resolve(quiz, "delete", "tested", "alice", seen=case.seen("delete"))
    assert ("quiz_responses", QUIZ) in app.rows()


def test_what_belongs_to_a_user_by_now_is_not_touched(app: Any, quiz: int) -> None:
    """An orphan that found its user is no orphan: neither deleted nor given away."""
    app.db.execute("update quiz_responses set user_id = 871")
    for option, values in (("delete", {}), ("associate", {"user": 871})):
        assert "quiz_response #67890 belongs to user #871 now" in app.refusal(quiz, option, **values)
    assert owner(app) == 871


def test_what_is_gone_is_told(app: Any, quiz: int) -> None:
    """A quiz response that is gone already is refused in a sentence."""
    app.db.execute("delete from quiz_responses")
    assert "quiz_response #67890 is gone" in app.refusal(quiz, "delete")


def test_an_item_about_something_else_deletes_no_quiz_of_the_same_number(app: Any, quiz: int) -> None:
    """The number of another kind of resource is never taken for a quiz response's."""
    other = app.claimed("quiz_orphaned", "meal_plan", QUIZ, "high", "wrong resource", {})
    assert "is gone, or is no quiz response" in app.refusal(other, "delete")
    assert ("quiz_responses", QUIZ) in app.rows()


def test_a_user_who_does_not_exist_is_refused(app: Any, quiz: int) -> None:
    """Only an existing user can be given a quiz response."""
    assert app.refusal(quiz, "associate", user=999) == ("Not possible: there is no user #999. Nothing was done.")
    with pytest.raises(InvalidInput):
        app.decide(quiz, "associate", user="eva")
    assert owner(app) is None


def test_the_user_with_its_e_mail_is_proposed(app: Any, quiz: int) -> None:
    """Specification: check if the user exists (if yes, associate); the user's number is proposed."""
    app.insert("users", id=604, email="Eva@Example.com", name="Eva")
    case = app.queue.examine(quiz)
    assert case.answers["user_exists"].sentence == "A user with its e-mail exists: user #604"
    assert (case.recommendation.option, case.recommendation.sentence) == ("associate", "The user exists.")
    assert case.offer("associate").proposed == {"user": 604}
    assert [touch.change for touch in case.offer("associate").plan.touches] == ["set user_id = 604"]


@pytest.mark.parametrize(("hours", "option"), [(2, "defer"), (30, None), (24 * 8, "delete")])
def test_age_decides_where_there_is_no_user(app: Any, hours: int, option: str | None) -> None:
    """Specification: recent (<24h), wait; more than 7 days and unreferenced, safe to delete."""
    advice = app.queue.examine(orphan(app, age=timedelta(hours=hours))).recommendation
    assert (advice.option if advice else None) == option


def test_age_deletes_nothing_that_is_referred_to(app: Any, quiz: int) -> None:
    """However old it is, a quiz response in use is not recommended for deletion."""
    app.insert("meal_plans", id=11873, user_id=871, quiz_response_id=QUIZ)
    assert app.queue.examine(quiz).recommendation is None


def test_an_old_owner_that_points_nowhere_is_still_an_orphan(app: Any) -> None:
    """A user id without a user counts as none: that is how quiz responses become orphans."""
    item = orphan(app, age=timedelta(days=10), user_id=5555)
    assert app.queue.examine(item).offer("delete").because is None
