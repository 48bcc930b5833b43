"""Claim an item, and give it back."""

from manual_resolution import Queue
from tests.browser.operator import Operator


def test_claim_and_give_back(alice: Operator, queue: Queue) -> None:
    """One key claims the item, another gives it back; both show at once."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number")
    alice.opens(1)
    alice.claims()
    assert queue.get(1).assigned_to == "alice"
    alice.gives_back()
    alice.sees("Nobody holds it.")
    assert queue.get(1).status == "pending"


def test_from_the_list_by_keys(alice: Operator, queue: Queue) -> None:
    """Keys go down the list, select a row and open one."""
    for n, priority in ((1, "high"), (2, "medium"), (3, "low")):
        queue.add("parcel_stuck", "parcel", n, priority, "stuck")
    alice.opens_queue()
    alice.sees_items(1, 2, 3)
    alice.presses("j", "j", "x")
    alice.sees("1 selected")
    alice.presses("j", "Enter")
    alice.is_at(3)


def test_the_keys_are_listed(alice: Operator, queue: Queue) -> None:
    """A question mark lists what the keys of this page do."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number")
    alice.opens(1)
    alice.presses("?")
    for text in ("Choose an option", "Claim", "Note", "Defer", "Escalate"):
        alice.page.get_by_role("dialog").get_by_text(text, exact=True).wait_for()
    alice.presses("Escape")
    alice.claims()
