"""What a script calls where it gives up (specification, add_to_queue.py). The driver is loaded at the first call."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from manual_resolution.errors import InvalidInput, InvalidType, Unreachable
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

#: The answer to an add that waits in the spool.
SPOOLED: Final = Added(None, spooled=True)


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

    When the database does not take it within `MRQ_ADD_TIMEOUT` seconds it goes to the spool, with a warning, and the
    answer says so (`spooled`, no `id`); a later add brings it in, once. With `connection` nothing is ever spooled.

    Raises `InvalidInput` or `InvalidType` (a ValueError, a TypeError) naming the parameter; `NotKept`, an `Unreachable`
    that carries the failure, when the spool does not take it either; with `connection`, `Unreachable`.
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
    return tell(checked) if connection is None else callers_queue().tell(checked, connection=connection)


def tell(checked: Intake) -> Added:
    """Add one checked failure to the environment's queue, or to the spool while that does not take it."""
    from manual_resolution import spooling

    failed_at, began, add_id = datetime.now(UTC), monotonic(), checked.add_id or uuid4()
    queue = None
    try:
        queue = the_queue()
        added = queue.tell(checked, add_id=add_id)
    except Unreachable as lost:
        spooling.keep([dated(checked, add_id, failed_at)], lost, queue)
        return SPOOLED
    spooling.replay_some(queue, began + queue.settings.add_timeout)
    return added


def add_many(failures: Iterable[Mapping[str, Any]], *, producer: str | None = None) -> Sequence[Added]:
    """Add a batch, mappings of `add_to_queue`'s parameters, all of it or nothing; answers in their order.

    Everything is checked before the database is asked. It must answer within `MRQ_ADD_TIMEOUT` and take the batch in
    that time and as much again for each thousand, else the whole batch goes to the spool; raises as `add_to_queue`.
    """
    from manual_resolution import spooling

    name = producer or named() or intake("any", "any", 1, "low", "any").producer
    if not isinstance(failures, Iterable):
        raise InvalidType("failures", failures, "mappings of add_to_queue's parameters")
    batch = [told(number, failure) for number, failure in enumerate(failures)]
    failed_at, began, id_of = datetime.now(UTC), monotonic(), ids_of_batch()
    queue = None
    try:
        queue = the_queue()
        seconds = queue.settings.add_timeout * (1 + len(batch) / 1000)
        added = queue.add_many(batch, producer=name, seconds=seconds, id_of=id_of)
    except Unreachable as lost:
        of_batch = [replace(dated(one, id_of(n), failed_at), producer=name) for n, one in enumerate(batch)]
        spooling.keep(of_batch, lost, queue)
        return [SPOOLED] * len(batch)
    spooling.replay_some(queue, began + seconds)
    return added


def dated(checked: Intake, add_id: UUID, failed_at: datetime) -> Intake:
    """A failure as the spool keeps it: with the id it was first tried under, and when it happened."""
    return replace(checked, add_id=checked.add_id or add_id, occurred_at=checked.occurred_at or failed_at)


def ids_of_batch(batch: UUID | None = None) -> Callable[[int], UUID]:
    """Ids by place in a batch (else a new one); neighbours in the index, so that a batch fills pages, not the tree."""
    first = (batch or uuid4()).int & ~0xFFFFFFFF
    return lambda line: UUID(int=first + line)


def told(number: int, failure: object, batch: str = "failures") -> Intake:
    """One of a batch, checked; what is wrong with it is raised with its number in the batch."""
    place = f"{batch}[{number}]"
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
    """Say that it has succeeded meanwhile: an unowned item is resolved, an owner is told. None when none is open.

    What waits in the spool is brought in first, as far as a moment allows. Raises `Unreachable` without a database.
    """
    from manual_resolution import spooling

    queue = the_queue()
    spooling.replay_some(queue, monotonic() + queue.settings.add_timeout)
    return queue.withdraw(
        item_type,
        resource_type,
        resource_id,
        reason,
        resource_key=resource_key,
        dedup_key=dedup_key,
        producer=producer or named(),
    )


def the_queue() -> "Queue":
    """The environment's queue, one for this process, address and spool."""
    return _queue(os.environ.get("DATABASE_URL"), os.environ.get("MRQ_SPOOL_DIR"))


@lru_cache(maxsize=1)
def callers_queue() -> "Queue":
    """A queue for callers who bring their connection: it has the environment's settings and needs no address."""
    from manual_resolution.queue import Queue
    from manual_resolution.settings import Settings

    return Queue("", settings=Settings.from_env())


@lru_cache(maxsize=4)
def _queue(address: str | None, spool: str | None) -> "Queue":
    from manual_resolution.queue import Queue

    return Queue.from_env()


def named() -> str | None:
    """The producer's name where the environment gives one."""
    return os.environ.get("MRQ_PRODUCER") or None
