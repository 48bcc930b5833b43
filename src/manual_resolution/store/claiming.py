"""Statements that claim: the next item in the order of work, one by id, and the lease renewed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, LiteralString

from manual_resolution.item import Actor, Filter, Item
from manual_resolution.store.connection import Db
from manual_resolution.store.items import CHANGED, ITEM, RESOLVE, change, narrowed, one, several_of, within

#: How an item becomes one's own; what names the change has its own parameter, so that another may stand beside it.
_CLAIM_SET: Final = """
       set status = 'assigned', assigned_to = %(by)s::text, lease_until = (select mrq_now()) + %(lease)s::interval,
           held = null, deferred_until = null,""" + CHANGED.replace("%(how)s", "'claim'").replace(
    "%(note)s", "%(claimed)s"
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


@dataclass(frozen=True, slots=True)
class Serving:
    """Who is to be served an item, from which ones, for which teams, for how long."""

    by: Actor
    lease: timedelta
    chosen: Filter = field(default_factory=Filter)
    teams: Sequence[str] = ()
    skipped: Sequence[int] = ()

    @property
    def values(self) -> dict[str, Any]:
        """As statement parameters."""
        served = {"by": self.by.name, "teams": list(self.teams), "skipped": list(self.skipped)}
        return served | narrowed(self.chosen) | {"lease": self.lease, "claimed": change(self.by, "claim")["note"]}


def _served(values: dict[str, Any]) -> LiteralString:
    return _SERVED + _narrowed(values)


def _narrowed(values: dict[str, Any]) -> LiteralString:
    return "".join([part for name, part in _NARROWED.items() if values[name] not in (None, [])]) + within(values)


def _next(values: dict[str, Any]) -> LiteralString:
    """The common table `next`: the one item to be served, its row locked."""
    served = _served(values)
    if not values["teams"]:
        return _first("next", "id", served + " and escalated_to is null")
    # Two ordered probes, the better one taken: a filter over one index would walk past all items of other teams.
    return (
        _first("anyone", "*", served + " and escalated_to is null")
        + ", "
        + _first("team", "*", served + " and escalated_to = any (%(teams)s::text[])")
        + """, next as (select id from (select * from anyone union all select * from team) served
           order by priority_rank, calm, position, sla_deadline, id limit 1)"""
    )


def _first(name: LiteralString, columns: LiteralString, served: LiteralString) -> LiteralString:
    return name + " as materialized (select " + columns + " from manual_resolution_queue" + served + _IN_ORDER + ")"


_TAKE: Final = " update manual_resolution_queue q" + _CLAIM_SET + " from next where q.id = next.id returning" + ITEM


def claim_next(db: Db, serving: Serving) -> Item | None:
    """Claim the next item in the order of work that this person may be served; none when there is none."""
    values = serving.values
    return one(db, "with " + _next(values) + _TAKE, values)


def resolve_and_claim(
    db: Db, item_id: int, resolved: dict[str, Any], serving: Serving
) -> tuple[Item | None, Item | None]:
    """Resolve an item and claim the next for the same person, in one statement; `resolved` is `items.resolved`.

    None for the first: it moved meanwhile, and the transaction must not be kept.
    """
    served = replace(serving, skipped=[*serving.skipped, item_id]).values
    found = several_of(
        db,
        "with ended as ("
        + RESOLVE
        + "), "
        + _next(served)
        + ", taken as ("
        + _TAKE
        + ") select * from ended union all select * from taken",
        resolved | served,
    )
    by_id = {item.id: item for item in found}
    ended = by_id.pop(item_id, None)
    return ended, next(iter(by_id.values()), None)


def claim_given_back(db: Db, serving: Serving) -> Item | None:
    """Claim one of a person's items whose proposal ended without being carried out, since when nothing happened."""
    values = serving.values
    given_back: LiteralString = (
        " where status = 'assigned' and assigned_to = %(by)s and held is null"
        " and changed_how in ('deny', 'lapse', 'void')" + _narrowed(values)
    )
    return one(db, "with " + _first("next", "id", given_back) + _TAKE, values)


def count_served(db: Db, serving: Serving, limit: int) -> int:
    """How many items `claim_next` could find, counted up to `limit`."""
    values = serving.values | {"limit": limit}
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
        Serving(by, lease).values | {"id": item_id},
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
