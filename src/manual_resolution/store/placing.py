"""Statements of manual order: who stands in a lane, and an item's place in it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from manual_resolution.item import Actor, Item
from manual_resolution.store.connection import Db
from manual_resolution.store.items import CHANGED, ITEM, change, one

_LOCK: Final = 7_377_004  # with the lane's rank: any number, the same for all who place

#: What waits in the item's lane and is not overdue. `priority_rank` is the priority's own where `calm`.
_LANE: Final = """
   status in ('pending', 'escalated') and held is null and calm and priority_rank = mrq_rank(%(priority)s)
"""


def hold_lane(db: Db, priority: str) -> None:
    """Let nobody else place in this lane until the transaction ends."""
    db.execute("select pg_advisory_xact_lock(%s, mrq_rank(%s))", [_LOCK, priority])


def lane(db: Db, item: Item, limit: int) -> list[tuple[int, float]]:
    """Id and position of the first of those that wait beside the item, in their order."""
    statement = (
        "select id, position from manual_resolution_queue where"
        + _LANE
        + " and id <> %(id)s order by position, sla_deadline, id limit %(limit)s"
    )
    return db.execute(statement, {"priority": item.priority, "id": item.id, "limit": limit}).fetchall()


def types(db: Db, ids: Sequence[int]) -> list[str]:
    """The item types among these."""
    found = db.execute("select distinct item_type from manual_resolution_queue where id = any(%s)", [list(ids)])
    return [item_type for (item_type,) in found.fetchall()]


def place(
    db: Db, item_id: int, position: float, others: Sequence[tuple[int, float]], by: Actor, why: str, span: timedelta
) -> Item | None:
    """Give a waiting item its position, and others that stand before it theirs; none where it does not wait."""
    ids, positions = [item_id, *(one for one, _ in others)], [position, *(place for _, place in others)]
    return one(
        db,
        """with placed as (
             update manual_resolution_queue q
                set position = p.position, position_by = %(by)s, position_reason = %(why)s,
                    position_until = (select mrq_now()) + %(span)s::interval,"""
        + CHANGED
        + """
               from unnest(%(ids)s::bigint[], %(positions)s::float8[]) p (id, position)
              where q.id = p.id and status in ('pending', 'escalated') and held is null and calm
                and priority <> 'critical'
             returning q.*)
           select"""
        + ITEM
        + "from placed q where q.id = %(id)s",
        change(by, "place", justification=why)
        | {"id": item_id, "ids": ids, "positions": positions, "why": why, "span": span},
    )


def unplace(db: Db, item_id: int, by: Actor, note: str | None) -> Item | None:
    """Take an item's position away; none where it has none."""
    return one(
        db,
        "update manual_resolution_queue q set position = 'infinity',"
        + CHANGED
        + " where id = %(id)s and position <> 'infinity' and status <> 'resolved' returning"
        + ITEM,
        change(by, "place", note=note) | {"id": item_id},
    )
