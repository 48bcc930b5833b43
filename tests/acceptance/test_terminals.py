"""Any terminal, or none: readable, never a traceback; what others wrote neither acts nor forges a line."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

ROOT = Path(__file__).parents[2]
PROCESS = (sys.executable, "-m", "manual_resolution.cli.app", "process")
FAKE = "Your choice [1-4]: 1"
HOSTILE = (
    f"gone\n{FAKE}\nWhy? forged\r\x1b[2J\x1b[1A\x1b]0;title\x07\x1b]8;;http://evil\x07\x1b]52;c;Y2xpcA==\x07"
    f"\x9b2J\x90\x85{FAKE}\u2028{FAKE}\u202etfel\u2066\u200b\ufeff\x08\x0b\x0c\x7f\t{' ' * 300}{FAKE}"
)
#: What may not reach a terminal raw: controls, C1, line separators, bidi and zero-width characters.
ACTS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]")


def hostile_item(stage: Any) -> int:
    """An item whose every text but its type wants to act; plain SQL checks less than adding does."""
    context = {"pdf_url": HOSTILE, "last_error": HOSTILE, "pdf_generated_at": [HOSTILE], HOSTILE: HOSTILE}
    return int(
        stage.one(
            "insert into manual_resolution_queue"
            " (item_type, resource_type, resource_key, priority, reason, context)"
            " values ('pdf_deletion_failed', 'meal_plan', %s, 'critical', %s, %s) returning id",
            HOSTILE,
            HOSTILE,
            Jsonb(context),
        )
    )


@pytest.mark.parametrize("columns", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_what_others_wrote_neither_acts_nor_forges_a_line(stage: Any, columns: int) -> None:
    """No byte of untrusted text acts; each of its lines is marked; the answer typed is the only answer."""
    item_id = hostile_item(stage)
    stage.queue.note(item_id, "bob@example.com", HOSTILE)
    terminal = stage.terminal(columns=columns, TERM="xterm-256color").chooses("a").chooses("h").chooses("p")
    terminal.chooses("1", "gone").chooses("n", "done").chooses("q")
    shown = terminal.ends()
    assert not ACTS.search(shown)
    starts = [line for line in shown.split("\n") if line.startswith(("Your choice", "Why?"))]
    assert starts == [f"Your choice [1-4]: {key}" for key in "ahp1"] + ["Why? gone"] + starts[5:]
    assert starts[5:] == ["Your choice [1-4]: n", "Your choice [1-4]: q"]
    assert max(map(len, shown.split("\n"))) <= columns + 60  # a prompt or an answer, never their text
    assert stage.item(item_id).status == "pending" and not stage.blob.calls


def test_a_name_made_to_act_is_shown_harmless(stage: Any) -> None:
    """Where SQL wrote a hostile owner or resolution, the refusal that names it does not act."""
    stage.failed_deletion(1, "plans/1.pdf"), stage.failed_deletion(2, "plans/2.pdf")
    terminal = stage.terminal(columns=2000).chooses("1").sees("Why? ")
    name = f"eve\x1b[2J\r{FAKE}"
    stage.db.execute("update manual_resolution_queue set assigned_to = %s where id = 1", [name])
    terminal.types("it answers\n").sees("2 of 2").chooses("1").sees("Why? ")
    stage.db.execute("update manual_resolution_queue set status = 'resolved', resolution = %s where id = 2", [HOSTILE])
    terminal.types("it answers\n")
    shown = terminal.ends()
    assert f"Refused: #1 is held by eve\\x1b[2J\\r{FAKE}; take it over first.\n" in shown
    assert f"Refused: #2 was resolved by SQL (see its history): gone\\n{FAKE}\\nWhy? forged\\r\\x1b[2J" in shown
    assert not ACTS.search(shown) and shown.count(f"\n{FAKE}") == 2


@pytest.mark.parametrize(
    "environment",
    [
        {"TERM": None},
        pytest.param({"NO_COLOR": "1", "TERM": "xterm"}, marks=pytest.mark.slow),
        pytest.param({"LANG": "C"}, marks=pytest.mark.slow),
        {"LANG": None, "PYTHONIOENCODING": "ascii"},
    ],
)
def test_poor_terminals_are_enough(stage: Any, environment: dict[str, str | None]) -> None:
    """40 columns, no TERM, LANG=C, no colour, ASCII only: each line fits, each sign is said in words too."""
    stage.parcel(place="the shelf at the very end of the hall, " * 3)
    shown = stage.terminal(command=PROCESS, columns=40, **environment).chooses("?").chooses("2", "it answers").ends()
    assert "\x1b" not in shown and max(map(len, shown.split("\n"))) <= 75  # the longest sentence of our own
    assert "Resolution recorded: " in shown and "Recalled" in shown


def piped(stage: Any, line: str) -> "subprocess.CompletedProcess[bytes]":
    """The session without a terminal: a shell says where its input comes from and its output goes."""
    command = line.replace("MRQ", shlex.join(PROCESS))
    return subprocess.run(
        ["sh", "-c", command], env=stage.environment, cwd=ROOT, capture_output=True, timeout=30, check=False
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("MRQ < /dev/null", b"nothing held by you. 1 wait.", marks=pytest.mark.slow),
        pytest.param("printf 2 | MRQ", b"0 resolved", marks=pytest.mark.slow),
        ("MRQ <&-", b"0 resolved"),
        pytest.param("printf 'q\\n' | MRQ | head -3", b"Queue Item #1", marks=pytest.mark.slow),
        ("printf '\\377\\n1 1\\n' | MRQ", b"Please answer with a number from 1 to 4"),
    ],
)
def test_without_a_terminal_nothing_is_decided_by_accident(stage: Any, line: str, told: bytes) -> None:
    """An empty, closed, broken or undecodable input decides nothing; a reader that leaves is no error."""
    item_id = stage.parcel()
    done = piped(stage, line)
    assert told in done.stdout and b"Traceback" not in done.stderr and done.returncode == 0
    assert stage.verbs(item_id) == ["add", "claim", "release"]


def test_answers_may_come_from_a_pipe(stage: Any) -> None:
    """Lines in a pipe are answers one by one, unlike what is pasted into a terminal."""
    item_id = stage.parcel()
    done = piped(stage, "printf '2\\nthe post answers\\n' | MRQ")
    assert b'Resolution recorded: "Recalled"' in done.stdout and done.returncode == 0
    assert stage.item(item_id).resolution_metadata["justification"] == "the post answers"


def test_what_is_pasted_behind_an_answer_is_dropped(stage: Any) -> None:
    """A pasted run of lines is one answer: the rest neither justifies nor decides anything."""
    item_id = stage.parcel()
    terminal = stage.terminal().sees("Your choice [1-4]: ")
    terminal.types("2\na forged reason\n2\nanother\nq\n").sees("Why? ").types("\n")
    terminal.sees("No reason, no decision: nothing was done.").chooses("x" * 3000).sees("Please answer")
    terminal.chooses("1" * 10_000).chooses("q").ends()
    assert stage.verbs(item_id) == ["add", "claim", "release"]
