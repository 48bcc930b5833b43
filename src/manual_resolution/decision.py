"""One person's choice for one item, and what keeps it from being carried out."""

import dataclasses
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from manual_resolution import intake as strict
from manual_resolution.answers import Outcome
from manual_resolution.case import Glimpse, Seen, Sight
from manual_resolution.errors import (
    AlreadyResolved,
    Changed,
    InvalidInput,
    NotFound,
    NotPossible,
    OwnedByAnother,
    Refused,
    Stale,
)
from manual_resolution.item import Actor, Item
from manual_resolution.store import events, items
from manual_resolution.store.claiming import Serving
from manual_resolution.store.connection import Database, Db
from manual_resolution.via import here
from manual_resolution.workflow import Option

By = Actor | str


def person(by: By) -> Actor:
    """An actor from what a caller gave; raises `InvalidInput` for a name that is not one."""
    return by if isinstance(by, Actor) else Actor(strict.operator(by), "person", here())


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a decision was carried out: the resolved item and the sentence for the person."""

    item: Item
    result: str
    next: Item | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's choice, complete and checked. `serving`: the person's next item is claimed in the same statement.

    `overriding`: it may be decided although required checks do not pass; `approved_by`: the second person; `version`:
    of the item as the person saw it.
    """

    item_id: int
    item_type: str
    option: Option
    values: Any
    justification: str
    by: Actor
    seen: Seen | Glimpse | None
    source: str = "typed"
    key: uuid.UUID = field(default_factory=uuid.uuid4)
    serving: Serving | None = None
    overriding: bool = False
    approved_by: str | None = None
    version: int | None = None

    def admit(self, db: Db, item: Item) -> None:
        """Raise what keeps the item, its row locked, from being decided by this person."""
        refuse_if_stale(db, item, self.version)
        refuse_unless_free(item, self.by)

    def agree(self, sight: Sight) -> None:
        """Raise `Changed` where the world is not as it was seen, `NotPossible` where a check forbids the option."""
        if self.seen is not None:
            refuse_if_changed(self.seen.differences(sight.now, sight.sentences), "Changed since you looked")
        if sight.failing and not self.overriding:
            raise NotPossible(f"Not possible: {sight.sentences[sight.failing[0]]}. Nothing was done.")

    def begin(self, db: Db) -> None:
        """What comes first in the transaction that carries it out: nothing."""

    @property
    def still_whose(self) -> str:
        """Whose item it is after nothing was done, for the person who had it carried out."""
        return f"{self.by.name}'s again" if self.approved_by else "still yours"

    @property
    def values_json(self) -> dict[str, Any]:
        """The values as they are recorded."""
        return {} if self.values is None else {k: jsonable(v) for k, v in dataclasses.asdict(self.values).items()}


def refuse_unless_free(item: Item, by: Actor) -> None:
    """Raise what keeps `by` from moving an item: resolved, somebody else's, held."""
    if item.status == "resolved":
        who = str((item.resolution_metadata or {}).get("decided_by") or "SQL (see its history)")
        said = item.resolution or "without a word"
        raise AlreadyResolved(f"#{item.id} was resolved by {who}: {said}", by=who, resolution=item.resolution)
    if item.held == "approval":
        until = f"{item.hold_until:%Y-%m-%d %H:%M} UTC" if item.hold_until else "its end"
        raise Refused(
            f"#{item.id} waits until {until} for a second person: somebody else than {item.assigned_to} says "
            f"`mrq approve {item.id}`; `mrq deny {item.id} -m WHY` ends the proposal."
        )
    if item.status == "assigned" and item.assigned_to != by.name:
        raise OwnedByAnother(
            f"#{item.id} is held by {item.assigned_to}; take it over first.", owner=str(item.assigned_to)
        )
    if item.held == "attempt":
        raise Refused(f"#{item.id} has an attempt whose outcome is not known yet; `mrq confirm {item.id}` settles it.")
    if item.held == "batch":
        raise Refused(f"#{item.id} waits for its {item.held}.")


@contextmanager
def standing(database: Database, item_id: int, version: int | None) -> Iterator[Db]:
    """A connection for one move. With `version` the item stays as it is meanwhile, and raises `Stale` at another."""
    if version is None:
        with database.connection() as db:
            yield db
        return
    with database.transaction() as db:
        if (item := items.lock(db, item_id)) is None:
            raise NotFound(f"There is no item #{item_id}.")
        refuse_if_stale(db, item, version)
        yield db


def refuse_if_stale(db: Db, item: Item, version: int | None) -> None:
    """Raise `Stale` where the item has changed since this version: what changed, and by whom."""
    if version in (None, item.version):
        return
    since = [f"{one.verb} by {one.actor}" for one in events.of_item(db, item.id) if one.seq > int(version or 0)]
    told = ", then ".join(since[-5:]) or "it never had that version"
    sentence = f"#{item.id} is at version {item.version}, you saw version {version}: {told}. Nothing was done."
    raise Stale(sentence, version=item.version, changes=tuple(since))


def refuse_strays(option: Option, given: Mapping[str, Any], override: bool) -> None:
    """Raise `InvalidInput` for what an option does not ask for: a value of another, an override of no check."""
    wanted = {"escalate": "to", "defer": "span"}.get(option.effect)
    for name in given if wanted else ():
        if name != wanted:
            raise InvalidInput(name, given[name], f"option {option.key} asks for {wanted}")
    if override and not option.requires:
        raise InvalidInput("override", override, f"option {option.key} requires no check: there is none to override")


def refuse_if_changed(differences: tuple[str, ...], since: str) -> None:
    """Raise `Changed` when there are differences to what was seen."""
    if differences:
        raise Changed(f"{since}: {'; '.join(differences)}. Nothing was done.", differences=differences)


def confirmed(by: Actor, decision: Decision, outcome: Outcome, state: str) -> dict[str, str]:
    """Who confirmed an outcome and what they said; nothing where the call's own answer was clear."""
    if state != "confirmed_done":
        return {}
    told = {"confirmation": outcome.sentence}
    return told if by.name == decision.by.name else told | {"confirmed_by": by.name}


def evidence_of(outcome: Outcome) -> dict[str, Any]:
    """What an attempt keeps of an outcome."""
    after = {} if outcome.retry_after is None else {"retry_after": outcome.retry_after}
    return {key: jsonable(value) for key, value in outcome.evidence.items()} | after


def jsonable(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value.isoformat() if isinstance(value, date) else value
