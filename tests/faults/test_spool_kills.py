"""kill -9 at every line of the spool's code, while it keeps and while it replays: nothing lost, nothing doubled.

The long run: `./dev faults` (MRQ_KILLS kills of each kind). Lines are counted, so that a run repeats itself.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from manual_resolution import Queue, Settings
from manual_resolution.spool import Spool
from manual_resolution.spooling import replay

KILLS = int(os.environ.get("MRQ_KILLS", "20"))
PROBING = 10_000_000
Work = Callable[[str, int, int], str]


@pytest.fixture
def work(database_url: str, spool_folder: Path) -> Iterator[Work]:
    """`work("keep", 7, 31)`: a process that dies at its 31st line; `done`, `killed`."""
    program = [sys.executable, str(Path(__file__).parent / "spooler.py"), database_url]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin and child.stdout and child.stdout.readline() == "ready\n"

        def one(what: str, number: int, line: int) -> str:
            assert child.stdin and child.stdout
            print(what, number, line, file=child.stdin, flush=True)
            return child.stdout.readline().split()[-1]

        yield one
        child.stdin.close()


def brought_in(database_url: str, folder: Path) -> dict[int, int]:
    """How often each failure is in the queue, once everything is replayed that anybody left."""
    for left in folder.glob(".*.tmp"):
        os.utime(left, (time.time() - 3600,) * 2)
    queue = Queue(database_url, settings=Settings())
    assert replay(queue, Spool(str(folder), 1e9), everything=True) is not None
    found = {item.resource_id or 0: item.occurrences for item in queue.list(limit=100_000)}
    queue.close()
    return found


def lines(work: Work, what: str) -> int:
    """How many lines the work has, with one failure to replay: found by halving, as killed or done tells."""
    low, high = 1, 4096
    while low < high:
        middle = (low + high) // 2
        if what == "replay":
            work("replay", 0, 10**9)
            assert work("keep", PROBING + middle, 10**9) == "done"
        low, high = (low, middle) if work(what, PROBING + middle, middle) == "done" else (middle + 1, high)
    return low


def test_killed_while_it_keeps(work: Work, database_url: str, spool_folder: Path, connect: Any, faults: Any) -> None:
    """What a script was told is spooled comes in, once; what it was not told comes in once or not at all."""
    all_lines = lines(work, "keep")
    ended = {
        number: work("keep", number, 1 + number * all_lines // KILLS % all_lines) for number in range(1, KILLS + 1)
    }
    ended |= {number: work("keep", number, 10**9) for number in range(KILLS + 1, KILLS + 6)}
    assert set(ended.values()) == {"done", "killed"}
    found = brought_in(database_url, spool_folder)
    assert {number for number, how in ended.items() if how == "done"} <= set(found)
    assert set(found.values()) == {1}
    assert faults(connect()) == []


def test_killed_while_it_replays(work: Work, database_url: str, spool_folder: Path, connect: Any, faults: Any) -> None:
    """However often a replay is killed, and wherever, each failure comes in once and the spool is empty at last."""
    all_lines = lines(work, "replay")
    assert all_lines > 80
    ended = []
    for number in range(1, KILLS + 1):
        assert work("keep", number, 10**9) == "done"
        ended.append(work("replay", 0, 1 + number * all_lines // KILLS % all_lines))
    assert ended.count("killed") > KILLS / 2
    found = brought_in(database_url, spool_folder)
    assert set(range(1, KILLS + 1)) <= set(found) and set(found.values()) == {1}
    assert os.listdir(spool_folder) == [".lock"]
    assert faults(connect()) == []


def test_a_replay_that_forgets_ids_would_double(work: Work, database_url: str, spool_folder: Path) -> None:
    """The control: the same kills find a replay that gives each failure a new id at each try."""
    from dataclasses import replace
    from uuid import uuid4

    assert work("keep", 1, 10**9) == "done"
    queue, spool = Queue(database_url, settings=Settings()), Spool(str(spool_folder), 1e9)
    for _ in range(2):
        [entry] = spool.entries()
        kept, _flaw = spool.read(entry)
        queue.replay([replace(kept[0].intake, add_id=uuid4())], "lib:x@y")  # and killed before it removes the file
    queue.close()
    assert brought_in(database_url, spool_folder) == {1: 3}
