"""The producers' side of the queue: one failure, many, one in a caller's own transaction; and that it succeeded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from manual_resolution import intake as strict
from manual_resolution.admission import Admission
from manual_resolution.errors import Refused, SettingsError, Unreachable
from manual_resolution.intake import Intake
from manual_resolution.item import Actor, Added, Item
from manual_resolution.masking import without_secrets
from manual_resolution.registry import Registry, load
from manual_resolution.settings import Settings
from manual_resolution.store import adding, arrivals, items
from manual_resolution.store.borrowed import driver_connection
from manual_resolution.store.connection import Database, Db, give_until, told
from manual_resolution.via import here

# An add that meets another's commit, over and over: more than this never was.
RETRIES = 10
RESTLESS = "The same failure was added and resolved too often meanwhile: try again."


class Adding(Admission):
    """What producers ask of the queue in `database`.

    `by` is a program that speaks for itself, by its token: it adds in its own name. Without it a producer is whom the
    host's program says it is.
    """

    def __init__(self, database: Database, settings: Settings, workflows: Registry | None = None) -> None:
        self.database, self.settings, self._workflows = database, settings, workflows
        self._sla_seconds = settings.sla_seconds

    def add(self, *thing: Any, connection: Any = None, by: Actor | None = None, **facts: Any) -> Added:
        """Add one failure; takes what `add_to_queue` takes."""
        return self.tell(strict.intake(*thing, **facts), connection=connection, by=by)

    def tell(
        self, intake: Intake, *, connection: Any = None, add_id: UUID | None = None, by: Actor | None = None
    ) -> Added:
        """Add one checked failure, or count it when it is open already; within `MRQ_ADD_TIMEOUT` seconds in all.

        It is recorded under `intake.add_id`, once however often it is told, or under the new id `add_id`. What its type
        declares secret is not kept. With `connection` (psycopg 3, or a wrapper over one) it joins the caller's
        transaction. Raises `Unreachable`; nothing is spooled here, `add_to_queue` does that.
        """
        who = None if by is None else self.admit(by, "add", item_type=intake.item_type)
        intake = self._without_secrets(intake if who is None else replace(intake, producer=who.name))
        if connection is not None:
            return self._tell_within(driver_connection(connection), intake)
        values = self._values(intake, intake.add_id or add_id or uuid4(), who.via if who else None)
        ends = monotonic() + self.settings.add_timeout
        try:
            return self._tell_once(values, self.settings.add_timeout, again=intake.add_id is not None)
        except Unreachable:
            if monotonic() > ends - self.settings.add_timeout / 2:
                raise
        # A kept connection broke under the add, perhaps after it was recorded: its add_id tells.
        return self._tell_once(values, ends - monotonic(), again=True)

    def _tell_once(self, values: dict[str, Any], seconds: float, *, again: bool) -> Added:
        with self.database.connection(seconds) as db:
            if again and (before := adding.recorded(db, values["add_id"])):
                return before
            if late := self._tell_late(db, values):
                return late
            added = self._tell_until(db, values)
            if added.id and added.occurrences > 2 * adding.KEPT_CONTEXTS:
                adding.forget_middle_context(db, added.id, added.occurrences)
            return added

    def _tell_until(self, db: Db, values: dict[str, Any]) -> Added:
        for _ in range(RETRIES):
            if added := adding.add(db, values):
                return added
        raise Unreachable(RESTLESS)

    def _tell_within(self, db: Db, intake: Intake) -> Added:
        values = self._values(intake, intake.add_id or uuid4())
        with told():
            adding.join(db)
            for _ in range(RETRIES):
                with db.transaction():
                    if added := self._tell_late(db, values) or adding.add_within(db, values):
                        return added
        raise Unreachable(RESTLESS)

    def _tell_late(self, db: Db, values: dict[str, Any]) -> Added | None:
        """A failure from before the last resolution of the same thing is kept with that and reopens nothing."""
        if values["occurred_at"] is None or (ended := adding.resolved_since(db, values)) is None:
            return None
        adding.record_late(db, ended, values)
        return Added(ended, repeated=True)

    def _values(self, intake: Intake, add_id: UUID, via: str | None = None) -> dict[str, Any]:
        by = Actor(intake.producer, "producer", via or here())
        return adding.values_of(intake, add_id, by, self._sla_seconds, self.settings.warn_at)

    def add_many(
        self,
        intakes: Iterable[Intake],
        *,
        producer: str = "producer",
        seconds: float = 3600,
        id_of: Callable[[int], UUID] | None = None,
        by: Actor | None = None,
    ) -> Sequence[Added]:
        """Add a batch in one transaction: all of it or nothing; the answers in the order given.

        The database must answer within `MRQ_ADD_TIMEOUT` and have taken it within `seconds`. `id_of` gives the
        `add_id` of what has none, by its place in the batch.
        """
        told = map(self._without_secrets, intakes if by is None else self._admitted(intakes, by))
        teller = Actor(by.name if by else producer, "producer", by.via if by else here())
        with self.database.connection(min(seconds, self.settings.add_timeout)) as db:
            give_until(db, monotonic() + seconds)
            with db.transaction():
                added = adding.add_many(db, told, teller, self._sla_seconds, self.settings.warn_at, id_of=id_of)
            arrivals.tell(db)
        return added

    def _admitted(self, intakes: Iterable[Intake], by: Actor) -> Iterator[Intake]:
        admit = lru_cache(lambda item_type: self.admit(by, "add", item_type=item_type))
        return (replace(intake, producer=admit(intake.item_type).name) for intake in intakes)

    def replay(self, intakes: Sequence[Intake], via: str, seconds: float = 60) -> int:
        """Record what was spooled, each under its `add_id` and once; how many were not recorded before.

        `via` is the way they came. All of them or none, unless there is only one. Raises `Unreachable`, `Refused`.
        """
        ends = monotonic() + seconds
        try:
            return self._replay_once(intakes, via, seconds)
        except Refused:  # perhaps another process recorded one of them at this very moment
            return self._replay_once(intakes, via, max(0.1, ends - monotonic()))

    def _replay_once(self, intakes: Sequence[Intake], via: str, seconds: float) -> int:
        add_ids = [intake.add_id for intake in intakes if intake.add_id]
        with self.database.connection(seconds) as db:
            known = adding.known_ids(db, add_ids)
        left = [self._without_secrets(intake) for intake in intakes if intake.add_id not in known]
        if len(left) == 1 and left[0].add_id:
            self._tell_once(self._values(left[0], left[0].add_id, via), seconds, again=False)
        elif left:
            by = Actor(left[0].producer, "producer", via)
            with self.database.transaction(seconds) as db:
                adding.add_many(db, left, by, self._sla_seconds)
        return len(left)

    def _without_secrets(self, intake: Intake) -> Intake:
        return without_declared_secrets(intake, self._workflows or declaring(self.settings.workflows))

    def add_once(self, intakes: Sequence[Intake]) -> list[Added | None]:
        """Add those of a batch whose `add_id` is not recorded yet, in one transaction; None for the others.

        Batches whose `add_id`s begin with the same 63 bits are added one after the other.
        """
        with self.database.transaction(timeout=3600) as db:
            add_ids = [i.add_id for i in intakes if i.add_id]
            adding.alone_with(db, add_ids)
            known = adding.known_ids(db, add_ids)
            new = sorted((self._without_secrets(i) for i in intakes if i.add_id not in known), key=producer_of)
            added: dict[UUID | None, Added] = {}
            for producer, group in groupby(new, key=producer_of):
                batch, by = list(group), Actor(producer, "producer", here())
                answers = adding.add_many(db, batch, by, self._sla_seconds, self.settings.warn_at)
                added |= zip((i.add_id for i in batch), answers, strict=True)
        return [added.get(i.add_id) for i in intakes]

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
        by: Actor | None = None,
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
            producer=by.name if by else producer,
        )
        who = None if by is None else self.admit(by, "withdraw", item_type=checked.item_type)
        thing = {
            name: getattr(checked, name)
            for name in ("item_type", "resource_type", "resource_id", "resource_key", "dedup_key")
        }
        teller = Actor(f"producer:{checked.producer}", "producer", who.via if who else here())
        with self.database.transaction() if who else self.database.connection() as db:
            found = items.withdraw(db, teller, checked.reason, thing)
            if who and found:
                self.admit(who, "withdraw", found.id)  # another's: all of it is taken back
            return found


def without_declared_secrets(intake: Intake, known: Registry | None) -> Intake:
    """The failure with marks for what its type declares secret, where this process knows its type."""
    if intake.context is None or not known:
        return intake
    kept = without_secrets(known.of(intake.item_type), intake.context)
    return intake if kept is intake.context else replace(intake, context=kept)


@lru_cache(maxsize=8)
def declaring(names: tuple[str, ...]) -> Registry | None:
    """The host's own workflows; MRQ's have no secrets. None without any, or where they do not load: nothing is lost."""
    own = tuple(name for name in names if not name.startswith("manual_resolution."))
    with suppress(SettingsError):
        return load(own) if own else None
    return None


def producer_of(intake: Intake) -> str:
    """Who tells this failure."""
    return intake.producer
