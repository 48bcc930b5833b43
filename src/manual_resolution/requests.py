"""Requests made under a key of the caller's (`Idempotency-Key`): carried out once, however often they are sent.

What changed something, or may have, is answered a day long as it was the first time. A refusal did nothing and is not
kept: the same request is judged anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from manual_resolution.errors import InvalidInput, KeyReused, StillRunning
from manual_resolution.store import requests as store
from manual_resolution.store.connection import Database

KEPT: Final = timedelta(hours=24)
LONGEST: Final = 255
PRUNED: Final = 20  # old ones removed with each new one: nothing depends on a worker


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request under a key. `begun_at` is the database's clock, none where it was made before: then `answer` is."""

    database: Database
    caller: str
    key: str
    begun_at: datetime | None = None
    answer: Answer | None = None

    def keep(self, answer: Answer) -> None:
        """Keep what was answered."""
        if self.begun_at is not None:
            with self.database.connection() as db:
                store.answer(
                    db, self.caller, self.key, self.begun_at, answer.status, dict(answer.headers), answer.body, KEPT
                )

    def forget(self) -> None:
        """Nothing was done: the key is free again."""
        if self.begun_at is not None:
            with self.database.connection() as db:
                store.forget(db, self.caller, self.key, self.begun_at)


def begin(database: Database, caller: str, key: str, asked: bytes, lease: timedelta) -> Request:
    """Begin a request, or find its answer. `asked` is a hash of all that was asked.

    Raises `InvalidInput` for what is no key, `KeyReused`, `StillRunning`, and `Unreachable`.
    """
    if not (0 < len(key) <= LONGEST and key.isascii() and key.isprintable() and key == key.strip()):
        raise InvalidInput("Idempotency-Key", key, f"1 to {LONGEST} visible ASCII characters, no blank at either end")
    with database.connection() as db:
        if begun_at := store.begin(db, caller, key, asked, lease):
            store.prune(db, PRUNED)
            return Request(database, caller, key, begun_at)
        found = store.get(db, caller, key)
    if found and found.asked != asked:
        raise KeyReused("This Idempotency-Key was used for another request: take a new key for a new request.")
    if found is None or found.status is None or found.headers is None or found.body is None:
        raise StillRunning("The request with this Idempotency-Key is being carried out: ask again in a moment.")
    return Request(database, caller, key, answer=Answer(found.status, found.headers, found.body))
