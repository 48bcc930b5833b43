"""`mrq audit export`: every decision of some days, as JSON lines or as CSV that holds no formula."""

import csv
import io
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manual_resolution.exporting import COLUMNS, cell

Run = Callable[..., Any]
Add = Callable[..., int]
FORMULAS = ("=cmd|' /C calc'!A0", "+1", "-1+1", "@sum(a1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1")


def today(shift: int = 0) -> str:
    """A day in UTC, so many days from now."""
    return f"{datetime.now(UTC) + timedelta(days=shift):%Y-%m-%d}"


@pytest.fixture
def exported(mrq: Run) -> Callable[..., Any]:
    """`exported("csv")`: how the export of yesterday to tomorrow ended."""

    def export(format: str = "jsonl", *more: object) -> Any:
        return mrq("audit", "export", "--from", today(-1), "--to", today(1), "--format", format, *more)

    return export


def decide(mrq: Run, add: Add) -> None:
    """A resolution, a failed attempt, one whose outcome is confirmed, a deferral, an escalation, a withdrawal."""
    for number in range(1, 7):
        add(number, called={2: "not_done", 3: "unclear"}.get(number, "done"))
    mrq("resolve", 1, "--option", "send", "--set", "house=7", "-m", "=it is hers")
    mrq("resolve", 2, "--option", "recall", "-m", "she moved")
    mrq("resolve", 3, "--option", "recall", "-m", "he moved")
    mrq("confirm", 3, "--done", "-m", "the post told me", "--as", "bob@example.com")
    mrq("defer", 4, "--for", "24h", "-m", "later")
    mrq("escalate", 5, "--to", "support", "-m", "not clear")
    mrq("withdraw", "--type", "parcel_stuck", "--resource", "parcel:6", "--reason", "it arrived")


def test_each_decision_is_a_line(mrq: Run, add: Add, exported: Any) -> None:
    """A line tells what was decided, why, by whom, who confirmed it, seen on which checks, by which attempt."""
    decide(mrq, add)
    ended = exported()
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [(row["item_id"], row["decision"]) for row in rows] == [
        (1, "resolve"), (2, "fail"), (3, "unknown"), (3, "resolve"), (4, "defer"), (5, "escalate"), (6, "withdraw"),
    ]  # fmt: skip
    assert ended.err == f"7 decisions on 6 items, {today(-1)} to {today(1)} UTC.\n"
    sent, failed, unknown, confirmed, deferred, escalated, withdrawn = rows
    assert (sent["option"], sent["values"], sent["justification"]) == (
        "send", {"house": 7, "speed": "slow"}, "=it is hers",
    )  # fmt: skip
    assert (sent["decided_by"], sent["outcome"], sent["attempt"]) == ("alice@example.com", "Sent to house 7", None)
    assert sent["checks"]["there"] == {"verdict": "pass", "sentence": "the shelf says pass"}
    assert sent["plan"] == ["send to house 7: parcels #1"]
    assert (failed["option"], failed["justification"], failed["attempt"], failed["attempt_state"]) == (
        "recall", "she moved", 1, "failed",
    )  # fmt: skip
    assert failed["attempt_started_at"].endswith("Z")
    assert (unknown["decided_by"], unknown["outcome"]) == ("alice@example.com", "the post answered")
    assert (confirmed["decided_by"], confirmed["confirmed_by"]) == ("alice@example.com", "bob@example.com")
    assert (deferred["justification"], deferred["deferred_until"][:10]) == ("later", today(1))
    assert (escalated["escalated_to"], withdrawn["outcome"]) == ("support", "Withdrawn: it arrived")


def test_days_are_whole_and_in_utc(mrq: Run, add: Add, clock: Any) -> None:
    """Both days are included from midnight to midnight in UTC; a day without decisions is empty and says so."""
    decide(mrq, add)
    days = ["--from", today(), "--to", today()]
    assert len(mrq("audit", "export", *days).out.splitlines()) == 7
    ended = mrq("audit", "export", "--from", today(1), "--to", today(2))
    assert (ended.code, ended.out, ended.err[:24]) == (0, "", "0 decisions on 0 items, ")


def test_csv_says_the_same(mrq: Run, add: Add, exported: Any) -> None:
    """CSV has the same rows and values as JSON, its formulas made inert."""
    decide(mrq, add)
    rows = list(csv.DictReader(io.StringIO(exported("csv").out)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["item_id"] for row in rows] == ["1", "2", "3", "3", "4", "5", "6"]
    assert rows[0]["justification"] == "'=it is hers"
    assert json.loads(rows[0]["checks"])["there"]["verdict"] == "pass"


def test_a_denial_names_who_denied(mrq: Run, add: Add, exported: Any) -> None:
    """A denial's line has the proposer and beside it who denied, whose reason it is."""
    two = {"MRQ_WORKFLOWS": "tests.cli.two_persons_world", "MRQ_TRUST_AS": "1"}
    number = add(1, type="parcel_lost")
    mrq("resolve", number, "--option", "refund", "--set", "amount=5", "-m", "it never came", **two)
    mrq("deny", number, "-m", "it came today", "--as", "bob@example.com", **two)
    proposed, denied = [json.loads(line) for line in exported().out.splitlines()]
    assert (proposed["decision"], proposed["decided_by"], proposed["denied_by"]) == (
        "propose", "alice@example.com", None,
    )  # fmt: skip
    assert (denied["decision"], denied["decided_by"], denied["denied_by"], denied["justification"]) == (
        "deny", "alice@example.com", "bob@example.com", "it came today",
    )  # fmt: skip


def test_what_an_item_is_about_is_no_outcome(mrq: Run, add: Add, exported: Any) -> None:
    """Amended or opened anew: the line's outcome is not the reason that the item was added for."""
    add(1)
    mrq("amend", 1, "--set", "colour=red", "-m", "seen on the shelf")
    mrq("resolve", 1, "--option", "send", "--set", "house=7", "-m", "hers")
    mrq("reopen", 1, "-m", "it came back")
    told = [(row["decision"], row["outcome"]) for row in map(json.loads, exported().out.splitlines())]
    assert told == [("amend", None), ("resolve", "Sent to house 7"), ("reopen", None)]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_begins_a_formula_is_inert(text: str) -> None:
    """Whatever a spreadsheet takes for a formula begins with an apostrophe; taking that away gives the text back."""
    assert cell(text) == f"'{text}"


@given(st.text())
def test_no_text_becomes_a_formula(text: str) -> None:
    """No text written as CSV and read again begins a formula, and none is lost."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow([cell(text), "end"])
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert row[0][:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert row[0].removeprefix("'") == (text.removeprefix("'") if row[0] == text else text)


def test_personal_facts_are_masked(mrq: Run, exported: Any) -> None:
    """What a workflow declares personal is a mark in an export."""
    known = {"MRQ_WORKFLOWS": "tests.cli.personal_world"}
    facts = json.dumps({"email": "jonas@example.com"})
    mrq("add", "--type", "complaint", "--resource", "order:1", "--priority", "low", "--reason",
        "jonas@example.com is angry", "--context", facts, **known)  # fmt: skip
    mrq("resolve", 1, "--option", "refund", "-m", "wrote to jonas@example.com", **known)
    days = ["--from", today(-1), "--to", today(1)]
    assert "jonas" not in mrq("audit", "export", *days, **known).out
    assert "jonas" not in mrq("audit", "export", *days, "--format", "csv", **known).out


def test_a_file_is_whole_or_not_there(mrq: Run, add: Add, exported: Any, tmp_path: Path) -> None:
    """A file takes its name once it is whole: an export that fails leaves what was there, and nothing beside it."""
    decide(mrq, add)
    file = tmp_path / "decisions.csv"
    assert f", in {file}.\n" in exported("csv", "-o", file).err
    before = file.read_bytes()
    assert len(before.splitlines()) == 8
    assert mrq("audit", "export", "--from", today(), "--to", today(-1), "-o", file).code == 2
    assert [(one, one.read_bytes()) for one in tmp_path.iterdir()] == [(file, before)]
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--from", "2026-1-1", "--to", "2026-01-02"), ("--from", "2026-02-30", "--to", "2026-03-01"),
        ("--from", "2026-01-02", "--to", "2026-01-01"),
        ("--from", "2026-01-01", "--to", "2026-01-02", "--format", "xls"),
        ("--from", "2026-01-01", "--to", "2026-01-02", "-o", "/"), ("--from", "2026-01-01"),
        ("--from", "2026-01-01", "--to", "2026-01-02", "-o", "/no-such-folder/decisions.csv"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_told(mrq: Run, words: tuple[str, ...]) -> None:
    """A wrong day, order, format or file is refused in one sentence, and nothing is written."""
    ended = mrq("audit", "export", *words)
    assert (ended.code, ended.out) == (2, "")


def test_a_pipe_or_a_device_is_written_to_and_a_link_is_followed(mrq: Any, tmp_path: Path) -> None:
    """`-o` never puts a file in the place of what is none, nor of a link to one."""
    days = ("--from", "2026-10-01", "--to", "2026-10-02", "--format", "csv")
    (tmp_path / "link").symlink_to(tmp_path / "kept.csv")
    assert mrq("audit", "export", *days, "-o", tmp_path / "link").code == 0
    assert (tmp_path / "link").is_symlink() and (tmp_path / "kept.csv").read_text().startswith("at,item_id,")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert mrq("audit", "export", *days, "-o", tmp_path / "pipe").code == 0
    assert os.read(reader, 11) == b"at,item_id,"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
