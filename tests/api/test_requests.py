"""What every request of the API passes: its token, its shape, its version, its key."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import FAILURE


def test_without_a_valid_token(client: Any, as_: Any) -> None:
    """No token, and every kind of wrong one: 401 in the same words, with how to do it."""
    good = as_("alice").token
    wrong = [None, "", "Bearer", "Basic eDp5", f"bearer {good}x", f"Bearer {good[:-1]}", "Bearer " + "x" * 100_000]
    answers = [client.get("/api/v1/items", headers={} if one is None else {"Authorization": one}) for one in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="mrq"'}
    assert len({answer.json()["detail"] for answer in answers[1:]}) == 1
    assert client.get("/api/v1/items", headers={"Authorization": f"Bearer {good}"}).status_code == 200
    assert client.get(f"/api/v1/items?token={good}").status_code == 401


def test_errors_are_problem_documents(as_: Any) -> None:
    """Whatever is wrong, the answer is a problem document with a sentence and the field it is about."""
    alice = as_("alice")
    for method, path, status, field in (
        ("GET", "/nothing", 404, None),
        ("PUT", "/items", 405, None),
        ("GET", "/items/9", 404, None),
        ("GET", "/items/01", 422, "item"),
        ("GET", "/items/1e1", 422, "item"),
        ("GET", "/items/%31", 404, None),
        ("POST", "/users/a%0Ab/disabling", 404, None),
        ("GET", "/items/9999999999999999999", 422, "item"),
        ("GET", "/items?limit=0", 422, "limit"),
        ("GET", "/items?limit=1000000000", 422, "limit"),
        ("GET", "/items?status=open", 422, "status"),
        ("GET", "/items?sort=id", 422, "sort"),
        ("GET", "/items?limit=1&limit=2", 400, "limit"),
    ):
        answer = alice.ask(method, path)
        document = answer.json()
        assert answer.headers["content-type"] == "application/problem+json", path
        assert (answer.status_code, document["status"], document.get("field")) == (status, status, field), path
        assert document["type"].startswith("urn:mrq:") and document["detail"].endswith("."), path


@pytest.mark.parametrize(
    ("if_match", "status"),
    [(None, 428), ("*", 400), ('W/"1"', 400), ('"1", "2"', 400), ("1", 400), ('"01"', 400), ('"9"', 412), ('"1"', 200)],
)
def test_a_move_names_its_version(as_: Any, add: Any, if_match: str | None, status: int) -> None:
    """A move without a version, or with what is none, is not made; at an old one the answer says what changed."""
    item = add()
    headers = {} if if_match is None else {"If-Match": if_match}
    assert as_("alice").post(f"/items/{item}/claim", **headers).status_code == status


def test_a_stale_move_says_what_changed(as_: Any, add: Any) -> None:
    """A move at an old version does nothing and says what was done meanwhile, and by whom."""
    item = add()
    as_("bob").post(f"/items/{item}/claim", version=1)
    stale = as_("alice").post(f"/items/{item}/claim", version=1)
    assert (stale.status_code, stale.json()["changes"], stale.json()["version"]) == (412, ["claim by bob"], 2)


def test_a_key_is_carried_out_once(as_: Any, queue: Any) -> None:
    """The same request under a key is answered as it was; another body under it is refused; a refusal is not kept."""
    robot = as_("robot")
    first = robot.post("/items", FAILURE, Idempotency_Key="a")
    again = robot.post("/items", FAILURE, Idempotency_Key="a")
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), first.headers["etag"])
    assert queue.get(1).occurrences == 1
    other = robot.post("/items", FAILURE | {"resource_id": 8}, Idempotency_Key="a")
    assert (other.status_code, other.json()["type"]) == (422, "urn:mrq:key-reused")
    wrong = robot.post("/items", FAILURE | {"priority": "urgent"}, Idempotency_Key="b")
    assert wrong.status_code == 422
    assert robot.post("/items", FAILURE, Idempotency_Key="b").status_code == 200


def test_an_add_after_a_crash_is_recorded_once(as_: Any, queue: Any, connect: Any, clock: Any) -> None:
    """An add whose answer was lost is recorded once, however late it is sent again."""
    robot = as_("robot")
    robot.post("/items", FAILURE, Idempotency_Key="a")
    connect().execute("update mrq_request set status = null, headers = null, body = null")
    during = robot.post("/items", FAILURE, Idempotency_Key="a")
    assert (during.status_code, during.headers["retry-after"]) == (409, "1")
    clock.forward(hours=25)
    late = robot.post("/items", FAILURE, Idempotency_Key="a")
    assert late.status_code in (200, 201), late.text
    assert queue.get(1).occurrences == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb"])
def test_what_is_no_key(as_: Any, key: str) -> None:
    """A key that is none: 400."""
    assert as_("robot").post("/items", FAILURE, Idempotency_Key=key).status_code == 400


def test_the_documentation(client: Any) -> None:
    """OpenAPI is open to all, every operation has a summary and a description, every body an example."""
    document = client.get("/api/v1/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            assert one["summary"] and one["description"], (method, path)
            assert {"401", "403"} <= set(one["responses"]), (method, path)


def test_every_operation_is_shown_with_curl(client: Any) -> None:
    """docs/operate/api.md, whose blocks are run, asks each operation once."""
    page = Path(__file__).parents[2].joinpath("docs/operate/api.md").read_text(encoding="utf-8")
    asked = re.findall(r'"\$API(/[^"?]*)', page)
    for path in client.get("/api/v1/openapi.json").json()["paths"]:
        pattern = re.sub(r"\{(?:item|token)_id\}", "[0-9]+", path).replace("{name}", "[^/]+")
        assert any(re.fullmatch(pattern, one) for one in asked), path
