"""`retention_exception` against a real database and the blob stand-in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from manual_resolution import Actor, Changed, Failed, InvalidInput, Refused, WaitsForApproval

PATH, PLAN, USER, HOLD = "plans/12345-Xy7.pdf", 12345, 871, 7
TODAY = datetime.now(UTC).date()
LATER = (TODAY + timedelta(days=200)).isoformat()


def hold(app: Any, id: int = HOLD, kind: str = "meal_plan", number: int = PLAN, **facts: Any) -> int:
    """A hold of legal's, in force without an end."""
    row = {"reason": "Case 2026-118", "placed_by": "legal@example.com"} | facts
    return int(app.insert("retention_holds", id=id, resource_type=kind, resource_id=number, **row))


def exception(app: Any, kind: str = "meal_plan", number: int = PLAN, **context: Any) -> int:
    facts = {"hold_id": HOLD, "hold_reason": "Case 2026-118", "placed_by": "legal@example.com"}
    facts |= {"pdf_url": app.blob.url_of(PATH)} | context
    return int(app.claimed("retention_exception", kind, number, "medium", "A retention hold keeps it", facts))


@pytest.fixture
def held(app: Any) -> int:
    """The item of a PDF under one hold, beside a hold on another plan."""
    hold(app)
    hold(app, 8, number=12346, placed_by="tax@example.com")
    return exception(app)


def check(app: Any, item: int, key: str) -> tuple[str, str]:
    answer = app.queue.examine(item).answers[key]
    return answer.verdict, answer.sentence


def touched(plan: Any) -> set[tuple[str, int]]:
    return {(touch.table, touch.key) for touch in plan.touches}


# ------------------------------------------------------------------ each option, once


def test_keep_until_dates_the_hold(app: Any, held: int, changed: Any) -> None:
    """The date goes to the hold's own row, the plan's only one, and into the record; the PDF stays."""
    before, plan = app.rows(), app.queue.plan(held, "keep_until", {"until": LATER})
    item, result = app.decide(held, "keep_until", until=LATER)
    assert (item.status, item.resolution) == ("resolved", f"Kept until {LATER}")
    assert result == f"Kept until {LATER} (1 row of retention_holds)"
    assert item.resolution_metadata["values"] == {"until": LATER}
    assert changed(before, app.rows()) == {("retention_holds", HOLD)} == touched(plan)
    kept = app.rows()["retention_holds", HOLD]
    assert (kept["keep_until"].astimezone(UTC).isoformat(), kept["released_at"]) == (f"{LATER}T00:00:00+00:00", None)
    assert app.blob.has(PATH) and app.deletions() == 0


def test_release_and_delete_touches_exactly_its_plan(app: Any, held: int, changed: Any) -> None:
    """One hold released, one PDF deleted, one plan's row updated: what was planned, and nothing else."""
    before, plan = app.rows(), app.queue.plan(held, "release_and_delete", {})
    item, result = app.decide_by_two(held, "release_and_delete")
    assert (item.status, item.resolution, result) == ("resolved", *["Hold released, PDF deleted"] * 2)
    assert changed(before, app.rows()) == {("retention_holds", HOLD), ("meal_plans", PLAN)} == touched(plan)
    assert [call.target for call in plan.calls] == [app.blob.url_of(PATH)]
    assert not app.blob.has(PATH) and app.blob.has("plans/other.pdf") and app.deletions() == 1
    assert app.rows()["retention_holds", HOLD]["released_at"] is not None and app.pdf_of() == (None, True)


def test_defer_and_escalate_leave_the_application_alone(app: Any, held: int, changed: Any) -> None:
    """The generic options stand behind the type's own and change nothing of the application's."""
    before, case = app.rows(), app.queue.examine(held)
    keys = ["keep_until", "release_and_delete", "escalate", "defer"]
    assert [offer.option.key for offer in case.offers] == keys
    assert app.decide(held, "defer")[0].held == "deferred"
    assert app.decide(held, "escalate")[0].status == "escalated"
    assert changed(before, app.rows()) == set()


# ------------------------------------------------------------------ the hold, live


def test_the_check_says_until_when_and_by_whom(app: Any, held: int) -> None:
    """A hold is in force until it is released, whatever its date: the check names both and who placed it."""
    later, before = TODAY + timedelta(days=30), TODAY - timedelta(days=3)
    dates = {None: "without an end", later: f"until {later}", before: f"and its date, {before}, has passed"}
    for day, said in dates.items():
        app.db.execute("update retention_holds set keep_until = %s::date::timestamp at time zone 'UTC'", [day])
        assert check(app, held, "hold_in_force") == ("pass", f"Hold #7 of legal@example.com is in force {said}")


def test_a_released_hold_cannot_be_kept(app: Any) -> None:
    """Nothing is left to prolong: the check says when it was released, and deleting is recommended, by two persons."""
    hold(app, released_at=datetime(2026, 10, 1, tzinfo=UTC))
    item = exception(app)
    assert app.refusal(item, "keep_until", until=LATER) == (
        "Not possible: Hold #7 was released on 2026-10-01. Nothing was done."
    )
    assert app.queue.examine(item).recommendation.option == "release_and_delete"
    assert touched(app.queue.plan(item, "release_and_delete", {})) == {("meal_plans", PLAN)}
    resolved, _ = app.decide_by_two(item, "release_and_delete")
    assert resolved.resolution == "The hold was released before, PDF deleted"


def test_a_hold_whose_date_has_passed_is_recommended_for_release(app: Any, held: int) -> None:
    """Before that nothing is recommended: a machine cannot know what the law wants."""
    assert app.queue.examine(held).recommendation is None
    app.db.execute("update retention_holds set keep_until = now() - interval '1 hour' where id = 7")
    assert app.queue.examine(held).recommendation.option == "release_and_delete"


def test_another_hold_keeps_it(app: Any, held: int) -> None:
    """A second hold on the plan, and one on its user, forbid the deletion and are named; the date may still be set."""
    hold(app, 9, placed_by="tax@example.com")
    hold(app, 10, "user", USER)
    before = app.rows()
    told = "Another hold keeps it: #9 of tax@example.com on meal_plan #12345, #10 of legal@example.com on user #871"
    assert app.refusal(held, "release_and_delete") == f"Not possible: {told}. Nothing was done."
    assert app.rows() == before and app.blob.has(PATH)
    app.decide(held, "keep_until", until=LATER)


# ------------------------------------------------------------------ the date


def test_a_date_out_of_reason_is_refused(app: Any, held: int) -> None:
    """Today, the past, 30 years and more, and what is no date: one sentence that says what is allowed."""
    before = app.rows()
    for until in (str(TODAY), str(TODAY - timedelta(days=1)), "9999-12-31", "2026-02-30", "soon", ""):
        with pytest.raises(InvalidInput, match=r"until = '.*' is not allowed: a date "):
            app.queue.plan(held, "keep_until", {"until": until})
        with pytest.raises(InvalidInput, match=r"until = '.*' is not allowed: a date "):
            app.queue.resolve(held, "keep_until", "tested", "alice", values={"until": until})
    assert app.rows() == before


def test_a_date_nearer_than_the_holds_own_does_not_shorten_it(app: Any, held: int) -> None:
    """One person may prolong a hold, never end it sooner."""
    app.db.execute("update retention_holds set keep_until = '2050-01-01' where id = 7")
    assert "is in force until 20" in app.refusal(held, "keep_until", until=LATER)
    assert app.rows()["retention_holds", HOLD]["keep_until"].year in (2049, 2050)


# ------------------------------------------------------------------ what changes between look and decision


def test_a_hold_placed_after_looking_stops_the_deletion(app: Any, held: int) -> None:
    """What was decided on must still be so: a hold that came meanwhile is told, nothing is sent."""
    seen = app.queue.examine(held).seen("release_and_delete")
    hold(app, 9, "user", USER, placed_by="tax@example.com")
    with pytest.raises(Changed, match=r"Another hold keeps it: #9 of tax@example\.com"):
        app.queue.resolve(held, "release_and_delete", "tested", "alice", seen=seen)
    assert app.blob.has(PATH) and app.deletions() == 0


def test_a_hold_placed_after_proposing_voids_the_proposal(app: Any, held: int) -> None:
    """One person alone deletes nothing; and a hold that came before the second one agreed ends the proposal."""
    with pytest.raises(WaitsForApproval):
        app.decide(held, "release_and_delete")
    hold(app, 9, "user", USER, placed_by="tax@example.com")
    before = app.rows()
    with pytest.raises(Changed, match=r"Another hold keeps it: #9 of tax@example\.com"):
        app.queue.approve(held, Actor("bob", via="test:bob"))
    assert app.rows() == before and app.blob.has(PATH) and app.deletions() == 0


def test_a_hold_changed_after_looking_is_told(app: Any, held: int) -> None:
    """Handed over, dated or released meanwhile: the decision is refused and says what changed."""
    for change, said in (
        ("placed_by = 'tax@example.com'", "Hold #7 of tax@example.com is in force without an end"),
        ("keep_until = '2051-06-30 00:00+00'", "Hold #7 of tax@example.com is in force until 2051-06-30"),
        ("released_at = '2026-10-01 12:00+00'", "Hold #7 was released on 2026-10-01"),
    ):
        seen = app.queue.examine(held).seen("keep_until")
        app.db.execute(f"update retention_holds set {change} where id = 7")  # noqa: S608
        with pytest.raises(Changed, match=said):
            app.queue.resolve(held, "keep_until", "tested", "alice", values={"until": LATER}, seen=seen)


# ------------------------------------------------------------------ the PDF


def test_a_failed_deletion_releases_nothing(app: Any, held: int) -> None:
    """Where the service refuses, the hold stays in force and the plan keeps its PDF."""
    app.blob.next("403", method="POST")
    before = app.rows()
    with pytest.raises(Failed, match="Vercel Blob answered 403"):
        app.decide_by_two(held, "release_and_delete")
    assert app.rows() == before and app.blob.has(PATH)


def test_a_lost_answer_is_probed_and_never_repeated(app: Any, held: int) -> None:
    """Reset after sending: the probe finds the PDF gone, the hold is released, nothing is sent twice."""
    app.blob.next("reset-after", method="POST")
    item, _ = app.decide_by_two(held, "release_and_delete")
    assert item.resolution == "Hold released, PDF gone, as the blob service said after a deletion without an answer"
    assert app.deletions() == 1 and app.rows()["retention_holds", HOLD]["released_at"] is not None


def test_a_pdf_already_gone_is_success(app: Any, held: int) -> None:
    """Gone is what was wanted: the hold is released, nothing is sent."""
    app.blob.catalogue.delete(PATH)
    item, _ = app.decide_by_two(held, "release_and_delete")
    assert item.resolution == "Hold released, PDF was already gone" and app.deletions() == 0


def test_a_hold_on_a_user_is_released_and_the_user_left_to_its_script(app: Any, changed: Any) -> None:
    """Where there is no PDF only the hold is touched; the plan says so beforehand."""
    hold(app, kind="user", number=USER)
    item, before = exception(app, "user", USER, pdf_url=None), app.rows()
    plan = app.queue.plan(item, "release_and_delete", {})
    resolved, _ = app.decide_by_two(item, "release_and_delete")
    assert changed(before, app.rows()) == {("retention_holds", HOLD)} == touched(plan)
    assert resolved.resolution == "Hold released, there was no PDF to delete" and plan.calls == ()


# ------------------------------------------------------------------ contexts


def test_only_the_plans_own_pdf_is_deleted(app: Any, held: int) -> None:
    """A context that names another PDF than the plan has now, or none, deletes nothing at all."""
    before = app.rows()
    for url in (app.blob.url_of("plans/other.pdf"), None, ["x"], "https://elsewhere.example/x.pdf"):
        app.queue.amend(held, "alice", {"pdf_url": url}, "tested")
        assert "another PDF than the one recorded" in app.refusal(held, "release_and_delete")
    assert app.rows() == before and app.deletions() == 0


def test_only_the_things_own_hold_is_touched(app: Any) -> None:
    """The number of another resource's hold, or of none, is not believed: neither dated nor released."""
    hold(app)
    hold(app, 8, number=12346)
    item, before = exception(app), app.rows()
    for number in (8, 999, "7", True, None, 7.0, 2**80, {"id": 7}):
        app.queue.amend(item, "alice", {"hold_id": number}, "tested")
        told = "There is no hold of the recorded number on meal_plan #12345"
        assert told in app.refusal(item, "keep_until", until=LATER)
        assert told in app.refusal(item, "release_and_delete")
        assert check(app, item, "no_other_hold")[1].startswith("Another hold keeps it: #7")
    assert app.rows() == before


def test_an_item_without_context_can_be_looked_at(app: Any) -> None:
    """Whatever a producer left out, the item is shown, flagged, and can be escalated or deferred."""
    added = app.queue.add("retention_exception", "meal_plan", PLAN, "medium", "under a hold", None)
    nothing = app.queue.add("retention_exception", "recipe", priority="low", reason="odd", resource_key="x")
    for case in (app.queue.examine(added.id), app.queue.examine(nothing.id)):
        assert case.missing == ("Hold id", "Hold", "Placed by")
        assert [offer.option.key for offer in case.offers if offer.because is None] == ["escalate", "defer"]


def test_a_database_without_holds_is_told(app: Any, held: int) -> None:
    """A host that keeps its holds elsewhere gets unknown answers and no option that acts, not an error."""
    app.db.execute("drop table retention_holds")
    case = app.queue.examine(held)
    assert case.answers["hold_in_force"].verdict == "unknown"
    with pytest.raises(Refused, match='"retention_holds" does not exist'):
        app.queue.resolve(held, "keep_until", "tested", "alice", values={"until": LATER})
