"""Statements on `mrq_proposal` and on the item it holds (design, Workflows: proposal).

A proposal begins with the item's hold and ends with it: the trigger `mrq_proposal_holds` sees to that for everybody.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from manual_resolution.item import Actor, Item, json_ready
from manual_resolution.store import items
from manual_resolution.store.connection import Db


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One decision that needs a second person; times in UTC. `state`: open, approved, denied, expired or void."""

    id: int
    item_id: int
    option: str
    values: dict[str, Any]
    proposer: str
    via: str
    justification: str
    source: str
    seen: dict[str, Any]
    state: str
    proposed_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_via: str | None
    ended_why: str | None
    names_trusted: bool

    @property
    def plan(self) -> list[str]:
        """What it would touch, a line each."""
        return list(self.seen.get("plan") or ())

    @property
    def checks(self) -> dict[str, dict[str, str]]:
        """The checks' answers that the proposer saw, by key: `verdict` and `sentence`."""
        return dict(self.seen.get("checks") or {})

    @property
    def overridden(self) -> list[str]:
        """Keys of the required checks that do not pass and are to be overridden."""
        return list(self.seen.get("overridden") or ())

    def as_json(self) -> dict[str, Any]:
        """The proposal under its column names, JSON-ready, with what the proposer saw."""
        named = {name: json_ready(getattr(self, name)) for name in _NAMES if name != "seen"}
        return named | {"plan": self.plan, "checks": self.checks, "overridden": self.overridden}


_NAMES: Final = tuple(field.name for field in fields(Proposal))
PROPOSAL: Final = """
  p.id, p.item_id, p.option, p."values", p.proposer, p.via, p.justification, p.source, p.seen, p.state, p.proposed_at,
  p.expires_at, p.ended_at, p.ended_by, p.ended_via, p.ended_why, p.names_trusted
"""


def of_item(db: Db, item_id: int) -> list[Proposal]:
    """An item's proposals, oldest first."""
    with db.cursor(row_factory=class_row(Proposal)) as cursor:
        return cursor.execute(
            "select" + PROPOSAL + "from mrq_proposal p where item_id = %s order by id", [item_id]
        ).fetchall()


def open_ones(db: Db) -> list[Proposal]:
    """What waits for a second person, the first to lapse first."""
    with db.cursor(row_factory=class_row(Proposal)) as cursor:
        return cursor.execute(
            "select" + PROPOSAL + "from mrq_proposal p where state = 'open' order by expires_at, id"
        ).fetchall()


def is_another(db: Db, proposal: Proposal, by: Actor, names_trusted: bool) -> bool:
    """Whether `by` is another person than the proposer; the database's own rule, asked ahead."""
    row = db.execute(
        "select mrq_is_another(%s, %s, %s, %s, %s)",
        [proposal.proposer, proposal.via, by.name, by.via, names_trusted],
    ).fetchone()
    return bool(row and row[0])


def propose(
    db: Db,
    item_id: int,
    by: Actor,
    option: str,
    values: dict[str, Any],
    justification: str,
    source: str,
    seen: dict[str, Any],
    span: timedelta,
) -> Item | None:
    """Record what waits for a second person; the item is the proposer's and held for at most `span`."""
    db.execute(
        """insert into mrq_proposal (item_id, option, "values", proposer, via, justification, source, seen, expires_at)
           values (%s, %s, %s, %s, %s, %s, %s, %s, (select mrq_now()) + %s::interval)""",
        [item_id, option, Jsonb(values), by.name, by.via, justification, source, Jsonb(seen), span],
    )
    told = {"option": option, "values": values or None, "justification": justification}
    return items.one(
        db,
        """update manual_resolution_queue q
              set status = 'assigned', assigned_to = %(by)s::text, held = 'approval', lease_until = null,
                  deferred_until = null,
                  hold_until = (select expires_at from mrq_proposal where item_id = %(id)s and state = 'open'),"""
        + items.CHANGED
        + """
            where id = %(id)s and (status in ('pending', 'escalated') or (status = 'assigned' and assigned_to = %(by)s))
              and (held is null or held = 'deferred')
           returning"""
        + items.ITEM,
        items.change(by, "propose", **told, overridden=seen.get("overridden")) | {"id": item_id},
    )


def end(db: Db, proposal: Proposal, by: Actor, verb: str, **note: Any) -> Item | None:
    """End an open proposal (approve, deny or void): the item is its proposer's again, with a fresh lease."""
    return items.one(
        db,
        """update manual_resolution_queue q
              set held = null, hold_until = null, lease_until = null,"""
        + items.CHANGED
        + """
            where id = %(id)s and status = 'assigned' and held = 'approval'
              and exists (select from mrq_proposal
                           where id = %(proposal)s and state = 'open' and expires_at > (select mrq_now()))
           returning"""
        + items.ITEM,
        items.change(by, verb, option=proposal.option, proposer=proposal.proposer, **note)
        | {"id": proposal.item_id, "proposal": proposal.id},
    )
