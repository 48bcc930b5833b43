"""What the queue holds: frozen data that knows itself and does no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from manual_resolution.permission import Grants
from manual_resolution.priority import Priority

Status = Literal["pending", "assigned", "escalated", "resolved"]
Held = Literal["deferred", "approval", "attempt", "batch"]
ActorKind = Literal["person", "machine", "timeout", "producer", "sql"]

HELD: Final[tuple[Held, ...]] = ("deferred", "approval", "attempt", "batch")
STATUSES: Final[tuple[Status, ...]] = ("pending", "assigned", "escalated", "resolved")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a move: a name, its kind, and the way it came (`cli:user@host`, `console:alice`, `token:7`, `worker`).

    `grants` are the roles that limit what they may do; None where nothing does: a program that calls the library.
    """

    name: str
    kind: ActorKind = "person"
    via: str = "lib"
    grants: Grants | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list or a claim is limited to; none means any. `resource_id` goes with `resource_type`.

    `types`: nothing else, whatever is asked for, but (with a `reader`) what that one added, of the types `own`.
    """

    item_type: str | None = None
    priority: str | None = None
    resource_type: str | None = None
    resource_id: int | None = None
    types: frozenset[str] | None = None
    own: frozenset[str] | None = None
    reader: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Browse(Filter):
    """What a list shows; none means any. Read from text by `browsing.browse_from`.

    `age`: at least so old. `facts`: name and value of declared context fields; the value may be a range of dates,
    `2026-01-01..2026-01-31`, either end of which may be left out. `resolved`: resolved items too. `waiting`: only what
    nobody holds and nothing holds back.
    """

    status: str | None = None
    owner: str | None = None
    team: str | None = None
    held: str | None = None
    breached: bool | None = None
    age: timedelta | None = None
    text: str | None = None
    facts: tuple[tuple[str, str], ...] = ()
    resolved: bool = False
    waiting: bool = False


@dataclass(frozen=True, kw_only=True)
class Item:
    """One row of `manual_resolution_queue`, as it was at `read_at` (the database's clock, UTC).

    Field names are the table's column names; times are aware datetimes, `sla_seconds` is in seconds.
    """

    id: int
    item_type: str
    resource_type: str
    resource_id: int | None
    resource_key: str | None
    priority: Priority
    reason: str
    context: Mapping[str, Any] | None
    status: Status
    created_at: datetime
    sla_deadline: datetime
    sla_seconds: int
    assigned_to: str | None
    assigned_at: datetime | None
    lease_until: datetime | None
    held: Held | None
    deferred_until: datetime | None
    hold_until: datetime | None
    wake_at: datetime | None
    escalated_at: datetime | None
    escalation_level: int
    escalated_to: str | None
    next_level_at: datetime | None
    declined_by: list[str]
    position: float
    position_by: str | None
    position_reason: str | None
    position_until: datetime | None
    resolved_at: datetime | None
    resolution: str | None
    resolution_metadata: Mapping[str, Any] | None
    occurrences: int
    last_occurred_at: datetime
    dedup_key: str
    fingerprint: str
    succeeded_at: datetime | None
    reopened_from: int | None
    version: int
    read_at: datetime

    @property
    def age(self) -> timedelta:
        """Since it happened."""
        return self.read_at - self.created_at

    @property
    def due_in(self) -> timedelta:
        """Until the deadline; negative once overdue."""
        return self.sla_deadline - self.read_at

    @property
    def is_overdue(self) -> bool:
        """Whether an open item's deadline has passed."""
        return self.status != "resolved" and self.read_at > self.sla_deadline

    @property
    def resource(self) -> str:
        """`meal_plan #12345`, or `meal_plan KEY` where the resource has no number."""
        number = f"#{self.resource_id}" if self.resource_id is not None else str(self.resource_key)
        return f"{self.resource_type} {number}"

    def as_json(self) -> dict[str, Any]:
        """The item under its column names, JSON-ready: times as ISO 8601 UTC, no position as null."""
        row = {name: self.__dict__[name] for name in COLUMNS}
        row |= {name: iso(row[name]) for name in INSTANTS if row[name] is not None}
        return row | {"position": None if self.position == float("inf") else self.position}


COLUMNS: Final = tuple(field.name for field in fields(Item) if field.name != "read_at")
INSTANTS: Final = tuple(field.name for field in fields(Item) if "datetime" in str(field.type) and field.name in COLUMNS)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an item's history. `data`: non-personal facts after the change; `private` may have been erased."""

    item_id: int
    seq: int
    at: datetime
    actor: str
    actor_kind: ActorKind
    via: str
    verb: str
    data: dict[str, Any]
    private: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """The event under its column names, JSON-ready."""
        return {field.name: json_ready(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Added:
    """The answer to an add: the item's id, whether it was open already (`repeated`), whether it waits in the spool.

    `occurrences` is how often the same failure has been told so far, this time included. While it waits in the spool
    (`spooled`) the database has not seen it: there is no `id` yet, and nobody knows whether it is a repeat.
    """

    id: int | None
    repeated: bool = False
    occurrences: int = 1
    spooled: bool = False


def json_ready(value: Any) -> Any:
    """A column's value as JSON has it."""
    return iso(value) if isinstance(value, datetime) else value


def iso(at: datetime) -> str:
    """`2026-01-02T15:00:00Z`, with microseconds where there are any."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
