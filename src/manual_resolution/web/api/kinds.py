"""What stands in requests, for the documentation; judged where the terminal's words are, in the same sentences."""

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, WithJsonSchema

from manual_resolution.context import MAX_CONTEXT_KEYS, MAX_KEY_CHARS
from manual_resolution.errors import InvalidInput, InvalidType
from manual_resolution.intake import MAX_BIGINT, MAX_PROSE_BYTES, MAX_SLA_HOURS
from manual_resolution.item import HELD, STATUSES
from manual_resolution.priority import PRIORITIES
from manual_resolution.reports import MOST_DAYS

ROLE: Final = "(?:viewer|operator|approver|service)(?::[a-z][a-z0-9_]{0,49})?|admin"
KEY: Final = {"minLength": 1, "maxLength": MAX_KEY_CHARS}
TEAM: Final = "[a-z][a-z0-9_-]{0,49}"


def exactly_one(*names: str) -> dict[str, Any]:
    """For a body's schema: one of these fields has a value, the others have none."""
    return {
        "oneOf": [
            {
                "required": [name],
                "properties": {name: {"not": {"type": "null"}}} | {n: {"type": "null"} for n in names if n != name},
            }
            for name in names
        ]
    }


def needs(name: str, other: str) -> dict[str, Any]:
    """For a body's schema: one field has a value only where another has one."""
    return {
        "anyOf": [
            {"properties": {name: {"type": "null"}}},
            {"required": [other], "properties": {other: {"not": {"type": "null"}}}},
        ]
    }


class Body(BaseModel):
    """A request's body: a JSON object with these fields and no other."""

    model_config = ConfigDict(extra="forbid")


def words(pattern: str, example: str, **schema: Any) -> Any:
    """Text of a pattern."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$", "examples": [example]} | schema)


def prose(example: str) -> Any:
    """Text that is not blank."""
    return WithJsonSchema(
        {"type": "string", "format": "prose", "minLength": 1, "maxLength": MAX_PROSE_BYTES, "examples": [example]}
    )


def maybe_line(longest: int, description: str) -> Any:
    """One line of text, or none."""
    return WithJsonSchema(
        {"type": ["string", "null"], "minLength": 1, "maxLength": longest, "description": description}
    )


def listed(pattern: str, description: str, least: int = 0, *kinds: str) -> Any:
    """A list of words; `kinds` may be `null`."""
    one = {"type": "string", "pattern": f"^(?:{pattern})$"}
    return WithJsonSchema({"type": ["array", *kinds], "items": one, "minItems": least, "description": description})


def numbers(most: int) -> Any:
    """A list of numbers."""
    return WithJsonSchema(
        {"type": ["array", "null"], "items": {"type": "integer", "format": "int64", "minimum": 1}, "maxItems": most}
    )


def whole(low: int, high: int, example: int, **schema: Any) -> Any:
    """A whole number."""
    # OpenAPI's maximum is a double here, which rounds the highest bigint up: the format says it.
    most = {"maximum": high} if high < MAX_BIGINT else {"format": "int64"}
    return WithJsonSchema({"type": "integer", "minimum": low, "examples": [example]} | most | schema)


ItemId = Annotated[str, words("[1-9][0-9]{0,18}", "42", description="The item's number.")]
ItemType = Annotated[Any, words("[a-z][a-z0-9_]{0,49}", "pdf_deletion_failed")]
ResourceType = Annotated[Any, words("[A-Za-z][A-Za-z0-9_.-]{0,49}", "meal_plan")]
ResourceId = Annotated[
    Any, WithJsonSchema({"type": ["integer", "null"], "format": "int64", "minimum": 1, "examples": [12345]})
]
#: Text without a control character, not blank.
CONTROL: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
ONE_LINE: Final = rf"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$"
ResourceKey = Annotated[
    Any,
    WithJsonSchema({"type": ["string", "null"], "maxLength": 500, "pattern": ONE_LINE, "examples": ["plans/1.pdf"]}),
]
Priority = Annotated[Any, WithJsonSchema({"type": "string", "enum": list(PRIORITIES), "examples": ["medium"]})]
Status = Annotated[Any, WithJsonSchema({"type": "string", "enum": list(STATUSES), "examples": ["pending"]})]
Held = Annotated[Any, WithJsonSchema({"type": "string", "enum": list(HELD), "examples": ["deferred"]})]
Resource = Annotated[Any, words("[A-Za-z][A-Za-z0-9_.-]{0,49}(?::[1-9][0-9]{0,17})?", "meal_plan:12345")]
Age = Annotated[Any, words("[1-9][0-9]{0,2}[dhm]", "3d")]
Words = Annotated[
    Any,
    WithJsonSchema({"type": "string", "format": "words", "minLength": 2, "maxLength": 200, "examples": ["blob 503"]}),
]
Cursor = Annotated[Any, WithJsonSchema({"type": "string", "format": "cursor", "maxLength": 300})]
Fact = Annotated[Any, WithJsonSchema({"type": "string", "format": "fact", "examples": ["place=here"]})]
Days = Annotated[Any, whole(1, MOST_DAYS, 30)]
Team = Annotated[Any, words(TEAM, "engineering")]
Name = Annotated[
    Any,
    WithJsonSchema(
        {"type": "string", "format": "name", "minLength": 1, "maxLength": 100, "examples": ["bob@example.com"]}
    ),
]
Reason = Annotated[Any, prose("Vercel Blob API returned 503 after 3 retry attempts")]
Why = Annotated[Any, prose("the blob service is back")]
Note = Annotated[Any, prose("asked the customer for the invoice")]
Context = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": ["object", "null"],
            "additionalProperties": True,
            "propertyNames": KEY,
            "maxProperties": MAX_CONTEXT_KEYS,
            "examples": [{"retry_count": 3, "last_error": "ServiceUnavailable"}],
        }
    ),
]
Facts = Annotated[
    Any,
    WithJsonSchema({"type": "object", "minProperties": 1, "propertyNames": KEY, "examples": [{"user_id": 604}]}),
]
Values = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": True,
            "examples": [{"user_id": "604"}],
            "description": "What the option asks for, by name; `GET /types` lists the names.",
        }
    ),
]
Hours = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": ["number", "null"],
            "minimum": 0.017,
            "maximum": MAX_SLA_HOURS,
            "examples": [24],
            "description": "Hours until its deadline, instead of the priority's own.",
        }
    ),
]
Instant = Annotated[
    Any,
    WithJsonSchema({"type": ["string", "null"], "format": "date-time", "examples": ["2026-10-01T12:00:00Z"]}),
]
YEARS: Final = r"(19[7-9]\d|[2-8]\d{3}|9[0-8]\d{2}|99[0-8]\d|999[0-8])"  # as `intake.day` takes them
Day = Annotated[
    Any,
    WithJsonSchema({"type": "string", "format": "date", "pattern": f"^{YEARS}-", "examples": ["2026-10-31"]}),
]
Span = Annotated[
    Any, WithJsonSchema({"type": ["string", "null"], "format": "span", "examples": ["24h", "90m", "1h30m"]})
]
Ahead = Annotated[
    Any, WithJsonSchema({"type": ["string", "null"], "format": "date-time-ahead", "examples": ["2030-01-01T00:00:00Z"]})
]
Option = Annotated[Any, WithJsonSchema({"type": "string", "examples": ["retry"]})]
Switch = Annotated[Any, WithJsonSchema({"type": "boolean"})]
Number = Annotated[Any, whole(1, MAX_BIGINT, 17)]
Limit = Annotated[Any, whole(1, 200, 50)]
Seconds = Annotated[Any, whole(1, 50, 30)]
State = Annotated[Any, WithJsonSchema({"type": "string", "enum": ["waiting", "sent", "dead", "cancelled"]})]
Until = Annotated[Any, WithJsonSchema({"type": "string", "format": "span", "examples": ["2h", "2030-01-01T00:00:00Z"]})]
Password = Annotated[
    Any, WithJsonSchema({"type": ["string", "null"], "format": "password", "minLength": 12, "maxLength": 1000})
]
Glimpsed = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": ["object", "null"],
            "description": "`seen` of the case that was looked at: a decision on another sight is refused.",
            "properties": {name: {"type": "object"} for name in ("context", "answers", "plans")},
            "required": ["context", "answers", "plans"],
            "additionalProperties": False,
        }
    ),
]


# ------------------------------------------------------------------ reading


def read_bool(value: object, field: str) -> bool:
    """A switch in a body."""
    if not isinstance(value, bool):
        raise InvalidType(field, value, "true or false")
    return value


def read_switch(text: object, field: str) -> bool:
    """A switch in an address."""
    if text not in ("true", "false"):
        raise InvalidInput(field, text, "true or false")
    return text == "true"


def read_whole(value: object, field: str, low: int = 1, high: int = MAX_BIGINT) -> int:
    """A whole number in a body."""
    allowed = f"a whole number from {low} to {high}"
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidType(field, value, allowed)
    if not low <= value <= high:
        raise InvalidInput(field, value, allowed)
    return value


def read_number(text: object, field: str, high: int) -> int:
    """A whole number in an address, from 1."""
    if not re.fullmatch("[1-9][0-9]{0,8}", str(text)) or int(str(text)) > high:
        raise InvalidInput(field, text, f"a whole number from 1 to {high}")
    return int(str(text))


def read_object(value: object, field: str) -> dict[str, Any]:
    """An object in a body."""
    if not isinstance(value, dict):
        raise InvalidType(field, value, "a JSON object")
    return value


def read_text(value: object, field: str, *, shown: bool = True) -> str:
    """A text in a body; a secret one is not shown."""
    if not isinstance(value, str):
        raise InvalidType(field, value if shown else "(hidden)", "text")
    return value


def read_texts(value: object, field: str) -> list[str]:
    """Texts in a body."""
    if not isinstance(value, list):
        raise InvalidType(field, value, "a list of texts")
    return [read_text(one, f"{field}[{n}]") for n, one in enumerate(value)]
