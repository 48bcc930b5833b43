"""Two browsers: what one does, the other sees; nobody's typing is lost."""

import pytest
from playwright.sync_api import expect

from manual_resolution import Queue
from tests.browser.conftest import Come
from tests.browser.operator import Operator


@pytest.fixture
def stuck(queue: Queue) -> int:
    """A parcel that is stuck."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    return 1


def test_a_claim_and_a_new_item_show_elsewhere(operator: Come, queue: Queue, stuck: int) -> None:
    """A claim and an arrival stand in another's open queue, without a reload; how soon, tests/web/test_live.py asks."""
    alice, bob = operator("alice"), operator("bob")
    alice.opens_queue()
    bob.opens(stuck)
    bob.claims()
    expect(alice.page.locator("#item-1 .tags")).to_contain_text("bob", timeout=10_000)
    queue.add("parcel_stuck", "parcel", 2, "critical", "burns", {"place": "here"})
    expect(alice.page.locator("#item-2")).to_be_visible(timeout=10_000)


def test_who_looks_is_shown(operator: Come, stuck: int) -> None:
    """Each sees that the other has the item open, and no more once they left."""
    alice, bob = operator("alice"), operator("bob")
    alice.opens(stuck)
    bob.opens(stuck)
    alice.sees("bob looks at it too.")
    bob.sees("alice looks at it too.")
    bob.opens_queue()
    expect(alice.page.locator("[data-here]")).to_be_hidden()


def test_typing_is_not_disturbed_and_not_lost(operator: Come, queue: Queue, stuck: int) -> None:
    """While somebody types the page says what changed and by whom; shown anew, what was typed stands there still."""
    alice = operator("alice")
    alice.opens(stuck)
    reason = alice.page.locator("[data-why]").first
    reason.fill("because I know the house")
    queue.note(stuck, "bob", "called them")
    expect(alice.page.locator("#meanwhile")).to_contain_text("note by bob", timeout=10_000)
    expect(reason).to_have_value("because I know the house")
    alice.clicks("Show it as it is now")
    alice.sees("called them")
    expect(alice.page.locator("[data-why]").first).to_have_value("because I know the house")


def test_typed_text_survives_a_revoked_session(operator: Come, queue: Queue, stuck: int) -> None:
    """Signed out elsewhere while typing, a person finds the text again after signing in."""
    alice: Operator = operator("alice")
    alice.opens(stuck)
    with alice.page.expect_response("**/draft"):
        alice.page.locator("[data-why]").first.fill("because I know the house")
    alice.page.context.clear_cookies()
    again = operator("alice")
    again.opens(stuck)
    expect(again.page.locator("[data-why]").first).to_have_value("because I know the house")
    again.sees("What you typed is still here")
