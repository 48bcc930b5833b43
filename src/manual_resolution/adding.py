"""The producers' side of the queue: one failure, many, one in a caller's own transaction; and that it succeeded."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from time import monotonic
from typing import Any
from uuid import uuid4

from manual_resolution import intake as strict
from manual_resolution.errors import SettingsError, Unreachable
from manual_resolution.intake import Intake
from manual_resolution.item import Actor, Added, Item
from manual_resolution.masking import without_secrets
from manual_resolution.registry import Registry, load
from manual_resolution.settings import Settings
from manual_resolution.store import adding, items
from manual_resolution.store.borrowed import driver_connection
from manual_resolution.store.connection import Database, Db, told
from manual_resolution.via import here

# An add inside a caller's transaction that meets another's commit, over and over: more than this never was.
RETRIES = 10


class Adding:
    """What producers ask of the queue in `database`."""

    def __init__(self, database: Database, settings: Settings, workflows: Registry | None = None) -> None:
        self.database, self.settings, self._workflows = database, settings, workflows
        self._sla_seconds = settings.sla_seconds

    def add(self, *thing: Any, connection: Any = None, **facts: Any) -> Added:
        """Add one failure; takes what `add_to_queue` takes."""
        return self.tell(strict.intake(*thing, **facts), connection=connection)

    def tell(self, intake: Intake, *, connection: Any = None) -> Added:
        """Add one checked failure, or count it when it is open already; within `MRQ_ADD_TIMEOUT` seconds in all.

        With `connection` (psycopg 3, or a wrapper over one) it joins the caller's transaction.
        What its type declares secret is not kept.
        """
        intake = self._without_secrets(intake)
        if connection is not None:
            return self._tell_within(driver_connection(connection), intake)
        values = self._values(intake)
        ends = monotonic() + self.settings.add_timeout
        try:
            return self._tell_once(values, intake, self.settings.add_timeout)
        except Unreachable:
            if monotonic() > ends - self.settings.add_timeout / 2:
                raise
        # A kept connection broke under the add, perhaps after it was recorded: its add_id tells.
        return self._tell_once(values, replace(intake, add_id=values["add_id"]), ends - monotonic())

    def _tell_once(self, values: dict[str, Any], intake: Intake, seconds: float) -> Added:
        with self.database.connection(seconds) as db:
            if intake.add_id and (before := adding.recorded(db, intake.add_id)):
                return before
            if late := self._tell_late(db, values):
                return late
            added = adding.add(db, values)
            if added.occurrences > 2 * adding.KEPT_CONTEXTS:
                adding.forget_middle_context(db, added.id, added.occurrences)
            return added

    def _tell_within(self, db: Db, intake: Intake) -> Added:
        values = self._values(intake)
        with told():
            adding.join(db)
            for _ in range(RETRIES):
                with db.transaction():
                    if added := self._tell_late(db, values) or adding.add_within(db, values):
                        return added
        raise Unreachable("The same failure was added and resolved too often meanwhile: try again.")

    def _tell_late(self, db: Db, values: dict[str, Any]) -> Added | None:
        """A failure from before the last resolution of the same thing is kept with that and reopens nothing."""
        if values["occurred_at"] is None or (ended := adding.resolved_since(db, values)) is None:
            return None
        adding.record_late(db, ended, values)
        return Added(ended, repeated=True)

    def _values(self, intake: Intake) -> dict[str, Any]:
        by = Actor(intake.producer, "producer", here())
        return adding.values_of(intake, intake.add_id or uuid4(), by, self._sla_seconds)

    def add_many(self, intakes: Iterable[Intake], *, producer: str = "producer") -> Sequence[Added]:
        """Add a batch in one transaction: all of it or nothing; the answers in the order given."""
        by = Actor(producer, "producer", here())
        with self.database.transaction(timeout=3600) as db:
            return adding.add_many(db, map(self._without_secrets, intakes), by, self._sla_seconds)

    def _without_secrets(self, intake: Intake) -> Intake:
        """The failure with marks for what its type declares secret, where this process knows its type."""
        if intake.context is None or not (known := self._workflows or declaring(self.settings.workflows)):
            return intake
        kept = without_secrets(known.of(intake.item_type), intake.context)
        return intake if kept is intake.context else replace(intake, context=kept)

    def withdraw(
        self,
        item_type: str,
        resource_type: str,
        resource_id: int | None,
        reason: str,
        *,
        resource_key: str | None = None,
        dedup_key: str | None = None,
        producer: str | None = None,
    ) -> Item | None:
        """It has succeeded: an unowned item is resolved, an owned one marked (`succeeded_at`); None if none is open."""
        checked = strict.intake(
            item_type,
            resource_type,
            resource_id,
            "low",
            reason,
            resource_key=resource_key,
            dedup_key=dedup_key,
            producer=producer,
        )
        thing = {
            name: getattr(checked, name)
            for name in ("item_type", "resource_type", "resource_id", "resource_key", "dedup_key")
        }
        with self.database.connection() as db:
            return items.withdraw(db, Actor(f"producer:{checked.producer}", "producer", here()), checked.reason, thing)


@lru_cache(maxsize=8)
def declaring(names: tuple[str, ...]) -> Registry | None:
    """The host's own workflows; MRQ's have no secrets. None without any, or where they do not load: nothing is lost."""
    own = tuple(name for name in names if not name.startswith("manual_resolution."))
    with suppress(SettingsError):
        return load(own) if own else None
    return None
