"""Statements that claim: the next item in the order of work, one by id, and the lease renewed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, LiteralString

from manual_resolution.item import Actor, Item
from manual_resolution.store.connection import Db
from manual_resolution.store.items import CHANGED, ITEM, Filter, change, narrowed, one

_CLAIM_SET: Final = (
    """
       set status = 'assigned', assigned_to = %(by)s::text, lease_until = (select mrq_now()) + %(lease)s::interval,
           held = null, deferred_until = null,"""
    + CHANGED
)
_SERVED: Final = """
       where status in ('pending', 'escalated') and held is null and not (%(by)s = any (declined_by))
"""
#: Only what is asked for stands in the statement: with every filter in it, PostgreSQL would plan each claim anew.
_NARROWED: Final[dict[str, LiteralString]] = {
    "item_type": " and item_type = %(item_type)s::text",
    "priority": " and priority = %(priority)s::text",
    "resource_type": " and resource_type = %(resource_type)s::text",
    "resource_id": " and resource_id = %(resource_id)s::bigint",
    "skipped": " and id <> all (%(skipped)s::bigint[])",
}
_IN_ORDER: Final = " order by priority_rank, calm, position, sla_deadline, id limit 1 for no key update skip locked"


def _served(values: dict[str, Any]) -> LiteralString:
    return _SERVED + _narrowed(values)


def _narrowed(values: dict[str, Any]) -> LiteralString:
    return "".join([part for name, part in _NARROWED.items() if values[name] not in (None, [])])


def _next_of_all(served: LiteralString) -> LiteralString:
    return (
        "with next as materialized (select id from manual_resolution_queue"
        + served
        + " and escalated_to is null"
        + _IN_ORDER
        + ")"
    )


def _next_of_team(served: LiteralString) -> LiteralString:
    """Two ordered probes, the better one taken: a filter over one index would walk past all items of other teams."""
    return (
        "with anyone as materialized (select * from manual_resolution_queue"
        + served
        + " and escalated_to is null"
        + _IN_ORDER
        + "), team as materialized (select * from manual_resolution_queue"
        + served
        + " and escalated_to = any (%(teams)s::text[])"
        + _IN_ORDER
        + """), next as (select id from (select * from anyone union all select * from team) served
           order by priority_rank, calm, position, sla_deadline, id limit 1)"""
    )


def claim_next(
    db: Db, by: Actor, lease: timedelta, chosen: Filter, teams: Sequence[str] = (), skipped: Sequence[int] = ()
) -> Item | None:
    """Claim the next item in the order of work that `by` may be served; none when there is none."""
    values = change(by, "claim") | narrowed(chosen) | {"lease": lease, "teams": list(teams), "skipped": list(skipped)}
    found = _next_of_team(_served(values)) if teams else _next_of_all(_served(values))
    taken = " update manual_resolution_queue q" + _CLAIM_SET + " from next where q.id = next.id returning" + ITEM
    return one(db, found + taken, values)


def claim_given_back(db: Db, by: Actor, lease: timedelta, chosen: Filter, skipped: Sequence[int]) -> Item | None:
    """Claim one of `by`'s items whose proposal ended without being carried out, since when nothing happened to it."""
    values = change(by, "claim") | narrowed(chosen) | {"lease": lease, "skipped": list(skipped)}
    given_back = (
        "with next as materialized (select id from manual_resolution_queue"
        " where status = 'assigned' and assigned_to = %(by)s and held is null"
        " and changed_how in ('deny', 'lapse', 'void')" + _narrowed(values) + _IN_ORDER + ")"
    )
    taken = " update manual_resolution_queue q" + _CLAIM_SET + " from next where q.id = next.id returning" + ITEM
    return one(db, given_back + taken, values)


def count_served(db: Db, by: Actor, chosen: Filter, teams: Sequence[str], skipped: Sequence[int], limit: int) -> int:
    """How many items `claim_next` could find, counted up to `limit`."""
    values = narrowed(chosen) | {"by": by.name, "teams": list(teams), "skipped": list(skipped), "limit": limit}
    row = db.execute(
        "select count(*) from (select from manual_resolution_queue"
        + _served(values)
        + " and (escalated_to is null or escalated_to = any (%(teams)s::text[])) limit %(limit)s) served",
        values,
    ).fetchone()
    return row[0] if row else 0


def claim(db: Db, item_id: int, by: Actor, lease: timedelta) -> Item | None:
    """Claim one unowned item by id, a deferred one too; not one whose outcome is unknown."""
    return one(
        db,
        "update manual_resolution_queue q"
        + _CLAIM_SET
        + """
          where id = %(id)s and status in ('pending', 'escalated') and (held is null or held = 'deferred')
         returning"""
        + ITEM,
        change(by, "claim") | {"id": item_id, "lease": lease},
    )


def extend(db: Db, item_id: int, by: Actor, lease: timedelta) -> Item | None:
    """Renew the owner's lease; bookkeeping, no event."""
    return one(
        db,
        """update manual_resolution_queue q set lease_until = (select mrq_now()) + %(lease)s::interval
            where id = %(id)s and status = 'assigned' and assigned_to = %(by)s and lease_until is not null
           returning"""
        + ITEM,
        {"id": item_id, "by": by.name, "lease": lease},
    )
