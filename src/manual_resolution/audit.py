"""Proving the history: every entry as it was written and in its place, every item's row as its history says.

Limit: who rewrites an item's row and its whole history, and leaves no outside copy of the head, is not
caught (design, Events).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from manual_resolution.errors import NotFound
from manual_resolution.heads import line_of
from manual_resolution.heads import missed as days_missed
from manual_resolution.inert import inert
from manual_resolution.store import audit as store
from manual_resolution.store.audit import Chain
from manual_resolution.store.connection import Database, Db

Kind = Literal["altered", "missing", "reordered", "added", "row altered", "row missing"]

#: So many findings are named; of the rest the number.
NAMED: Final = 20
PATIENCE: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing wrong with one item. `entry` is a place in its history, from 1."""

    item_id: int
    kind: Kind
    entry: int
    verb: str | None = None
    detail: str | None = None

    def __str__(self) -> str:
        called = f" ({inert(self.verb)})" if self.verb else ""
        more = f": {inert(self.detail)}" if self.detail else ""
        if self.kind == "row missing":
            return f"Item #{self.item_id}: its row is missing, its history is there"
        if self.kind == "row altered":
            return f"Item #{self.item_id}: its row was altered after entry {self.entry}{called}{more}"
        return f"Item #{self.item_id}, entry {self.entry}{called}: {self.kind}{more}"

    def as_json(self) -> dict[str, Any]:
        """JSON-ready, with the sentence."""
        facts = {name: getattr(self, name) for name in ("item_id", "entry", "verb", "kind")}
        return facts | {"sentence": str(self)}


@dataclass(slots=True)
class Verdict:
    """What verifying came to. `head` is none when only some items were; `named` holds the first findings.

    `missed` and `perhaps`: what the days that were counted say is wrong, or may be; `days`: how many were.
    """

    items: int = 0
    events: int = 0
    erased: int = 0
    found: int = 0
    head: str | None = None
    named: list[Finding] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    perhaps: list[str] = field(default_factory=list)
    days: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not (self.found or self.missed)

    def as_json(self) -> dict[str, Any]:
        """JSON-ready; findings with their sentence."""
        facts = {
            name: getattr(self, name)
            for name in ("items", "events", "erased", "head", "found", "days", "missed", "perhaps")
        }
        return {"whole": self.is_whole} | facts | {"findings": [f.as_json() for f in self.named]}


Progress = Callable[[int, int], None]


def verify(database: Database, ids: Sequence[int] = (), *, progress: Progress | None = None) -> Verdict:
    """Recompute the chain of every item, or of `ids`. Raises `NotFound` for an id that never was.

    `progress` is told items done and items in all.
    """
    verdict, digest, missing = Verdict(), hashlib.sha256(), set(ids)
    with database.transaction(PATIENCE.total_seconds()) as db:
        total = store.count_items(db) if progress else 0
        for chain in store.chains(db, ids):
            _take(db, chain, verdict)
            if chain.version is not None:  # else its row is missing
                digest.update(line_of(chain.item_id, chain.version, chain.last_hash))
            missing.discard(chain.item_id)
            if progress and verdict.items % 1000 == 0:
                progress(verdict.items, total)
        if not ids:
            verdict.missed, verdict.perhaps, verdict.days = days_missed(db)
    if missing:
        raise NotFound(f"There is no item #{min(missing)}.")
    verdict.head = None if ids else digest.hexdigest()
    return verdict


def _take(db: Db, chain: Chain, verdict: Verdict) -> None:
    verdict.items += 1
    verdict.events += chain.entries
    verdict.erased += chain.erased
    if finding := _first(db, chain, name=len(verdict.named) < NAMED):
        verdict.found += 1
        if len(verdict.named) < NAMED:
            verdict.named.append(finding)


def _first(db: Db, chain: Chain, *, name: bool) -> Finding | None:
    """The first thing wrong: along the history, then its end, then the row. Unless `name`, only whether."""
    if suspects := [n for n in (chain.number_there, chain.wrong_hash, chain.wrong_private) if n is not None]:
        first = min(suspects)
        return _in_history(db, chain, first) if name else Finding(chain.item_id, "altered", first)
    if chain.version is None:
        return Finding(chain.item_id, "row missing", chain.entries)
    if chain.entries < chain.version:
        return Finding(chain.item_id, "missing", chain.entries + 1)
    if chain.entries > chain.version:
        entry = chain.version + 1
        return Finding(chain.item_id, "added", entry, store.verb(db, chain.item_id, entry))
    if chain.differing:
        last = store.verb(db, chain.item_id, chain.version)
        return Finding(chain.item_id, "row altered", chain.version, last, ", ".join(chain.differing))
    return None


def _in_history(db: Db, chain: Chain, entry: int) -> Finding:
    item_id = chain.item_id
    if chain.out_of_place is not None and entry == chain.number_there:
        return Finding(item_id, "missing" if entry > chain.out_of_place else "added", chain.out_of_place)
    verb = store.verb(db, item_id, entry)
    if entry != chain.wrong_hash:
        return Finding(item_id, "altered", entry, verb, "its private part")
    if number := store.written_as(db, item_id, entry):
        return Finding(item_id, "reordered", entry, verb, f"it was written as entry {number}")
    return Finding(item_id, "altered", entry, verb)
