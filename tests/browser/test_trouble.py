"""What goes wrong between a browser and a server: nothing is done twice, nothing typed is lost."""

import pytest
from playwright.sync_api import expect

from manual_resolution import Queue
from manual_resolution.people import People
from tests.browser.conftest import ADMIN, PASSWORD, Come
from tests.browser.operator import CONSOLE, Operator


@pytest.fixture
def stuck(queue: Queue) -> int:
    """A parcel that is stuck."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    return 1


def test_a_double_click_decides_once(alice: Operator, queue: Queue, stuck: int) -> None:
    """Two clicks on the button send one decision."""
    alice.opens(stuck)
    alice.presses("3")
    alice.types("nobody wants it")
    alice.page.get_by_role("button", name="Decide", exact=True).dblclick()
    alice.sees("Given back")
    assert [event.verb for event in queue.history(stuck)] == ["add", "resolve"]


def test_a_stale_tab_keeps_what_was_typed(alice: Operator, queue: Queue, stuck: int) -> None:
    """What another person changed meanwhile is told, the typed reason is kept, and sending it again decides."""
    alice.opens(stuck)
    alice.presses("3")
    alice.types("a long thought")
    queue.set_priority(stuck, "bob", "critical", "on fire")
    alice.presses("Enter")
    alice.is_told("priority by bob")
    alice.has_typed("a long thought")
    alice.clicks("Decide")
    alice.sees("Given back")


def test_two_tabs_one_decision(operator: Come, queue: Queue, stuck: int) -> None:
    """Of two who decide from the same page the second is told what the first did, and nothing is done twice."""
    alice, bob = operator("alice"), operator("bob")
    for one in (alice, bob):
        one.opens(stuck)
    alice.decides(3, "nobody wants it")
    alice.sees("Given back")
    bob.sees("Given back")
    assert [event.verb for event in queue.history(stuck)] == ["add", "resolve"]


def test_the_back_button_shows_the_item_as_it_is(alice: Operator, queue: Queue, stuck: int) -> None:
    """After a decision, back leads to pages that show what is true now; nothing there can be sent twice."""
    alice.opens_queue()
    alice.page.get_by_role("link", name="#1").click()
    alice.is_at(stuck)
    alice.claims()
    alice.decides(3, "nobody wants it")
    alice.sees("Given back")
    alice.page.go_back()
    expect(alice.page.get_by_role("button", name="Decide", exact=True)).to_have_count(0)
    alice.page.go_forward()
    alice.sees("Given back")
    alice.page.reload()
    alice.sees("Given back")
    assert [event.verb for event in queue.history(stuck)] == ["add", "claim", "resolve"]


def test_offline_while_sending(alice: Operator, queue: Queue, stuck: int) -> None:
    """A server that is not reached is told, what was typed stays, and the same button sends it once it is back."""
    alice.opens(stuck)
    alice.presses("3")
    alice.types("nobody wants it")
    alice.page.context.set_offline(True)
    alice.presses("Enter")
    alice.is_told("The server was not reached")
    alice.has_typed("nobody wants it")
    assert queue.get(stuck).status == "pending"
    alice.page.context.set_offline(False)
    alice.clicks("Decide")
    alice.sees("Given back")
    assert [event.verb for event in queue.history(stuck)] == ["add", "resolve"]


def test_an_answer_that_was_lost(alice: Operator, queue: Queue, stuck: int) -> None:
    """The decision arrived and its answer did not: sent again, the page says what was done, and it is not repeated."""
    alice.opens(stuck)

    def lose(route: object) -> None:
        route.fetch(max_redirects=0)  # type: ignore[attr-defined]
        route.abort()  # type: ignore[attr-defined]

    alice.page.route("**/resolution", lose, times=1)
    alice.decides(3, "nobody wants it")
    alice.is_told("nothing is known to have been done")
    alice.clicks("Decide")
    alice.sees("Given back")
    assert [event.verb for event in queue.history(stuck)] == ["add", "resolve"]


def test_a_revoked_session_loses_nothing_typed(operator: Come, people: People, queue: Queue, stuck: int) -> None:
    """Signed out by an admin while typing: nothing is done, and after signing in the typed text stands there again."""
    bob = operator("bob", roles=("operator",))
    bob.opens(stuck)
    bob.presses("3")
    bob.types("a long thought")
    for session in people.sessions(ADMIN):
        people.end_session(ADMIN, session.id)
    bob.presses("Enter")
    expect(bob.page.get_by_label("Password")).to_be_visible()
    assert queue.get(stuck).status == "pending"
    bob.enters(PASSWORD)
    bob.is_at(stuck)
    bob.has_typed("a long thought")
    assert bob.page.url.endswith(f"{CONSOLE}/1")
