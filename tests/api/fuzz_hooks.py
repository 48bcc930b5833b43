"""What Schemathesis cannot know: how names, spans and the like are written."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

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


#: Tested by themselves: a key for one request is refused for another, a cursor is what a page gave, a fact is declared,
#: a wait takes its time.
APART = {"Idempotency-Key", "after", "before", "field", "wait"}


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
    known["HandOver"]["properties"]["to"] = known["NewToken"]["properties"]["person"] = {
        "type": "string",
        "enum": ["omni"],
    }
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
