"""The matrix of roles and routes, over the API and over the pages: who is refused what, on whose items."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient

from manual_resolution import Queue
from manual_resolution.permission import MOVES, ROLES, Grants
from manual_resolution.web.app import create_app
from tests.api.conftest import FAILURE, ROOT

WHY = {"justification": "because"}
PASSWORD = "correct horse battery"
CONSOLE = "/admin/manual-resolution-queue"
ITEM = "/items/{item_id}"

#: Each route of the API: the move it asks for, and a body it takes.
API: Mapping[str, tuple[str, Any]] = {
    "get /items": ("read", None),
    "get /mine": ("read", None),
    f"get {ITEM}": ("read", None),
    f"get {ITEM}/case": ("read", None),
    f"get {ITEM}/history": ("read", None),
    "get /approvals": ("read", None),
    "get /types": ("read", None),
    f"post {ITEM}/plan": ("read", {"option": "escalate"}),
    f"post {ITEM}/reveal": ("reveal", WHY),
    "post /next": ("claim", {}),
    f"post {ITEM}/claim": ("claim", {}),
    f"post {ITEM}/extension": ("extend", {}),
    f"post {ITEM}/release": ("release", {}),
    f"post {ITEM}/decline": ("decline", WHY),
    f"post {ITEM}/hand-over": ("hand_over", {"to": "alice"}),
    f"post {ITEM}/take-over": ("take_over", WHY),
    f"post {ITEM}/deferral": ("defer", WHY | {"span": "1h"}),
    f"post {ITEM}/escalation": ("escalate", WHY),
    f"post {ITEM}/priority": ("set_priority", WHY | {"priority": "high"}),
    f"post {ITEM}/position": ("place", WHY | {"span": "1h"}),
    f"delete {ITEM}/position": ("place", None),
    f"post {ITEM}/note": ("note", {"note": "hello"}),
    f"post {ITEM}/amendment": ("amend", WHY | {"context": {"place": "here"}}),
    f"post {ITEM}/reopening": ("reopen", WHY),
    f"post {ITEM}/resolution": ("resolve", WHY | {"option": "escalate"}),
    f"post {ITEM}/confirmation": ("confirm", {"done": True}),
    f"post {ITEM}/approval": ("approve", {}),
    f"post {ITEM}/denial": ("deny", WHY),
    "post /items": ("add", FAILURE | {"resource_id": 99}),
    "post /add-many": ("add", {"items": [FAILURE | {"resource_id": 98}]}),
    "post /withdrawals": ("withdraw", {"item_type": "parcel_stuck", "resource_type": "parcel", "resource_id": 97,
                                       "reason": "it succeeded"}),
    "get /alerts": ("report", None),
    "get /alerts/pause": ("report", None),
    "post /alerts/retry": ("look_after", {}),
    "post /alerts/pause": ("look_after", {"until": "1h", "reason": "maintenance"}),
    "delete /alerts/pause": ("look_after", None),
    "get /report": ("report", None),
    "get /metrics": ("report", None),
    "get /audit/head": ("report", None),
    "get /audit/verification": ("report", None),
    "get /operators/{name}": ("report", None),
    "get /users": ("people", None),
    "post /users": ("people", {"name": "new", "roles": ["viewer"]}),
    "post /users/{name}/grants": ("people", {"roles": ["viewer:x"]}),
    "post /users/{name}/revocations": ("people", {"roles": ["viewer:x"]}),
    "post /users/{name}/disabling": ("people", None),
    "post /users/{name}/enabling": ("people", None),
    "get /tokens": ("people", None),
    "post /tokens": ("people", {"person": "alice", "label": "x", "scopes": ["operator"]}),
    "delete /tokens/{token_id}": ("people", None),
}  # fmt: skip

#: Each form of an item's page, by its last word.
PAGES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "reveal": ("reveal", WHY),
    "plan": ("read", {"option": "escalate"}),
    "claim": ("claim", {}),
    "release": ("release", {}),
    "decline": ("decline", WHY),
    "hand-over": ("hand_over", {"to": "alice"}),
    "take-over": ("take_over", WHY),
    "deferral": ("defer", WHY | {"for": "1h"}),
    "escalation": ("escalate", WHY),
    "priority": ("set_priority", WHY | {"priority": "high"}),
    "note": ("note", {"note": "hello"}),
    "amendment": ("amend", WHY | {"context": "{}", "name": "place", "value": "here"}),
    "reopening": ("reopen", WHY),
    "resolution": ("resolve", WHY | {"option": "escalate"}),
    "confirmation": ("confirm", {"done": "yes"}),
    "approval": ("approve", {}),
    "denial": ("deny", WHY),
}

Ask = Callable[[str, str, str, Any], int]


@pytest.fixture
def person(queue: Queue, people: Any) -> Callable[[str], str]:
    """`person("viewer:x")`: somebody with this role alone, and all of it in a token of theirs."""

    def of(role: str) -> str:
        name = f"only-{role}"
        people.add(ROOT_ADMIN, name, [role], PASSWORD)
        return str(people.add_token(ROOT_ADMIN, name, "test", [role])[1])

    return of


ROOT_ADMIN = type(ROOT)("root", "person", "cli:root@host")


@pytest.fixture
def ask(client: TestClient, add: Any) -> Ask:
    """`ask(token, method, path, body)`: the status, asked about an item that `robot` added."""
    number = add()

    def ask(token: str, method: str, path: str, body: Any) -> int:
        address = "/api/v1" + path.format(item_id=number, name="bob", token_id=1)
        headers = {"Authorization": f"Bearer {token}", "If-Match": '"999"'}
        return client.request(method, address, headers=headers, json=body).status_code

    return ask


def test_every_route_is_in_the_matrix(client: TestClient, queue: Queue) -> None:
    """A route of the API without a row fails here, and so does a row without a route."""
    api = next(one.app for one in create_app(queue).routes if getattr(one, "path", "") == "/api/v1")
    routes = {f"{method} {path}" for path, methods in api.openapi()["paths"].items() for method in methods}
    assert routes == set(API)


def test_without_a_token_everything_is_refused(client: TestClient, add: Any) -> None:
    """401 for every route, whatever it is asked."""
    number = add()
    for route, (_, body) in API.items():
        method, path = route.split()
        address = "/api/v1" + path.format(item_id=number, name="bob", token_id=1)
        assert client.request(method, address, json=body).status_code == 401, route


@pytest.mark.parametrize("role", ROLES)
def test_roles_and_routes(person: Any, ask: Ask, role: str) -> None:
    """Each role gets past the door where the table says so, and 403 everywhere else; a token never past people's."""
    token = person(role)
    for route, (move, body) in API.items():
        method, path = route.split()
        status = ask(token, method, path, body)
        allowed = Grants.of(role).allows(move)
        if role == "service" and ITEM in path and move == "read":
            assert status == 404, (route, status)  # it is another's
        elif role == "service" and ITEM in path:
            assert status in (403, 404), (route, status)
        else:
            assert (status != 403) == allowed and status not in (401, 500), (route, status)


def test_routes_for_another_type(person: Any, ask: Ask) -> None:
    """With a role for another type there is no such item, and nothing about the queue as a whole."""
    token = person("approver:another_type")
    for route, (move, body) in API.items():
        method, path = route.split()
        status = ask(token, method, path, body)
        if ITEM in path:
            assert status == 404, (route, status)
        elif "approver" not in MOVES[move] or move == "report":
            assert status == 403, (route, status)
        else:
            assert status in (200, 204), (route, status)


@pytest.mark.parametrize("role", [*ROLES, "approver:another_type"])
def test_roles_and_pages(client: TestClient, add: Any, person: Any, queue: Queue, role: str) -> None:
    """The same over the forms of an item's page, for somebody signed in."""
    person(role)
    number = add()
    client.headers["Sec-Fetch-Site"] = "same-origin"
    assert client.post("/sign-in", data={"name": f"only-{role}", "password": PASSWORD}).status_code < 400
    seen = client.get(f"{CONSOLE}/{number}").status_code
    hidden = role in ("service", "approver:another_type")
    assert seen == (404 if hidden else 200)
    for form, (move, typed) in PAGES.items():
        status = client.post(f"{CONSOLE}/{number}/{form}", data={"version": "999", **typed}).status_code
        if hidden:
            assert status in (403, 404), (form, status)
        else:
            assert (status != 403) == Grants.of(role).allows(move), (form, status)


def test_a_token_is_kept_nowhere(as_: Any, connect: Any) -> None:
    """An `Idempotency-Key` keeps no answer that holds a secret or somebody's facts."""
    root, asked = as_("root"), {"person": "alice", "label": "x", "scopes": ["operator"]}
    first, again = (root.post("/tokens", asked, Idempotency_Key="k1") for _ in range(2))
    assert first.status_code == again.status_code == 201 and first.json()["token"] != again.json()["token"]
    assert connect().execute("select count(*) from mrq_request").fetchone() == (0,)
