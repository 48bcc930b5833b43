"""Objects of every kind that may stand among a function's arguments when it fails; many of them broken."""

import dataclasses
import enum
import math
import random
import uuid
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any


class Broken:
    """Raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise ValueError("no repr")

    __str__ = __iter__ = __len__ = __hash__ = __eq__ = __bool__ = __index__ = __float__ = __repr__  # type: ignore[assignment]


class Exits:
    """Ends the program when it is looked at."""

    def __repr__(self) -> str:
        raise SystemExit(3)

    __str__ = __iter__ = __repr__  # type: ignore[assignment]


class Endless:
    """Never comes to an end when it is iterated or printed."""

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1

    def __repr__(self) -> str:
        return "".join(map(str, self))

    def keys(self) -> Any:
        return iter(self)

    __len__ = __str__ = __repr__  # type: ignore[assignment]


class Lies:
    """Says that it is a dict."""

    __class__ = dict  # type: ignore[assignment]


class BadError(Exception):
    """An exception that cannot be printed."""

    def __str__(self) -> str:
        raise KeyError("no")


class BadMeta(type):
    """A class that breaks when it is asked for its name."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class OfBadMeta(metaclass=BadMeta):
    """Its class breaks."""


class BadDict(dict[Any, Any]):
    """A dict that cannot be read by its own methods."""

    def items(self) -> Any:
        raise RuntimeError("items")

    __iter__ = keys = values = __len__ = items  # type: ignore[assignment]


class BadStr(str):
    """A text that breaks."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("str")

    __len__ = __getitem__ = encode = replace = __str__  # type: ignore[assignment]


class BadZone(tzinfo):
    """A time zone that breaks."""

    def utcoffset(self, at: datetime | None) -> timedelta:
        raise RuntimeError("zone")


class Colour(enum.Enum):
    """An enumeration of odd values."""

    RED = object()
    BLUE = "blue"


@dataclasses.dataclass
class Plan:
    """A dataclass with something hidden in it."""

    id: int
    owner: Any
    api_key: str = "hunter2-key"


class Slots:
    """An object without a dict, half filled."""

    __slots__ = ("filled", "never")

    def __init__(self, filled: Any) -> None:
        self.filled = filled


class Scalar:
    """Behaves like a number of numpy's."""

    def item(self) -> int:
        raise RuntimeError("item")

    def __array__(self) -> Any:
        raise RuntimeError("array")

    def tolist(self) -> list[int]:
        return [1, 2, 3]


Pair = namedtuple("Pair", "left right")


def consumed() -> Iterator[int]:
    """A generator that must not be consumed."""
    raise AssertionError("it was consumed")
    yield 1


def deep(levels: int) -> Any:
    """Lists within lists."""
    found: Any = "bottom"
    for _ in range(levels):
        found = [found]
    return found


def cyclic() -> Any:
    """A list and a dict that hold themselves and each other."""
    one: list[Any] = []
    other: dict[str, Any] = {"one": one}
    other["itself"] = other
    one += [one, other]
    return one


def doubling() -> Any:
    """Small in memory, endless on paper."""
    found: Any = ["x"]
    for _ in range(28):
        found = [found, found]
    return found


LEAVES: list[Callable[[random.Random], Any]] = [
    lambda r: None, lambda r: r.random() < 0.5, lambda r: r.randint(-(2**70), 2**70), lambda r: r.gauss(0, 1e300),
    lambda r: r.choice([math.nan, math.inf, -math.inf, -0.0, 5e-324]), lambda r: 10 ** r.randint(900, 6000),
    lambda r: "".join(r.choices("\0\a\x1bA\u202e\ud83d\udc00\U0001f600\ufffe", k=40)), lambda r: datetime.now(UTC),
    lambda r: "é" * r.randint(0, 400_000), lambda r: r.randbytes(r.randint(0, 3000)), lambda r: bytearray(b"x" * 10),
    lambda r: memoryview(b"abc"), lambda r: b"\xff" * 300_000,
    lambda r: datetime(2026, 10, 1),  # noqa: DTZ001  # on purpose
    lambda r: datetime(2026, 10, 1, tzinfo=BadZone()), lambda r: date(1, 1, 1), lambda r: timedelta(days=-3),
    lambda r: uuid.UUID(int=r.getrandbits(128)), lambda r: Decimal("sNaN"), lambda r: Decimal("1E+99999"),
    lambda r: Fraction(1, 3), lambda r: 1j, lambda r: Path("a\udcff/b"), lambda r: Colour.RED, lambda r: Colour.BLUE,
    lambda r: ValueError("x\0y"), lambda r: BadError(), lambda r: Broken(), lambda r: Exits(), lambda r: Endless(),
    lambda r: Lies(), lambda r: OfBadMeta(), lambda r: OfBadMeta, lambda r: BadDict(a=1), lambda r: BadStr("bad"),
    lambda r: consumed(), lambda r: consumed, lambda r: len, lambda r: int, lambda r: random, lambda r: object(),
    lambda r: Scalar(), lambda r: range(10**30), lambda r: deep(r.choice([31, 40, 5000])), lambda r: cyclic(),
    lambda r: doubling(), lambda r: iter([1]), lambda r: open, lambda r: NotImplemented, lambda r: ..., lambda r: r,
    lambda r: list(range(r.choice([10, 200_000]))), lambda r: {n: n for n in range(r.choice([3, 1500]))},
]  # fmt: skip
KEYS: list[Callable[[random.Random], Any]] = [
    lambda r: "plain", lambda r: "", lambda r: "k" * 1000, lambda r: r.randint(0, 9),
    lambda r: None, lambda r: (1, "a"),
    lambda r: "\ud83d\0", lambda r: b"bytes", lambda r: Colour.BLUE, lambda r: 1.5,
    lambda r: "…", lambda r: frozenset({1}),
]  # fmt: skip


def anything(r: random.Random, levels: int = 3) -> Any:
    """One object; containers hold others."""
    kind = r.randint(0, 11) if levels else 99
    more = levels - 1
    if kind == 0:
        return [anything(r, more) for _ in range(r.randint(0, 6))]
    if kind == 1:
        return OrderedDict((r.choice(KEYS)(r), anything(r, more)) for _ in range(r.randint(0, 6)))
    if kind == 2:
        return tuple(anything(r, more) for _ in range(r.randint(0, 4)))
    if kind == 3:
        return {r.choice(KEYS)(r) for _ in range(4)}
    if kind == 4:
        return deque([anything(r, more)])
    if kind == 5:
        return r.choice(
            [Plan(r.randint(1, 9), anything(r, more)), Slots(anything(r, more)), Pair(1, anything(r, more))]
        )
    return r.choice(LEAVES)(r)
