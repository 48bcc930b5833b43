"""Items through the API: as the terminal shows them, moved under the same checks, bound to their version."""

from typing import Any

from tests.api.conftest import FAILURE


def test_an_item_is_added_once(as_: Any) -> None:
    """A new failure is a new item, with its address and version; the same again is counted."""
    robot = as_("robot")
    new, again = robot.post("/items", FAILURE), robot.post("/items", FAILURE)
    assert (new.status_code, new.headers["location"], new.headers["etag"]) == (201, "/api/v1/items/1", '"1"')
    assert (again.status_code, again.json()["repeated"], again.json()["occurrences"]) == (200, True, 2)
    assert (new.json()["status"], new.json()["repeated"], new.json()["spooled"]) == ("pending", False, False)


def test_many_are_added_all_or_none(as_: Any) -> None:
    """A batch is answered in its order; one that is wrong is named by its place, and nothing is added."""
    robot = as_("robot")
    wrong = robot.post("/add-many", {"items": [FAILURE, FAILURE | {"resource_id": 8, "priority": "urgent"}]})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "items[1].priority")
    assert as_("alice").get("/items").json() == []
    added = robot.post("/add-many", {"items": [FAILURE, FAILURE | {"resource_id": 8}, FAILURE]})
    assert [(one["id"], one["repeated"]) for one in added.json()] == [(1, False), (2, False), (1, True)]


def test_what_has_succeeded_is_withdrawn(as_: Any, add: Any) -> None:
    """An open item is resolved by its producer; where nothing like it is open there is nothing to say."""
    add()
    thing = {name: FAILURE[name] for name in ("item_type", "resource_type", "resource_id")}
    robot = as_("robot")
    assert robot.post("/withdrawals", thing).json()["status"] == "resolved"
    assert robot.post("/withdrawals", thing).status_code == 204


def test_an_item_is_worked_on(as_: Any, add: Any, queue: Any) -> None:
    """Every move an operator makes, each at the version of the answer before."""
    alice, bob, item = as_("alice"), as_("bob"), add()
    moves: list[tuple[Any, str, Any, str]] = [
        (alice, "claim", None, "assigned"),
        (alice, "hand-over", {"to": "bob", "note": "yours"}, "assigned"),
        (alice, "take-over", {"justification": "bob is ill"}, "assigned"),
        (alice, "note", {"note": "asked"}, "assigned"),
        (alice, "priority", {"priority": "high", "justification": "the user called"}, "assigned"),
        (alice, "amendment", {"context": {"place": "here"}, "justification": "found"}, "assigned"),
        (alice, "release", {"note": "lunch"}, "pending"),
        (alice, "claim", {}, "assigned"),
        (alice, "decline", {"justification": "I know them"}, "pending"),
        (bob, "deferral", {"span": "2h", "justification": "later"}, "pending"),
        (bob, "deferral", {"until": "2030-01-01T00:00:00Z", "justification": "far"}, None),
        (bob, "escalation", {"to": "support", "justification": "not mine"}, "escalated"),
        (bob, "resolution", {"option": "send", "values": {"house": 3}, "justification": "there"}, "resolved"),
    ]  # fmt: skip
    for who, move, body, status in moves:
        version = int(who.get(f"/items/{item}").headers["etag"].strip('"'))
        answer = who.post(f"/items/{item}/{move}", body, version)
        if status is None:
            assert answer.json()["field"] == "until"
        else:
            assert (answer.status_code, answer.json()["status"]) == (200, status), (move, answer.text)
            assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
    events = queue.history(item)
    assert {event.via.partition(":")[0] for event in events[1:]} == {"token"}
    resolved = bob.get(f"/items/{item}")
    again = bob.post(f"/items/{item}/reopening", {"justification": "came back"}, int(resolved.json()["version"]))
    assert (again.status_code, again.headers["location"], again.json()["reopened_from"]) == (201, "/api/v1/items/2", 1)


def test_the_next_item(as_: Any, add: Any) -> None:
    """The next is claimed in the order of work, within what is asked for; nothing is 204."""
    add(), add(resource_id=8, priority="high")
    alice = as_("alice")
    assert alice.post("/next", {"item_type": "letter_stuck"}).status_code == 204
    assert alice.post("/next", {"resource_type": "parcel", "resource_id": 7}).json()["id"] == 1
    assert alice.post("/next").json()["id"] == 2
    assert alice.post("/next", {}).status_code == 204
    assert [one["id"] for one in alice.get("/mine").json()] == [2, 1]


def test_deciding_takes_the_next(as_: Any, add: Any) -> None:
    """One decided and the next claimed, in one answer; none where nothing waits."""
    add(), add(resource_id=8)
    alice = as_("alice")
    body = {"option": "send", "values": {"house": 3}, "justification": "there", "next": True}
    answer = alice.post("/items/1/resolution", body, 1).json()
    assert (answer["status"], answer["result"], answer["next"]["id"]) == ("resolved", "Sent to house 3, slow", 2)
    assert alice.post("/items/2/resolution", body, 2).json()["next"] is None


def test_a_case(as_: Any, add: Any) -> None:
    """A case tells the checks, the options and why one is not possible; a decision is bound to it by `seen`."""
    alice, item = as_("alice"), add()
    case = alice.get(f"/items/{item}/case").json()
    assert case["checks"]["there"]["verdict"] == "pass"
    assert [one["key"] for one in case["options"]] == ["send", "recall", "escalate", "defer"]
    plan = alice.post(f"/items/{item}/plan", {"option": "send", "values": {"house": "3"}}).json()
    assert (plan["possible"], plan["plan"]) == (True, ["send to house 3: parcels #7"])
    alice.post(f"/items/{item}/amendment", {"context": {"place": "there"}, "justification": "moved"}, 1)
    body = {"option": "send", "values": {"house": 3}, "justification": "there"}
    changed = alice.post(f"/items/{item}/resolution", body | {"seen": case["seen"]}, 2)
    assert (changed.status_code, changed.json()["type"]) == (409, "urn:mrq:changed")
    assert alice.post(f"/items/{item}/resolution", body, 2).status_code == 200


def test_two_persons(as_: Any, add: Any) -> None:
    """A decision for two persons is answered 202; nobody but another person approves it, and then it is done."""
    item = add(item_type="letter_stuck")
    alice, carol = as_("alice"), as_("carol")
    waits = alice.post(f"/items/{item}/resolution", {"option": "burn", "justification": "old"}, 1)
    assert (waits.status_code, waits.json()["waits_for"], waits.headers["etag"]) == (202, "approval", '"2"')
    assert [one["item"]["id"] for one in carol.get("/approvals").json()] == [item]
    denied = carol.post(f"/items/{item}/denial", {"justification": "why?"}, 2)
    assert (denied.status_code, denied.json()["assigned_to"]) == (200, "alice")
    alice.post(f"/items/{item}/resolution", {"option": "burn", "justification": "old"}, 3)
    done = carol.post(f"/items/{item}/approval", {"note": "yes"}, 4)
    assert (done.status_code, done.json()["resolution_metadata"]["approved_by"]) == (200, "carol")


def test_an_unknown_outcome(as_: Any, add: Any) -> None:
    """A call nobody knows the outcome of is answered 202, also when it is sent again, and settled by confirmation."""
    item = add(context={"place": "x", "called": "unclear"})
    alice, carol = as_("alice"), as_("carol")
    body, key = {"option": "recall", "justification": "wrong house"}, {"Idempotency-Key": "k"}
    first = alice.post(f"/items/{item}/resolution", body, 1, **key)
    again = alice.post(f"/items/{item}/resolution", body, 1, **key)
    assert (first.status_code, first.json()["waits_for"]) == (202, "outcome")
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (202, first.json(), "1")
    assert len(alice.get(f"/items/{item}").json()["attempts"]) == 1
    version = first.json()["item"]["version"]
    settled = carol.post(f"/items/{item}/confirmation", {"done": True, "note": "seen"}, version)
    assert (settled.status_code, settled.json()["status"]) == (200, "resolved")


def test_a_definite_failure(as_: Any, add: Any) -> None:
    """What was tried without success is told so, once: with its key it is not tried again."""
    item = add(context={"place": "x", "called": "not_done"})
    alice, body = as_("alice"), {"option": "recall", "justification": "wrong house"}
    tries = [alice.post(f"/items/{item}/resolution", body, 1, Idempotency_Key="k") for _ in range(2)]
    assert [(one.status_code, one.json()["type"]) for one in tries] == [(409, "urn:mrq:failed")] * 2
    assert len(alice.get(f"/items/{item}").json()["attempts"]) == 1


def test_what_owners_ask(as_: Any, add: Any, connect: Any) -> None:
    """Types, alerts, report, metrics, the audit's head and proof, an operator's record."""
    item, alice = add(), as_("alice")
    alice.post(f"/items/{item}/resolution", {"option": "send", "values": {"house": 3}, "justification": "x"}, 1)
    assert [one["item_type"] for one in alice.get("/types").json()] == ["letter_stuck", "parcel_stuck"]
    assert alice.get("/metrics").json()["total_pending"] == 0
    assert alice.get("/report?days=7&quick=true").json()["resolved"] == 1
    head = alice.get("/audit/head").json()
    proof = alice.get("/audit/verification").json()
    assert (proof["whole"], proof["head"]) == (True, head["head"])
    assert alice.get(f"/audit/verification?item={item}").json()["events"] == 2
    assert alice.get("/audit/verification?item=9").status_code == 404
    assert alice.get("/operators/alice").json()["decided"]["resolved"] == 1
    assert [one["verb"] for one in alice.get(f"/items/{item}/history").json()] == ["add", "resolve"]


def test_alerts_are_steered(as_: Any, add: Any, connect: Any) -> None:
    """Alerts are listed, sent again and held back."""
    alice, root = as_("alice"), as_("root")
    connect().execute(
        "insert into mrq_outbox (kind, level, channel, incident, payload, state, ended_at) "
        "values ('test', 0, 'slack', 'i', '{}', 'dead', mrq_now())"
    )
    assert [one["state"] for one in alice.get("/alerts?state=dead").json()] == ["dead"]
    assert alice.post("/alerts/retry").status_code == 403
    assert root.post("/alerts/retry", {"ids": [99]}).status_code == 409
    assert root.post("/alerts/retry").json() == {"retried": 1}
    assert alice.get("/alerts/pause").status_code == 204
    assert root.post("/alerts/pause", {"until": "2h", "reason": "maintenance"}).json()["by"] == "root"
    assert alice.get("/alerts/pause").json()["reason"] == "maintenance"
    assert root.ask("DELETE", "/alerts/pause").status_code == 204
    assert alice.get("/alerts/pause").status_code == 204


def test_people_are_looked_after(as_: Any, client: Any) -> None:
    """An admin keeps people and makes tokens, each told once; who is none may not."""
    root = as_("root")
    assert as_("alice").get("/users").status_code == 403
    assert root.post("/users", {"name": "dora", "roles": ["viewer"]}).status_code == 201
    assert root.post("/users/dora/grants", {"roles": ["operator"]}).json()["roles"] == ["operator", "viewer"]
    assert root.post("/users/dora/revocations", {"roles": ["viewer"]}).json()["roles"] == ["operator"]
    made = root.post("/tokens", {"person": "dora", "label": "t", "scopes": ["operator"], "days": 1})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    assert client.get("/api/v1/mine", headers=headers).json() == []
    listed = root.get("/tokens?person=dora").json()
    assert [one["label"] for one in listed] == ["t"] and "token" not in listed[0]
    assert root.ask("DELETE", f"/tokens/{made.json()['id']}").status_code == 204
    assert client.get("/api/v1/mine", headers=headers).status_code == 401
    assert root.post("/users/dora/disabling").json()["disabled_at"]
    assert root.post("/users/dora/enabling").json()["disabled_at"] is None
