"""What Schemathesis cannot know: how names, spans and the like are written, and what an item needs for each move."""

import itertools
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import requests
import schemathesis
from hypothesis import strategies as st


def in_days(days: int) -> date:
    """So many days from now."""
    return datetime.now(UTC).date() + timedelta(days=days)


LETTERS = st.text("abcdefghijklmnopqrstuvwxyzäöü漢字", min_size=2, max_size=20)

schemathesis.openapi.format("prose", LETTERS)
schemathesis.openapi.format("name", LETTERS.map(lambda name: f"{name}@example.com"))
schemathesis.openapi.format("span", st.integers(1, 300).map(lambda hours: f"{hours}h"))
schemathesis.openapi.format("date-time-ahead", st.integers(2, 300).map(lambda days: f"{in_days(days)}T00:00:00Z"))
schemathesis.openapi.format(
    "date-time",
    st.datetimes(datetime(1970, 1, 1), datetime(9990, 1, 1)).map(lambda at: f"{at.isoformat()}Z"),  # noqa: DTZ001
)
schemathesis.openapi.format("words", LETTERS)
schemathesis.openapi.format("password", LETTERS.map(lambda text: f"{text} correct horse"))
schemathesis.openapi.format("fact", st.sampled_from(["place=x", "there=pass", "called=2026-01-01..2026-02-01"]))


# ------------------------------------------------------------------ what is asked


#: Tested by themselves: a key for one request is refused for another, a cursor is what a page gave, a fact is declared,
#: a wait takes its time.
APART: Final = {"Idempotency-Key", "after", "before", "field", "wait"}


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Leave out what a schema cannot describe, and say of this test's world what it can: its one option, its values."""
    for methods in raw_schema["paths"].values():
        for one in methods.values():
            one["parameters"] = [part for part in one.get("parameters", ()) if part["name"] not in APART]
    known = raw_schema["components"]["schemas"]
    house = {"type": "object", "required": ["house"], "additionalProperties": False}
    for name in ("Choice", "Decision"):
        known[name]["properties"]["option"] = {"type": "string", "enum": ["send"]}
        known[name]["properties"]["values"] = house | {"properties": {"house": {"type": "integer"}}}
        known[name]["required"] += ["values"]
    known["Approval"]["properties"]["proposal"] = {"type": "null"}
    known["HandOver"]["properties"]["to"] = {"type": "string", "enum": ["other"]}
    known["NewToken"]["properties"]["person"] = {"type": "string", "enum": ["omni"]}
    known["NewToken"]["properties"]["scopes"]["items"] = {"type": "string", "enum": ["viewer", "operator"]}


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """No number that JSON Schema takes for an integer up to 2^63 and JSON does not: 7.0, and what a double rounds."""
    return not any(isinstance(one, (int, float)) and (one >= 2**63 or is_point_nought(one)) for one in leaves(body))


def is_point_nought(value: float) -> bool:
    """Whether it is written 7.0."""
    return isinstance(value, float) and value.is_integer()


def leaves(value: Any) -> Iterator[Any]:
    """Everything in a JSON value that is no container."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield value


# ------------------------------------------------------------------ what it is asked of


PARCEL: Final = {
    "item_type": "parcel_stuck",
    "resource_type": "parcel",
    "priority": "medium",
    "reason": "stuck",
    "context": {"place": "x", "called": "unclear"},
}
Step = tuple[str, str, dict[str, Any]]


def decided(who: str, **choice: Any) -> tuple[Step, Step]:
    """Claim it and decide it."""
    return (who, "claim", {}), (who, "resolution", choice | {"justification": "because"})


#: What an item goes through before each move, and by whom: `omni` makes the move.
BEFORE: Final[dict[str, tuple[Step, ...]]] = {
    **dict.fromkeys(("show", "case", "history", "claim", "reveal", "plan", "note", "amend", "place", "priority"), ()),
    **dict.fromkeys(
        ("release", "decline", "extend", "hand_over", "defer", "escalate", "resolve"), (("omni", "claim", {}),)
    ),
    "take_over": (("other", "claim", {}),),
    "unplace": (("omni", "position", {"justification": "because"}),),
    "reopen": decided("omni", option="send", values={"house": 7}),
    "confirm": decided("omni", option="recall"),
    **dict.fromkeys(("approve", "deny"), decided("other", option="burn")),
}
#: What is asked of an item of another type: burning a letter needs a second person, a complaint is personal.
OTHERS: Final[dict[str, dict[str, Any]]] = {
    "approve": {"item_type": "letter_stuck"},
    "deny": {"item_type": "letter_stuck"},
    "reveal": {"item_type": "complaint", "context": {"email": "ada@example.com"}},
}
#: What is asked of a person who is there.
OF_PERSONS: Final = {"grant", "revoke", "disable", "enable"}

RESOURCES = itertools.count(10**6)
SESSION = requests.Session()


def ask(path: str, body: Any = None, who: str = "omni", version: str | None = None) -> requests.Response:
    """One request on the way to the one that is tried."""
    headers = {"Authorization": f"Bearer {os.environ[f'FUZZ_{who.upper()}']}", "If-Match": version}
    return SESSION.post(f"{os.environ['FUZZ_URL']}{path}", json=body, headers=headers)


def an_item_for(move: str) -> tuple[str, str]:
    """Number and version of a new item on which this move may be made."""
    answer = ask("/items", PARCEL | OTHERS.get(move, {}) | {"resource_id": next(RESOURCES)})
    number, version = str(answer.json()["id"]), answer.headers["ETag"]
    for who, step, body in BEFORE[move]:
        answer = ask(f"/items/{number}/{step}", body, who, version)
        assert answer.ok, (move, step, answer.text)
        version = answer.headers["ETag"]
    return number, version


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Ask of something that is there and as it must be, where only its number, version or name was random."""
    move, there = case.operation.definition.raw["operationId"], case.path_parameters
    if move in BEFORE and is_random(case, "item_id"):
        there["item_id"], version = an_item_for(move)
        if re.fullmatch('"[1-9][0-9]{0,17}"', str(case.headers.get("If-Match"))):
            case.headers["If-Match"] = version
    elif move == "revoke_token" and is_random(case, "token_id"):
        made = ask("/tokens", {"person": "omni", "label": "to be revoked", "scopes": ["viewer"]})
        there["token_id"] = str(made.json()["id"])
    elif move in OF_PERSONS and str(there.get("name")).endswith("@example.com"):
        ask("/users", {"name": there["name"], "roles": ["viewer"]})
        if move == "enable":
            ask(f"/users/{quote(there['name'])}/disabling")
    elif move == "withdraw" and isinstance(case.body, dict):
        ask("/items", {"priority": "low", "reason": "stuck"} | case.body)


def is_random(case: Any, name: str) -> bool:
    """Whether a number in the address is well-formed and of no link; one in eight stays, and is asked of nothing."""
    number = str(case.path_parameters.get(name))
    linked = case.meta.phase.name.value == "stateful" and len(number) < 7
    return bool(re.fullmatch("[1-9][0-9]{0,17}", number)) and int(number) % 8 > 0 and not linked
