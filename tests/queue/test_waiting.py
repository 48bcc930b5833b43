"""Waiting for the next item: a consumer is told of what arrives, and finds by itself what nobody tells."""

from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import psycopg
import pytest

from manual_resolution import Item, Queue, arrivals, intake
from tests.listening import LONG, listeners, until, until_nobody_listens
from tests.queue.conftest import NewQueue


class Consumer(Thread):
    """A thread that waits for the next item."""

    def __init__(self, queue: Queue, name: str = "alice") -> None:
        super().__init__(daemon=True)
        self.queue, self.by, self.item = queue, name, None
        self.start()

    def run(self) -> None:
        self.item: Item | None = self.queue.next(self.by, wait=LONG)

    def claims(self) -> int:
        """The number of what it has claimed in the end."""
        self.join(LONG)
        assert self.item is not None
        return self.item.id


@pytest.fixture(autouse=True)
def nobody_yet(db: Any) -> None:
    """Nobody listens when a test begins."""
    until_nobody_listens(db)


@pytest.fixture
def waiting(db: Any, new_queue: NewQueue) -> Iterator[Callable[..., Consumer]]:
    """`waiting()`: a consumer whose process listens by now."""
    consumers: list[Consumer] = []

    def wait(queue: Queue | None = None, name: str = "alice") -> Consumer:
        consumers.append(Consumer(queue or new_queue(), name))
        until(lambda: bool(listeners(db)))
        return consumers[-1]

    yield wait
    for consumer in consumers:
        consumer.queue.close()
        consumer.join(LONG)


@pytest.fixture
def never_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits looks again only when told."""
    monkeypatch.setattr(arrivals, "EVERY", LONG)


def test_what_waits_is_claimed_at_once(queue: Queue, tell: Any, db: Any) -> None:
    """Waiting costs nothing where an item is there: no connection is opened for it."""
    number = tell().id
    item = queue.next("alice", wait=LONG)
    assert (item and item.id, listeners(db)) == (number, [])


def test_an_add_is_told(never_looks: None, tell: Any, waiting: Callable[..., Consumer]) -> None:
    """A consumer claims what arrives while it waits, because it is told."""
    consumer, number = waiting(), tell().id
    assert consumer.claims() == number


def test_adds_in_a_row_are_all_found(never_looks: None, queue: Queue, tell: Any, waiting: Any) -> None:
    """Adds of one process within its silence are found by those who were told of the first."""
    consumers = [waiting(name=name) for name in ("alice", "bob", "carol")]
    added = {tell(number).id for number in (1, 2, 3)}
    assert {consumer.claims() for consumer in consumers} == added


def test_a_batch_is_told(never_looks: None, queue: Queue, waiting: Callable[..., Consumer]) -> None:
    """What is added in one call is told as well."""
    consumer = waiting()
    (added,) = queue.add_many([intake.intake("x", "thing", 1, "low", "it failed")])
    assert consumer.claims() == added.id


def test_one_connection_for_all_who_wait(new_queue: NewQueue, tell: Any, waiting: Any, db: Any) -> None:
    """However many threads of a process wait, one connection listens."""
    shared = new_queue()
    consumers = [waiting(shared, name) for name in ("alice", "bob", "carol")]
    assert len(listeners(db)) == 1
    added = {tell(number).id for number in (1, 2, 3)}
    assert {consumer.claims() for consumer in consumers} == added


def test_what_nobody_tells_is_found_by_looking(
    monkeypatch: pytest.MonkeyPatch, queue: Queue, tell: Any, db: Any, waiting: Callable[..., Consumer]
) -> None:
    """A released item, and one that a plain INSERT adds, are found by the look that comes each second."""
    monkeypatch.setattr(arrivals, "EVERY", 0.05)
    number = tell().id
    queue.claim(number, "bob")
    consumer = waiting()
    queue.release(number, "bob")
    assert consumer.claims() == number


def test_a_lost_connection_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch, tell: Any, db: Any, waiting: Callable[..., Consumer]
) -> None:
    """A consumer whose listening connection is ended waits on, and listens again."""
    monkeypatch.setattr(arrivals, "EVERY", 0.05)
    consumer = waiting()
    db.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid = any (%s)", [listeners(db)])
    until(lambda: len(listeners(db)) == 1)
    number = tell().id
    assert consumer.claims() == number


def test_behind_a_pooler_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, new_queue: NewQueue, tell: Any, db: Any
) -> None:
    """Where a pooler names a server process of its own, waiting is looking: who listens would be another."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda info: 1))
    monkeypatch.setattr(arrivals, "EVERY", 0.05)
    consumer, number = Consumer(new_queue()), tell().id
    assert consumer.claims() == number
    assert listeners(db) == []


def test_the_wait_ends(queue: Queue) -> None:
    """After the seconds given nothing is claimed: None."""
    assert queue.next("alice", wait=0.01) is None


def test_closing_ends_the_wait(
    never_looks: None, new_queue: NewQueue, waiting: Callable[..., Consumer], db: Any
) -> None:
    """Who closes a queue lets nobody wait in it, and leaves no connection."""
    queue = new_queue()
    consumer = waiting(queue)
    queue.close()
    consumer.join(LONG)
    assert consumer.item is None
    until_nobody_listens(db)


def test_nobody_listens_nobody_is_told(tell: Any, db: Any) -> None:
    """Where nobody waits, an add is one statement: no notification is sent."""
    db.execute("listen mrq_arrived")
    tell()
    assert list(db.notifies(timeout=0)) == []


def test_a_callers_transaction_tells_nobody(queue: Queue, db: Any, connect: Any, waiting: Any) -> None:
    """In a caller's transaction nothing is sent and no lock is held: its commit must not wait for others'."""
    waiting()
    db.execute("listen mrq_arrived")
    with connect() as theirs, theirs.transaction():
        queue.add("x", "thing", 1, "low", "it failed", connection=theirs)
        (locks,) = theirs.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        ).fetchone()
        assert locks == 0
    assert list(db.notifies(timeout=0)) == []
