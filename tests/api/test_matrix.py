"""Every identity at every route, on what is their own and what is another's: generated from the routes themselves."""

from collections.abc import Iterator
from typing import Any

import pytest

from manual_resolution.people import People
from manual_resolution.permission import MOVES, ROLES, WHOLE
from manual_resolution.web.api.app import MOVED, create_api
from tests.api.conftest import FAILURE, ROOT, Caller

#: What an operation is asked with, where it needs more than a reason.
BODIES: dict[str, Any] = {
    "add": FAILURE | {"resource_id": 99},
    "add_many": {"items": [FAILURE | {"resource_id": 99}]},
    "withdraw": {name: FAILURE[name] for name in ("item_type", "resource_type")} | {"resource_id": 99},
    **{name: {} for name in ("claim", "extend", "release", "next", "approve", "retry")},
    **dict.fromkeys(("disable", "enable"), None),
    "hand_over": {"to": "bob"},
    "defer": {"span": "2h", "justification": "w"},
    "priority": {"priority": "high", "justification": "w"},
    "note": {"note": "n"},
    "amend": {"context": {"place": "here"}, "justification": "w"},
    "plan": {"option": "escalate"},
    "resolve": {"option": "escalate", "justification": "w"},
    "confirm": {"done": True},
    "pause": {"until": "2h", "reason": "w"},
    "add_user": {"name": "new", "roles": ["viewer"]},
    "grant": {"roles": ["viewer"]},
    "revoke": {"roles": ["viewer"]},
    "add_token": {"person": "nobody", "label": "t", "scopes": ["viewer"]},
}
#: What is about no one item: a role for another type is shown nothing there, and refused nothing.
OF_NO_ITEM = {"list", "mine", "types", "approvals", "next"}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, method and path of every route."""
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            yield one["operationId"], method.upper(), path


@pytest.fixture
def document(queue: Any, people: People) -> dict[str, Any]:
    """The API's OpenAPI."""
    found: dict[str, Any] = create_api(queue, people, queue.settings).openapi()
    return found


@pytest.fixture
def token(client: Any, people: People) -> Any:
    """`token("robot", "service")`: somebody with these roles and no other."""

    def of(name: str, *roles: str) -> Caller:
        if name not in {one.name for one in people.everybody(ROOT)}:
            people.add(ROOT, name, roles)
        return Caller(client, people.add_token(ROOT, name, "matrix", roles)[1])

    return of


def asked(who: Caller, name: str, method: str, path: str, item: int) -> int:
    """The status of one request."""
    body = BODIES.get(name, {"justification": "w"}) if method == "POST" else None
    there = path.format(item_id=item, token_id=10**9, name="nobody")
    headers = {"If-Match": '"1"'} if "{item_id}" in path and method != "GET" else {}
    return int(who.ask(method, there, body, **headers).status_code)


def test_every_route_is_a_move(document: dict[str, Any]) -> None:
    """A route without a declared move fails here, and so does a declaration without a route."""
    assert {name for name, _, _ in operations(document)} == MOVED.keys()
    assert set(MOVED.values()) <= MOVES.keys()


def test_roles_and_routes(document: dict[str, Any], token: Any, add: Any) -> None:
    """Each role may at each route what its move allows it, and is refused everywhere else: 403, or 404 if unseen."""
    mine, others = add(), add(resource_id=8, item_type="letter_stuck")
    people = {role: token("robot" if role == "service" else f"only_{role}", role) for role in ROLES}
    holes = []
    for name, method, path in operations(document):
        move = MOVED[name]
        for role, who in people.items():
            status = asked(who, name, method, path, mine)
            allowed = role in MOVES[move]
            if (status in (401, 403)) == allowed or status >= 500:
                holes.append((role, name, status))
    assert holes == []
    assert others  # of another type, for the next test's sake the same world


def test_roles_for_one_type(document: dict[str, Any], token: Any, add: Any) -> None:
    """A role for one item type is as good as one for all on items of it, and sees nothing of any other."""
    fitting, other = add(), add(resource_id=8, item_type="letter_stuck")
    holes = []
    for role in ("viewer", "operator", "approver"):
        who = token(f"{role}_of_parcels", f"{role}:parcel_stuck")
        for name, method, path in operations(document):
            move = MOVED[name]
            allowed = role in MOVES[move] and move not in WHOLE
            status = asked(who, name, method, path, fitting)
            if (status in (401, 403)) == allowed:
                holes.append((role, name, status))
            if "{item_id}" in path and asked(who, name, method, path, other) != 404:
                holes.append((role, name, "other"))
        assert {one["id"] for one in who.get("/items?resolved=true").json()} <= {fitting}
    assert holes == []


def test_a_service_at_items_of_another(document: dict[str, Any], token: Any, add: Any) -> None:
    """A program sees and withdraws what it added itself, and nothing of another program's."""
    item = add()
    other, holes = token("other_robot", "service"), []
    for name, method, path in operations(document):
        if "{item_id}" in path and asked(other, name, method, path, item) != 404:
            holes.append(name)
    assert holes == []
    assert other.get("/items").json() == []
    thing = {name: FAILURE[name] for name in ("item_type", "resource_type", "resource_id")}
    assert other.post("/withdrawals", thing).status_code == 404


def test_nobody(document: dict[str, Any], client: Any, add: Any) -> None:
    """Without a token, and with a cookie that is none, every route answers 401."""
    item = add()
    for cookie in ("", "mrq_session=x"):
        for name, method, path in operations(document):
            there = "/api/v1" + path.format(item_id=item, token_id=1, name="x")
            headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"} if cookie else {}
            assert client.request(method, there, headers=headers).status_code == 401, name
