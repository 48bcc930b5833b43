"""Statements on `mrq_attempt` and on the item it belongs to, one transaction each (design, Carrying a decision out)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from manual_resolution.item import Actor, Item
from manual_resolution.store import items
from manual_resolution.store.connection import Db


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One recorded try of an outside effect; times in UTC."""

    id: int
    item_id: int
    n: int
    state: str
    key: UUID
    option: str
    values: dict[str, Any]
    actor: str
    via: str
    approved_by: str | None
    justification: str | None
    seen: dict[str, Any] | None
    started_at: datetime | None
    deadline: datetime | None
    ended_at: datetime | None
    outcome: str | None
    evidence: dict[str, Any] | None


ATTEMPT: Final = """
  a.id, a.item_id, a.n, a.state, a.key, a.option, a."values", a.actor, a.via, a.approved_by, a.justification, a.seen,
  a.started_at, a.deadline, a.ended_at, a.outcome, a.evidence
"""


def of_item(db: Db, item_id: int) -> list[Attempt]:
    """An item's attempts, oldest first."""
    with db.cursor(row_factory=class_row(Attempt)) as cursor:
        return cursor.execute(
            "select" + ATTEMPT + "from mrq_attempt a where item_id = %s order by n", [item_id]
        ).fetchall()


def unknown(db: Db) -> list[int]:
    """Items with an attempt whose outcome nobody knows, the longest unknown first; at most a thousand."""
    rows = db.execute("select item_id from mrq_attempt where state = 'unknown' order by deadline, id limit 1000")
    return [row[0] for row in rows.fetchall()]


def by_key(db: Db, key: UUID) -> Attempt | None:
    """One attempt by its key."""
    with db.cursor(row_factory=class_row(Attempt)) as cursor:
        return cursor.execute("select" + ATTEMPT + "from mrq_attempt a where key = %s", [key]).fetchone()


def start(
    db: Db,
    item_id: int,
    key: UUID,
    by: Actor,
    option: str,
    values: dict[str, Any],
    justification: str,
    seen: dict[str, Any],
    limit: timedelta,
    approved_by: str | None = None,
) -> Item | None:
    """Record that one outside call is about to be made; the item is the actor's and held until the limit has passed."""
    row = db.execute(
        """insert into mrq_attempt (item_id, n, state, key, option, "values", actor, via, approved_by,
                                    justification, seen, started_at, deadline)
           select %(id)s, coalesce(max(n), 0) + 1, 'started', %(key)s, %(option)s, %(values)s, %(by)s, %(via)s,
                  %(approved_by)s, %(justification)s, %(seen)s, (select mrq_now()),
                  (select mrq_now()) + %(limit)s::interval
             from mrq_attempt where item_id = %(id)s
           returning n""",
        {
            "id": item_id,
            "key": key,
            "option": option,
            "values": Jsonb(values),
            "by": by.name,
            "via": by.via,
            "approved_by": approved_by,
            "justification": justification,
            "seen": Jsonb(seen),
            "limit": limit,
        },
    ).fetchone()
    return items.one(
        db,
        """update manual_resolution_queue q
              set status = 'assigned', assigned_to = %(by)s::text, held = 'attempt', lease_until = null,
                  deferred_until = null, hold_until = (select mrq_now()) + %(limit)s::interval,"""
        + items.CHANGED
        + """
            where id = %(id)s and (status in ('pending', 'escalated') or (status = 'assigned' and assigned_to = %(by)s))
              and (held is null or held = 'deferred')
           returning"""
        + items.ITEM,
        items.change(
            by, "attempt", n=row[0] if row else None, option=option, values=values or None, justification=justification
        )
        | {"id": item_id, "limit": limit},
    )


def end(db: Db, key: UUID, before: str, state: str, outcome: str, evidence: dict[str, Any]) -> bool:
    """Move an attempt on from state `before`; false when somebody else has done so already."""
    return (
        db.execute(
            """update mrq_attempt
                  set state = %(state)s, outcome = %(outcome)s, evidence = coalesce(evidence, '{}') || %(evidence)s
                where key = %(key)s and state = %(before)s""",
            {"key": key, "before": before, "state": state, "outcome": outcome, "evidence": Jsonb(evidence)},
        ).rowcount
        == 1
    )


def keep_late_result(db: Db, key: UUID, outcome: str, evidence: dict[str, Any]) -> None:
    """A result that came after the attempt was settled: kept as evidence, changes nothing."""
    db.execute(
        "update mrq_attempt set evidence = coalesce(evidence, '{}') || %s where key = %s",
        [Jsonb({"late": {"outcome": outcome, **evidence}}), key],
    )


def give_back(db: Db, item_id: int, by: Actor, verb: str, lease: timedelta, **note: Any) -> Item | None:
    """After a definite failure: the item is its owner's again, with a fresh lease."""
    return items.one(
        db,
        """update manual_resolution_queue q
              set status = 'assigned', assigned_to = coalesce(assigned_to, %(by)s), held = null, hold_until = null,
                  lease_until = (select mrq_now()) + %(lease)s::interval,"""
        + items.CHANGED
        + """
            where id = %(id)s and status <> 'resolved' and held = 'attempt'
           returning"""
        + items.ITEM,
        items.change(by, verb, **note) | {"id": item_id, "lease": lease},
    )


def leave_unknown(db: Db, item_id: int, by: Actor, **note: Any) -> Item | None:
    """Nobody knows whether the call took effect: unowned, held, listed first."""
    return items.one(
        db,
        "update manual_resolution_queue q set held = 'attempt', hold_until = null,"
        + items.UNOWNED
        + items.CHANGED
        + " where id = %(id)s and status = 'assigned' and held = 'attempt' returning"
        + items.ITEM,
        items.change(by, "unknown", **note) | {"id": item_id},
    )


def confirm_not_done(db: Db, item_id: int, by: Actor, **note: Any) -> Item | None:
    """The call had no effect: the item waits again, unowned unless somebody took it by SQL meanwhile."""
    return items.one(
        db,
        "update manual_resolution_queue q set held = null,"
        + items.CHANGED
        + " where id = %(id)s and status <> 'resolved' and held = 'attempt' returning"
        + items.ITEM,
        items.change(by, "confirm", **note) | {"id": item_id},
    )
