"""Board: lanes by priority; one move with its reason; what is refused says why."""

from collections.abc import Callable
from typing import Any

import pytest

from manual_resolution import Queue
from tests.web.conftest import CONSOLE, Browser, hidden, text_of

BOARD = f"{CONSOLE}/board"


@pytest.fixture
def add(queue: Queue) -> Callable[..., int]:
    """`add(7, priority="high")`: the id of a parcel stuck."""

    def add(number: int, priority: str = "medium", reason: str = "it is stuck") -> int:
        return int(queue.add("parcel_stuck", "parcel", number, priority, reason, {"place": "shelf"}).id or 0)

    return add


def order(queue: Queue) -> list[int]:
    return [item.id for item in queue.list()]


def move(browser: Browser, number: int, to: str = "position", **typed: str) -> Any:
    """Fill in the form of an item's card and send it."""
    page = browser.get(BOARD).text
    fields = hidden(page, f"/board/{number}/position")
    return browser.post(f"{BOARD}/{number}/{to}", data=fields | {"justification": "the customer waits"} | typed)


def test_lanes_hold_what_waits(alice: Browser, queue: Queue, add: Callable[..., int]) -> None:
    """Each lane holds its priority in the order of work, counted, says why each stands there; owned ones are gone."""
    for n, priority in enumerate(("high", "low", "high", "critical"), 1):
        add(n, priority)
    queue.place(3, "bob", "he asked twice")
    queue.claim(2, "bob")
    page = alice.get(BOARD).text
    text = text_of(page)
    assert page.index('id="ticket-4"') < page.index('id="ticket-3"') < page.index('id="ticket-1"')
    assert 'id="ticket-2"' not in page
    assert "high 2" in text and "low 0" in text
    assert "Placed here by bob until 20" in text and "he asked twice" in text


def test_a_move_is_made_and_the_board_shown_again(alice: Browser, queue: Queue, add: Callable[..., int]) -> None:
    """Up, down, first, back by the deadline and another lane, without a script; the reason is on record."""
    for n in (1, 2, 3):
        add(n)
    assert move(alice, 3, before="2").url.path == BOARD
    assert order(queue) == [1, 3, 2]
    move(alice, 1, after="3")
    assert order(queue) == [3, 1, 2]
    move(alice, 2, place="first", span="2h")
    assert order(queue) == [2, 3, 1]
    move(alice, 2, place="by-deadline")
    assert order(queue) == [3, 1, 2]
    move(alice, 2, to="priority", priority="high")
    assert order(queue) == [2, 3, 1]
    assert [event.verb for event in queue.history(2)] == ["add", "place", "place", "priority"]
    assert (queue.history(2)[-1].private or {})["justification"] == "the customer waits"


def test_a_refused_move_says_why(alice: Browser, queue: Queue, add: Callable[..., int]) -> None:
    """Above the board stands why nothing was done; the reason that was typed is still there."""
    add(1, "critical")
    add(2, "critical")
    add(3)
    told = move(alice, 1, before="2")
    assert (told.status_code, "#1 is critical: critical items go by their deadline" in text_of(told.text)) == (
        409,
        True,
    )
    assert "the customer waits" in told.text
    assert "#1 is critical, #3 medium" in text_of(move(alice, 3, before="1").text)
    for typed in (
        {},
        {"before": "x"},
        {"before": "1", "after": "2"},
        {"place": "nowhere"},
        {"place": "first", "span": "x"},
    ):
        assert move(alice, 3, **typed).status_code == 422, typed
    assert move(alice, 3, place="first", justification=" ").status_code == 422
    assert move(alice, 3, to="priority", priority="urgent").status_code == 422


def test_a_stale_board_does_nothing(alice: Browser, queue: Queue, add: Callable[..., int]) -> None:
    """A move made on an older version says what happened since, and by whom."""
    add(1)
    add(2)
    page = alice.get(BOARD).text
    queue.note(2, "bob", "called them")
    fields = hidden(page, "/board/2/position") | {"justification": "x", "place": "first"}
    told = alice.post(f"{BOARD}/2/position", data=fields)
    assert (told.status_code, "note by bob" in text_of(told.text)) == (409, True)
    assert order(queue) == [1, 2]


def test_the_board_is_narrowed(alice: Browser, add: Callable[..., int]) -> None:
    """The board takes what the queue's page takes; what cannot be asked is told."""
    add(1, reason="fell into the river")
    add(2)
    page = alice.get(f"{BOARD}?text=river").text
    assert 'id="ticket-1"' in page and 'id="ticket-2"' not in page
    assert "text" in text_of(alice.get(f"{BOARD}?text=%3F").text)
    assert alice.get(f"{BOARD}/1/position").url.path == BOARD


def test_nothing_that_producers_write_acts(alice: Browser, queue: Queue) -> None:
    """A reason and a type full of markup stay text on the board."""
    queue.add("x", "t", 1, "low", "<script>alert(1)</script> \u202eevil")
    page = alice.get(BOARD).text
    assert "<script>alert" not in page and "\u202e" not in page
    assert "&lt;script&gt;" in page
