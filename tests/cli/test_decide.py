"""Deciding from the command line: resolve, what it would touch, and settling what is unknown."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

Run = Callable[..., Any]
Add = Callable[..., int]
Connect = Callable[..., psycopg.Connection[Any]]

BOB = ("--as", "bob@example.com")
SEND = ("--option", "send", "--set", "house=7")


def test_a_decision_is_carried_out_and_recorded(mrq: Run, add: Add) -> None:
    """`mrq resolve` says what came of it in the specification's words and records the reason."""
    number = add(1)
    told = mrq("resolve", number, *SEND, "--set", "speed=fast", "-m", "the label is readable")
    assert told.out == 'Result: ✓ Sent to house 7, fast\nResolution recorded: "Sent to house 7"\n'
    found = mrq("show", number, "--json").json
    assert (found["status"], found["resolution"]) == ("resolved", "Sent to house 7")
    assert found["resolution_metadata"]["justification"] == "the label is readable"
    assert found["resolution_metadata"]["values"] == {"house": 7, "speed": "fast"}


def test_as_json_the_resolved_item_is_printed(mrq: Run, add: Add) -> None:
    """With `--json` the resolved item comes back under the table's columns."""
    found = mrq("resolve", add(1), *SEND, "-m", "x", "--json").json
    assert (found["status"], found["assigned_to"]) == ("resolved", "alice@example.com")


def test_the_second_who_decides_is_told_who_was_first(mrq: Run, add: Add) -> None:
    """A resolved item is not resolved again; one held by somebody else is refused with their name."""
    number = add(1)
    mrq("next", *BOB)
    refused = mrq("resolve", number, *SEND, "-m", "x")
    assert (refused.code, refused.err) == (1, f"#{number} is held by bob@example.com; take it over first.\n")
    mrq("resolve", number, *SEND, "-m", "x", *BOB)
    refused = mrq("resolve", number, *SEND, "-m", "x")
    assert (refused.code, refused.err) == (1, f"#{number} was resolved by bob@example.com: Sent to house 7\n")


def test_generic_options_pass_on_and_put_aside(mrq: Run, add: Add) -> None:
    """Every item can be escalated and deferred by the same command."""
    assert mrq("resolve", add(1), "--option", "escalate", "-m", "x").out == "Result: ✓ Escalated to support\n"
    told = mrq("resolve", add(2, type="never_seen"), "--option", "defer", "--set", "span=2h", "-m", "x").out
    assert told.startswith("Result: ✓ Deferred until 20")


def test_a_dry_run_says_what_would_be_touched_and_does_nothing(mrq: Run, add: Add, connect: Connect) -> None:
    """`--dry-run` prints the plan and whether it is possible, needs no reason, and changes no row."""
    number = add(1)
    everything = "select * from manual_resolution_queue natural full join mrq_event"
    before = connect().execute(everything).fetchall()
    told = mrq("resolve", number, *SEND, "--dry-run")
    assert told.code == 0
    assert told.out == (
        f"Send it on, for #{number}, would touch:\n  - send to house 7: parcels #1\n"
        "It is possible now. Nothing was done.\n"
    )
    assert mrq("resolve", number, "--option", "recall", "--dry-run", "--json").json == {
        "item_id": number, "option": "recall", "possible": True, "because": None,
        "plan": ["recall at the post: shelf/4"], "two_persons": False,
    }  # fmt: skip
    assert connect().execute(everything).fetchall() == before


def test_a_dry_run_of_what_is_not_possible_is_refused(mrq: Run, add: Add) -> None:
    """A check that forbids, another owner, a resolved item: exit code 1, as of the decision itself."""
    gone = mrq("resolve", add(1, there="fail"), *SEND, "--dry-run")
    assert (gone.code, gone.err) == (1, "Not possible: the shelf says fail. Nothing was done.\n")
    number = add(2)
    mrq("next", "--resource", "parcel:2", *BOB)
    assert "held by bob@example.com" in mrq("resolve", number, *SEND, "--dry-run").err
    assert mrq("resolve", number, *SEND, "--dry-run", *BOB).code == 0
    mrq("resolve", number, *SEND, "-m", "x", *BOB)
    ended = mrq("resolve", number, *SEND, "--dry-run", "--json")
    assert (ended.code, ended.out) == (1, "")


def test_a_forbidden_option_does_nothing(mrq: Run, add: Add) -> None:
    """An option whose check does not pass is refused with the check's sentence; the item stays as it was."""
    number = add(1, there="unknown")
    refused = mrq("resolve", number, *SEND, "-m", "x")
    assert (refused.code, refused.err) == (1, "Not possible: the shelf says unknown. Nothing was done.\n")
    assert mrq("show", number, "--json").json["status"] == "pending"


def test_a_call_that_definitely_failed_leaves_the_item_with_its_owner(mrq: Run, add: Add) -> None:
    """A refused call is exit code 1; the item is still its owner's."""
    number = add(1, called="not_done")
    ended = mrq("resolve", number, "--option", "recall", "-m", "x")
    assert ended.code == 1
    assert "Nothing was done; the item is still yours." in ended.err
    assert [item["id"] for item in mrq("mine", "--json").json] == [number]


def test_an_unknown_outcome_is_told_listed_first_and_settled_by_a_person(mrq: Run, add: Add) -> None:
    """Exit code 4, the item first in the list with what settles it, and a person's word ends it."""
    add(1, priority="critical")
    number = add(2, called="unclear")
    ended = mrq("resolve", number, "--option", "recall", "-m", "customer moved")
    assert (ended.code, ended.out) == (4, "")
    assert f"mrq confirm {number}" in ended.err
    assert [item["id"] for item in mrq("list", "--json").json] == [number, 1]
    assert f"outcome unknown, settle it with mrq confirm {number}" in mrq("list").out
    assert mrq("resolve", number, *SEND, "-m", "x").code == 1
    assert mrq("confirm", number).code == 4
    done = mrq("confirm", number, "--done", "-m", "the post told me", *BOB)
    assert done.out == 'Result: ✓ Recalled\nResolution recorded: "Recalled"\n'
    told = mrq("history", number).out
    for part in ("attempt 1", 'recall: "customer moved"', "unknown"):
        assert part in told


def test_what_was_not_done_waits_again(mrq: Run, add: Add) -> None:
    """`mrq confirm --not-done` gives the item back to the queue."""
    number = add(2, called="unclear")
    mrq("resolve", number, "--option", "recall", "-m", "x")
    assert mrq("confirm", number, "--not-done").out == f"#{number}: it was not done. The item waits again.\n"
    assert mrq("confirm", number, "--not-done").code == 1
    assert mrq("next", "--json").json["id"] == number


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--option", "nonsense"], "parcel_stuck has send, recall, escalate, defer"),
        (["--option", "send"], "house"),
        (["--option", "send", "--set", "house=seven"], "a whole number"),
        (["--option", "send", "--set", "house=٣"], "a whole number"),
        (["--option", "send", "--set", "house=1", "--set", "speed=warp"], "slow, fast"),
        (["--option", "send", "--set", "house=1", "--set", "colour=red"], "colour"),
        (["--option", "send", "--set", "house"], "NAME=VALUE"),
        (["--option", "recall", "--set", "house=1"], "asks for none"),
        (["--option", "defer", "--set", "span=0h"], "span"),
        (["--option", "escalate", "--set", "to=A B"], "to"),
    ],
)
def test_wrong_options_and_values_are_named(mrq: Run, add: Add, words: list[str], named: str) -> None:
    """A wrong option or value ends with 2 and says what is allowed; the item stays open."""
    number = add(1)
    ended = mrq("resolve", number, *words, "-m", "x")
    assert (ended.code, ended.out) == (2, "")
    assert named in ended.err
    assert mrq("show", number, "--json").json["status"] == "pending"
