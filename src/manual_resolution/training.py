"""What operators learn and do: practice, watching a colleague, their record (specification, Operator Training)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from manual_resolution.case import Case
from manual_resolution.errors import Refused
from manual_resolution.intake import operator as checked
from manual_resolution.item import Event
from manual_resolution.queue import Queue
from manual_resolution.reading import Reading
from manual_resolution.store import training
from manual_resolution.store.connection import Database
from manual_resolution.store.training import DECISIONS, Practised

TO_WATCH: Final = 5  # decisions of an experienced colleague (specification, Operator Training)
OVERLAP: Final = timedelta(seconds=60)  # longer than any transaction that writes an event


# ------------------------------------------------------------------ an operator's record


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: training, what they hold, what they decided. `watched`: decisions by colleague."""

    name: str
    practised: tuple[Practised, ...]
    watched: dict[str, int]
    holds: tuple[int, ...]
    resolved: dict[str, int]
    escalated: int
    deferred: int

    @property
    def watched_in_all(self) -> int:
        return sum(self.watched.values())

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        best = [{"items": one.items, "agreed": one.agreed, "passed_on": one.passed_on} for one in self.practised]
        return {
            "operator": self.name,
            "practice": {"finished": len(best), "results": best},
            "shadow": {"watched": self.watched_in_all, "of": TO_WATCH, "by_colleague": self.watched},
            "holds": list(self.holds),
            "decided": {
                "resolved": sum(self.resolved.values()),
                "resolved_by_type": self.resolved,
                "escalated": self.escalated,
                "deferred": self.deferred,
            },
        }


def operator(queue: Queue, name: str) -> Operator:
    """The record of one operator; an empty one for a name nobody has seen."""
    who = checked(name)
    with queue.database.connection(60) as db:
        decided = training.decided(db, who)
        return Operator(
            who,
            tuple(training.practised(db, who)),
            training.watched(db, who),
            tuple(training.held(db, who)),
            {item_type: count for item_type, verb, count in decided if verb == "resolve"},
            sum(count for _, verb, count in decided if verb == "escalate"),
            sum(count for _, verb, count in decided if verb == "defer"),
        )


def record_practices(queue: Queue, done: Sequence[Practised]) -> int:
    """Keep finished practices in the operators' records, each once; how many were new."""
    with queue.database.transaction() as db:
        return sum(training.record_practice(db, one) for one in done)


# ------------------------------------------------------------------ watching a colleague


@dataclass(frozen=True, slots=True)
class Glance:
    """What is new since the last look: what the colleague did, what they let go, what lies before them now."""

    events: tuple[Event, ...] = ()
    left: tuple[int, ...] = ()
    cases: tuple[Case, ...] = ()
    idle: timedelta = timedelta(0)


class Shadow:
    """Watches what `colleague` does, for `me`. Every look is a read-only transaction; only `count` writes.

    A session leaves no row of its own: it is what a person holds and does. It is over when `Glance.idle`, the time
    in which they held nothing and did nothing, has become long.
    """

    def __init__(self, queue: Queue, colleague: str, me: str) -> None:
        self.queue, self.colleague, self.me = queue, checked(colleague, "colleague"), checked(me)
        if self.colleague == self.me:
            raise Refused("You watch a colleague, not yourself.")
        self.reading = Reading(
            Database(queue.database.url, read_only=True), queue.settings, queue.workflows, lambda step: None
        )
        self.seen: set[tuple[int, int]] = set()
        self.held: tuple[int, ...] = ()
        with self.reading.database.transaction() as db:
            self.busy = training.now(db)
            self.seen = {key(event) for event in training.done_since(db, self.colleague, self.busy, OVERLAP)}
        self.looked = self.busy

    def look(self) -> Glance:
        """What is new since the last look."""
        with self.reading.database.transaction() as db:
            now = training.now(db)
            recent = training.done_since(db, self.colleague, self.looked, OVERLAP)
            held = tuple(training.held(db, self.colleague))
        events = tuple(event for event in recent if key(event) not in self.seen)
        taken = [item_id for item_id in held if item_id not in self.held]
        told = {event.item_id for event in events}
        left = tuple(item_id for item_id in self.held if item_id not in held and item_id not in told)
        self.seen, self.looked, self.held = {key(event) for event in recent}, now, held
        self.busy = now if events or held else self.busy
        return Glance(events, left, tuple(map(self.reading.examine, taken)), now - self.busy)

    def masked(self, event: Event) -> Event:
        """An event as it may be shown: what its item hides stays hidden."""
        mask = self.reading.mask(self.reading.get(event.item_id), (event.private or {}).get("context"))
        return mask.events([event])[0]

    def count(self, decision: Event) -> bool:
        """Add a decision to my record; False where I had watched it before, or it is none."""
        if not is_decision(decision):
            return False
        with self.queue.database.connection() as db:
            return training.record_watched(db, self.me, decision)

    def watched(self) -> int:
        """How many decisions I have watched so far."""
        with self.queue.database.connection() as db:
            return sum(training.watched(db, self.me).values())

    def close(self) -> None:
        """Close the kept connection."""
        self.reading.database.close()


def is_decision(event: Event) -> bool:
    """Whether somebody chose here. With two persons the choice is the proposal, not what its approval brings about."""
    approved = ((event.private or {}).get("resolution_metadata") or {}).get("approved_by")
    return event.verb in (*DECISIONS, "propose") and not approved


def key(event: Event) -> tuple[int, int]:
    """What names an event."""
    return event.item_id, event.seq
