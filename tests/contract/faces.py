"""The four ways to the queue, each as whoever uses it does: a program, a typist, an HTTP client, a browser."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final, Protocol

from fastapi.testclient import TestClient

from manual_resolution import Actor, MRQError, Queue, WaitsForApproval
from manual_resolution.decision import Resolution
from manual_resolution.intake import span
from tests.commands import invoke

PASSWORD: Final = "an open field in june"

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

#: What a proposal is answered with; who is to say what for it, each face says in its own way.
WAITS: Final = "waits for a second person"

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
            "place": lambda: queue.place(1, by, why, span=span(facts.get("span", "24h")), **beside(facts)),
            "unplace": lambda: queue.unplace(1, by, why),
            "confirm": lambda: queue.confirm(1, by, done=facts.get("done"), note=facts.get("note")),
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
        words = ["place" if move == "unplace" else move, "1", *facts_typed(move, facts), "--as", who, "--json"]
        ended = invoke(words, env=self.environment)
        return dict(json.loads(ended.stdout)) if ended.exit_code == 0 else ended.stderr.strip()


def facts_typed(move: str, facts: dict[str, Any]) -> list[str]:
    """A move's facts as somebody types them."""
    if move == "note":
        return [facts["note"]]
    if move == "confirm":
        said = [] if facts.get("done") is None else ["--done" if facts["done"] else "--not-done"]
        return [*said, *(["-m", facts["note"]] if "note" in facts else [])]
    if move in ("place", "unplace"):
        where = [word for name, number in beside(facts).items() for word in (f"--{name}", str(number))]
        length = ["--for", facts["span"]] if "span" in facts else []
        where = ["--by-deadline"] if move == "unplace" else where or ["--first"]
        return [*where, *length, "-m", facts.get("why", "w")]
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
    "confirm": "confirmation",
    "place": "position",
    "unplace": "position",
}


def beside(facts: dict[str, Any]) -> dict[str, Any]:
    """The neighbour that a place is said by."""
    return {name: facts[name] for name in ("before", "after") if name in facts}


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
        if move not in ("claim", "extend", "release", "hand-over", "note", "approve", "confirm"):
            body["justification"] = facts.get("why", "w")
        if move == "release":
            body.setdefault("note", "w")
        place = f"/api/v1/items/1/{PLACES.get(move, move)}"
        asked = {"headers": headers | {"If-Match": now.headers["etag"]}} | ({} if move == "unplace" else {"json": body})
        answer = self.client.request("DELETE" if move == "unplace" else "POST", place, **asked)
        told = answer.json()
        return dict(told) if answer.status_code in (200, 201) else str(told["detail"])


PAGES: Final = "/admin/manual-resolution-queue"


@dataclass
class Console:
    """A person in a browser without JavaScript, signed in by password: opens the item, fills a form in, sends it."""

    browser: Callable[[], TestClient]
    signed_in: dict[str, TestClient] = field(default_factory=dict)

    def do(self, who: str, move: str, facts: dict[str, Any]) -> dict[str, Any] | str:
        if who not in self.signed_in:
            self.signed_in[who] = self.browser()
            typed = {"name": who, "password": PASSWORD, "to": "/"}
            assert self.signed_in[who].post("/sign-in", data=typed).status_code == 200
        mine, address = self.signed_in[who], f"{PAGES}/1/{PLACES.get(move, move)}"
        page = mine.get(f"{PAGES}/1").text
        form = form_of(page, address)
        answer = mine.post(address, data=(form or hidden(page)) | typed_in(move, facts))
        if told := re.search(r'<div class="told [a-z]+" role="alert">\s*<p>(.*?)</p>', answer.text, re.DOTALL):
            assert answer.status_code >= 400, (move, told[1])
            return unescape(told[1])
        assert answer.status_code == 200, (move, answer.status_code)
        again = f"{PAGES}/1/extension"  # what a claim of one's own item is called on its page
        assert form is not None or (move == "claim" and form_of(page, again)), f"{move}: its form is not on the page"
        number = answer.url.path.rpartition("/")[2]
        state = mine.get(f"/api/v1/items/{number}").json()
        if state["held"] == "approval" and move == "resolve":
            assert "Somebody else than you approves or denies it." in answer.text
            return f"#1 {WAITS}"
        return dict(state)


def form_of(page: str, address: str) -> dict[str, str] | None:
    """The hidden fields of the form that is sent to an address, by itself or by one of its buttons."""
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    found = next((form for form in forms if f'action="{address}"' in form), None)
    return None if found is None else hidden(found)


def hidden(text: str) -> dict[str, str]:
    """Hidden fields; those of all forms are what an older page may have sent."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    return {name: unescape(value) for name, value in fields}


def typed_in(move: str, facts: dict[str, Any]) -> dict[str, str]:
    """A move's facts as somebody fills them in; what may be left empty is sent empty, as browsers do."""
    typed = {name: str(facts[name]) for name in ("to", "span", "before", "after", "option") if name in facts}
    typed |= {f"{facts.get('option')}.{name}": value for name, value in facts.get("values", {}).items()}
    typed["justification"] = facts.get("note" if move in ("release", "confirm") else "why", "w")
    match move:
        case "claim" | "extend":
            return {}
        case "note":
            return {"text": facts["note"]}
        case "priority":
            return {"priority": facts["to"], "justification": typed["justification"]}
        case "amend":
            ((name, value),) = facts["set"].items()
            return {"name": name, "value": value, "justification": typed["justification"]}
        case "approve" | "hand-over":
            return typed | {"justification": ""}
        case "confirm":
            return {"done": {True: "yes", False: "no", None: ""}[facts.get("done")]} | (
                {"justification": facts["note"]} if "note" in facts else {}
            )
        case "defer":
            return {"until": "", **typed}
        case "place":
            return {"before": "", "after": "", "span": "24h", **typed, "place": "first"}
        case "unplace":
            return {"before": "", "after": "", "span": "24h", **typed, "place": "by-deadline"}
    return typed
