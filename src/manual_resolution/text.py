"""What text PostgreSQL can store, told in one sentence where it cannot."""

import re
from typing import Final

from manual_resolution.errors import InvalidInput, InvalidType

UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def storable(parameter: str, value: object, allowed: str) -> str:
    """`value` as a plain str that PostgreSQL can store."""
    if not isinstance(value, str):
        raise InvalidType(parameter, value, allowed)
    if flaw := unstorable(value):
        raise InvalidInput(parameter, value, flaw)
    return value if type(value) is str else str.__str__(value)


def unstorable(text: str) -> str | None:
    """What of `text` cannot be stored; None when all of it can."""
    return None if text.isascii() and "\0" not in text else forbidden_in(UNSTORABLE, text)


def forbidden_in(forbidden: re.Pattern[str], text: str) -> str | None:
    """The first forbidden character and its place; None when there is none."""
    found = forbidden.search(text)
    return found and f"U+{ord(found[0]):04X} at character {found.start() + 1} cannot be part of it"


def size_of(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
