"""Propose, approve, deny; confirm an unknown outcome; try a decision dry."""

import pytest

from manual_resolution import Queue
from tests.browser.conftest import Come
from tests.browser.operator import CONSOLE, Operator


@pytest.fixture
def stuck(queue: Queue) -> int:
    """A parcel that is stuck."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    return 1


def test_another_person_approves(alice: Operator, operator: Come, queue: Queue, stuck: int) -> None:
    """What one proposes another finds among the approvals, looks at, and approves by one key."""
    alice.opens(stuck)
    alice.decides(2, "it smells")
    alice.sees("alice proposes Burn it")
    bob = operator("bob")
    bob.page.goto(f"{CONSOLE}/approvals")
    bob.page.get_by_role("link", name="Look, then approve or deny").click()
    bob.is_at(stuck)
    bob.presses("a")
    bob.sees("approved by bob")
    assert queue.get(stuck).resolution == "Burnt"


def test_denied_with_a_reason(alice: Operator, operator: Come, queue: Queue, stuck: int) -> None:
    """Who denies says why, and the proposer finds the reason, and their own words to send again."""
    alice.opens(stuck)
    alice.decides(2, "it smells")
    alice.sees("alice proposes Burn it")
    bob = operator("bob")
    bob.opens(stuck)
    bob.page.locator("[data-why]").fill("open a window")
    bob.clicks("Deny")
    bob.sees("alice holds it")
    alice.opens(stuck)
    alice.sees("“open a window”")
    alice.has_typed("it smells")


def test_an_unknown_outcome_is_confirmed(alice: Operator, queue: Queue, stuck: int) -> None:
    """Without an answer nothing is repeated; what somebody found out settles it."""
    alice.opens(stuck)
    alice.decides(5, "why not")
    alice.sees("What came of it is not known")
    alice.page.locator("[data-why]").fill("heard it")
    alice.clicks("It was done")
    alice.sees("Resolved")


def test_a_dry_run(alice: Operator, queue: Queue, stuck: int) -> None:
    """A dry run with what was typed says what it would touch, keeps what was typed, and does nothing."""
    alice.opens(stuck)
    alice.presses("1")
    alice.types("12")
    alice.presses("Escape", "p")
    alice.sees("It would touch:")
    alice.sees("house = 12")
    assert queue.get(stuck).version == 1
