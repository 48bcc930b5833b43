"""Many processes at once: nothing is lost, nothing doubled, nothing given to two."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from manual_resolution import Queue, Settings
from manual_resolution.registry import Registry

#: Twenty processes, forked from one that has loaded the library and not connected yet, start together.
TWENTY_PROCESSES = """
import os, sys
os.environ |= {"DATABASE_URL": sys.argv[1], "MRQ_ADD_TIMEOUT": "60"}
import manual_resolution.queue
from manual_resolution import add_to_queue

def add():
    os.close(start)
    os.read(gate, 1)
    for n in range(10):
        add_to_queue("x", "thing", 1, "low", f"{os.getpid()} {n}")
    os._exit(0)

gate, start = os.pipe()
children = []
for _ in range(20):
    if child := os.fork():
        children.append(child)
    else:
        try:
            add()
        finally:
            os._exit(1)
os.close(start)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def test_two_hundred_adds_of_one_failure(database_url: str, queue: Queue) -> None:
    """200 concurrent adds of one failure by 20 processes are one item with 200 occurrences, each kept."""
    run = subprocess.run(
        [sys.executable, "-c", TWENTY_PROCESSES, database_url], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    (item,) = queue.list()
    assert (item.occurrences, item.version) == (200, 1)
    with queue.database.connection() as db:
        found = db.execute("select count(*), count(distinct n), max(n), count(reason) from mrq_occurrence").fetchone()
        reasons = db.execute("select count(distinct reason) from mrq_occurrence").fetchone()
    assert (found, reasons) == ((200, 200, 200, 199), (199,))


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """`work(0)` … `work(count - 1)` in threads that start together; answers, or the errors raised."""
    gate = Barrier(count)

    def one(n: int) -> Any:
        gate.wait()
        try:
            return work(n)
        except Exception as error:  # noqa: BLE001  # an answer like any other
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def claim_all(url: str, name: str) -> list[int]:
    queue = Queue(url, settings=Settings(), workflows=Registry())
    claimed = []
    while item := queue.next(name):
        claimed.append(item.id)
    queue.close()
    return claimed


def claimers(url: str, queue: Queue, count: int, items: int) -> None:
    from manual_resolution.intake import intake

    queue.add_many(intake("x", "thing", n + 1, "low", "r") for n in range(items))
    answers = at_once(count, lambda n: claim_all(url, f"operator {n}"))
    served = Counter(item for claimed in answers for item in claimed)
    assert len(served) == items, "each item is served"
    assert max(served.values()) == 1, "and to one person only"
    owners = Counter(item.assigned_to for item in queue.list(status="assigned", limit=items))
    assert owners == Counter({f"operator {n}": len(claimed) for n, claimed in enumerate(answers) if claimed})


def test_no_item_is_served_twice(database_url: str, queue: Queue) -> None:
    """10 claimers on 200 items: each item is served to exactly one of them."""
    claimers(database_url, queue, 10, 200)


@pytest.mark.slow
def test_no_item_is_served_twice_in_a_crowd(database_url: str, queue: Queue) -> None:
    """50 claimers on 1 000 items: each item is served to exactly one of them."""
    claimers(database_url, queue, 50, 1000)


def test_batches_that_meet_do_not_deadlock(database_url: str, new_queue: Any, queue: Queue) -> None:
    """Batches with the same failures in opposite orders all succeed, and every report is counted."""
    from manual_resolution.intake import intake

    def batch(n: int) -> int:
        order = range(1, 201) if n % 2 else range(200, 0, -1)
        return len(new_queue().add_many([intake("x", "thing", k, "low", "r") for k in order]))

    assert at_once(6, batch) == [200] * 6
    assert {item.occurrences for item in queue.list(limit=500)} == {6}


def test_everybody_adds_and_withdraws(new_queue: Any, queue: Queue) -> None:
    """Adds and withdrawals of one failure that meet leave one open item at most, and no error."""

    def work(n: int) -> list[Any]:
        mine = new_queue()
        return [
            mine.add("x", "thing", 1, "low", "r") if (n + k) % 3 else mine.withdraw("x", "thing", 1, "done")
            for k in range(15)
        ]

    answers = at_once(6, work)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert len(queue.list()) <= 1
    with queue.database.connection() as db:
        told = db.execute("select count(*) from mrq_occurrence").fetchone()
        counted = db.execute("select sum(occurrences) from manual_resolution_queue").fetchone()
    assert told == counted == (60,)
