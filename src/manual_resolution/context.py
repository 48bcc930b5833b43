"""What an item's context may hold: any JSON object, read and written strictly (design, Adding)."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from math import isfinite
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from manual_resolution.errors import InvalidInput, InvalidType, shown
from manual_resolution.text import size_of, storable, unstorable

MAX_CONTEXT_BYTES: Final = 262_144
MAX_CONTEXT_DEPTH: Final = 32
MAX_CONTEXT_KEYS: Final = 1000
MAX_KEY_CHARS: Final = 256
MAX_INTEGER_DIGITS: Final = 1000


def parse_context(text: str | bytes) -> dict[str, Any]:
    """The JSON object in `text` (UTF-8), read strictly; raises InvalidInput or InvalidType.

    Refused, with position or path: duplicate keys, NaN and Infinity, numbers beyond a double, integers
    of more than 1000 digits, byte order marks, other encodings, anything after the object, above 256 KiB or
    32 levels, and whatever else `intake` refuses in a context.
    """
    value = parse_object(_utf8(text), "context")
    _inspect_all(value)
    return value


def parse_object(text: str, parameter: str) -> dict[str, Any]:
    """The JSON object in `text`, read strictly; what is inside is not inspected yet.

    Raises InvalidInput or InvalidType, which name `parameter`. What of a member cannot be kept is only marked:
    `refuse_unreadable` and `stored` refuse it.
    """
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as e:
        near = text[max(e.pos - 20, 0) : e.pos + 20]
        problem = f"JSON is expected, but at line {e.lineno}, column {e.colno}: {e.msg}"
        raise InvalidInput(parameter, near, problem) from None
    except RecursionError:
        raise InvalidInput(parameter, text, f"at most {MAX_CONTEXT_DEPTH} levels") from None
    if isinstance(value, _Refused):
        raise InvalidInput(parameter, value.literal, value.allowed)
    if not isinstance(value, dict):
        raise InvalidType(parameter, value, "a JSON object")
    return value


def refuse_unreadable(values: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a member that `parse_object` could only mark: a number too long, a name that is twice."""
    for name, value in values.items():
        if isinstance(value, _Refused):
            raise InvalidInput(name, value.literal, value.allowed)


def refuse_flaws(value: Any, root: str, depth: int = 1) -> None:
    """Raise InvalidInput, which names the place below `root`, for what no text or number of ours may be.

    `value` is as `parse_object` read it; up to 32 levels, where its own is `depth`.
    """
    if isinstance(value, (dict, list)):
        _inspect(value, root, depth)
    elif allowed := _flaw(value):
        raise InvalidInput(root, getattr(value, "literal", value), allowed)


def stored(context: object) -> str:
    """`context` as JSON text. C writes it; Python walks it only where sizes do not prove that all is well."""
    if not isinstance(context, dict):
        if not isinstance(context, Mapping):
            raise InvalidType("context", context, "a dict or None")
        context = dict(context)
    try:
        text = as_json(context)
        size, proven = size_of(text), _is_plain(context, text)
    except (TypeError, ValueError, RecursionError) as e:
        _inspect_all(context)
        raise InvalidInput("context", context, f"JSON cannot hold it ({type(e).__name__})") from None
    if not proven:
        _inspect_all(context)
    if size > MAX_CONTEXT_BYTES:
        raise InvalidInput("context", context, f"at most {MAX_CONTEXT_BYTES} bytes of JSON, it has {size}")
    return text


def _is_plain(context: dict[Any, Any], text: str) -> bool:
    """Whether sizes alone prove what `_inspect_all` would find; TypeError means a key that is not text."""
    return (
        len("".join(context)) <= MAX_KEY_CHARS
        and "" not in context
        and len(text) <= MAX_INTEGER_DIGITS  # and so not too many keys either
        and text.count("{") == 1
        and text.count("[") < MAX_CONTEXT_DEPTH
        and r"\u0000" not in text
    )


#: A place: the place around it, and the key or index in that; or the name of what holds everything.
_Where = tuple[Any, object] | str


def _inspect_all(context: dict[Any, Any]) -> None:
    keys = _inspect(context, "context", 1)
    if keys > MAX_CONTEXT_KEYS:
        raise InvalidInput("context", context, f"at most {MAX_CONTEXT_KEYS} keys, it has {keys}")


def _inspect(value: Any, where: _Where, depth: int) -> int:
    """The number of keys in a dict or list and below it; raises at the first thing that cannot be stored."""
    if depth > MAX_CONTEXT_DEPTH:
        raise InvalidInput(_path(where), value, f"at most {MAX_CONTEXT_DEPTH} levels")
    is_dict = isinstance(value, dict)
    keys = len(value) if is_dict else 0
    for key, child in value.items() if is_dict else enumerate(value):
        if is_dict and (type(key) is not str or not key or len(key) > MAX_KEY_CHARS or unstorable(key)):
            _inspect_key(key, where)
        if isinstance(child, (dict, list, tuple)):
            keys += _inspect(child, (where, key), depth + 1)
        elif allowed := _flaw(child):
            error = InvalidType if allowed is _STORABLE else InvalidInput
            raise error(_path((where, key)), getattr(child, "literal", child), allowed)
    return keys


def _inspect_key(key: object, where: _Where) -> None:
    parameter, allowed = "a key of " + _path(where), f"text of 1 to {MAX_KEY_CHARS} characters"
    if not 1 <= len(storable(parameter, key, allowed)) <= MAX_KEY_CHARS:
        raise InvalidInput(parameter, key, allowed)


def _flaw(leaf: object) -> str | None:
    """What is allowed instead of `leaf`; None when it can be stored."""
    match leaf:
        case str():
            return unstorable(leaf)
        case int():
            return None if -_HUGE < leaf < _HUGE else f"an integer of at most {MAX_INTEGER_DIGITS} digits"
        case float():
            return None if isfinite(leaf) else "a finite number"
        case datetime() if leaf.utcoffset() is None:
            return "a datetime with a time zone"
        case _Refused():
            return leaf.allowed
    return None if leaf is None or isinstance(leaf, BECOME_TEXT) else _STORABLE


def _path(where: _Where) -> str:
    """`context.items[3].at`."""
    steps: list[str] = []
    while not isinstance(where, str):
        where, key = where
        plain = isinstance(key, str) and key.isidentifier() and key.isascii() and len(key) <= 40
        steps.append(f".{key}" if plain else f"[{shown(key, 40)}]")
    return where + "".join(reversed(steps))


def as_text(value: object) -> str:
    """What JSON lacks and a context may hold, as text that can always be stored; TypeError for all else."""
    match value:
        case datetime() if value.utcoffset() is None:
            raise TypeError
        case date():
            text = value.isoformat()
        case Enum():
            text = value.value if isinstance(value.value, str) else value.name
        case BaseException():
            text = f"{type(value).__name__}: {_message(value)}".removesuffix(": ")
        case UUID() | Decimal() | PurePath():
            text = str(value)
        case _:
            raise TypeError
    return text.encode(errors="backslashreplace").decode().replace("\0", r"\x00")


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # somebody's __str__ is broken; the class still tells something
        return ""


# JSON


class _Refused:
    """Stands where a text holds something that Python's reader lets through: so its path can be named."""

    def __init__(self, literal: object, allowed: str) -> None:
        self.literal, self.allowed = literal, allowed


def _utf8(text: str | bytes) -> str:
    if not isinstance(text, (str, bytes)):
        raise InvalidType("context", text, "JSON text")
    if len(text) <= MAX_CONTEXT_BYTES:
        try:
            text, size = (text, len(text.encode())) if isinstance(text, str) else (text.decode(), len(text))
        except UnicodeError:
            raise InvalidInput("context", text, "JSON text in UTF-8") from None
        if text.startswith("\ufeff"):
            raise InvalidInput("context", text, "JSON text without a byte order mark")
        if size <= MAX_CONTEXT_BYTES:
            return text
    raise InvalidInput("context", text, f"at most {MAX_CONTEXT_BYTES} bytes of JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Refused:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    return _Refused(twice, "each key may occur only once in an object")


def _integer(literal: str) -> int | _Refused:
    if len(literal.lstrip("-")) > MAX_INTEGER_DIGITS:
        return _Refused(literal, f"an integer of at most {MAX_INTEGER_DIGITS} digits")
    return int(literal)


def _real(literal: str) -> float | _Refused:
    value = float(literal)
    vanished = value == 0 and re.match("-?[0.]*[1-9]", literal)
    return value if isfinite(value) and not vanished else _Refused(literal, "a number a double can hold")


_STORABLE: Final = (
    "text, a number, True, False, None, list, dict, datetime, date, UUID, Decimal, Path, Enum or an exception"
)
BECOME_TEXT: Final = (date, UUID, Decimal, PurePath, Enum, BaseException)
_HUGE: Final = 10**MAX_INTEGER_DIGITS
as_json = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), default=as_text
).encode
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_real,
    parse_constant=lambda name: _Refused(name, "a finite number"),
)
