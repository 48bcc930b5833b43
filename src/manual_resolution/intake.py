"""The one place where what producers and operators hand in is checked: library, command, import.

Pure: no I/O, standard library only. Texts are stored as they came, or refused with one sentence that names
the parameter, the value and what is allowed; `inert` makes them harmless when they are shown. Unknown item
types and incomplete context are accepted (design, Adding).
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import md5
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from manual_resolution.context import BECOME_TEXT, as_text, stored
from manual_resolution.errors import InvalidInput, InvalidType
from manual_resolution.inert import HIDDEN
from manual_resolution.priority import PRIORITIES
from manual_resolution.text import UNSTORABLE, forbidden_in, size_of, storable

MAX_BIGINT: Final = 2**63 - 1
MAX_PROSE_BYTES: Final = 8192
_PROSE: Final = f"text that is not blank, up to {MAX_PROSE_BYTES} bytes of UTF-8"
MAX_SLA_HOURS: Final = 8784
MAX_SPAN: Final = timedelta(days=366)

_ITEM_TYPE = re.compile("[a-z][a-z0-9_]{0,49}")
_RESOURCE_TYPE = re.compile("[A-Za-z][A-Za-z0-9_.-]{0,49}")
_TEAM = re.compile("[a-z][a-z0-9_-]{0,49}")
_ITEM_ID = re.compile("[1-9][0-9]{0,18}")
_SPAN = re.compile("(?=[0-9])(?:([0-9]{1,8})d)?(?:([0-9]{1,8})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,8})s)?")
_INSTANT = re.compile(
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?"
    "(?:Z|[+-](?:0[0-9]|1[0-5]):[0-5][0-9])"
)
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HIDDEN = re.compile(f"[{HIDDEN}]")
_VISIBLE = re.compile(rf"[^\s{HIDDEN}]")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

_WORD = r"""[^][ \t\n\r\f\v"'`(){}<>,;=]"""
#: What names one individual thing, in lower case: a whole URL; a word with an @, a `#7`, four digits in a row
#: or eight hexadecimal ones. The matches are the same in Python (on UTF-8 bytes) and in PostgreSQL (an ARE).
INDIVIDUAL: Final = (
    rf"""(?<!{_WORD})(?:[a-z0-9+.:_-]*://[^ \t\n\r\f\v"'`<>]*"""
    rf"""|{_WORD}*(?:@|#[0-9]|[0-9]{{4}}|[0-9a-f]{{8}}){_WORD}*)"""
)
_INDIVIDUAL = re.compile(INDIVIDUAL.encode())


@dataclass(frozen=True, slots=True)
class Intake:
    """One add, checked. `context` is JSON text for jsonb; `sla_seconds` None means the priority's own SLA."""

    item_type: str
    resource_type: str
    resource_id: int | None
    resource_key: str | None
    priority: str
    reason: str
    context: str | None
    sla_seconds: int | None
    occurred_at: datetime | None
    dedup_key: str | None
    fingerprint: str
    producer: str
    add_id: UUID | None


def intake(
    item_type: str,
    resource_type: str,
    resource_id: int | None = None,
    priority: str | None = None,
    reason: str | None = None,
    context: Mapping[str, Any] | None = None,
    sla_hours: float | Decimal | None = None,
    *,
    resource_key: str | None = None,
    dedup_key: str | None = None,
    occurred_at: datetime | None = None,
    producer: str | None = None,
    add_id: UUID | None = None,
) -> Intake:
    """The checked values of one add; raises InvalidInput or InvalidType, which name the parameter.

    Either `resource_id` (1 to 2^63 - 1) or `resource_key` (up to 500 characters). `sla_hours`: one minute to
    8784 h. `occurred_at`: aware, any offset; comes back in UTC, a future one is clamped by the database.
    `producer`: up to 100 characters, the running script's file name when left out.
    In `context` (up to 256 KiB of JSON, 32 levels, 1000 keys) aware datetime, date, UUID, Decimal, Path,
    exceptions and Enum become strings; an error names the place, such as `context.items[3].at`.
    """
    resource_id, resource_key = _resource(resource_id, resource_key)
    item_type = _word("item_type", item_type, _ITEM_TYPE, "a-z, 0-9, _, a letter first")
    reason = _prose("reason", reason)
    return Intake(
        item_type=item_type,
        resource_type=_word("resource_type", resource_type, _RESOURCE_TYPE, "a-z, A-Z, 0-9, _ . -, a letter first"),
        resource_id=resource_id,
        resource_key=resource_key,
        priority=priority if type(priority) is str and priority in PRIORITIES else _priority(priority),
        reason=reason,
        context=None if context is None else stored(context),
        sla_seconds=None if sla_hours is None else _sla_seconds(sla_hours),
        occurred_at=None if occurred_at is None else _utc("occurred_at", occurred_at),
        dedup_key=None if dedup_key is None else _line("dedup_key", dedup_key, 4096),
        fingerprint=fingerprint(item_type, reason, context),
        producer=_script(sys.argv[0] if sys.argv else "") if producer is None else _name(producer),
        add_id=None if add_id is None else _uuid(add_id),
    )


def fingerprint(item_type: str, reason: str, context: Mapping[str, Any] | None) -> str:
    r"""32 hexadecimal digits, equal for items of one type that failed for the same cause (design, Seams).

    The cause is `context["last_error"]` when that is a text and not empty, else the reason: its first 500
    characters, A to Z in lower case, with what names one individual thing (`INDIVIDUAL`) replaced by `#`.
    In PostgreSQL (UTF-8), with `INDIVIDUAL` as %(individual)s:

        md5(item_type || E'\n' || regexp_replace(lower(left(
            case when jsonb_typeof(context -> 'last_error') = 'string' and context ->> 'last_error' <> ''
                 then context ->> 'last_error' else reason end, 500) collate "C"), %(individual)s, '#', 'g'))
    """
    error = context.get("last_error") if context else None
    if isinstance(error, BECOME_TEXT):
        error = as_text(error)
    return _digest(item_type, (error if isinstance(error, str) and error else reason)[:500])


def justification(text: str) -> str:
    """Why a person decided so: not blank, up to 8192 bytes of UTF-8."""
    return _prose("justification", text)


def note(text: str, parameter: str = "note") -> str:
    """A note: not blank, up to 8192 bytes of UTF-8."""
    return _prose(parameter, text)


def operator(name: str, parameter: str = "operator") -> str:
    """A person's name as it is recorded: 1 to 100 visible characters, single line, no blank at either end."""
    allowed = "1 to 100 visible characters without a blank at either end"
    name = storable(parameter, name, allowed)
    if not 0 < len(name) <= 100 or not name.isprintable() or name != name.strip() or _HIDDEN.search(name):
        raise InvalidInput(parameter, name, allowed)
    return name


def team(name: str, parameter: str = "team") -> str:
    """A team's name: `[a-z][a-z0-9_-]{0,49}`."""
    return _word(parameter, name, _TEAM, "a-z, 0-9, _ -, a letter first")


def span(text: str, parameter: str = "span") -> timedelta:
    """A length of time such as `24h`, `90m`, `7d`, `1h30m`: one minute to 366 days."""
    return _length(text, parameter, timedelta(minutes=1), "a time such as 24h, 90m, 7d or 1h30m, from 1m to 366d")


def wait(text: str, parameter: str = "wait") -> timedelta:
    """How long to wait, such as `30s`, `10m`, `8h`: one second to 366 days."""
    return _length(text, parameter, timedelta(seconds=1), "a time such as 30s, 10m or 8h, from 1s to 366d")


def _length(text: str, parameter: str, least: timedelta, allowed: str) -> timedelta:
    text = storable(parameter, text, allowed)
    parts = _SPAN.fullmatch(text)
    if text.isdecimal() or not parts:
        raise InvalidInput(parameter, text, allowed)
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not least <= length <= MAX_SPAN:
        raise InvalidInput(parameter, text, allowed)
    return length


def deferral(span: timedelta | None, until: datetime | None) -> None:
    """Raise `InvalidInput` or `InvalidType` for a deferral's time that is none."""
    if span is not None and not isinstance(span, timedelta):
        raise InvalidType("span", span, "a timedelta, from one minute to 366 days")
    if span is not None and not timedelta(minutes=1) <= span <= MAX_SPAN:
        raise InvalidInput("span", span, "a timedelta, from one minute to 366 days")
    if until is not None and not isinstance(until, datetime):
        raise InvalidType("until", until, "a datetime with a time zone")
    if until is not None and until.utcoffset() is None:
        raise InvalidInput("until", until, "a datetime with a time zone")


def instant(text: str, parameter: str = "instant") -> datetime:
    """An instant in UTC from ISO 8601 with an offset or Z, from 1970-01-01 to 9999-12-31T00:00Z."""
    allowed = "an instant with an offset, such as 2026-10-01T12:00:00Z or 2026-10-01T14:00+02:00"
    text = storable(parameter, text, allowed)
    try:
        value = datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None:
        raise InvalidInput(parameter, text, allowed)
    return _utc(parameter, value)


def day(text: str, parameter: str = "day") -> date:
    """A day such as `2026-10-01`, years 1970 to 9998."""
    allowed = "a day such as 2026-10-01, from 1970-01-01 to 9998-12-31"
    text = storable(parameter, text, allowed)
    try:
        value = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None or not 1970 <= value.year < 9999:
        raise InvalidInput(parameter, text, allowed)
    return value


def item_id(text: str, parameter: str = "item") -> int:
    """A positive number written the one usual way: no sign, no leading zero, ASCII digits, up to 2^63 - 1."""
    allowed = f"a whole number from 1 to {MAX_BIGINT}"
    text = storable(parameter, text, allowed)
    if not _ITEM_ID.fullmatch(text) or int(text) > MAX_BIGINT:
        raise InvalidInput(parameter, text, allowed)
    return int(text)


# Texts


def _word(parameter: str, value: object, pattern: re.Pattern[str], alphabet: str) -> str:
    if type(value) is str and pattern.fullmatch(value):
        return value
    allowed = f"1 to 50 characters of {alphabet}"
    text = storable(parameter, value, allowed)
    if not pattern.fullmatch(text):
        raise InvalidInput(parameter, value, allowed)
    return text


def _prose(parameter: str, value: object) -> str:
    text = storable(parameter, value, _PROSE)
    if not _VISIBLE.search(text) or size_of(text) > MAX_PROSE_BYTES:
        raise InvalidInput(parameter, value, _PROSE)
    return text


def _line(parameter: str, value: object, limit: int, forbidden: re.Pattern[str] = UNSTORABLE) -> str:
    allowed = f"text that is not blank, up to {limit} characters"
    text = storable(parameter, value, allowed)
    if len(text) > limit or not _VISIBLE.search(text):
        raise InvalidInput(parameter, value, allowed)
    if flaw := forbidden_in(forbidden, text):
        raise InvalidInput(parameter, value, flaw)
    return text


def _name(producer: object) -> str:
    return _line("producer", producer, 100, _CONTROL)


@lru_cache(maxsize=4)
def _script(argv0: str) -> str:
    """The producer when none is named: the script's file name, `python` when there is none worth noting."""
    name = PurePath(argv0).name
    return name[:100] if name.isprintable() and _VISIBLE.search(name) and name != "-c" else "python"


@lru_cache(maxsize=256)  # a failing night repeats few causes; this costs half of all checks
def _digest(item_type: str, cause: str) -> str:
    same = _INDIVIDUAL.sub(b"#", cause.encode(errors="replace").lower())
    return md5(f"{item_type}\n".encode() + same, usedforsecurity=False).hexdigest()


# Numbers, instants, the rest


def _resource(number: object, key: object) -> tuple[int | None, str | None]:
    if number is None and key is None:
        raise InvalidInput("resource_id", None, "resource_id or resource_key must be given")
    if number is None:
        return None, _line("resource_key", key, 500, _CONTROL)
    if key is not None:
        raise InvalidInput("resource_key", key, "only one of resource_id and resource_key may be given")
    allowed = "a whole number from 1 to 2^63 - 1 (resource_key takes text)"
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidType("resource_id", number, allowed)
    if not 1 <= number <= MAX_BIGINT:
        raise InvalidInput("resource_id", number, allowed)
    return int(number), None


def _priority(value: object) -> str:
    allowed = f"one of {', '.join(PRIORITIES)}"
    text = storable("priority", value, allowed)
    if text not in PRIORITIES:
        raise InvalidInput("priority", value, allowed)
    return text


def _sla_seconds(hours: object) -> int:
    allowed = "a number of hours from one minute (1/60) to 8784"
    if not isinstance(hours, (int, float, Decimal)) or isinstance(hours, bool):
        raise InvalidType("sla_hours", hours, allowed)
    try:
        seconds = float(hours) * 3600
    except (ValueError, OverflowError):  # a signalling NaN, an integer beyond any float
        seconds = 0.0
    if not 60 <= seconds <= MAX_SLA_HOURS * 3600:
        raise InvalidInput("sla_hours", hours, allowed)
    return round(seconds)


def _utc(parameter: str, value: object) -> datetime:
    allowed = "a datetime with a time zone, from 1970-01-01 to 9999-12-31T00:00Z"
    if not isinstance(value, datetime):
        raise InvalidType(parameter, value, allowed)
    if value.utcoffset() is None or not _FIRST <= value <= _LAST:
        raise InvalidInput(parameter, value, allowed)
    return value.astimezone(UTC)


def _uuid(value: object) -> UUID:
    if not isinstance(value, UUID):
        raise InvalidType("add_id", value, "a uuid.UUID")
    return value
