"""Working from the command line: claim, let go, pass on, put aside, note; and who may."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
Add = Callable[..., int]

BOB = ("--as", "bob@example.com")


def test_next_claims_and_prints_in_the_order_of_work(mrq: Run, add: Add) -> None:
    """`mrq next` serves critical before low, claims what it prints, and JSON has the table's columns."""
    add(1, priority="low")
    add(2, priority="critical")
    first = mrq("next", "--json").json
    assert (first["id"], first["status"], first["assigned_to"]) == (2, "assigned", "alice@example.com")
    told = mrq("next").out
    assert told.startswith("Queue Item #1 (LOW priority, age: 0 minutes)\n")
    assert "Owner: alice@example.com, lease until " in told
    assert "  1. Send it on (send)\n" in told


def test_next_on_an_empty_queue(mrq: Run, add: Add) -> None:
    """An empty queue is no error: null as JSON, a sentence else, which says how many wait for which team."""
    assert mrq("next", "--json").json is None
    assert mrq("next").out == "Nothing waits.\n"
    mrq("escalate", add(1), "--to", "support", "-m", "needs the contract")
    assert mrq("next", *BOB).out == "Nothing waits. For teams: 1 for support (--team).\n"
    assert mrq("next", *BOB, "--team", "support", "--json").json["id"] == 1


def test_next_takes_filters(mrq: Run, add: Add) -> None:
    """Only what fits `--type`, `--priority` and `--resource` is served."""
    add(1, priority="high")
    add(2, type="other")
    add(3)
    assert mrq("next", "--priority", "low", "--json").json is None
    assert mrq("next", "--type", "other", "--json").json["id"] == 2
    assert mrq("next", "--resource", "parcel:3", "--json").json["id"] == 3
    assert mrq("next", "--resource", "parcel", "--json").json["id"] == 1


def test_claim_extend_release(mrq: Run, add: Add) -> None:
    """An item claimed by its number is held until a time that is told, held longer, and given back."""
    number = add(1)
    assert mrq("claim", number).out.startswith(f"#{number} is yours until 20")
    assert mrq("extend", number).out.startswith(f"#{number} is yours until 20")
    assert mrq("claim", number, *BOB).code == 1
    assert mrq("release", number, "-m", "lunch").out == f"#{number} waits again.\n"
    assert mrq("claim", number, *BOB, "--json").json["assigned_to"] == "bob@example.com"


def test_hand_over_and_take_over(mrq: Run, add: Add) -> None:
    """An owner gives an item to a colleague, who may lose it again to whoever says why."""
    number = add(1)
    mrq("next")
    assert mrq("hand-over", number, "--to", "bob@example.com").out == f"#{number} is bob@example.com's now.\n"
    refused = mrq("release", number)
    assert (refused.code, refused.err) == (1, f"#{number} is held by bob@example.com; take it over first.\n")
    assert mrq("take-over", number, "-m", "bob is ill").out == f"#{number} is yours.\n"
    assert mrq("take-over", number, "-m", "again").code == 1


def test_what_was_declined_is_not_served_again(mrq: Run, add: Add) -> None:
    """Who declined an item is not served it again, others are."""
    number = add(1)
    mrq("next")
    assert mrq("decline", number, "-m", "my own parcel").out == f"#{number} waits for somebody else.\n"
    assert mrq("next", "--json").json is None
    assert mrq("next", *BOB, "--json").json["id"] == number


def test_defer_for_and_until(mrq: Run, add: Add) -> None:
    """An item is put aside for a time or until one, and past its deadline that is said."""
    number = add(1, priority="critical")
    told = mrq("defer", number, "--for", "24h", "-m", "the post is closed").out
    assert told.startswith(f"#{number} is put aside until 20")
    assert told.endswith("That is past its deadline (due in 3 h 59 min).\n")
    found = mrq("defer", number, "--until", "2027-02-03T10:00+02:00", "-m", "later still", "--json").json
    assert (found["held"], found["deferred_until"]) == ("deferred", "2027-02-03T08:00:00Z")
    assert "deferred until 2027-02-03 08:00 UTC" in mrq("list").out


def test_escalate_to_a_team_or_to_anybody_else(mrq: Run, add: Add) -> None:
    """An item passed on waits for that team, or for anybody but who passed it on."""
    assert mrq("escalate", add(1), "--to", "legal", "-m", "a contract").out == "#1 waits for legal.\n"
    assert mrq("escalate", add(2), "-m", "not for me").out == "#2 waits for anybody else.\n"
    assert mrq("next", "--json").json is None


def test_priority_note_amend(mrq: Run, add: Add) -> None:
    """Facts beside the status change with a reason and stand in the history."""
    number = add(1)
    assert mrq("priority", number, "high", "-m", "they called").out == f"#{number} is high now, due in 23 h.\n"
    assert mrq("note", number, "asked the shop").out == f"Noted on #{number}.\n"
    amended = mrq("amend", number, "--set", "place=window", "--context", '{"n": 1}', "-m", "seen there", "--json").json
    assert amended["context"] == {"place": "window", "n": 1}
    told = mrq("history", number).out
    for part in ('to high: "they called"', '"asked the shop"', "place shelf/4 → window, n – → 1: "):
        assert part in told


def test_reopen_makes_a_new_item(mrq: Run, add: Add) -> None:
    """A resolved item stays as it is; a new one points back to it."""
    number = add(1)
    assert mrq("reopen", number, "-m", "not yet").code == 1
    mrq("resolve", number, "--option", "send", "--set", "house=1", "-m", "there")
    assert mrq("reopen", number, "-m", "it came back").out == f"#{number} is open again, as #{number + 1}.\n"
    assert f"Reopened from: #{number}" in mrq("show", number + 1).out


MOVES = [
    ("claim",), ("extend",), ("release",), ("hand-over", "--to", "bob"), ("take-over", "-m", "x"),
    ("decline", "-m", "x"), ("defer", "--for", "1h", "-m", "x"), ("escalate", "-m", "x"),
    ("priority", "low", "-m", "x"), ("note", "x"), ("amend", "--set", "a=b", "-m", "x"),
    ("reopen", "-m", "x"), ("show",), ("history",), ("confirm",), ("resolve", "--option", "send", "-m", "x"),
]  # fmt: skip


def of(move: tuple[str, ...], number: object) -> list[str]:
    """A command about one item."""
    return [move[0], str(number), *move[1:]]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move[0])
def test_an_item_that_is_not_there_is_refused(mrq: Run, move: tuple[str, ...]) -> None:
    """Each command about an item ends with 1 and one sentence where there is no such item."""
    ended = mrq(*of(move, 4711))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err in ("There is no item #4711.\n", "#4711 has no attempt with an unknown outcome.\n")


@pytest.mark.parametrize("number", ["0", "01", "1e1", "٣", "18446744073709551616", "", "%31", "#1", "1 "])
@pytest.mark.parametrize("move", MOVES[:1] + MOVES[-4:], ids=lambda move: move[0])
def test_an_id_has_one_form_only(mrq: Run, move: tuple[str, ...], number: str) -> None:
    """An item's number is written in one way; anything else ends with 2, with what is allowed (B12, B58)."""
    ended = mrq(*of(move, number))
    assert (ended.code, ended.out) == (2, "")
    assert "a whole number from 1 to 9223372036854775807" in ended.err


@pytest.mark.parametrize(
    "move", [move for move in MOVES if move[0] not in ("show", "history")], ids=lambda move: move[0]
)
def test_who_moves_must_be_named(mrq: Run, move: tuple[str, ...]) -> None:
    """Without a name nothing moves: exit code 2, and what to set."""
    ended = mrq(*of(move, 1), MRQ_OPERATOR=None)
    assert ended.code == 2
    assert "--as" in ended.err
    assert "MRQ_OPERATOR" in ended.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["claim", "1\udcff"], "item"),
        (["claim", "1", "--as", " alice"], "operator"),
        (["claim", "1", "--as", "a\x1b[2Jb"], "operator"),
        (["claim", "1", "--as", "a\u202eb"], "operator"),
        (["claim", "1", "--as", "a\udcff"], "operator"),
        (["claim", "1", "--as", "x" * 101], "operator"),
        (["hand-over", "1", "--to", "b\nc"], "to"),
        (["escalate", "1", "--to", "Support Team", "-m", "x"], "to"),
        (["escalate", "1", "-m", " \u200b"], "justification"),
        (["decline", "1", "-m", ""], "justification"),
        (["release", "1", "-m", " "], "note"),
        (["note", "1", "x" * 8193], "note"),
        (["note", "1", "a\udcff"], "note"),
        (["priority", "1", "urgent", "-m", "x"], "critical, high, medium, low"),
        (["defer", "1", "-m", "x"], "--for"),
        (["defer", "1", "--for", "1h", "--until", "2027-01-01T00:00Z", "-m", "x"], "--until"),
        (["defer", "1", "--for", "24", "-m", "x"], "24h"),
        (["defer", "1", "--for", "367d", "-m", "x"], "366d"),
        (["defer", "1", "--for", "-1h", "-m", "x"], "for"),
        (["defer", "1", "--until", "tomorrow", "-m", "x"], "until"),
        (["amend", "1", "-m", "x"], "--set"),
        (["amend", "1", "--set", "novalue", "-m", "x"], "NAME=VALUE"),
        (["amend", "1", "--set", "a=1", "--set", "a=2", "-m", "x"], "each name once"),
        (["amend", "1", "--context", "[]", "-m", "x"], "context"),
        (["next", "--priority", "urgent"], "critical, high, medium, low"),
        (["next", "--type", "a b"], "item_type"),
        (["next", "--resource", "parcel:0"], "resource_id"),
        (["next", "--team", "Support Team"], "team"),
    ],
)
def test_bad_values_end_with_2_and_name_the_field(mrq: Run, words: list[str], named: str) -> None:
    """Each wrong value ends with 2 and one sentence that names it and what is allowed; nothing moves."""
    ended = mrq(*words)
    assert (ended.code, ended.out) == (2, "")
    assert named in ended.err
    assert ended.err.isprintable() or ended.err.count("\n") == 1
    assert "\x1b" not in ended.err


def test_place_puts_an_item_elsewhere_and_says_so(mrq: Run, add: Add) -> None:
    """An item is put first, beside another and back by its deadline; exactly one place is asked for."""
    for number in (1, 2, 3):
        add(number)
    assert mrq("place", 3, "--first", "-m", "they wait").out.startswith("#3: Placed here by alice@example.com until 20")
    assert mrq("place", 3, "--after", 1, "-m", "they wait").code == 0
    assert [item["id"] for item in mrq("list", "--json").json] == [1, 3, 2]
    assert "placed by alice@example.com" in mrq("list").out
    assert "Placed by hand: by alice@example.com until 20" in mrq("show", 3).out
    assert mrq("place", 3, "--by-deadline").out.startswith("#3: Among medium items by its deadline: due in ")
    assert mrq("place", 3, "--before", 3, "-m", "x").err == "#3 cannot be placed beside itself.\n"
    assert mrq("place", 3, "-m", "x").code == mrq("place", 3, "--first", "--before", 1, "-m", "x").code == 2
    assert (mrq("place", 3, "--first").code, mrq("place", 3, "--first", "-m", "x", "--for", "90d").code) == (2, 2)
