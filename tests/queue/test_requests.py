"""Requests under a key: carried out once, their answer kept a day, a refusal judged anew."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from manual_resolution import requests
from manual_resolution.errors import InvalidInput, KeyReused, StillRunning
from manual_resolution.requests import Answer
from manual_resolution.store.connection import Database

LEASE = timedelta(minutes=1)
DONE = Answer(201, {"location": "/items/1"}, '{"id": 1}')


@pytest.fixture
def database(database_url: str, as_role: Any) -> Any:
    database = Database(as_role(database_url, "operator"))
    yield database
    database.close()


def begin(database: Database, key: str = "k", asked: bytes = b"a", caller: str = "token:1") -> requests.Request:
    return requests.begin(database, caller, key, asked, LEASE)


def test_the_answer_is_kept(database: Database) -> None:
    """The same request finds the answer as it was given; another caller's same key is another key."""
    assert begin(database).answer is None
    assert begin(database, caller="token:2").answer is None
    begin(database, "other").keep(DONE)
    assert begin(database, "other").answer == DONE


def test_one_at_a_time(database: Database) -> None:
    """While it is being carried out the same request is told to wait, and another one that the key is taken."""
    first = begin(database)
    with pytest.raises(StillRunning):
        begin(database)
    with pytest.raises(KeyReused):
        begin(database, asked=b"b")
    first.keep(DONE)
    with pytest.raises(KeyReused):
        begin(database, asked=b"b")


def test_what_did_nothing_is_judged_anew(database: Database) -> None:
    """A key whose request was refused is free again, for another request too."""
    begin(database).forget()
    assert begin(database, asked=b"b").answer is None


def test_a_day_later_it_is_forgotten(database: Database, clock: Any, connect: Any) -> None:
    """After a day the key is free, and its row is taken away by requests that come after."""
    begin(database).keep(DONE)
    clock.forward(hours=23)
    assert begin(database).answer == DONE
    clock.forward(hours=2)
    assert begin(database, "another").answer is None
    assert connect().execute("select key from mrq_request").fetchall() == [("another",)]
    assert begin(database, asked=b"b").answer is None


def test_who_carried_it_out_has_died(database: Database, clock: Any) -> None:
    """A request that was never answered may be sent again later, another one not; the dead one keeps nothing."""
    dead = begin(database)
    clock.forward(minutes=2)
    with pytest.raises(KeyReused):
        begin(database, asked=b"b")
    alive = begin(database)
    dead.keep(Answer(200, {}, "{}"))
    dead.forget()
    alive.keep(DONE)
    assert begin(database).answer == DONE


def test_of_many_at_once_one_is_carried_out(database: Database) -> None:
    """Of eight that come at once with one key, one is carried out."""
    found, start = [], threading.Barrier(8)

    def ask() -> None:
        start.wait()
        try:
            found.append(begin(database).answer)
        except StillRunning:
            found.append("wait")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, found)) == ["None"] + ["wait"] * 7


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "ключ", "\x7f"])
def test_what_is_no_key(database: Database, key: str) -> None:
    """A key is 1 to 255 visible ASCII characters."""
    with pytest.raises(InvalidInput, match="Idempotency-Key"):
        begin(database, key)
