"""Note, defer, escalate."""

import pytest

from manual_resolution import Queue
from tests.browser.operator import Operator


@pytest.fixture
def stuck(queue: Queue) -> int:
    """A parcel that is stuck."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    return 1


def test_note(alice: Operator, queue: Queue, stuck: int) -> None:
    """A note stands in the history at once."""
    alice.opens(stuck)
    alice.notes("rang twice")
    alice.sees("rang twice")
    assert queue.history(stuck)[-1].verb == "note"


def test_defer(alice: Operator, queue: Queue, stuck: int) -> None:
    """An item put aside says for how long."""
    alice.opens(stuck)
    alice.defers("2h", "she is away")
    alice.sees("put aside for")
    assert queue.get(stuck).held == "deferred"


def test_escalate(alice: Operator, queue: Queue, stuck: int) -> None:
    """An item passed on says to whom."""
    alice.opens(stuck)
    alice.escalates("support", "theirs")
    alice.sees("for support")
    assert queue.get(stuck).escalated_to == "support"


def test_what_is_passed_on_is_not_served_again(alice: Operator, queue: Queue, stuck: int) -> None:
    """On the way through the queue an item put aside makes room for the next one."""
    queue.add("parcel_stuck", "parcel", 2, "low", "eaten", {"place": "here"})
    alice.begins()
    alice.is_at(1)
    alice.defers("2h", "she is away")
    alice.is_at(2)
    alice.gives_back()
    alice.sees("Nothing more waits for you")
