"""Statements on `manual_resolution_queue`. A move is one guarded UPDATE; the row it returns, or none, is the verdict.

Who moves and how travels in the UPDATE itself (`changed_*`); the database writes the event from it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

from psycopg.rows import RowMaker
from psycopg.types.json import Jsonb

from manual_resolution.item import Actor, Filter, Item
from manual_resolution.store.connection import Db

ITEM: Final = """
  q.id, q.item_type, q.resource_type, q.resource_id, q.resource_key, q.priority, q.reason, q.context, q.status,
  q.created_at, q.sla_deadline, q.sla_seconds, q.assigned_to, q.assigned_at, q.lease_until, q.held, q.deferred_until,
  q.hold_until, q.wake_at, q.escalated_at, q.escalation_level, q.escalated_to, q.next_level_at, q.declined_by,
  q.position, q.position_by, q.position_reason, q.position_until, q.resolved_at, q.resolution, q.resolution_metadata,
  q.occurrences, q.last_occurred_at, q.dedup_key, q.fingerprint, q.succeeded_at, q.reopened_from, q.version,
  (select mrq_now()) as read_at
"""
_NAMES: Final = tuple(column.split()[-1].removeprefix("q.") for column in ITEM.split(","))

#: Parts of a move's UPDATE: who changes and how (see `change`), and that nobody owns the item.
CHANGED: Final = """
           changed_by = %(by)s, changed_how = %(how)s, changed_for = q.version + 1, changed_note = %(note)s
"""
UNOWNED: Final = """
           status = case when escalated_at is null then 'pending' else 'escalated' end, assigned_to = null,
           assigned_at = null,
"""


def change(by: Actor, verb: str, **note: Any) -> dict[str, Any]:
    """The parameters that name a change: who, how, and what else the history keeps (private)."""
    kept = {name: value for name, value in note.items() if value is not None}
    return {"by": by.name, "how": verb, "note": Jsonb({"kind": by.kind, "via": by.via, **kept})}


def narrowed(chosen: Filter) -> dict[str, Any]:
    """A filter as statement parameters."""
    return {
        "item_type": chosen.item_type,
        "priority": chosen.priority,
        "resource_type": chosen.resource_type,
        "resource_id": chosen.resource_id,
        "types": None if chosen.types is None else sorted(chosen.types),
        "own_types": None if chosen.own is None else sorted(chosen.own),
        "reader": chosen.reader,
    }


def within(values: dict[str, Any]) -> LiteralString:
    """The condition that nothing is found but what somebody may see."""
    if values["types"] is None:
        return ""
    return _TYPES_OR_OWN if values["reader"] else _TYPES


_TYPES: Final = " and item_type = any (%(types)s::text[])"
_TYPES_OR_OWN: Final = """
   and (item_type = any (%(types)s::text[])
        or (%(own_types)s::text[] is null or item_type = any (%(own_types)s::text[]))
           and exists (select from mrq_event e where e.item_id = id and e.seq = 1 and e.actor = %(reader)s))
"""


def item_row(cursor: Any) -> RowMaker[Item]:
    """Rows of `ITEM` as items."""
    return _item


def _item(row: Sequence[Any]) -> Item:
    """Past the constructor, which sets forty fields one by one: that was a third of a claim in the client."""
    item = Item.__new__(Item)
    item.__dict__.update(zip(_NAMES, row, strict=True))
    return item


def one(db: Db, statement: Any, values: dict[str, Any]) -> Item | None:
    """The one item that a statement returns, or none."""
    with db.cursor(row_factory=item_row) as cursor:
        return cursor.execute(statement, values).fetchone()


def several_of(db: Db, statement: Any, values: dict[str, Any]) -> list[Item]:
    """The items that a statement returns."""
    with db.cursor(row_factory=item_row) as cursor:
        return cursor.execute(statement, values).fetchall()


# ------------------------------------------------------------------ reading


def get(db: Db, item_id: int) -> Item | None:
    """One item."""
    return one(db, "select" + ITEM + "from manual_resolution_queue q where id = %(id)s", {"id": item_id})


def told_by(db: Db, item_id: int) -> tuple[str, str] | None:
    """An item's type, and who added it."""
    row: tuple[str, str] | None = db.execute(
        """select item_type, (select actor from mrq_event where item_id = id and seq = 1)
             from manual_resolution_queue where id = %s""",
        [item_id],
    ).fetchone()
    return row


def several(db: Db, ids: list[int]) -> list[Item]:
    """The items with these ids."""
    return several_of(db, "select" + ITEM + "from manual_resolution_queue q where id = any(%(ids)s)", {"ids": ids})


def lock(db: Db, item_id: int) -> Item | None:
    """One item, its row locked until the transaction ends."""
    return one(
        db, "select" + ITEM + "from manual_resolution_queue q where id = %(id)s for no key update", {"id": item_id}
    )


def waiting_for_teams(db: Db) -> dict[str, int]:
    """How many served items wait for which team."""
    return dict(
        db.execute(
            """select escalated_to, count(*) from manual_resolution_queue
                where status in ('pending', 'escalated') and held is null and escalated_to is not null
                group by escalated_to order by escalated_to"""
        ).fetchall()
    )


def unknown_outcomes(db: Db) -> list[int]:
    """Ids of the items whose outside effect has an unknown outcome."""
    return [
        row[0]
        for row in db.execute(
            """select id from manual_resolution_queue
                where status in ('pending', 'escalated') and held = 'attempt' order by id"""
        )
    ]


# ------------------------------------------------------------------ letting go

_MINE: Final = " where id = %(id)s and status = 'assigned' and assigned_to = %(by)s and held is null returning"
_FREE_OR_MINE: Final = """
       where id = %(id)s and (status in ('pending', 'escalated') or (status = 'assigned' and assigned_to = %(by)s))
         and (held is null or held = 'deferred')
"""


def release(db: Db, item_id: int, by: Actor, note: str | None) -> Item | None:
    """Give an owned item back."""
    return one(
        db,
        "update manual_resolution_queue q set" + UNOWNED + CHANGED + _MINE + ITEM,
        change(by, "release", note=note) | {"id": item_id},
    )


def decline(db: Db, item_id: int, by: Actor, reason: str) -> Item | None:
    """Give an owned item back, not to be served to the same person again."""
    return one(
        db,
        "update manual_resolution_queue q set declined_by = array_append(array_remove(declined_by, %(by)s), %(by)s),"
        + UNOWNED
        + CHANGED
        + _MINE
        + ITEM,
        change(by, "decline", justification=reason) | {"id": item_id},
    )


def hand_over(db: Db, item_id: int, by: Actor, to: str, lease: timedelta, note: str | None) -> Item | None:
    """Give an owned item to a named colleague, with a fresh lease."""
    return one(
        db,
        """update manual_resolution_queue q
              set assigned_to = %(to)s, lease_until = (select mrq_now()) + %(lease)s::interval,"""
        + CHANGED
        + _MINE
        + ITEM,
        change(by, "hand-over", note=note, to=to) | {"id": item_id, "to": to, "lease": lease},
    )


def take_over(db: Db, item_id: int, by: Actor, lease: timedelta, reason: str) -> Item | None:
    """Take an item from its owner."""
    return one(
        db,
        """update manual_resolution_queue q
              set assigned_to = %(by)s::text, lease_until = (select mrq_now()) + %(lease)s::interval,"""
        + CHANGED
        + """
            where id = %(id)s and status = 'assigned' and assigned_to <> %(by)s and held is null
           returning"""
        + ITEM,
        change(by, "take-over", justification=reason) | {"id": item_id, "lease": lease},
    )


def defer(
    db: Db, item_id: int, by: Actor, span: timedelta | None, until: datetime | None, justification: str
) -> Item | None:
    """Put an item aside until a time in the future (`span` from now, or the instant `until`)."""
    return one(
        db,
        """update manual_resolution_queue q
              set held = 'deferred',
                  deferred_until = coalesce(%(until)s::timestamptz, (select mrq_now()) + %(span)s::interval),"""
        + UNOWNED
        + CHANGED
        + _FREE_OR_MINE
        + """
              and (%(until)s::timestamptz is null
                   or %(until)s - (select mrq_now()) between interval '0' and interval '366 days')
           returning"""
        + ITEM,
        change(by, "defer", justification=justification) | {"id": item_id, "span": span, "until": until},
    )


def span_until(db: Db, until: datetime) -> timedelta:
    """How far away an instant is."""
    span: timedelta = db.execute("select %s - mrq_now()", [until]).fetchall()[0][0]
    return span


def escalate(db: Db, item_id: int, by: Actor, to: str | None, justification: str) -> Item | None:
    """The operator's move: unowned again, for another team or anybody else; not served to `by` again."""
    return one(
        db,
        """update manual_resolution_queue q
              set status = 'escalated', assigned_to = null, assigned_at = null, held = null, deferred_until = null,
                  escalated_at = coalesce(escalated_at, (select mrq_now())), escalated_to = %(to)s,
                  declined_by = array_append(array_remove(declined_by, %(by)s), %(by)s),"""
        + CHANGED
        + _FREE_OR_MINE
        + """
           returning"""
        + ITEM,
        change(by, "escalate", justification=justification, to=to) | {"id": item_id, "to": to},
    )


# ------------------------------------------------------------------ facts beside the status


def set_priority(db: Db, item_id: int, by: Actor, to: str, sla_seconds: int, justification: str) -> Item | None:
    """Change the priority. The deadline moves earlier with a higher one and never later."""
    return one(
        db,
        """update manual_resolution_queue q
              set priority = %(to)s,
                  sla_deadline = case when mrq_rank(%(to)s) < mrq_rank(priority)
                                      then least(sla_deadline, (select mrq_now()) + %(sla)s * interval '1 second')
                                      else sla_deadline end,
                  sla_seconds = case when mrq_rank(%(to)s) < mrq_rank(priority) then least(sla_seconds, %(sla)s)
                                     else sla_seconds end,
                  position = case when %(to)s = 'critical' then 'infinity' else position end,"""
        + CHANGED
        + """
            where id = %(id)s and status <> 'resolved' and priority <> %(to)s
           returning"""
        + ITEM,
        change(by, "priority", justification=justification) | {"id": item_id, "to": to, "sla": sla_seconds},
    )


def note(db: Db, item_id: int, by: Actor, text: str) -> Item | None:
    """Add a note to an open item's history."""
    return one(
        db,
        "update manual_resolution_queue q set"
        + CHANGED
        + " where id = %(id)s and status <> 'resolved' returning"
        + ITEM,
        change(by, "note", note=text) | {"id": item_id},
    )


def reveal(db: Db, item_id: int, by: Actor, names: list[str], justification: str) -> Item | None:
    """Record that the personal facts of these names are being shown; a resolved item's too."""
    return one(
        db,
        "update manual_resolution_queue q set" + CHANGED + " where id = %(id)s returning" + ITEM,
        change(by, "reveal", justification=justification, shown=names) | {"id": item_id},
    )


def amend(db: Db, item_id: int, by: Actor, context: str, justification: str) -> Item | None:
    """Merge corrected facts (JSON text of an object) into an open item's context."""
    return one(
        db,
        """update manual_resolution_queue q
              set context = coalesce(context, '{}') || %(context)s::jsonb,"""
        + CHANGED
        + """
            where id = %(id)s and status <> 'resolved'
           returning"""
        + ITEM,
        change(by, "amend", justification=justification) | {"id": item_id, "context": context},
    )


# ------------------------------------------------------------------ ending


#: An item that is unowned or one's own, claimed in the same statement; `resolved` gives its parameters.
RESOLVE: Final = (
    """
update manual_resolution_queue q
   set status = 'resolved', assigned_to = %(by)s::text, assigned_at = coalesce(assigned_at, (select mrq_now())),
       resolution = %(resolution)s, resolution_metadata = %(metadata)s,"""
    + CHANGED
    + """
 where id = %(id)s and (status in ('pending', 'escalated') or (status = 'assigned' and assigned_to = %(by)s))
returning"""
    + ITEM
)


def resolved(
    item_id: int, by: Actor, resolution: str, metadata: dict[str, Any], shown: dict[str, Any] | None = None
) -> dict[str, Any]:
    """How an item is resolved, as statement parameters."""
    said = {"id": item_id, "resolution": resolution, "metadata": Jsonb(metadata)}
    return change(by, "resolve", shown=shown) | said


def resolve(db: Db, values: dict[str, Any]) -> Item | None:
    """Resolve an item; `values` from `resolved`."""
    return one(db, RESOLVE, values)


WITHDRAW: Final = (
    """
update manual_resolution_queue q
   set status = case when status = 'assigned' then status else 'resolved' end,
       succeeded_at = (select mrq_now()),
       resolution = case when status = 'assigned' then null else 'Withdrawn: ' || %(reason)s::text end,
       resolution_metadata = case when status = 'assigned' then null
                                  else jsonb_build_object('withdrawn', true, 'decided_by', %(by)s::text) end,
"""
    + CHANGED
    + """
 where dedup_key = mrq_dedup_key(%(item_type)s::text, %(resource_type)s::text, %(resource_id)s::bigint,
                                 %(resource_key)s::text, %(dedup_key)s::text)
   and status <> 'resolved' and held is distinct from 'attempt' and (succeeded_at is null or status <> 'assigned')
returning"""
    + ITEM
)


def withdraw(db: Db, by: Actor, reason: str, thing: dict[str, Any]) -> Item | None:
    """The producer has succeeded meanwhile: an unowned item is resolved, an owned one marked."""
    return one(db, WITHDRAW, change(by, "withdraw", reason=reason) | {"reason": reason} | thing)


def reopen(db: Db, item_id: int, by: Actor, sla_seconds: dict[str, int], justification: str) -> Item | None:
    """A new item from a resolved one; none when the same failure is open already or the item is not resolved."""
    return one(
        db,
        """insert into manual_resolution_queue as q
             (item_type, resource_type, resource_id, resource_key, priority, reason, context, created_at,
              last_occurred_at, sla_seconds, sla_deadline, dedup_key, fingerprint, reopened_from,
              changed_by, changed_how, changed_for, changed_note)
           select item_type, resource_type, resource_id, resource_key, priority, reason, context, clock.now, clock.now,
                  (%(sla)s::jsonb ->> priority)::bigint,
                  clock.now + (%(sla)s::jsonb ->> priority)::bigint * interval '1 second',
                  dedup_key, fingerprint, id, %(by)s, %(how)s, 1, %(note)s
             from manual_resolution_queue, (select mrq_now() as now offset 0) clock
            where id = %(id)s and status = 'resolved'
           on conflict (dedup_key) where status <> 'resolved' do nothing
           returning"""
        + ITEM,
        change(by, "reopen", justification=justification) | {"id": item_id, "sla": Jsonb(sla_seconds)},
    )


def open_of_same_failure(db: Db, item_id: int) -> int | None:
    """The id of the open item that stands for the same failure as a resolved one."""
    row = db.execute(
        """select o.id from manual_resolution_queue o join manual_resolution_queue r using (dedup_key)
            where r.id = %s and o.status <> 'resolved'""",
        [item_id],
    ).fetchone()
    return row[0] if row else None
