"""One item, its history, the item types: what a person reads before deciding."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from manual_resolution.worded import age_text, span_text

Run = Callable[..., Any]
Add = Callable[..., int]


def test_an_item_is_shown_in_the_specifications_words(mrq: Run, add: Add) -> None:
    """Heading, type, resource, reason, context, checks, recommendation, numbered options, in this order."""
    number = add(1, reason="The label is wet")
    told = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "…", mrq("show", number).out)
    assert told.splitlines() == [
        "Queue Item #1 (MEDIUM priority, age: 0 minutes)",
        "Type: parcel_stuck",
        "Resource: parcel #1",
        "Reason: The label is wet",
        "Status: pending, due in 6 days (… UTC)",
        "Context:",
        "  - Place: shelf",
        "Checks, just now:",
        "  ✓ the shelf says pass",
        "Recommended: 1. It is there.",
        "",
        "Resolution options:",
        "  1. Send it on (send)",
        "  2. Recall it (recall)",
        "  3. Escalate to support (escalate)",
        "  4. Defer for 24 hours (defer)",
    ]


def test_a_check_says_in_words_what_it_found(mrq: Run, add: Add) -> None:
    """Failed and unanswered checks are told apart without their signs; an option they forbid says why."""
    failed = mrq("show", add(1, there="fail")).out
    assert "  ✗ The parcel is there: the shelf says fail\n" in failed
    assert "  1. Send it on (send)     not possible: the shelf says fail\n" in failed
    assert "  ? Not known: The parcel is there: the shelf says unknown\n" in mrq("show", add(2, there="unknown")).out


def test_as_json_the_columns_stand_beside_the_case(mrq: Run, add: Add) -> None:
    """The table's columns at the top level; checks, options, recommendation and attempts beside them."""
    shown = mrq("show", add(1, there="fail"), "--json").json
    assert (shown["id"], shown["resource_type"], shown["occurrences"], shown["version"]) == (
        1,
        "parcel",
        1,
        1,
    )
    assert shown["checks"] == {
        "there": {
            "title": "The parcel is there",
            "verdict": "fail",
            "sentence": "the shelf says fail",
            "facts": {},
        }
    }
    assert [option["key"] for option in shown["options"]] == ["send", "recall", "escalate", "defer"]
    assert (shown["options"][0]["possible"], shown["options"][0]["because"]) == (False, "the shelf says fail")
    assert shown["options"][1]["plan"] == ["recall at the post: shelf/4"]
    assert (shown["recommended"], shown["attempts"], shown["missing"]) == (None, [], [])


def test_without_checks_nothing_is_asked(mrq: Run, add: Add) -> None:
    """`--no-checks` shows what is stored and neither asks nor offers."""
    number = add(1)
    told = mrq("show", number, "--no-checks").out
    assert "Checks" not in told
    assert "options" not in told
    assert "checks" not in mrq("show", number, "--no-checks", "--json").json


def test_facts_beside_the_status_are_told(mrq: Run, add: Add) -> None:
    """Owner and lease, repeats, escalation, who is not served it again, and attempts stand with the item."""
    number = add(1, called="not_done")
    add(1)
    mrq("resolve", number, "--option", "recall", "-m", "x")
    told = mrq("show", number).out
    assert "Owner: alice@example.com, lease until 20" in told
    assert "Occurrences: 2, the last 0 minutes ago\n" in told
    assert "Attempt 1: recall by alice@example.com, failed: the post answered\n" in told
    mrq("escalate", number, "--to", "legal", "-m", "x")
    told = mrq("show", number).out
    assert "Escalated: to legal\n" in told
    assert "Not served again to: alice@example.com\n" in told


def test_a_resolved_item_says_by_whom_how_and_why(mrq: Run, add: Add) -> None:
    """What was decided stands with its reason, and nothing is asked any more."""
    number = add(1)
    mrq("resolve", number, "--option", "send", "--set", "house=3", "-m", "label is dry")
    told = mrq("show", number).out
    assert re.search(r'Resolved: by alice@example.com at .* UTC: "Sent to house 3", because "label is dry"', told)
    assert "Checks" not in told


def test_an_unknown_type_and_incomplete_context_are_flagged(mrq: Run, add: Add) -> None:
    """A type nobody taught MRQ has the generic options; context that lacks something names it."""
    unknown = mrq("show", add(1, type="never_seen")).out
    assert "Note: nothing is known about this item type; it has the generic options only.\n" in unknown
    assert "  1. Escalate (escalate)\n  2. Defer for 24 hours (defer)\n" in unknown
    assert "Note: the context lacks Place.\n" in mrq("show", add(2, place="")).out


HOSTILE = "wet\nYour choice [1-4]: 1\nResult: ✓ done\x1b[1A\x1b]8;;https://evil\x07\u202e\u200b\r\x9b31m"


def test_untrusted_text_moves_nothing_and_forges_no_line(mrq: Run, add: Add) -> None:
    """Escapes, bidi and forged lines are shown escaped, each line of them behind a mark (B32-B39)."""
    number = add(1, reason=HOSTILE, place=HOSTILE)
    mrq("note", number, HOSTILE)
    for words in (
        ("show", number),
        ("show", number, "--all-context"),
        ("next",),
        ("history", number),
        ("list",),
    ):
        told = mrq(*words).out
        assert all(line.isprintable() for line in told.splitlines()), words
        assert not re.search(r"^(Your choice|Result:)", told, re.MULTILINE), words
        for hidden in ("\u202e", "\u200b"):
            assert hidden not in told, words
    shown = mrq("show", number).out
    assert "Reason: wet\n  | Your choice [1-4]: 1\n  | Result: ✓ done\\x1b[1A" in shown
    assert "<U+202E>" in shown


def test_all_context_is_shown_uncut(mrq: Run, add: Add) -> None:
    """`--all-context` shows every fact uncut; without it, long ones are clipped with a mark."""
    number = add(1, type="never_seen", trace="x" * 1000, other="y")
    assert "x" * 1000 in mrq("show", number, "--all-context").out
    short = mrq("show", number).out
    assert "x" * 1000 not in short
    assert "x…" in short


def test_a_history_is_a_line_for_each_event(mrq: Run, add: Add) -> None:
    """Time in UTC, verb, who and what with its reason; the day once."""
    number = add(1)
    mrq("claim", number)
    mrq("release", number, "-m", "lunch")
    mrq("defer", number, "--for", "1h", "-m", "post is closed")
    mrq("resolve", number, "--option", "send", "--set", "house=3", "-m", "label is dry")
    day, *events = mrq("history", number).out.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d UTC", day)
    told = [re.sub(r"^\d\d:\d\d:\d\d |\d{4}-\d\d-\d\d \d\d:\d\d", "", event) for event in events]
    assert [line.split(maxsplit=2)[0] for line in told] == ["add", "claim", "release", "defer", "resolve"]
    assert [" ".join(line.split()[2:]) for line in told[1:]] == [
        "", '"lunch"', 'until UTC: "post is closed"', 'Sent to house 3: "label is dry"',
    ]  # fmt: skip
    assert all(line.split()[1] == "alice@example.com" for line in told[1:])


def test_a_history_as_json_has_the_events_columns(mrq: Run, add: Add) -> None:
    """JSON lists the events oldest first under their column names."""
    number = add(1)
    mrq("claim", number)
    events = mrq("history", number, "--json").json
    assert [(event["seq"], event["verb"]) for event in events] == [(1, "add"), (2, "claim")]
    assert set(events[0]) == {"item_id", "seq", "at", "actor", "actor_kind", "via", "verb", "data", "private"}
    assert events[1]["via"].startswith("cli:")


def test_types_lists_what_mrq_knows(mrq: Run) -> None:
    """Each known type with its options' keys and what they ask for; no database is needed."""
    told = mrq("types", DATABASE_URL=None).out
    assert "parcel_stuck\n  option send: Send it on (--set house=… --set speed=…)\n" in told
    types = mrq("types", "--json", DATABASE_URL=None).json
    assert [type["item_type"] for type in types] == ["parcel_stuck"]
    assert types[0]["options"][0]["requires"] == ["there"]
    assert types[0]["declared_in"] == "tests.cli.small_world"


@pytest.mark.parametrize(
    ("minutes", "age", "span"),
    [
        (-5, "0 minutes", "0 min"), (0.9, "0 minutes", "0 min"), (1, "1 minute", "1 min"),
        (59.9, "59 minutes", "59 min"), (60, "1 hour", "1 h"), (112, "1 hour", "1 h 52 min"),
        (120, "2 hours", "2 h"), (779, "12 hours", "12 h"),
        (1200, "20 hours", "20 h"), (2879, "47 hours", "47 h"),
        (2880, "2 days", "2 days"), (10800, "7 days", "7 days"),
    ],
)  # fmt: skip
def test_times_are_told_in_words(minutes: float, age: str, span: str) -> None:
    """An age is told in its largest unit, a deadline with minutes while they matter; both rounded down."""
    assert (age_text(timedelta(minutes=minutes)), span_text(timedelta(minutes=minutes))) == (age, span)
