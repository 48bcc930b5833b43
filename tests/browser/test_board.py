"""Board: drag by mouse and by keys."""

import pytest
from playwright.sync_api import expect

from manual_resolution import Queue
from tests.browser.operator import CONSOLE, Operator


@pytest.fixture
def parcels(queue: Queue) -> Queue:
    """Four medium parcels and a high one."""
    for n in range(1, 5):
        queue.add("parcel_stuck", "parcel", n, "medium", f"reason {n}", {"place": "here"})
    queue.add("parcel_stuck", "parcel", 5, "high", "reason 5", {"place": "here"})
    return queue


def order(queue: Queue) -> list[int]:
    return [item.id for item in queue.list()]


def opens_board(one: Operator) -> None:
    one.page.goto(f"{CONSOLE}/board")
    expect(one.page.locator("[data-armed]")).to_have_count(1)


def drags(one: Operator, number: int, onto: str, *, above: bool = True) -> None:
    """Takes a ticket with the mouse and lets it go on another place."""
    ticket, target = one.page.locator(f"#ticket-{number} .standing"), one.page.locator(onto)
    ticket.hover()
    one.page.mouse.down()
    box = target.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + (6 if above else box["height"] - 6)
    for step in (30, 10, 4, 0):
        one.page.mouse.move(x, y + step, steps=4)
    one.page.mouse.up()


def says_why(one: Operator, why: str) -> None:
    expect(one.page.locator("#moving textarea")).to_be_focused()
    one.page.keyboard.type(why)
    one.page.keyboard.press("Enter")
    expect(one.page.locator("#moving[open]")).to_have_count(0)


def test_drag_within_a_lane(alice: Operator, parcels: Queue) -> None:
    """A ticket let go above another stands there, with the reason and who placed it."""
    opens_board(alice)
    drags(alice, 4, "#ticket-2")
    says_why(alice, "the customer waits")
    alice.sees("Placed here by alice")
    assert order(parcels) == [5, 1, 4, 2, 3]
    assert parcels.get(4).position_reason == "the customer waits"


def test_drag_across_lanes(alice: Operator, parcels: Queue) -> None:
    """A ticket let go in another lane gets its priority."""
    opens_board(alice)
    drags(alice, 3, "#ticket-5")
    says_why(alice, "urgent now")
    expect(alice.page.locator("[data-lane=high] #ticket-3")).to_be_visible()
    assert parcels.get(3).priority == "high"


def test_move_by_keys(alice: Operator, parcels: Queue) -> None:
    """Alt with the arrow keys moves the ticket that has the focus, up, and to another lane."""
    opens_board(alice)
    alice.page.locator("#ticket-2 .open").focus()
    alice.presses("Alt+ArrowUp")
    says_why(alice, "first please")
    alice.sees("Placed here by alice")
    assert order(parcels) == [5, 2, 1, 3, 4]
    alice.page.locator("#ticket-1 .open").focus()
    alice.presses("Alt+ArrowRight")
    says_why(alice, "not so urgent")
    expect(alice.page.locator("[data-lane=low] #ticket-1")).to_be_visible()
    assert parcels.get(1).priority == "low"


def test_a_refused_drag_says_why_and_leaves_the_board_as_it_is(alice: Operator, parcels: Queue) -> None:
    """A critical ticket is not placed by hand: the page says so."""
    for n in (6, 7):
        parcels.add("parcel_stuck", "parcel", n, "critical", "burns", {"place": "here"})
    opens_board(alice)
    drags(alice, 7, "#ticket-6")
    says_why(alice, "me first")
    alice.is_told("#7 is critical: critical items go by their deadline.")
    assert order(parcels)[:2] == [6, 7]


def test_a_drop_thought_better_of_changes_nothing(alice: Operator, parcels: Queue) -> None:
    """Leaving the question without a reason puts the ticket back."""
    opens_board(alice)
    drags(alice, 4, "#ticket-1")
    expect(alice.page.locator("#moving textarea")).to_be_focused()
    alice.presses("Escape")
    ids = "tickets => tickets.map(one => one.id)"
    assert alice.page.locator("[data-lane=medium] [data-ticket]").evaluate_all(ids) == [
        f"ticket-{n}" for n in range(1, 5)
    ]
    assert order(parcels) == [5, 1, 2, 3, 4]


def test_an_item_that_arrives_while_dragging_waits(alice: Operator, parcels: Queue) -> None:
    """The board stays still under the hand that drags, and shows what arrived once it let go."""
    opens_board(alice)
    alice.page.locator("#ticket-4 .standing").hover()
    alice.page.mouse.down()
    box = alice.page.locator("#ticket-2").bounding_box()
    assert box
    alice.page.mouse.move(box["x"] + 20, box["y"] + 10, steps=6)
    expect(alice.page.locator("body.dragging")).to_have_count(1)
    parcels.add("parcel_stuck", "parcel", 9, "medium", "new", {"place": "here"})
    expect(alice.page.locator("#meanwhile")).to_be_visible()
    expect(alice.page.locator("#ticket-6")).to_have_count(0)
    alice.page.mouse.up()
    says_why(alice, "still mine to move")
    expect(alice.page.locator("#ticket-6")).to_be_visible()
    assert parcels.get(4).position_reason == "still mine to move"
