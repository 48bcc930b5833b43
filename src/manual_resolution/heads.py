"""The head: one line over the ends of all histories, to keep elsewhere; and what a kept one says of today.

A file may hold the head alone, one line a day, or before it one line `id version hash` for each item, in the order
of their numbers: then the first item that differs is named, whatever has been added since.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from manual_resolution.errors import InvalidInput
from manual_resolution.item import iso
from manual_resolution.store import heads as store
from manual_resolution.store.connection import Database, Db
from manual_resolution.store.heads import Difference, Link

PATIENCE: Final = timedelta(hours=6).total_seconds()
BATCH: Final = 5000

_HEAD: Final = re.compile(r"HEAD ([0-9a-f]{64}) items=([0-9]{1,18}) events=([0-9]{1,18}) at=(\S{1,40})")
_LINK: Final = re.compile(r"([1-9][0-9]{0,18}) ([1-9][0-9]{0,17}) ((?:[0-9a-f]{64})?)")
_ALLOWED: Final = "what `mrq audit head` printed: lines `id version hash` by number, then a line HEAD"


@dataclass(frozen=True, slots=True)
class Head:
    """One line over all items, to keep elsewhere. `at` is the database's clock, UTC."""

    head: str
    items: int
    events: int
    at: str

    def __str__(self) -> str:
        return f"HEAD {self.head} items={self.items} events={self.events} at={self.at}"


@dataclass(slots=True)
class Against:
    """What comparing with a kept file came to. `named` is none where every item still begins as it was kept."""

    items: int = 0
    heads: int = 0
    named: str | None = None

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"items": self.items, "heads": self.heads, "same": self.named is None, "differs": self.named}


def line_of(item_id: int, version: int, last_hash: bytes | None) -> bytes:
    """What one item gives to the head."""
    return f"{item_id} {version} {(last_hash or b'').hex()}\n".encode()


def head(database: Database, *, tell: Callable[[str], object] | None = None) -> Head:
    """The head: SHA-256 over the lines `id version hash` of all items, in the order of their ids.

    `tell` is given each of these lines, without its end.
    """
    with database.transaction(PATIENCE) as db:
        at = iso(store.now(db))
        return _over(store.links(db), at, tell)


def _over(links: Iterable[Link], at: str, tell: Callable[[str], object] | None = None) -> Head:
    items = events = 0
    digest = hashlib.sha256()
    for link in links:
        items, events = items + 1, events + link.version
        line = line_of(link.item_id, link.version, link.last_hash)
        digest.update(line)
        if tell:
            tell(line.decode().rstrip("\n"))
    return Head(digest.hexdigest(), items, events, at)


def count_days(database: Database) -> int:
    """Keep what the entries of each day that is over were, in the database itself; how many days."""
    days = 0
    with database.connection(PATIENCE) as db:
        while store.count_day(db):
            days += 1
    return days


def missed(db: Db) -> tuple[list[str], list[str], int]:
    """What days that were counted say of the entries: what is wrong, what may be, how many days there are."""
    wrong, perhaps, days = list[str](), list[str](), store.days(db)
    for day in days:
        when = f"The entries before {day.upto:%Y-%m-%d %H:%M} UTC"
        if not day.is_chained:
            wrong.append(f"{when}: the record of their number was altered")
        elif day.found < day.kept:
            wrong.append(f"{when}: {day.kept - day.found} of {day.kept} that were counted are missing")
        elif day.found > day.kept:
            more = f"{day.found - day.kept} more than were counted"
            perhaps.append(f"{when}: {more}, put in, or of a transaction that was open for an hour")
        elif not day.is_same:
            wrong.append(f"{when}: they are not those that were counted")
    return wrong, perhaps, len(days)


# ------------------------------------------------------------------ against what was kept


@dataclass(slots=True)
class _Kept:
    """A kept file as it is read: each head must be that of the items' lines before it, where there are any."""

    lines: Iterable[str]
    against: Against = field(default_factory=Against)
    alone: list[Head] = field(default_factory=list)

    def links(self) -> Iterator[Link]:
        """The items' lines; heads without any before them are put by."""
        digest, items, events, last = hashlib.sha256(), 0, 0, 0
        for number, line in enumerate(self.lines, 1):
            text = line.strip()
            if found := _LINK.fullmatch(text):
                link = Link(int(found[1]), int(found[2]), bytes.fromhex(found[3]))
                if link.item_id <= last:
                    raise InvalidInput(f"line {number}", text, "items in the order of their numbers")
                digest.update(f"{text}\n".encode())
                items, events, last = items + 1, events + link.version, link.item_id
                yield link
            elif found := _HEAD.fullmatch(text):
                head = Head(found[1], int(found[2]), int(found[3]), found[4])
                if not items and head.items:
                    self.alone.append(head)
                elif (digest.hexdigest(), items, events) != (head.head, head.items, head.events):
                    raise InvalidInput(f"line {number}", text, "the head of the lines before it: the file was altered")
                self.against.heads += 1
                digest, items, events, last = hashlib.sha256(), 0, 0, 0
            elif text:
                raise InvalidInput(f"line {number}", text, _ALLOWED)
        if items or not self.against.heads:
            raise InvalidInput("against", "the end of the file", _ALLOWED)


def compare(database: Database, lines: Iterable[str], *, progress: Callable[[int], object] | None = None) -> Against:
    """Whether each item's history still begins as it was kept; names the first that does not.

    Raises `InvalidInput` for a file that is none of ours, or was altered. `progress` is told the items done.
    """
    kept = _Kept(lines)
    against, links = kept.against, kept.links()
    with database.transaction(PATIENCE) as db:
        while batch := list(islice(links, BATCH)):
            against.items += len(batch)
            if against.named is None and (found := store.first_difference(db, batch)):
                against.named = _told(found)
            if progress:
                progress(against.items)
        for head in kept.alone:
            against.named = against.named or _unlike(db, head)
    return against


def _told(found: Difference) -> str:
    if not found.entries:
        return f"Item #{found.item_id}: it was kept with {found.version} entries and is gone"
    if found.row_version is None:
        return f"Item #{found.item_id}: its row is missing, its history is there"
    if found.entries < found.version:
        return f"Item #{found.item_id}, entry {found.entries + 1}: missing: {found.version} entries were kept"
    if found.found_at is not None and found.found_at != found.version:
        return f"Item #{found.item_id}, entry {found.found_at}: reordered: it was kept as entry {found.version}"
    if found.found_at is not None:
        return f"Item #{found.item_id}: its row counts {found.row_version} entries, {found.version} were kept"
    return f"Item #{found.item_id}: altered: its first {found.version} entries are not those kept"


def _unlike(db: Db, kept: Head) -> str | None:
    """Why a head kept without its items cannot be found again; none where it can."""
    then = _over(store.links_at(db, _instant(kept.at)), kept.at)
    if then.head == kept.head:
        return None
    return (
        f"The head of {kept.at} is not that of the history up to then: {kept.items} items and {kept.events} events "
        f"were kept, {then.items} and {then.events} are found; a file made with --items names the item"
    )


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None:
        raise InvalidInput("at", text, _ALLOWED)
    return at
