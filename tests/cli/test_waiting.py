"""Waiting at the terminal: for the next item, and in a session before an empty queue."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.listening import listeners, until, until_nobody_listens
from tests.processes import Terminal

CTRL_C = "\x03"
EMPTY = "Nothing waits. New items come by themselves; q ends."


@pytest.fixture
def at_terminal(environment: dict[str, str]) -> Iterator[Callable[..., Terminal]]:
    """`at_terminal("next")`: a command at a terminal of its own."""
    opened = []

    def begin(*words: str) -> Terminal:
        opened.append(Terminal(*words, environment=os.environ | environment))
        return opened[-1]

    yield begin
    for terminal in opened:
        terminal.close()


@pytest.fixture
def until_it_waits(connect: Callable[..., psycopg.Connection[Any]]) -> Callable[[], None]:
    """Returns when somebody listens for arrivals."""
    db = connect()
    until_nobody_listens(db)
    return lambda: until(lambda: bool(listeners(db)))


def test_next_waits(mrq: Any, at_terminal: Any, add: Any, until_it_waits: Callable[[], None]) -> None:
    """`mrq next --wait` claims and prints what comes in that time, as `mrq next` does."""
    waiting = at_terminal("next", "--wait", "10m", "--json")
    until_it_waits()
    number = add(1)
    assert f'"id": {number}, ' in waiting.ends()
    assert mrq("next", "--wait", "1s", "--json").json is None


def test_ctrl_c_ends_the_wait(at_terminal: Any, until_it_waits: Callable[[], None]) -> None:
    """Ctrl-C ends waiting at once, as it ends everything."""
    waiting = at_terminal("next", "--wait", "10m")
    until_it_waits()
    assert waiting.types(CTRL_C).ends(130).endswith("Stopped.\n")


def test_a_session_waits(mrq: Any, at_terminal: Any, add: Any, until_it_waits: Callable[[], None]) -> None:
    """`mrq process --wait` before an empty queue brings what comes, then waits again; `q` ends it."""
    session = at_terminal("process", "--wait").sees(EMPTY)
    until_it_waits()
    number = add(1)
    session.sees(f"Queue Item #{number} ").answers(
        ("Your choice [1-4]: ", "1"), ("House [7]: ", ""), ("Speed (slow, fast) [slow]: ", ""), ("Why? ", "it was torn")
    )
    session.sees("Resolution recorded", EMPTY)
    session.types("what?\n").types("q\n").ends()
    assert mrq("show", number, "--json").json["status"] == "resolved"


def test_ctrl_c_ends_a_waiting_session(at_terminal: Any, until_it_waits: Callable[[], None]) -> None:
    """Ctrl-C ends a session that waits, too."""
    session = at_terminal("process", "--wait").sees(EMPTY)
    until_it_waits()
    session.types(CTRL_C).ends(130)


def test_without_input_nobody_waits(mrq: Any) -> None:
    """A session whose input has ended does not wait: nobody is there."""
    assert mrq("process", "--wait").out == f"{EMPTY}\n"
