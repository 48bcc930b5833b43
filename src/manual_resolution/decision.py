"""One person's choice for one item, and what keeps it from being carried out."""

import dataclasses
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from manual_resolution import intake as strict
from manual_resolution.case import Answers, Seen
from manual_resolution.errors import AlreadyResolved, Changed, OwnedByAnother, Refused
from manual_resolution.item import Actor, Item
from manual_resolution.store.connection import Db
from manual_resolution.via import here
from manual_resolution.workflow import Option, Outcome

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
    """One person's choice, complete and checked. `claim` takes the person's next item in the resolving transaction."""

    item_id: int
    item_type: str
    option: Option
    values: Any
    justification: str
    by: Actor
    seen: Seen | None
    source: str = "typed"
    key: uuid.UUID = field(default_factory=uuid.uuid4)
    claim: Callable[[Db], Item | None] = lambda db: None

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
    if item.status == "assigned" and item.assigned_to != by.name:
        raise OwnedByAnother(
            f"#{item.id} is held by {item.assigned_to}; take it over first.", owner=str(item.assigned_to)
        )
    if item.held == "attempt":
        raise Refused(f"#{item.id} has an attempt whose outcome is not known yet; `mrq confirm {item.id}` settles it.")
    if item.held in ("approval", "batch"):
        raise Refused(f"#{item.id} waits for its {item.held}.")


def refuse_if_changed(seen: Seen, now: Seen, answers: Answers) -> None:
    """Raise `Changed` when the world is not as it was seen."""
    if differences := seen.differences(now, {key: answer.sentence for key, answer in answers.items()}):
        raise Changed(f"Changed since you looked: {'; '.join(differences)}. Nothing was done.", differences=differences)


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
