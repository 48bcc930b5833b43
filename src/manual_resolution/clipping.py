"""Any Python object as something a context can hold: nothing raises, what must go is marked (design, Adding).

For `resolves_manually`, which runs while somebody's exception is on its way. No foreign code is run: an object is read
by its attributes as they are stored, never by its `repr`, `str` or iterator; a generator is not consumed.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import islice
from numbers import Integral, Real
from operator import index
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, GeneratorType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, Final
from uuid import UUID

from manual_resolution.context import (
    MAX_CONTEXT_BYTES,
    MAX_CONTEXT_DEPTH,
    MAX_CONTEXT_KEYS,
    MAX_INTEGER_DIGITS,
    MAX_KEY_CHARS,
    as_json,
)
from manual_resolution.text import size_of

HIDDEN: Final = "(hidden)"
#: What is tried in turn until it fits: characters of a text, entries of a list or object, levels, values in all.
CAPS: Final = (
    (MAX_CONTEXT_BYTES, 10_000, MAX_CONTEXT_DEPTH - 1, 10_000),
    (8192, 1000, 12, 5000),
    (500, 100, 6, 800),
    (100, 20, 3, 60),
)
MAX_BITS: Final = 3320  # fewer than 1000 digits

_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|credential|authorization|cookie|api_?key|private_?key|access_?key|dsn$|database_url",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"(://[^\s/@:]*):[^\s/@]*@")
MAX_SMALL: Final = 2**63
_HOLDING: Final = (dict, list, tuple, set, frozenset)
_TOLD_BY_STR: Final = (Decimal, UUID, PurePath, Fraction, complex, range, timedelta)
_TOLD_BY_ISO: Final = (datetime, date, time)
_NAMED: Final = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)


def clipped(facts: dict[str, Any], *, hide: bool = False) -> dict[str, Any]:
    """`facts` as a context that is always accepted, at most 256 KiB; `hide`: also what its names call a secret."""
    for cap in CAPS:
        clip = Clip(*cap, hide=hide)
        found = clip.mapping(dict.items(facts), len(facts), 0)
        if clip.keys <= MAX_CONTEXT_KEYS and is_small(found):
            return found
    return {"clipped": "(the context could not be kept)"}


def is_small(context: dict[str, Any]) -> bool:
    """Whether the JSON of what a `Clip` made is at most 256 KiB; no, too, where the stack has no room to write it."""
    try:
        return size_of(as_json(context)) <= MAX_CONTEXT_BYTES
    except (RecursionError, MemoryError):
        return False


def clipped_text(text: str, most: int, *, hide: bool = True) -> str:
    """`text` as it can be stored, in at most `most` bytes; a mark says that something was cut.

    `hide`: without the passwords of addresses in it.
    """
    text = str.__str__(text)
    whole = len(text)
    text = plain(text[: most + 1000])
    if hide:
        text = _PASSWORD_IN_URL.sub(rf"\1:{HIDDEN}@", text)
    if whole <= most and len(text.encode()) <= most:
        return text
    mark = f"… (clipped, {whole:,} characters)"
    return text.encode()[: max(0, most - len(mark.encode()))].decode(errors="ignore") + mark


def plain(text: str) -> str:
    r"""A text that PostgreSQL can store: NUL as `\x00`, half a surrogate pair as `\ud83d`."""
    return str.__str__(text).encode(errors="backslashreplace").decode().replace("\0", r"\x00")


def message_of(error: BaseException) -> str:
    """`KeyError: 'name'`; the class alone where the exception cannot tell more."""
    try:
        said = _said(error, type(error))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  # somebody's __str__ is broken in whatever way
        said = "(its message cannot be read)"
    return f"{name_of(type(error))}: {said}" if said.strip() else name_of(type(error))


def _said(error: BaseException, kind: type[BaseException]) -> str:
    """What an exception says; where it only prints what it was given, that is read as any other object is."""
    if kind.__str__ not in (BaseException.__str__, KeyError.__str__):
        return str.__str__(str(error))
    given = error.args
    if len(given) != 1:
        return str(Clip(8192, 50, 6, 500, hide=True).value(given, 0)) if given else ""
    if issubclass(type(given[0]), str):
        said = str.__str__(given[0])
        return repr(said) if kind.__str__ is KeyError.__str__ else said
    return str(Clip(8192, 50, 6, 500, hide=True).value(given[0], 0))


def name_of(kind: type) -> str:
    """A class's own name, whatever its metaclass says."""
    return plain(type.__getattribute__(kind, "__name__"))


class Clip:
    """One pass over an object, with so much allowed: what stands in two places costs twice.

    What it makes is a context but for its size: `keys` counts the keys, its JSON is yet to be measured.
    """

    def __init__(self, characters: int, entries: int, levels: int, values: int, *, hide: bool) -> None:
        self.characters, self.entries, self.levels, self.hide = characters, entries, levels, hide
        self.left, self.keys = values, 0
        self._above: set[int] = set()
        self._readers = self._leaves()

    def value(self, value: Any, level: int) -> Any:
        """`value` as JSON has it."""
        self.left -= 1
        if self.left < 0:
            return "(clipped)"
        try:
            return self._value(value, type(value), level)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001  # an object that breaks in whatever way costs itself, not the rest
            return self._unread(type(value))

    def _value(self, value: Any, kind: type, level: int) -> Any:
        if value is None or value is True or value is False:
            return value
        if kind is int and -MAX_SMALL < value < MAX_SMALL:
            return value
        for kinds, read in () if kind in _HOLDING else self._readers:
            if issubclass(kind, kinds):
                return read(value)
        if level >= self.levels:
            return f"(too deep: {name_of(kind)})"
        if id(value) in self._above:
            return f"(the same {name_of(kind)} again, inside itself)"
        self._above.add(id(value))
        try:
            return self._inside(value, kind, level)
        finally:
            self._above.discard(id(value))

    def _leaves(self) -> tuple[tuple[Any, Callable[[Any], Any]], ...]:
        return (
            (Enum, self._enum),
            (str, self._text),
            ((bytes, bytearray, memoryview), self._bytes),
            (int, lambda value: self._number(int.__index__(value))),
            (float, lambda value: self._float(float.__float__(value))),
            (BaseException, lambda value: self._text(message_of(value))),
            (_TOLD_BY_ISO, self._instant),
            (_TOLD_BY_STR, lambda value: self._text(str(value))),
            (GeneratorType, lambda value: f"(generator {self._text(value.__name__)}, not consumed)"),
            (_NAMED, self._named),
            (Integral, lambda value: self._number(index(value))),
            (Real, lambda value: self._float(float(value))),
        )

    def _inside(self, value: Any, kind: type, level: int) -> Any:
        if issubclass(kind, dict):
            return self.mapping(dict.items(value), dict.__len__(value), level + 1)
        if issubclass(kind, tuple) and isinstance(fields := getattr(kind, "_fields", None), tuple):
            return self.mapping(zip(fields, tuple.__iter__(value), strict=False), len(fields), level + 1)
        for sort in (list, tuple, set, frozenset, deque):
            if issubclass(kind, sort):
                return self._list(sort.__iter__(value), sort.__len__(value), level + 1)
        return self._object(value, kind, level + 1)

    def mapping(self, pairs: Iterable[tuple[Any, Any]], count: int, level: int) -> dict[str, Any]:
        """`count` names and values as a JSON object."""
        found: dict[str, Any] = {}
        for name, value in list(islice(pairs, self.allowed)):
            key = self._key(name, found)
            self.keys += 1
            found[key] = HIDDEN if self.hide and _SECRET_NAME.search(key) else self.value(value, level)
        if len(found) < count:
            self.keys += 1
            found["…"] = f"(clipped, {count - len(found):,} more)"
        return found

    @property
    def allowed(self) -> int:
        """How many entries one more list or object may have."""
        return max(0, min(self.entries, self.left))

    def _key(self, name: Any, taken: Mapping[str, Any]) -> str:
        told = self.value(name, self.levels - 1)
        key = told if isinstance(told, str) else str(told)
        key = clipped_text(key, MAX_KEY_CHARS - 10, hide=False) or "(empty)"
        return key if key not in taken else f"{key} #{len(taken)}"

    def _list(self, values: Iterable[Any], count: int, level: int) -> list[Any]:
        found = [self.value(value, level) for value in list(islice(values, self.allowed))]
        return found if len(found) >= count else [*found, f"… (clipped, {count - len(found):,} more)"]

    def _object(self, value: Any, kind: type, level: int) -> Any:
        """An object by its public attributes, as they are stored: instance and slots, no property, no method."""
        attributes: dict[str, Any] = {}
        for base in reversed(type.__getattribute__(kind, "__mro__")):
            for name, slot in type.__getattribute__(base, "__dict__").items():
                if type(slot) is MemberDescriptorType and not name.startswith("_"):
                    try:
                        attributes[name] = slot.__get__(value)
                    except AttributeError:
                        continue  # a slot that was never filled
        try:
            own = object.__getattribute__(value, "__dict__")
        except AttributeError:
            own = None
        if type(own) is dict:
            attributes |= {name: kept for name, kept in own.items() if type(name) is str and not name.startswith("_")}
        if not attributes:
            return self._unread(kind)
        self.keys += 1
        return {"(type)": self._full_name(kind)} | self.mapping(attributes.items(), len(attributes), level)

    # -------------------------------------------------------------- leaves

    def _text(self, text: str) -> str:
        return clipped_text(text, self.characters, hide=self.hide)

    def _bytes(self, value: Any) -> str:
        view = memoryview(value).cast("B")
        shown = self._text(repr(bytes(view[: self.characters])))
        return shown if len(view) <= self.characters else f"{shown} (clipped, {len(view):,} bytes)"

    def _number(self, number: int) -> int | str:
        if number.bit_length() >= MAX_BITS:
            return f"(an integer of more than {MAX_INTEGER_DIGITS - 1} digits)"
        return number

    def _float(self, number: float) -> float | str:
        return number if number - number == 0 else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(number), "NaN")

    def _enum(self, value: Enum) -> str:
        return self._text(f"{name_of(type(value))}.{object.__getattribute__(value, '_name_')}")

    def _instant(self, value: Any) -> str:
        text = self._text(value.isoformat())
        return f"{text} (no time zone)" if isinstance(value, datetime) and value.utcoffset() is None else text

    def _named(self, value: Any) -> str:
        return f"({name_of(type(value))} {self._text(str(getattr(value, '__name__', '?')))})"

    def _full_name(self, kind: type) -> str:
        module = type.__getattribute__(kind, "__dict__").get("__module__")
        return self._text(f"{module}.{name_of(kind)}" if type(module) is str else name_of(kind))

    def _unread(self, kind: type) -> str:
        try:
            return f"({self._full_name(kind)})"
        except Exception:  # noqa: BLE001  # a metaclass that breaks
            return "(an object that cannot be read)"
