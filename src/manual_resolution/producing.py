"""What a script calls where it gives up (specification, add_to_queue.py). The driver is loaded at the first call."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from manual_resolution.errors import InvalidInput, InvalidType
from manual_resolution.intake import Intake, intake
from manual_resolution.item import Added
from manual_resolution.priority import Priority

if TYPE_CHECKING:
    from manual_resolution.item import Item
    from manual_resolution.queue import Queue

#: What one failure of a batch may hold.
PARAMETERS = (
    "item_type", "resource_type", "resource_id", "priority", "reason", "context", "sla_hours",
    "dedup_key", "occurred_at", "resource_key", "producer",
)  # fmt: skip


def add_to_queue(
    item_type: str,
    resource_type: str,
    resource_id: int | None = None,
    priority: Priority | None = None,
    reason: str | None = None,
    context: Mapping[str, Any] | None = None,
    sla_hours: float | Decimal | None = None,
    *,
    connection: Any = None,
    dedup_key: str | None = None,
    occurred_at: datetime | None = None,
    resource_key: str | None = None,
    producer: str | None = None,
) -> Added:
    """Put what automation could not finish before a person (specification, Scripts).

    A failure that is open already is counted, not doubled: the same item type and resource, or the same `dedup_key`.
    `sla_hours` overrides the priority's own deadline; `occurred_at` (aware; now when left out or in the future) is when
    it happened, and the deadline counts from it. A resource without a number gives `resource_key` for `resource_id`.
    With `connection` (psycopg 3, or SQLAlchemy's or Django's over it) the item belongs to the caller's transaction.

    Raises `InvalidInput` or `InvalidType` (a ValueError, a TypeError) naming the parameter, and `Unreachable` when the
    database does not take it within `MRQ_ADD_TIMEOUT` seconds.
    """
    checked = intake(
        item_type,
        resource_type,
        resource_id,
        priority,
        reason,
        context,
        sla_hours,
        resource_key=resource_key,
        dedup_key=dedup_key,
        occurred_at=occurred_at,
        producer=producer or named(),
    )
    queue = the_queue() if connection is None else callers_queue()
    return queue.tell(checked, connection=connection)


def add_many(failures: Iterable[Mapping[str, Any]], *, producer: str | None = None) -> Sequence[Added]:
    """Add a batch, mappings of `add_to_queue`'s parameters, all of it or nothing; answers in their order."""
    name = producer or named() or intake("any", "any", 1, "low", "any").producer
    if not isinstance(failures, Iterable):
        raise InvalidType("failures", failures, "mappings of add_to_queue's parameters")
    return the_queue().add_many((told(number, failure) for number, failure in enumerate(failures)), producer=name)


def told(number: int, failure: object) -> Intake:
    """One of a batch, checked; what is wrong with it is raised with its number in the batch."""
    place = f"failures[{number}]"
    if not isinstance(failure, Mapping):
        raise InvalidType(place, failure, "a mapping of add_to_queue's parameters")
    if stray := [name for name in failure if name not in PARAMETERS]:
        raise InvalidInput(f"{place}: {stray[0]}", failure[stray[0]], f"the parameters are {', '.join(PARAMETERS)}")
    complete: dict[str, Any] = {"item_type": None, "resource_type": None, **failure}
    try:
        return intake(**complete)
    except (InvalidInput, InvalidType) as wrong:
        raise type(wrong)(f"{place}.{wrong.parameter}", wrong.value, wrong.allowed) from None


def withdraw(
    item_type: str,
    resource_type: str,
    resource_id: int | None = None,
    reason: str = "it succeeded on a later run",
    *,
    resource_key: str | None = None,
    dedup_key: str | None = None,
    producer: str | None = None,
) -> "Item | None":
    """Say that it has succeeded meanwhile: an unowned item is resolved, an owner is told. None when none is open."""
    return the_queue().withdraw(
        item_type,
        resource_type,
        resource_id,
        reason,
        resource_key=resource_key,
        dedup_key=dedup_key,
        producer=producer or named(),
    )


def the_queue() -> "Queue":
    """The environment's queue, one for this process and address."""
    return _queue(os.environ.get("DATABASE_URL"))


@lru_cache(maxsize=1)
def callers_queue() -> "Queue":
    """A queue for callers who bring their connection: it has the environment's settings and needs no address."""
    from manual_resolution.queue import Queue
    from manual_resolution.settings import Settings

    return Queue("", settings=Settings.from_env())


@lru_cache(maxsize=4)
def _queue(address: str | None) -> "Queue":
    from manual_resolution.queue import Queue

    return Queue.from_env()


def named() -> str | None:
    """The producer's name where the environment gives one."""
    return os.environ.get("MRQ_PRODUCER") or None
