"""What the spool says of somebody: found, and taken from what was set aside there."""

import json
import os
import re
from collections.abc import Iterator
from typing import Final

from manual_resolution.settings import Settings
from manual_resolution.spool import Entry, Spool
from manual_resolution.spool_line import kept_of

_ESCAPES: Final = 2  # the context is JSON text within a line of JSON


def waiting(settings: Settings, words: re.Pattern[str]) -> int:
    """How many failures that wait to be brought in say it."""
    return sum(len(lines_with(entry, words)) for entry in entries(settings) if entry.state == "waiting")


def erase(settings: Settings, words: re.Pattern[str], *, dry_run: bool = False) -> int:
    """Take the failures that say it from what was set aside as refused or damaged; how many there were."""
    found = 0
    for entry in entries(settings):
        if entry.state != "waiting" and (lines := lines_with(entry, words)):
            found += len(lines)
            if not dry_run:
                _without(entry, lines)
    return found


def entries(settings: Settings) -> list[Entry]:
    """All of the spool; nothing where there is none."""
    try:
        return Spool(settings.spool_dir, settings.spool_max_mb).entries()
    except OSError:
        return []


def lines_with(entry: Entry, words: re.Pattern[str]) -> list[int]:
    """The places, from 0, of the lines that say it."""
    lines = entry.path.read_bytes().split(b"\n")
    return [n for n, line in enumerate(lines) if line and any(words.search(text) for text in texts_of(line))]


def texts_of(line: bytes) -> Iterator[str]:
    """What a line says, as far as it can be read."""
    try:
        told = kept_of(line).intake
    except (ValueError, TypeError, KeyError):
        yield from _unescaped(line.decode(errors="replace"))
        return
    yield from (text for text in (told.reason, told.resource_key, told.dedup_key, told.producer) if text)
    yield from _unescaped(told.context or "")


def _unescaped(text: str) -> Iterator[str]:
    """A text with JSON's escapes, and without them, as deep as they go here."""
    for _ in range(_ESCAPES + 1):
        yield text
        text = re.sub(r"\\u([0-9a-f]{4})|\\(.)", _plain, text)


def _plain(found: re.Match[str]) -> str:
    return str(json.loads(f'"{found[0]}"', strict=False)) if found[1] or found[2] in '"\\/bfnrt' else " "


def _without(entry: Entry, gone: list[int]) -> None:
    """Write the file again without these lines, under the name that counts what is left; nothing left: no file."""
    lines = [line for n, line in enumerate(entry.path.read_bytes().split(b"\n")) if line and n not in gone]
    if lines:
        partial = entry.path.with_name(f".{entry.path.name}.erasing")
        partial.write_bytes(b"\n".join([*lines, b""]))
        partial.chmod(0o600)
        os.replace(partial, entry.path.with_name(re.sub(r"-[0-9]+\.(?=[a-z]+$)", f"-{len(lines)}.", entry.path.name)))
    entry.path.unlink(missing_ok=True)
