"""Adding and withdrawing by command: what a script in any language gets."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

Run = Callable[..., Any]
Connect = Callable[..., psycopg.Connection[Any]]

THING = ("--type", "parcel_stuck", "--resource", "parcel:7")
GOOD = {"--type": "parcel_stuck", "--resource": "parcel:7", "--priority": "low", "--reason": "it is stuck"}
UNSET = None


def words(changed: dict[str, str | None]) -> list[str]:
    """A good add with some of its options changed or left out."""
    return [word for name, value in (GOOD | changed).items() if value is not None for word in (name, value)]


def test_an_add_says_its_number_and_a_repeat_which_occurrence_it_is(mrq: Run) -> None:
    """The first failure becomes an item, the same failure again is counted on it."""
    assert mrq("add", *words({})).out == "Added #1.\n"
    assert mrq("add", *words({})).out == "#1 was open already: occurrence 2.\n"
    assert mrq("add", *words({})).out == "#1 was open already: occurrence 3.\n"


def test_everything_given_is_stored(mrq: Run) -> None:
    """Context, deadline, time, key and producer arrive as they were given; JSON has the table's columns."""
    added = mrq("add", *words({
        "--context": '{"place": "shelf", "nested": {"n": 1}}', "--sla-hours": "24", "--producer": "night.sh",
        "--occurred-at": "2026-01-02T15:00:00+02:00", "--resource": UNSET, "--resource-type": "parcel",
        "--resource-key": "P 7/b",
    }), "--json").json  # fmt: skip
    assert added["repeated"] is False
    assert (added["resource_id"], added["resource_key"]) == (None, "P 7/b")
    assert added["context"] == {"place": "shelf", "nested": {"n": 1}}
    assert (added["created_at"], added["sla_deadline"]) == ("2026-01-02T13:00:00Z", "2026-01-03T13:00:00Z")
    assert added["position"] is None
    assert mrq("history", 1, "--json").json[0]["actor"] == "night.sh"


def test_a_context_is_read_from_a_file_or_from_standard_input(mrq: Run, tmp_path: Path) -> None:
    """`--context-file FILE` and `--context-file -` take the same JSON as `--context`."""
    file = tmp_path / "context.json"
    file.write_text('{"from": "file"}')
    assert mrq("add", *words({"--context-file": str(file)}), "--json").json["context"] == {"from": "file"}
    other = words({"--resource": "parcel:8", "--context-file": "-"})
    assert mrq("add", *other, "--json", input='{"from": "stdin"}').json["context"] == {"from": "stdin"}


def test_a_late_report_of_what_was_resolved_says_so(mrq: Run, add: Callable[..., int]) -> None:
    """A failure that happened before its item was resolved opens nothing, and that is what is said."""
    number = add(7)
    mrq("resolve", number, "--option", "send", "--set", "house=1", "-m", "it is there")
    late = mrq("add", *words({"--occurred-at": "2026-01-02T15:00:00Z"}))
    assert late.out == f"#{number} was resolved after this had happened: nothing new is open.\n"


def test_withdrawing_resolves_tells_or_finds_nothing(mrq: Run, add: Callable[..., int]) -> None:
    """An unowned item is resolved, an owner is told, and where nothing is open that is no error."""
    add(7)
    assert mrq("withdraw", *THING).out == "Withdrawn: #1 needs nobody any more.\n"
    again = add(7)
    mrq("claim", again)
    assert mrq("withdraw", *THING).out == f"#{again} is being worked on by alice@example.com, who is told.\n"
    assert "it has succeeded meanwhile" in mrq("show", again).out
    assert mrq("withdraw", "--type", "other", "--resource", "parcel:9").out == "Nothing like it is open.\n"
    assert mrq("withdraw", "--type", "other", "--resource", "parcel:9", "--json").json is None


DEEP = "[" * 33 + "]" * 33

REFUSED = [  # (what, the wrong option, what the sentence names)
    *(("B22", {"--resource": f"parcel:{n}"}, "resource_id") for n in (
        "0", "-1", "9223372036854775808", "12.5", "true", "1e3", "007", "+7", " 7", "", "٣")),
    ("no number", {"--resource": "parcel"}, "resource"),
    ("resource twice", {"--resource-key": "x"}, "resource"),
    ("no resource", {"--resource": UNSET}, "resource"),
    ("no number or key", {"--resource": UNSET, "--resource-type": "parcel"}, "resource_id"),
    *(("B23", {"--priority": p}, "critical, high, medium, low") for p in (
        "urgent", "CRITICAL", " high", "", "hıgh")),
    *(("B24/25", {"--sla-hours": h}, "sla_hours") for h in (
        "-5", "0", "nan", "inf", "1e12", "2147483647", "0.0001")),
    ("B25", {"--sla-hours": "a day"}, "--sla-hours"),
    *(("B26-29", {"--occurred-at": t}, "occurred_at") for t in (
        "2026-01-02T15:00:00", "2026-01-02", "infinity", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
        "2026-01-02T24:00:00Z", "2026-01-02T15:00:60Z", "2026-02-30T15:00:00Z", "now", "")),
    *(("B30", {"--type": t}, "item_type") for t in ("x" * 51, "a/b", "a b", "🙂", "", "Abc", "1a")),
    *(("B31", {"--reason": r}, "reason") for r in ("", "  ", "\u200b\u2060", "x" * 8193)),
    *(("B40/41", {"--producer": p}, "producer") for p in ("a\r\nb", "a\u2028b", "a\x85b", "", "p" * 101)),
    *(("B1-19", {"--context": c}, "context") for c in (
        "", "null", "[]", '"x"', "3", '{"a": NaN}', '{"a": 1e400}', '{"a": 1, "a": 2}', '{"a": 1,}', "{} {}",
        '{"a": "\\u0000"}', '{"a": "\\ud83d"}', '{"a": ' + DEEP + "}", '{"": 1}', "\ufeff{}",
        '{"a": ' + "9" * 1001 + "}",
        "{" + ",".join(f'"{n}": 1' for n in range(1001)) + "}", '{"a": "' + "x" * 262_144 + '"}')),
    ("both contexts", {"--context": "{}", "--context-file": "-"}, "context_file"),
    ("no such file", {"--context-file": "/nonexistent/file"}, "context_file"),
    ("a folder", {"--context-file": "/"}, "context_file"),
    ("NUL in a name", {"--context-file": "a\0b"}, "context_file"),
    ("B5", {"--dedup-key": "a\0b"}, "dedup_key"),
    ("B6", {"--reason": "a\udcffb"}, "reason"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "named"), [case[1:] for case in REFUSED])
def test_what_is_not_allowed_is_refused_in_one_sentence(
    mrq: Run, connect: Connect, wrong: dict[str, str | None], named: str
) -> None:
    """Bad input ends with 2 and one sentence that names the field; nothing is stored."""
    ended = mrq("add", *words(wrong))
    assert ended.code == 2
    assert named in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert connect().execute("select count(*) from manual_resolution_queue").fetchone() == (0,)


def test_files_that_are_no_json_text_are_refused(mrq: Run, tmp_path: Path) -> None:
    """UTF-16, a byte order mark, Latin-1 and endless input are refused in one sentence."""
    for content in (
        b"\xef\xbb\xbf{}",
        '{"a": "ü"}'.encode("latin-1"),
        "{}".encode("utf-16"),
        b'{"a": "\xc0\xaf"}',
    ):
        file = tmp_path / "context.json"
        file.write_bytes(content)
        ended = mrq("add", *words({"--context-file": str(file)}))
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert ended.err.startswith("context = ")
    assert mrq("add", *words({"--context-file": "/dev/zero"})).code == 2


def test_what_is_allowed_is_stored_unchanged(mrq: Run) -> None:
    """Astral characters, combining marks, escapes, line breaks and bidi are stored as they came (B32-B39)."""
    hostile = "𝔘" * 50 + "e\u0301\u0301" + "\x1b[2J\x1b]52;c;eA==\x07" + "\u202eevil\n  1. Delete\r\x9b"
    added = mrq("add", *words({"--reason": hostile, "--context": json.dumps({"__proto__": hostile})}), "--json")
    assert added.json["reason"] == hostile
    assert added.json["context"] == {"__proto__": hostile}
    assert added.out.isascii()
    assert "\x1b" not in added.out
