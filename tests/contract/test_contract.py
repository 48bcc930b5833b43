"""One table of cases against library, terminal, API and console: the same answers and refusals, in the same words."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import sql

from manual_resolution import Actor, Queue, Settings
from manual_resolution.people import People
from manual_resolution.registry import Registry
from manual_resolution.web.app import create_app
from manual_resolution.web.sentences import in_console, over_http
from tests.cli.small_world import workflow as parcel
from tests.contract.faces import PASSWORD, TOLD, WAITS, Api, Console, Face, Library, Step, Terminal
from tests.contract.letters import workflow as letter
from tests.quicker import quick_passwords, routes_made_once

__all__ = ["quick_passwords", "routes_made_once"]

HERE = "http://127.0.0.1:8787"
ROOT = Actor("root", "person", "cli:root@host")

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
    "manual order": ("parcel_stuck", [("alice", "unplace", {}), ("alice", "place", {"why": "he waits"}),
        ("alice", "place", {"span": "31d"}), ("alice", "place", {"span": "x"}), ("alice", "place", {"before": 1}),
        ("alice", "place", {"after": 9}), ("alice", "place", {"why": " "}), ("bob", "unplace", {}),
        ("bob", "claim", {}), ("alice", "place", {}), ("bob", "release", {}), ("bob", "priority", {"to": "critical"}),
        ("bob", "place", {})]),
    "nothing to settle": ("parcel_stuck", [("alice", "confirm", {}), ("alice", "confirm", {"done": True}),
        ("alice", "confirm", {"done": False, "note": "I asked"}), ("alice", "deny", {}), ("bob", "approve", {})]),
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
        people.add(ROOT, name, roles, PASSWORD)
    tokens = {name: people.add_token(ROOT, name, "t", ["approver", "operator"])[1] for name in ("alice", "bob")}
    environment = {"DATABASE_URL": database_url, "MRQ_WORKFLOWS": "tests.cli.small_world,tests.contract.letters",
                   "MRQ_TRUST_AS": "1", "MRQ_METRICS_FILE": "/dev/null"}  # fmt: skip

    app = create_app(queue, people, settings)

    def face(name: str, item_type: str) -> Face:
        queue.add(item_type, "thing", 7, "medium", "stuck", {"place": "shelf/4"})
        known: dict[str, Face] = {
            "library": Library(queue),
            "terminal": Terminal(environment),
            "api": Api(TestClient(app, HERE), tokens),
            "console": Console(lambda: TestClient(app, HERE, headers={"Sec-Fetch-Site": "same-origin"})),
        }
        return known[name]

    yield face
    queue.close()


@pytest.mark.parametrize("name", CASES)
def test_faces_agree(name: str, faces: Callable[[str, str], Face], worker_database: Any) -> None:
    """Every step of a case comes to the same thing through each face: the item as it then is, or the same sentence."""
    item_type, steps = CASES[name]
    told = {}
    for kind in ("library", "terminal", "api", "console"):
        if told:  # the same world anew
            begin_again(worker_database.url)
        face = faces(kind, item_type)
        told[kind] = [outcome(face.do(*step)) for step in steps]
    for place, step in enumerate(steps):
        answers = {kind: told[kind][place] for kind in told}
        assert answers == {kind: said(kind, answers["library"]) for kind in answers}, step


def begin_again(url: str) -> None:
    """Take the item away, as only a test may, and begin again with the first."""
    with psycopg.connect(url, autocommit=True, options="-c session_replication_role=replica") as db:
        for table in ("mrq_event", "mrq_occurrence", "mrq_attempt", "mrq_proposal", "manual_resolution_queue"):
            db.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))
        db.execute("select setval(pg_get_serial_sequence('manual_resolution_queue', 'id'), 1, false)")


def outcome(found: dict[str, Any] | str) -> Any:
    """What is compared: an item's state; a refusal's words without instants, its commands as the face names them.

    The terminal's span is `for`.
    """
    if not isinstance(found, str):
        return {key: found[key] for key in TOLD}
    if found.startswith(f"#1 {WAITS}"):
        return WAITS
    found = found.splitlines()[-1] if found else ""
    found = found.replace("for = ", "span = ", 1) if found.startswith("for = ") else found
    return re.sub(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}", "WHEN", found)


def said(kind: str, told: Any) -> Any:
    """What the library tells, as a face is to tell it."""
    in_place = {"api": over_http, "console": in_console}.get(kind, str)
    return in_place(told) if isinstance(told, str) else told
