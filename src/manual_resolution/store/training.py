"""Statements about operators: what they practised, whose decisions they watched, what they did themselves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from manual_resolution.item import Event
from manual_resolution.store.connection import Db
from manual_resolution.store.events import EVENT

#: What counts as a decision: the item left its menu by one of its options.
DECISIONS: Final = ("resolve", "escalate", "defer")


@dataclass(frozen=True, slots=True)
class Practised:
    """One finished practice: of `items` decided, `agreed` as MRQ would have; `passed_on` were escalated instead."""

    id: UUID
    operator: str
    items: int
    agreed: int
    passed_on: int


def record_practice(db: Db, done: Practised) -> bool:
    """Keep a finished practice; False where it was recorded before."""
    return bool(
        db.execute(
            """insert into mrq_training (id, operator, kind, items, agreed, passed_on)
               values (%s, %s, 'practice', %s, %s, %s) on conflict (id) do nothing""",
            [done.id, done.operator, done.items, done.agreed, done.passed_on],
        ).rowcount
    )


def record_watched(db: Db, operator: str, decision: Event) -> bool:
    """Keep that somebody watched a colleague's decision; False where they did before."""
    return bool(
        db.execute(
            """insert into mrq_training (operator, kind, colleague, item_id, seq) values (%s, 'shadow', %s, %s, %s)
               on conflict (operator, kind, item_id, seq) do nothing""",
            [operator, decision.actor, decision.item_id, decision.seq],
        ).rowcount
    )


def practised(db: Db, operator: str) -> list[Practised]:
    """Somebody's recorded practices, oldest first."""
    with db.cursor(row_factory=class_row(Practised)) as cursor:
        return cursor.execute(
            """select id, operator, items, agreed, passed_on from mrq_training
                where operator = %s and kind = 'practice' order by at, id""",
            [operator],
        ).fetchall()


def watched(db: Db, operator: str) -> dict[str, int]:
    """How many decisions of which colleague somebody has watched."""
    return dict(
        db.execute(
            """select colleague, count(*) from mrq_training
                where operator = %s and kind = 'shadow' group by colleague order by colleague""",
            [operator],
        ).fetchall()
    )


def decided(db: Db, operator: str) -> list[tuple[str, str, int]]:
    """Item type, verb and number of somebody's decisions."""
    return db.execute(
        """select q.item_type, e.verb, count(*)
             from mrq_event e join manual_resolution_queue q on q.id = e.item_id
            where e.actor = %s and e.actor_kind = 'person' and e.verb = any(%s)
            group by q.item_type, e.verb order by q.item_type, e.verb""",
        [operator, list(DECISIONS)],
    ).fetchall()


def held(db: Db, operator: str) -> list[int]:
    """Ids of the items somebody holds, in the order they were claimed; not those whose lease is over."""
    rows = db.execute(
        """select id from manual_resolution_queue where status = 'assigned' and assigned_to = %s
              and (held is not null or lease_until is null or lease_until > (select mrq_now()))
            order by assigned_at, id""",
        [operator],
    )
    return [id for (id,) in rows]


def done_since(db: Db, operator: str, since: datetime, overlap: timedelta) -> list[Event]:
    """What somebody did from `overlap` before an instant of this database's on, in its order.

    An event is dated when it is written and seen when it is committed: the overlap brings those in between.
    """
    with db.cursor(row_factory=class_row(Event)) as cursor:
        return cursor.execute(
            "select "
            + EVENT
            + """ from mrq_event where actor = %s and actor_kind = 'person' and at > %s::timestamptz - %s::interval
                order by at, item_id, seq""",
            [operator, since, overlap],
        ).fetchall()


def now(db: Db) -> datetime:
    """The database's clock."""
    row: tuple[datetime] | None = db.execute("select mrq_now()").fetchone()
    assert row is not None
    return row[0]
