"""Requests that wait for an item: told of what comes, only a few at a time, nothing claimed for who went away."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import BoundedSemaphore
from typing import Any

import pytest
import uvicorn

from manual_resolution import Queue, arrivals
from manual_resolution.people import People
from manual_resolution.web.api import waiting
from manual_resolution.web.app import create_app
from tests.api.conftest import ROOT
from tests.listening import listeners, until, until_nobody_listens


def test_a_request_waits(as_: Any, add: Any, connect: Any) -> None:
    """`POST /next?wait=` answers as soon as an item comes, and 204 where none does."""
    alice, db = as_("alice"), connect()
    until_nobody_listens(db)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(alice.post, "/next?wait=50")
        until(lambda: bool(listeners(db)))
        number = add()
        assert answer.result().json()["id"] == number
    assert alice.post("/next?wait=1").status_code == 204


def test_a_wait_that_is_none(as_: Any) -> None:
    """A wait is a whole number of seconds, 1 to 50."""
    for told in ("0", "51", "1.5", "ten", "-1"):
        answer = as_("alice").post(f"/next?wait={told}")
        assert (answer.status_code, answer.json()["field"]) == (422, "wait"), told


def test_only_a_few_wait(as_: Any, add: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every place is taken, who wants to wait is told to come again; who does not wait is served."""
    monkeypatch.setattr(waiting, "PLACES", BoundedSemaphore(0))
    alice = as_("alice")
    refused = alice.post("/next?wait=1")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert alice.post("/next").status_code == 204


@pytest.fixture
def served(queue: Queue, people: People) -> Iterator[HTTPConnection]:
    """A connection to a real server."""
    server = uvicorn.Server(uvicorn.Config(create_app(queue), port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield HTTPConnection("127.0.0.1", server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    thread.join(5)


def test_nothing_is_claimed_for_who_went_away(
    served: HTTPConnection, queue: Queue, people: People, add: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that closes its connection while it waits is not given what comes later."""
    monkeypatch.setattr(arrivals, "EVERY", 0.05)
    token, db, places = people.add_token(ROOT, "alice", "waits", ["operator"])[1], connect(), waiting.PLACES._value
    until_nobody_listens(db)
    served.request("POST", "/api/v1/next?wait=50", headers={"Authorization": f"Bearer {token}"})
    until(lambda: bool(listeners(db)))
    assert waiting.PLACES._value == places - 1
    served.close()
    until(lambda: waiting.PLACES._value == places)
    assert queue.get(add()).status == "pending"
