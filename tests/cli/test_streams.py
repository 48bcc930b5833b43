"""Commands as processes: pipes that close, full disks, Ctrl-C, odd bytes, databases that are not there."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Add = Callable[..., int]

MRQ = [sys.executable, "-m", "manual_resolution.cli.app"]
GOOD = ["--type", "t", "--resource", "parcel:1", "--priority", "low"]


def test_the_command_works_as_a_process(mrq_process: Run) -> None:
    """Add, list, show by real processes, JSON and text."""
    assert mrq_process("add", *GOOD, "--reason", "x").out == "Added #1.\n"
    assert [item["id"] for item in mrq_process("list", "--json").json] == [1]
    assert mrq_process("show", "1").out.startswith("Queue Item #1 (LOW priority, age: ")


def test_a_closed_pipe_is_no_error(add: Add, environment: dict[str, str]) -> None:
    """A reader that went away, as `head` does, ends the command quietly."""
    add(1, reason="x" * 8000)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        ended = subprocess.run([*MRQ, "list", "--json"], stdout=closed, stderr=subprocess.PIPE,
                               env=os.environ | environment, timeout=60, check=False)  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_full_disk_is_told_in_one_sentence(mrq_process: Run) -> None:
    """Output that cannot be written ends with 1 and one sentence."""
    with open("/dev/full", "wb") as full:
        ended = mrq_process("list", "--json", stdout=full)
    assert (ended.code, ended.err) == (1, "No space left on device.\n")


@pytest.mark.slow
def test_bytes_that_are_no_text_are_refused(mrq_process: Run) -> None:
    """Arguments that are not UTF-8 end with 2 and one sentence, whichever option holds them."""
    for words in ([*GOOD, "--reason", b"a\xffb"], [*GOOD, "--reason", "x", "--context", b'{"a": "\xff"}'],
                  [*GOOD, "--reason", "x", "--context-file", b"/nonexistent/\xff"]):  # fmt: skip
        ended = mrq_process("add", *words)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    for words in (
        ["show", b"\xff"],
        ["list", "--owner", b"\xff"],
        ["claim", "1", "--as", b"\xff"],
        [b"\xff"],
    ):
        ended = mrq_process(*words)
        assert ended.code == 2
        assert "Traceback" not in ended.err


def test_a_terminal_without_unicode_gets_escapes(add: Add, environment: dict[str, str]) -> None:
    """Where the terminal's encoding lacks a sign, it is shown escaped rather than failing the command."""
    add(1)
    command = [*MRQ, "resolve", "1", "--option", "send", "--set", "house=1", "-m", "x"]
    env = os.environ | environment | {"PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, capture_output=True, env=env, timeout=60, check=False)
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, rb"Result: \u2713 Sent to house 1, slow")


@contextlib.contextmanager
def held_open(pipe: Path, reader: subprocess.Popen[bytes]) -> Iterator[None]:
    """Holds a named pipe open for writing from when its reader has opened it, or has ended."""
    while reader.poll() is None:
        with contextlib.suppress(OSError), open(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK), "wb"):
            yield
            return
    yield


def interrupted(running: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Presses Ctrl-C, again where Python had looked for signals just before it began to wait."""
    for _ in range(12):
        running.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return running.communicate(timeout=5)
    raise AssertionError("it does not end")


def test_ctrl_c_ends_a_command_in_one_word(tmp_path: Path, environment: dict[str, str]) -> None:
    """A command that is interrupted while it reads says so and ends with 130."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [*MRQ, "add", *GOOD, "--reason", "x", "--context-file", str(pipe)]
    env = os.environ | environment
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=env, **streams) as running, held_open(pipe, running):
        out, err = interrupted(running)
    assert (running.returncode, out, err) == (130, b"", b"Stopped.\n")


@pytest.mark.parametrize(
    "words", [["list"], ["show", "1"], ["next"], ["add", *GOOD, "--reason", "x"]], ids=lambda words: words[0]
)
def test_without_a_database_a_person_is_told_what_to_set(mrq: Run, words: list[str]) -> None:
    """No address is exit code 3 and names DATABASE_URL; nothing is put into a private database unseen."""
    ended = mrq(*words, DATABASE_URL=None)
    assert (ended.code, ended.out) == (3, "")
    assert "DATABASE_URL" in ended.err


@pytest.mark.parametrize("words", [["list"], ["claim", "1"]], ids=lambda words: words[0])
def test_a_database_that_does_not_answer_is_exit_code_3(mrq: Run, tmp_path: Path, words: list[str]) -> None:
    """An address where nobody listens is told in one sentence, without the password in it."""
    ended = mrq(*words, DATABASE_URL=f"postgresql://me:secret@/mrq?host={tmp_path}")
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert "secret" not in ended.err


def test_a_failure_is_kept_when_no_database_answers(
    mrq: Run, tmp_path: Path, spool_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`mrq add` at an address where nobody listens spools the failure, says no password and ends with 0."""
    ended = mrq("add", *GOOD, "--reason", "x", DATABASE_URL=f"postgresql://me:secret@/mrq?host={tmp_path}")
    assert (ended.code, ended.out) == (0, "Kept in the spool.\n")
    assert len(list(spool_folder.glob("*.spooled"))) == 1
    assert "secret" not in ended.err + caplog.text


def test_wrong_settings_are_told_together(mrq: Run) -> None:
    """All wrong variables are named at once, with exit code 2."""
    ended = mrq("list", MRQ_SLA_HIGH="soon", MRQ_BATCH_SIZE="0")
    assert (ended.code, ended.out) == (2, "")
    assert "MRQ_SLA_HIGH" in ended.err
    assert "MRQ_BATCH_SIZE" in ended.err
