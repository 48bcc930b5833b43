"""`mrq worker` as a process: how it begins, ends, and what its machine's clock changes: nothing."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from manual_resolution import Queue
from tests.processes import Terminal, run

from .conftest import Run

SKEWED = Path(__file__).parent / "skewed.py"
FAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
DAY = 86_400


@pytest.fixture
def environment(database_url: str, spool_folder: Path) -> dict[str, str]:
    """What a service's unit would set."""
    return {
        "DATABASE_URL": database_url,
        "MRQ_ALERTS": "none",
        "MRQ_SPOOL_DIR": str(spool_folder),
        "HOME": str(spool_folder.parent),
        "PATH": os.environ["PATH"],
    }


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    queue = Queue(database_url)
    yield queue
    queue.close()


def add(queue: Queue, number: int, **facts: Any) -> int:
    found = queue.add("x", "thing", number, "medium", "It failed", **facts).id
    assert found is not None
    return found


# ------------------------------------------------------------------ beginning and ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_ends_with_0(environment: dict[str, str], number: int) -> None:
    """SIGTERM and Ctrl-C during the wait end the worker at once, with exit code 0 and a line that says so."""
    terminal = Terminal("worker", "--every", "3600", environment=environment)
    terminal.sees("worker: Looking every 3600 s. Alerts go to nobody.")
    os.kill(terminal.process.pid or 0, number)
    assert re.search(r"^\S+Z worker: Stopped, as asked\.$", terminal.ends(), re.MULTILINE)


def test_a_stop_lets_the_statement_in_hand_end(
    environment: dict[str, str], queue: Queue, clock: Any, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """SIGTERM in the middle of the sweep's statement: it ends as a whole, the process with 0, others go on."""
    number = add(queue, 1, sla_hours=1)
    clock.forward(hours=2)
    blocker, looker = connect(autocommit=False), connect()
    blocker.execute("lock table mrq_outbox in access exclusive mode")
    terminal = Terminal("worker", "--every", "3600", environment=environment)
    terminal.sees("Looking every")
    waiting = "select count(*) from pg_locks where not granted and relation = 'mrq_outbox'::regclass"
    while looker.execute(waiting).fetchone() == (0,):
        assert terminal.process.is_alive()
    os.kill(terminal.process.pid or 0, signal.SIGTERM)
    blocker.rollback()
    terminal.ends()
    assert [event.verb for event in queue.history(number)].count("sweep") == 1
    beats = looker.execute("select component, detail->'every' from mrq_heartbeat order by 1").fetchall()
    assert beats and {every for _, every in beats} == {None}


def test_without_anybody_to_tell_it_does_not_begin(mrq: Run) -> None:
    """No channel and no MRQ_ALERTS=none: a sentence, exit code 1."""
    told = mrq("worker", "--once", MRQ_ALERTS=None)
    assert (told.code, told.err[:17]) == (1, "Alerts go nowhere")


def test_without_a_database_once_says_so(mrq: Run, tmp_path: Path) -> None:
    """`--once` without a database: one line, exit code 3."""
    told = mrq("worker", "--once", DATABASE_URL="postgresql://mrq:hunter2@127.0.0.1:1/none", MRQ_ALERTS="none")
    assert (told.code, told.err.count("\n")) == (3, 1)
    assert "WRONG database: The database was not reached" in told.err
    assert "hunter2" not in told.err


def test_once_says_by_its_exit_code_that_a_step_failed(mrq: Run, spool_folder: Path) -> None:
    """A step that fails makes `--once` end with 1, its line says why; JSON lines on demand."""
    spool_folder.parent.mkdir(parents=True, exist_ok=True)
    spool_folder.write_text("in the way")
    told = mrq("worker", "--once", "--json", MRQ_ALERTS="none")
    (line,) = map(json.loads, told.err.splitlines())
    assert (told.code, line["level"], line["step"]) == (1, "error", "spool")
    assert set(line) == {"at", "level", "step", "message"}


def test_no_secret_is_said(mrq: Run, clock: Any, add: Callable[..., int]) -> None:
    """A watcher that is not reached is told without its address; so is everything else that holds a secret."""
    add(1, priority="critical")
    clock.forward(hours=5)
    told = mrq("worker", "--once", MRQ_ALERTS="none", MRQ_HEARTBEAT_URL="http://127.0.0.1:1/hunter2")
    assert told.code == 1
    assert "WRONG worker: MRQ_HEARTBEAT_URL: the watcher was not reached" in told.err
    told = mrq("doctor", MRQ_ALERTS="none", MRQ_HEARTBEAT_URL="http://127.0.0.1:1/hunter2")
    assert "setting MRQ_HEARTBEAT_URL: (set)" in told.out
    assert "hunter2" not in told.out + told.err


# ------------------------------------------------------------------ the clock


@pytest.mark.parametrize("way", ["skewed", pytest.param("faketime", marks=pytest.mark.slow)])
def test_the_machines_clock_changes_no_decision(
    environment: dict[str, str], queue: Queue, clock: Any, way: str, tmp_path: Path
) -> None:
    """Workers whose clocks are a day behind and a day ahead raise, wake and end exactly the same.

    Slow with libfaketime, which fakes the clock of the C libraries too and slows each start.
    """
    if way == "faketime" and not FAKETIME:
        pytest.skip("libfaketime is not installed (Debian: apt-get install libfaketime)")
    came_to = []
    for world, skew in enumerate((-DAY, DAY)):
        numbers = [add(queue, 1 + 10 * world + n, sla_hours=hours) for n, hours in enumerate((1, 2, 25, 49))]
        queue.claim(numbers[2], "alice")
        queue.defer(numbers[3], "alice", "Later", span=timedelta(hours=1))
        clock.forward(hours=1.5)
        ended = subprocess.run(
            command(way, skew), env=environment | faked(way, skew), cwd=tmp_path, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        stamp = re.search(r'"timestamp":"([^"]+)"', ended.stderr)
        machine = datetime.fromisoformat(stamp[1]) if stamp else datetime.now(UTC)  # the event has the machine's time
        assert abs((machine - datetime.now(UTC)).total_seconds() - skew) < 3600, "the clock was not skewed"
        found = [queue.get(number) for number in numbers]
        came_to.append(
            [(item.status, item.escalation_level, item.held, item.assigned_to, item.version) for item in found]
        )
    assert came_to[0] == came_to[1]
    assert [(row[0], row[1]) for row in came_to[0]] == [
        ("escalated", 2),
        ("pending", 0),
        ("pending", 0),
        ("pending", 0),
    ]


def command(way: str, skew: int) -> list[str]:
    """One round of a worker on a machine whose clock is `skew` seconds off."""
    if way == "skewed":
        return [sys.executable, str(SKEWED), str(skew), "worker", "--once"]
    return [sys.executable, "-m", "manual_resolution.cli.app", "worker", "--once"]


def faked(way: str, skew: int) -> dict[str, str]:
    """What libfaketime needs."""
    if way == "skewed":
        return {}
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"{skew:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_many_processes_raise_each_breach_once(environment: dict[str, str], queue: Queue, clock: Any) -> None:
    """Two workers and cron's sweep over days that pass: one event for each level of an item, each process ends well."""
    numbers = [add(queue, number + 1, sla_hours=1 + number % 5) for number in range(20)]
    for _ in range(2):
        clock.forward(hours=24)
        processes = [subprocess_of(environment, *words) for words in (("worker", "--once"),) * 2 + (("sweep",),)]
        assert [ended.code for ended in map(Started.end, processes)] == [0] * 3
    for number in numbers:
        levels = [event.data["escalation_level"] for event in queue.history(number) if event.verb == "sweep"]
        assert len(levels) == len(set(levels)) == 2


class Started:
    """An `mrq` that runs beside others."""

    def __init__(self, environment: dict[str, str], words: tuple[str, ...]) -> None:
        from threading import Thread

        self.ended: Any = None
        self.thread = Thread(target=self._run, args=(environment, words))
        self.thread.start()

    def _run(self, environment: dict[str, str], words: tuple[str, ...]) -> None:
        self.ended = run(*words, environment=environment)

    def end(self) -> Any:
        """How it ended."""
        self.thread.join()
        return self.ended


def subprocess_of(environment: dict[str, str], *words: str) -> Started:
    """`mrq WORDS…`, begun."""
    return Started(environment, words)
