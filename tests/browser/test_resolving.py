"""Resolve an item: each kind of option, values, a refusal in place, one after the other."""

import pytest
from playwright.sync_api import expect

from manual_resolution import Queue
from tests.browser.operator import CONSOLE, Operator


@pytest.fixture
def stuck(queue: Queue) -> int:
    """A parcel that is stuck."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here", "email": "ada@example.com"})
    return 1


def test_resolve_with_values(alice: Operator, queue: Queue, stuck: int) -> None:
    """A digit, the value, the reason and Enter resolve the item, and the page says how."""
    alice.opens(stuck)
    alice.presses("1")
    alice.types("12")
    alice.presses("Enter")
    alice.types("she called")
    alice.presses("Enter")
    alice.sees("Sent to Main 12")
    assert queue.get(stuck).resolution == "Sent to Main 12"
    expect(alice.page).to_have_url(alice.page.url.partition("/admin")[0] + f"{CONSOLE}/1")


def test_a_wrong_value_is_told_in_place(alice: Operator, queue: Queue, stuck: int) -> None:
    """A value that is not allowed is named, nothing typed is lost, and the corrected value resolves the item."""
    alice.opens(stuck)
    alice.decides(1, "she called", "twelve")
    alice.is_told("house = 'twelve' is not allowed: a whole number.")
    alice.has_typed("she called")
    expect(alice.field("House number")).to_have_value("twelve")
    alice.field("House number").fill("12")
    alice.clicks("Decide")
    alice.sees("Sent to Main 12")


def test_a_definite_failure_stays_in_place(alice: Operator, queue: Queue, stuck: int) -> None:
    """The service's refusal is told above the item, which may be decided anew at once."""
    alice.opens(stuck)
    alice.decides(4, "perhaps they know")
    alice.is_told("The carrier said no (404)")
    alice.decides(3, " not")
    alice.sees("Given back")


def test_one_after_the_other(alice: Operator, queue: Queue, stuck: int) -> None:
    """From *Next* on, a decision brings the next item, until nothing more waits."""
    queue.add("parcel_stuck", "parcel", 2, "low", "eaten")
    alice.begins()
    for number in (1, 2):
        alice.is_at(number)
        alice.decides(3, "nobody wants it")
    alice.sees("Nothing more waits for you")
    alice.sees("#2 resolved: Given back")
