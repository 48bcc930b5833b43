"""One table of cases against library, terminal and API: the same answers, the same refusals, in the same words."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import sql

from manual_resolution import Actor, MRQError, Queue, Settings, WaitsForApproval
from manual_resolution.decision import Resolution
from manual_resolution.intake import span
from manual_resolution.people import People
from manual_resolution.registry import Registry
from manual_resolution.web.app import create_app
from tests.cli.small_world import workflow as parcel
from tests.commands import invoke
from tests.contract.letters import workflow as letter

ROOT = Actor("root", "person", "cli:root@host")

#: What an item is like after a move, as every face tells it.
TOLD: Final = (
    "id",
    "status",
    "assigned_to",
    "held",
    "priority",
    "escalated_to",
    "resolution",
    "version",
    "declined_by",
)

Step = tuple[str, str, dict[str, Any]]


class Face(Protocol):
    """One way to the queue."""

    def do(self, who: str, move: str, facts: dict[str, Any]) -> dict[str, Any] | str:
        """What a move on item 1 came to: the item, or the sentence of the refusal."""


@dataclass
class Library:
    """A program that calls the queue."""

    queue: Queue

    def do(self, who: str, move: str, facts: dict[str, Any]) -> dict[str, Any] | str:
        by, queue = Actor(who, "person", f"console:{who}"), self.queue
        why = facts.get("why", "w")
        calls: dict[str, Callable[[], Any]] = {
            "claim": lambda: queue.claim(1, by),
            "extend": lambda: queue.extend(1, by),
            "release": lambda: queue.release(1, by, facts.get("note")),
            "decline": lambda: queue.decline(1, by, why),
            "hand-over": lambda: queue.hand_over(1, by, facts["to"]),
            "take-over": lambda: queue.take_over(1, by, why),
            "defer": lambda: queue.defer(1, by, why, span=span(facts["span"])),
            "escalate": lambda: queue.escalate(1, by, why, to=facts.get("to")),
            "priority": lambda: queue.set_priority(1, by, facts["to"], why),
            "note": lambda: queue.note(1, by, facts["note"]),
            "amend": lambda: queue.amend(1, by, facts["set"], why),
            "resolve": lambda: queue.resolve(1, facts["option"], why, by, values=facts.get("values", {})),
            "approve": lambda: queue.approve(1, by),
            "deny": lambda: queue.deny(1, by, why),
            "reopen": lambda: queue.reopen(1, by, why),
        }
        try:
            found = calls[move]()
        except WaitsForApproval as waits:
            return str(waits)
        except MRQError as refused:
            return str(refused)
        item = found.item if isinstance(found, Resolution) else found
        return dict(item.as_json())


@dataclass
class Terminal:
    """A person who types."""

    environment: dict[str, str]

    def do(self, who: str, move: str, facts: dict[str, Any]) -> dict[str, Any] | str:
        words = [move, "1", *facts_typed(move, facts), "--as", who, "--json"]
        ended = invoke(words, env=self.environment)
        return dict(json.loads(ended.stdout)) if ended.exit_code == 0 else ended.stderr.strip()


def facts_typed(move: str, facts: dict[str, Any]) -> list[str]:
    """A move's facts as somebody types them."""
    if move == "note":
        return [facts["note"]]
    typed = [facts["to"]] if move == "priority" else ["--to", facts["to"]] if "to" in facts else []
    typed += ["--for", facts["span"]] if "span" in facts else []
    typed += ["--option", facts["option"]] if "option" in facts else []
    for name, value in (facts.get("set") or facts.get("values") or {}).items():
        typed += ["--set", f"{name}={value}"]
    if move in ("claim", "extend", "approve", "hand-over"):
        return typed
    return [*typed, "-m", facts.get("note" if move == "release" else "why", "w")]


#: What a move is called as a resource, where it is called otherwise.
PLACES: Final = {
    "extend": "extension",
    "defer": "deferral",
    "escalate": "escalation",
    "amend": "amendment",
    "resolve": "resolution",
    "approve": "approval",
    "deny": "denial",
    "reopen": "reopening",
}


@dataclass
class Api:
    """A program that asks over HTTP."""

    client: TestClient
    tokens: dict[str, str]

    def do(self, who: str, move: str, facts: dict[str, Any]) -> dict[str, Any] | str:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        now = self.client.get("/api/v1/items/1", headers=headers)
        body = {name: value for name, value in facts.items() if name not in ("why", "set")}
        if move == "priority":
            body["priority"] = body.pop("to")
        if move == "amend":
            body["context"] = facts["set"]
        if move not in ("claim", "extend", "release", "hand-over", "note", "approve"):
            body["justification"] = facts.get("why", "w")
        if move == "release":
            body.setdefault("note", "w")
        place = f"/api/v1/items/1/{PLACES.get(move, move)}"
        answer = self.client.post(place, json=body, headers=headers | {"If-Match": now.headers["etag"]})
        told = answer.json()
        return dict(told) if answer.status_code in (200, 201) else str(told["detail"])


#: Who does what, one after the other, on one item of a type; what each came to must be the same everywhere.
CASES: Final[dict[str, tuple[str, list[Step]]]] = {
    "claim and give back": ("parcel_stuck", [("alice", "claim", {}), ("alice", "claim", {}), ("bob", "claim", {}),
        ("bob", "release", {}), ("alice", "extend", {}), ("alice", "release", {"note": "lunch"}),
        ("alice", "release", {})]),
    "decline": ("parcel_stuck", [("alice", "decline", {}), ("alice", "claim", {}), ("alice", "decline", {"why": " "}),
        ("alice", "decline", {"why": "I know them"})]),
    "hand over and take over": ("parcel_stuck", [("bob", "take-over", {}), ("alice", "claim", {}),
        ("alice", "hand-over", {"to": "bob"}), ("alice", "hand-over", {"to": "alice"}), ("alice", "take-over", {}),
        ("alice", "take-over", {}), ("alice", "hand-over", {"to": " x"})]),
    "put aside": ("parcel_stuck", [("alice", "defer", {"span": "2h"}), ("alice", "defer", {"span": "0h"}),
        ("alice", "defer", {"span": "1000d"}), ("bob", "claim", {}), ("alice", "defer", {"span": "2h"})]),
    "pass on": ("parcel_stuck", [("alice", "escalate", {"to": "support"}), ("alice", "escalate", {"to": "A b"}),
        ("bob", "claim", {}), ("alice", "escalate", {}), ("bob", "escalate", {})]),
    "facts": ("parcel_stuck", [("alice", "priority", {"to": "high"}), ("alice", "priority", {"to": "high"}),
        ("alice", "priority", {"to": "urgent"}), ("alice", "note", {"note": "asked"}), ("alice", "note", {"note": " "}),
        ("alice", "amend", {"set": {"place": "here"}})]),
    "decide": ("parcel_stuck", [("alice", "resolve", {"option": "burn"}), ("alice", "resolve", {"option": "send"}),
        ("alice", "resolve", {"option": "send", "values": {"house": "x"}}),
        ("alice", "resolve", {"option": "send", "values": {"house": "3", "more": "4"}}), ("bob", "reopen", {}),
        ("bob", "claim", {}), ("alice", "resolve", {"option": "send", "values": {"house": "3"}}),
        ("bob", "resolve", {"option": "send", "values": {"house": "3"}}), ("bob", "resolve", {"option": "send"}),
        ("alice", "note", {"note": "late"}), ("bob", "claim", {}), ("bob", "priority", {"to": "low"})]),
    "decide by passing on": ("parcel_stuck", [("alice", "resolve", {"option": "escalate"}),
        ("bob", "resolve", {"option": "defer", "values": {"span": "3h"}})]),
    "two persons": ("letter_stuck", [("alice", "approve", {}), ("alice", "resolve", {"option": "burn"}),
        ("alice", "approve", {}), ("bob", "claim", {}), ("alice", "release", {}), ("bob", "deny", {"why": "no"}),
        ("alice", "deny", {}), ("alice", "resolve", {"option": "burn"}), ("bob", "approve", {}),
        ("bob", "approve", {})]),
}  # fmt: skip


@pytest.fixture
def faces(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Face]]:
    """`faces("api", "parcel_stuck")`: a face to a queue whose one item is new."""
    settings = Settings(trust_as=True, metrics_file="/dev/null", writes_per_minute=100_000)
    registry = Registry([("tests.cli.small_world", parcel), ("tests.contract.letters", letter)])
    queue = Queue(database_url, settings=settings, workflows=registry)
    people = People(queue.database, settings)
    for name, roles in (("root", ["admin"]), ("alice", ["operator", "approver"]), ("bob", ["operator", "approver"])):
        people.add(ROOT, name, roles)
    tokens = {name: people.add_token(ROOT, name, "t", ["approver", "operator"])[1] for name in ("alice", "bob")}
    environment = {"DATABASE_URL": database_url, "MRQ_WORKFLOWS": "tests.cli.small_world,tests.contract.letters",
                   "MRQ_TRUST_AS": "1", "MRQ_METRICS_FILE": "/dev/null"}  # fmt: skip

    def face(name: str, item_type: str) -> Face:
        queue.add(item_type, "thing", 7, "medium", "stuck", {"place": "shelf/4"})
        known: dict[str, Face] = {
            "library": Library(queue),
            "terminal": Terminal(environment),
            "api": Api(TestClient(create_app(queue, people, settings), "http://127.0.0.1:8787"), tokens),
        }
        return known[name]

    yield face
    queue.close()


@pytest.mark.parametrize("name", CASES)
def test_faces_agree(name: str, faces: Callable[[str, str], Face], worker_database: Any) -> None:
    """Every step of a case comes to the same thing through each face: the item as it then is, or the same sentence."""
    item_type, steps = CASES[name]
    told = {}
    for kind in ("library", "terminal", "api"):
        if told:  # the same world anew
            begin_again(worker_database.url)
        face = faces(kind, item_type)
        told[kind] = [outcome(face.do(*step)) for step in steps]
    for place, step in enumerate(steps):
        answers = {kind: told[kind][place] for kind in told}
        assert answers["library"] == answers["terminal"] == answers["api"], (step, answers)


def begin_again(url: str) -> None:
    """Take the item away, as only a test may, and begin again with the first."""
    with psycopg.connect(url, autocommit=True, options="-c session_replication_role=replica") as db:
        for table in ("mrq_event", "mrq_occurrence", "mrq_attempt", "mrq_proposal", "manual_resolution_queue"):
            db.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))
        db.execute("select setval(pg_get_serial_sequence('manual_resolution_queue', 'id'), 1, false)")


def outcome(found: dict[str, Any] | str) -> Any:
    """What is compared: an item's state, a refusal's words without instants. The terminal's span is `for`."""
    if isinstance(found, str):
        found = found.replace("for = ", "span = ", 1) if found.startswith("for = ") else found
        return re.sub(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}", "WHEN", found.splitlines()[-1] if found else "")
    return {key: found[key] for key in TOLD}
