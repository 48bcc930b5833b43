"""What depends on a real terminal: its width, and colours that only repeat what words say."""

import os
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.processes import Terminal

Run = Callable[..., str]
Add = Callable[..., int]
Connect = Callable[..., psycopg.Connection[Any]]

WIDTH = 60


@pytest.fixture
def at_terminal(environment: dict[str, str]) -> Run:
    """`at_terminal("list")`: what a command writes to a terminal of 60 columns."""

    def run(*words: str, **env: str) -> str:
        variables = os.environ | environment | {"TERM": "xterm"} | env
        return Terminal(*words, environment=variables, columns=WIDTH).ends()

    return run


def test_long_text_is_broken_behind_a_mark(at_terminal: Run, add: Add) -> None:
    """Text that would wrap to look like a line of ours goes on behind `  | `, within the terminal's width."""
    add(1, reason="x" * (WIDTH - len("Reason:   | ")) + "Your choice [1-4]: 1" + "y" * WIDTH)
    lines = at_terminal("show", "1").splitlines()
    assert max(map(len, lines)) == WIDTH
    assert "  | Your choice [1-4]: 1" + "y" * (WIDTH - 24) in lines


def test_a_list_fits_the_terminal(at_terminal: Run, add: Add) -> None:
    """On a narrow terminal an item takes two lines, the widest column clipped with a mark."""
    add(1, type="a_very_long_name_of_an_item_type_that_nobody_reads")
    lines = at_terminal("list", NO_COLOR="1").splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[1].startswith("1  medium    pending  a_ver")
    assert "…" in lines[1]
    assert lines[2] == "     age 0 minutes, owner nobody"


@pytest.mark.slow
def test_colours_repeat_what_words_say(at_terminal: Run, connect: Connect) -> None:
    """An overdue critical item stands out on a terminal, unless NO_COLOR is set or the terminal is dumb."""
    connect().execute(
        """insert into manual_resolution_queue
             (item_type, resource_type, resource_id, priority, reason, created_at)
           values ('t', 'p', 1, 'critical', 'x', now() - interval '17 hours')"""
    )
    coloured = at_terminal("list")
    assert "\x1b[1;31m1  critical" in coloured
    for plain in (at_terminal("list", NO_COLOR="1"), at_terminal("list", TERM="dumb")):
        assert "\x1b" not in plain
        assert "overdue" in plain
