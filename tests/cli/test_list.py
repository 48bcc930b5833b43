"""Listing: the order of work, filters, and lines that eyes and ears can use."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from manual_resolution.cli.show import COLUMNS

Run = Callable[..., Any]
Add = Callable[..., int]
Connect = Callable[..., psycopg.Connection[Any]]

BOB = ("--as", "bob@example.com")


def ids(mrq: Run, *words: str) -> list[int]:
    """The ids that `mrq list` prints as JSON."""
    return [item["id"] for item in mrq("list", *words, "--json").json]


def test_items_are_listed_in_the_order_of_work(mrq: Run, add: Add) -> None:
    """Critical before high before medium before low, held ones too; resolved ones only on demand, last."""
    for number, priority in enumerate(("low", "medium", "critical", "high"), 1):
        add(number, priority=priority)
    add(5, priority="critical")
    mrq("resolve", 5, "--option", "send", "--set", "house=1", "-m", "x")
    mrq("claim", 3)
    assert ids(mrq) == [3, 4, 2, 1]
    assert ids(mrq, "--all") == [3, 4, 2, 1, 5]
    assert ids(mrq, "--status", "resolved") == [5]


def test_filters_narrow_the_list(mrq: Run, add: Add) -> None:
    """Each filter keeps what fits it, and they add up."""
    add(1, priority="high")
    add(2, type="other")
    add(3)
    mrq("escalate", 3, "--to", "support", "-m", "x")
    mrq("claim", 2, *BOB)
    assert ids(mrq, "--priority", "high") == [1]
    assert ids(mrq, "--type", "other") == [2]
    assert ids(mrq, "--resource", "parcel:3") == [3]
    assert ids(mrq, "--resource", "parcel") == [1, 2, 3]
    assert ids(mrq, "--team", "support") == [3]
    assert ids(mrq, "--owner", "bob@example.com") == [2]
    assert ids(mrq, "--status", "pending") == [1]
    assert ids(mrq, "--status", "pending", "--type", "other") == []


def test_a_list_says_when_there_is_more(mrq: Run, add: Add) -> None:
    """At most `--limit` items are shown, and that there are more is said beside the plain JSON array."""
    for number in range(1, 4):
        add(number)
    some = mrq("list", "--limit", "2", "--json")
    assert len(some.json) == 2
    assert "there are more" in some.err
    assert mrq("list", "--limit", "3").err == ""


def test_an_empty_list_is_a_sentence(mrq: Run) -> None:
    """Nothing to list is said, not shown as an empty table."""
    assert mrq("list").out == "Nothing waits.\n"
    assert mrq("list", "--type", "other").out == "Nothing matches.\n"
    assert mrq("mine").out == "You hold nothing.\n"
    assert mrq("list", "--json").json == []


def test_mine_lists_what_i_hold(mrq: Run, add: Add) -> None:
    """Only my own items are mine."""
    for number in (1, 2, 3):
        add(number)
    mrq("next")
    mrq("next", *BOB)
    assert [item["id"] for item in mrq("mine", "--json").json] == [1]
    assert [item["id"] for item in mrq("mine", *BOB, "--json").json] == [2]


def test_a_line_says_everything_in_words(mrq: Run, add: Add) -> None:
    """Number, priority, status, type, resource, age, due, owner, notes: aligned columns, in words."""
    add(1, priority="critical")
    mrq("claim", add(2, priority="high"), *BOB)
    add(1, priority="critical")
    head, first, second = mrq("list").out.splitlines()
    assert head.split() == list(COLUMNS)
    assert first.startswith("1  critical  pending")
    assert first.endswith("parcel #1  due in 3 h 59 min  0 minutes  nobody           2 times")
    assert second.endswith("parcel #2  due in 23 h        0 minutes  bob@example.com")


def test_overdue_is_said_in_words_not_by_colour_alone(mrq: Run, connect: Connect) -> None:
    """An overdue item's line says by how much; output that is no terminal has no colours."""
    connect().execute(
        """insert into manual_resolution_queue
             (item_type, resource_type, resource_id, priority, reason, created_at)
           values ('parcel_stuck', 'parcel', 1, 'critical', 'x', now() - interval '17 hours')"""
    )
    told = mrq("list").out
    assert "overdue by 13 h" in told
    assert "17 hours" in told
    assert "\x1b" not in told


def test_untrusted_text_forges_nothing_in_a_list(mrq: Run, connect: Connect) -> None:
    """Whatever SQL put into the columns shown, an item stays one line and nothing moves the cursor."""
    db = connect()
    db.execute(
        """insert into manual_resolution_queue (item_type, resource_type, resource_key, priority, reason)
           values (E'odd\\x1b[2J', E'x\\n#  critical', E'\\u202e9 \\u009b', 'low', 'x')"""
    )
    db.execute("update manual_resolution_queue set status = 'assigned', assigned_to = E'eve\\r\\x07'")
    told = mrq("list").out
    assert told.count("\n") == 2
    for part in (r"odd\x1b[2J", r"x\n#", "<U+202E>9", r"\x9b", r"eve\r\x07"):
        assert part in told
    assert all(line.isprintable() for line in told.splitlines())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--priority", "urgent"], "critical, high, medium, low"),
        (["--status", "open"], "pending, assigned, escalated, resolved"),
        (["--type", "a/b"], "item_type"),
        (["--type", "a\udcff"], "item_type"),
        (["--resource", "parcel:x"], "resource_id"),
        (["--resource", "a b"], "resource_type"),
        (["--resource", ""], "resource_type"),
        (["--team", "A"], "team"),
        (["--owner", "a\x1b"], "owner"),
        (["--text", "?"], "text"),
        (["--age", "3"], "age"),
        (["--held", "lost"], "deferred, approval, attempt, batch"),
        (["--field", "place"], "NAME=VALUE"),
        (["--field", "place=2026-13-01.."], "a range of dates"),
        (["--after", "x"], "a cursor"),
        (["--limit", "1e3"], "--limit"),
        (["--limit", "-1"], "--limit"),
    ],
)
def test_wrong_filters_are_named(mrq: Run, words: list[str], named: str) -> None:
    """A filter that can fit nothing ends with 2 and says what is allowed, instead of an empty list."""
    ended = mrq("list", *words)
    assert (ended.code, ended.out) == (2, "")
    assert named in ended.err


def test_a_list_goes_on_where_it_ended(mrq: Run, add: Add) -> None:
    """The cursor that a list names shows the next items, until none is left to name."""
    for number in range(1, 4):
        add(number)
    some = mrq("list", "--limit", "2", "--json")
    after = some.err.split("--after ")[1].strip()
    rest = mrq("list", "--limit", "2", "--after", after, "--json")
    assert ([item["id"] for item in rest.json], rest.err) == ([3], "")
    assert mrq("list", "--after", after, "--type", "other").out == "Nothing matches.\n"


def test_a_list_is_narrowed_by_what_items_say(mrq: Run, add: Add) -> None:
    """Words, facts, age and overdue narrow the list in the terminal too; a fact nobody declares is named."""
    add(1, place="cellar", reason="It stands under water")
    add(2)
    assert ids(mrq, "--text", "under WATER") == ids(mrq, "--field", "place=cellar") == [1]
    assert ids(mrq, "--age", "1h") == ids(mrq, "--overdue") == ids(mrq, "--held", "deferred") == []
    assert ids(mrq, "--not-overdue") == [1, 2]
    told = mrq("list", "--field", "colour=red")
    assert (told.code, told.out) == (2, "")
    assert "place" in told.err
