"""The words that are searched: an item's type, resource, reason and context, without what is personal or secret.

They are written after the fact, by the worker and before a search: neither an add nor a decision waits for them.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from threading import Lock
from time import monotonic
from typing import Final

from manual_resolution.masking import PERSONAL, SECRET, mask_of
from manual_resolution.registry import Registry
from manual_resolution.store import searching as store
from manual_resolution.store.connection import Database, Db
from manual_resolution.store.searching import Told
from manual_resolution.values import context_fields
from manual_resolution.words import SHORT, joined, values_in
from manual_resolution.workflow import Workflow

#: Items read and written at once.
BATCH: Final = 500
#: Items written before a search at most; more wait for the worker.
AT_ONCE: Final = 1000
#: The last so many ids are looked at each time, for a transaction may commit late: by a search, by the worker.
LATE: Final = 300
LONG_LATE: Final = 10_000
#: Resolved items whose words go to the history at once; how far back is looked for late ones.
SHELVED: Final = 5000
SHELVED_LATE: Final = timedelta(minutes=1)
#: Seconds until the worker looks at all ids, and at all that was resolved, again.
ALL_AGAIN: Final = 3600.0


class Searching:
    """Keeps the words of items in `database`, by what `workflows` declare. Safe in threads."""

    def __init__(self, database: Database, workflows: Registry) -> None:
        self.database, self.workflows = database, workflows
        self._lock = Lock()
        self._after: int | None = None  # up to here all is written; behind, the latest are written first
        self._again = float("-inf")
        self._shelved = store.BEGINNING

    def fill(self, most: int = AT_ONCE) -> tuple[int, bool]:
        """Write the words of at most `most` items that lack them: how many, and whether none is left."""
        with self._lock, self.database.connection(60) as db:
            if self._after is None:
                self._hiding_less(db)
                self._after = self._written_up_to(db)
            return self._fill(db, most, self._after)

    def keep(self, most: int = AT_ONCE) -> tuple[int, bool]:
        """As `fill`, and what is the worker's alone: what came late, and moving what was resolved to the history."""
        with self._lock, self.database.connection(60) as db:
            if monotonic() > self._again + ALL_AGAIN:
                self._again, self._after, self._shelved = monotonic(), 0, store.BEGINNING
                self._hiding_less(db)
            self._after = min(self._after or 0, max(0, store.last(db) - LONG_LATE))
            written, whole = self._fill(db, most, self._after)
            shelved, more = self._shelve(db) if whole else (0, False)
        return written + shelved, whole and not more

    def _fill(self, db: Db, most: int, after: int) -> tuple[int, bool]:
        written, batch = 0, max(BATCH, most // 4)
        while True:
            late = max(0, store.last(db) - LATE)
            after = min(after, late)  # a database put back to an older state counts from there again
            new = store.unwritten(db, late, None, 2 * LATE)
            old = store.unwritten(db, after, late, batch) if after < late else []
            stale = store.stale(db, batch)
            mine = self._write(db, [*stale, *new, *old])
            written += mine
            after = self._after = late if len(old) < batch else old[-1].id
            done = len(old) < batch and (len(stale) < batch or not mine)
            if done or written >= most:
                self._settle(db, written)
                return written, done and mine == len(stale) + len(new) + len(old)

    def _write(self, db: Db, items: Sequence[Told]) -> int:
        """Write the words of these items but those of types that another process knows better."""
        less = self._hiding_less(db) if items else frozenset()
        mine = {item.id: item for item in items if item.item_type not in less}
        if mine:
            store.write(db, [(item, self.said_of(item)) for item in mine.values()])
        return len(mine)

    def _written_up_to(self, db: Db) -> int:
        """An id up to which words are written, by halves: who begins with what lies behind need not look at all."""
        low, high = 0, max(0, store.last(db) - LATE)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if store.is_written(db, middle) else (low, middle)
        return low

    def _shelve(self, db: Db) -> tuple[int, bool]:
        """Move the words of some of what was resolved to the history: how many were looked at; are there more?."""
        last, read, moved = store.shelve(db, self._shelved, SHELVED)
        self._settle(db, moved)
        more = read == SHELVED
        if read:  # what is committed late is met the next time
            self._shelved = last if more else last._replace(at=last.at - SHELVED_LATE)
        return (read if more else moved), more

    def _settle(self, db: Db, written: int) -> None:
        if written:
            store.settle(db)

    def said_of(self, item: Told) -> str:
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


def said_of(item: Told, workflow: Workflow) -> str:
    """The words by which an item is found; short facts stand before its reason, long ones behind it."""
    return joined(_texts(item, workflow))


def _texts(item: Told, workflow: Workflow) -> Iterator[str]:
    mask = mask_of(workflow, item.context)
    facts = [value for name, value in (item.context or {}).items() if name not in mask.marks]
    values = [mask.text(value) for value in values_in(facts)]
    texts = (
        f"{item.id} {item.item_type} {item.resource_type} {item.resource_id or mask.text(item.resource_key or '')}",
        *(value for value in values if len(value) <= SHORT),
        mask.text(item.reason),
        *(value for value in values if len(value) > SHORT),
    )
    return (text.replace(PERSONAL, " ").replace(SECRET, " ") for text in texts)
