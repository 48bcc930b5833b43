"""The sample application's ten lessons, decided in the browser: each type, each kind of option, truly carried out."""

import pytest

from manual_resolution import Queue
from tests.browser.conftest import Application, Come


@pytest.fixture
def lessons(application: Application) -> Application:
    """Its scripts failed."""
    application.fails()
    return application


def test_each_lesson_is_decided_right(operator: Come, lessons: Application, queue: Queue) -> None:
    """Every right option works from the page, with its values, and its effect is in the application's own data."""
    alice, bob = operator("alice"), operator("bob")
    for number, lesson in enumerate(lessons.lessons, 1):
        alice.opens(number)
        alice.page.locator(f"input[name=option][value={lesson.option}]").check()
        alice.page.locator("[data-why]").fill("as the lesson says")
        with alice.page.expect_response("**/resolution"):
            alice.clicks("Decide")
        if queue.get(number).held == "approval":
            bob.opens(number)
            bob.clicks("Approve")
            bob.sees("Resolved")
        item = queue.get(number)
        assert {"escalate": "escalated", "defer": "deferred"}.get(lesson.option, "resolved") in (
            item.status, item.held
        ), (number, lesson.option, alice.reads_aloud()[:500])  # fmt: skip
        if lesson.resolution:
            assert item.resolution == lesson.resolution
    assert lessons.one("select count(*) from quiz_responses where id = 67533") == 0
    assert lessons.one("select user_id from quiz_responses where id = 67890") == 604
    assert lessons.one("select pdf_url is null from meal_plans where id = 12345")
    assert not lessons.blob.has("plans/12345-Xy7.pdf")
    assert lessons.one("select count(*) from email_blacklist where id = 21") == 0
    assert lessons.one("select count(*) from email_blacklist where id = 22") == 1
