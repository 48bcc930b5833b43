"""A new operator's practice at a real terminal, and how it comes into their record."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from manual_resolution import Refused, Unreachable
from manual_resolution.practice import clear, finished, practising, refuse_tokens
from tests.processes import Terminal

#: Digit, then what is asked beside the reason, for #1 to #10: all right but the last two.
ANSWERS = (
    ("1",), ("1",), ("3",), ("2", ""), ("1",), ("2",), ("3",), ("4", ""), ("4", ""), ("2",),
)  # fmt: skip


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    """A person's terminal, whose DATABASE_URL is a queue in use."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "MRQ_PG_BIN") if name in os.environ}
    ours = {"DATABASE_URL": database_url, "MRQ_OPERATOR": "alice@example.com", "MRQ_TEAM": "engineering"}
    return kept | {"LANG": "C.UTF-8", "TERM": "dumb"} | ours


def test_ten_items_are_practised(environment: dict[str, str], run_folder: Path, connect: Any) -> None:
    """Low first, then what MRQ would have chosen and why; kept in the folder, and no real queue is touched."""
    folder = run_folder / f"practice-{os.getpid()}"
    told = ("--dir", str(folder))
    session = Terminal("practice", *told, environment=environment)
    for answers in ANSWERS:
        session.chooses(*answers, "it looks right to me")
    shown = session.ends()
    first, last = shown.index("Queue Item #1 (LOW"), shown.index("Queue Item #10 (CRITICAL")
    assert first < shown.index("(MEDIUM") < shown.index("(HIGH") < last < shown.index("What MRQ would have chosen:")
    assert "#3 pdf_deletion_failed, meal_plan #11640: escalate; as you chose. The URL is of another store" in shown
    assert "#9 quiz_orphaned, quiz_response #67951: defer; you passed it on, which is never wrong" in shown
    assert "#10 pdf_deletion_failed, meal_plan #12345: retry; you chose mark_failed. Somebody asked for" in shown
    assert "8 of 10 as MRQ would have chosen, 1 passed on. Finished: `mrq operator record --dir " in shown
    assert not (folder / "postgres").exists()
    real = connect()
    assert real.execute("select count(*) from manual_resolution_queue").fetchone() == (0,)
    (done,) = finished(folder)
    assert (done.operator, done.items, done.agreed, done.passed_on) == ("alice@example.com", 10, 8, 1)
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_practice_that_is_left_does_not_count(environment: dict[str, str], run_folder: Path) -> None:
    """What was skipped comes again; q ends with what was decided so far, and nothing is kept.

    Slow: it makes a PostgreSQL of its own, as each practice does.
    """
    folder = run_folder / f"left-{os.getpid()}"
    session = Terminal("practice", "--dir", str(folder), environment=environment)
    shown = session.chooses("s").chooses("1", "it is gone").chooses("q").ends()
    assert "#1 skipped: it waits again.\n" in shown and "  #2 pdf_deletion_failed, meal_plan #12210: retry" in shown
    assert "1 of 10 decided: it counts once all are. `mrq practice` brings ten new ones.\n" in shown
    assert finished(folder) == []
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("BLOB_READ_WRITE_TOKEN",),
        ("BLOB_READ_WRITE_TOKEN_FILE",),
        ("VERCEL_OIDC_TOKEN",),
        ("MRQ_ALERT_PAGERDUTY_KEY", "MRQ_ALERT_SLACK_WEBHOOK"),
    ],
)
def test_nothing_is_practised_beside_a_real_token(names: tuple[str, ...], tmp_path: Path) -> None:
    """Whatever token is set: the refusal names it, never shows it, and nothing is made; a database is no token."""
    environment = dict.fromkeys(names, "very-secret") | {"DATABASE_URL": "postgresql://real", "PGSSLKEY": "key.pem"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(Refused, match=" and ".join(names)) as refused, practising(tmp_path / "practice"):
            pass
        assert "very-secret" not in str(refused.value) and f"env -u {names[0]}" in str(refused.value)
    assert list(tmp_path.iterdir()) == []
    refuse_tokens({"DATABASE_URL": "postgresql://real", "PGSSLKEY": "key.pem", "SOMEBODY_ELSES_TOKEN": "x"})


def test_without_the_blob_package_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, one sentence says which to install, and no folder is made."""
    for name in ("vercel", "vercel.blob"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Unreachable, match=r"manual-resolution-queue\[vercel\]"), practising(tmp_path / "practice"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_environment_is_as_it_was(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside, only the private database and the stand-in are named; afterwards everything is as before."""
    folder = run_folder / f"inside-{os.getpid()}"
    monkeypatch.setenv("DATABASE_URL", "postgresql://real.example.com/app")
    monkeypatch.setenv("VERCEL_BLOB_API_URL", "https://vercel.com/api/blob")
    monkeypatch.setenv("MRQ_WORKFLOWS", "somebodys.own")
    before = dict(os.environ)
    with practising(folder) as practice:
        assert "real.example.com" not in os.environ["DATABASE_URL"] and "MRQ_WORKFLOWS" not in os.environ
        assert os.environ["VERCEL_BLOB_API_URL"].startswith("http://127.0.0.1:")
        assert len(practice.items()) == 10
        with pytest.raises(Refused, match="Somebody practises in this folder"):
            clear(folder)
    assert dict(os.environ) == before
    shutil.rmtree(folder)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """A folder that holds other things is refused and untouched; a broken record is said, not guessed."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(Refused, match="is no practice's: choose another folder"), practising(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    good = {"id": "0b0e7a3e-8a0e-4f0e-9d6b-4f6a7b1c2d3e", "operator": "a", "items": 10, "agreed": 9, "passed_on": 1}
    for broken in ("[]", "{", json.dumps(good | {"agreed": 11}), json.dumps(good | {"id": "x"})):
        (tmp_path / "finished.jsonl").write_text(broken + "\n")
        with pytest.raises(Refused, match="cannot be read as a record of practice"):
            finished(tmp_path)
    (tmp_path / "finished.jsonl").write_text(json.dumps(good) + "\n")
    assert finished(tmp_path)[0].agreed == 9
