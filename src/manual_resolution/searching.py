"""The words that are searched: an item's type, resource, reason and context, without what is personal or secret.

They are written after the fact, by the worker and before a search: neither an add nor a decision waits for them.
"""

from collections.abc import Iterator
from threading import Lock
from time import monotonic
from typing import Final

from manual_resolution.item import Item
from manual_resolution.masking import PERSONAL, SECRET, mask_of
from manual_resolution.registry import Registry
from manual_resolution.store import searching as store
from manual_resolution.store.connection import Database, Db
from manual_resolution.values import context_fields
from manual_resolution.words import SHORT, joined, values_in
from manual_resolution.workflow import Workflow

BATCH: Final = 500
#: Items written before a search at most; more wait for the worker.
AT_ONCE: Final = 1000
#: Ids below the last one written that are looked at again: a transaction may commit late.
LATE: Final = 10_000
#: Seconds until all ids are looked at again.
ALL_AGAIN: Final = 3600.0


class Searching:
    """Keeps the words of items in `database`, by what `workflows` declare. Safe in threads."""

    def __init__(self, database: Database, workflows: Registry) -> None:
        self.database, self.workflows = database, workflows
        self._after, self._top, self._again, self._lock = 0, 0, monotonic() + ALL_AGAIN, Lock()

    def fill(self, most: int = AT_ONCE) -> tuple[int, bool]:
        """Write the words of at most `most` items that lack them: how many, and whether none is left."""
        with self._lock, self.database.connection(60) as db:
            if monotonic() > self._again:
                self._after, self._again = 0, monotonic() + ALL_AGAIN
            if not self._top:
                self._top = store.top(db)
                self._after = max(0, self._top - LATE)
            less = self._hiding_less(db)
            return self._fill(db, most, less)

    def _fill(self, db: Db, most: int, less: frozenset[str]) -> tuple[int, bool]:
        written = 0
        while written < most:
            stale, new = store.stale(db, BATCH), store.unwritten(db, self._after, BATCH)
            mine = [item for item in (*stale, *new) if item.item_type not in less]
            if mine:
                store.write(db, [(item.id, item.version, self.said_of(item)) for item in mine])
                written += len(mine)
            if new:  # what lies behind is not walked again for each batch
                self._after = self._top = max(self._top, new[-1].id)
            if len(new) < BATCH and (len(stale) < BATCH or not mine):
                self._after = max(0, self._top - LATE)
                return written, len(mine) == len(stale) + len(new)
        return written, False

    def said_of(self, item: Item) -> str:
        """The words by which an item is found."""
        return said_of(item, self.workflows.of(item.item_type))

    def _hiding_less(self, db: Db) -> frozenset[str]:
        """Types of which this process knows fewer hidden fields than another: it must not write their words."""
        kept = store.hidden(db)
        mine = {workflow.item_type: hidden_of(workflow) for workflow in self.workflows}
        if grown := {name: sorted(names) for name, names in mine.items() if names - kept.get(name, frozenset())}:
            store.hide(db, grown)
        return frozenset(name for name, names in kept.items() if names - mine.get(name, frozenset()))


def hidden_of(workflow: Workflow) -> frozenset[str]:
    """The context fields that a type declares personal or secret."""
    return frozenset(
        one.name
        for one in context_fields(workflow.context)
        if one.metadata.get("personal") or one.metadata.get("secret")
    )


def said_of(item: Item, workflow: Workflow) -> str:
    """The words by which an item is found; short facts stand before its reason, long ones behind it."""
    return joined(text.replace(PERSONAL, " ").replace(SECRET, " ") for text in _texts(item, workflow))


def _texts(item: Item, workflow: Workflow) -> Iterator[str]:
    mask = mask_of(workflow, item.context)
    shown = mask.item(item)
    facts = [value for name, value in (shown.context or {}).items() if name not in mask.marks]
    values = list(values_in(facts))
    yield f"{item.id} {item.item_type} {item.resource_type} {item.resource_id or shown.resource_key}"
    yield from (value for value in values if len(value) <= SHORT)
    yield shown.reason
    yield from (value for value in values if len(value) > SHORT)
