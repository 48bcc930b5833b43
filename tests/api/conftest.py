"""The API over a real database, asked with real tokens."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from manual_resolution import Actor, Queue, Settings, Workflow, resolved
from manual_resolution.people import People
from manual_resolution.registry import Registry
from manual_resolution.web.app import create_app
from tests.cli.small_world import workflow as parcel
from tests.quicker import quick_passwords, routes_made_once

__all__ = ["quick_passwords", "routes_made_once"]

ROOT = Actor("root", "person", "cli:root@host")

letter = Workflow("letter_stuck")
burn = letter.option("burn", "Burn it", effect="database", approvals=1)


@burn
def run_burn() -> Any:
    return resolved("Burned")


@pytest.fixture
def queue(database_url: str, as_role: Callable[[str, str], str]) -> Iterator[Queue]:
    """The queue that is served."""
    registry = Registry([("tests.cli.small_world", parcel), ("tests.api.conftest", letter)])
    queue = Queue(as_role(database_url, "console"), settings=Settings(), workflows=registry)
    yield queue
    queue.close()


@pytest.fixture
def people(queue: Queue) -> People:
    """Root looks after people; alice and bob decide, carol approves, robot adds, eve only looks."""
    people = People(queue.database, queue.settings)
    people.add(ROOT, "root", ["admin"])
    for name, role in (
        ("alice", "operator"),
        ("bob", "operator"),
        ("carol", "approver"),
        ("robot", "service"),
        ("eve", "viewer"),
    ):
        people.add(ROOT, name, [role])
    return people


@pytest.fixture
def client(queue: Queue, people: People) -> Iterator[TestClient]:
    """Somebody without a token."""
    with TestClient(create_app(queue), "http://127.0.0.1:8787", raise_server_exceptions=False) as client:
        yield client


class Caller:
    """One person's token, and requests made with it."""

    def __init__(self, client: TestClient, token: str) -> None:
        self.client, self.token = client, token

    def ask(self, method: str, path: str, body: Any = None, version: int | None = None, **headers: str) -> Any:
        """`ask("POST", "/items/1/claim", version=1)`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if version is not None:
            named["If-Match"] = f'"{version}"'
        given: dict[str, Any] = {} if body is None else {"json": body}
        named["Authorization"] = f"Bearer {self.token}"
        return self.client.request(method, f"/api/v1{path}", headers=named, **given)

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, version: int | None = None, **headers: str) -> Any:
        return self.ask("POST", path, body, version, **headers)


@pytest.fixture
def as_(client: TestClient, people: People) -> Callable[[str], Caller]:
    """`as_("alice")`: her token; the same for the whole test."""
    known: dict[str, Caller] = {}

    def of(name: str) -> Caller:
        if name not in known:
            roles = next(one.roles for one in people.everybody(ROOT) if one.name == name)
            known[name] = Caller(client, people.add_token(ROOT, name, "test", roles)[1])
        return known[name]

    return of


FAILURE: dict[str, Any] = {
    "item_type": "parcel_stuck",
    "resource_type": "parcel",
    "resource_id": 7,
    "priority": "medium",
    "reason": "stuck",
    "context": {"place": "shelf/4"},
}


@pytest.fixture
def add(as_: Callable[[str], Caller]) -> Callable[..., int]:
    """`add(resource_id=8)`: the number of an item added through the API."""

    def one(**facts: Any) -> int:
        answer = as_("robot").post("/items", FAILURE | facts)
        assert answer.status_code in (200, 201), answer.text
        return int(answer.json()["id"])

    return one
