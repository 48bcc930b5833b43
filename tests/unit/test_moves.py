"""The table of moves as data."""

from itertools import product

from manual_resolution.item import STATUSES
from manual_resolution.moves import MOVES, OPEN, may_follow


def test_the_pairs_that_may_follow() -> None:
    """Nothing follows resolved, escalated never becomes pending, everything else is possible."""
    refused = {(before, after) for before, after in product(STATUSES, STATUSES) if not may_follow(before, after)}
    assert refused == {("escalated", "pending")} | {("resolved", after) for after in STATUSES}


def test_open_is_everything_but_resolved() -> None:
    """Three of the four statuses are open."""
    assert set(OPEN) == set(STATUSES) - {"resolved"}


def test_every_status_is_reached_and_left() -> None:
    """Each status is the end of some move, and each but resolved the start of one."""
    assert {status for move in MOVES for status in move.after} == set(STATUSES)
    assert {status for move in MOVES for status in move.before} == set(OPEN)


def test_only_adding_makes_an_item() -> None:
    """One move starts from nothing, and it leads to pending."""
    assert [(move.after, move.by) for move in MOVES if not move.before] == [(("pending",), "add")]
