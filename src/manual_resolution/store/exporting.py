"""Statements that read out what was decided, as a stream."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg.rows import class_row

from manual_resolution.store.connection import Db

#: Entries that tell of work going its way; every other entry is somebody's decision, or what became of one.
ROUTINE: Final = ("add", "repeat", "claim", "release", "attempt", "note", "expire", "wake", "sweep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One entry of a history with its item and the attempt it belongs to; times are aware."""

    item_id: int
    seq: int
    at: datetime
    actor: str
    actor_kind: str
    via: str
    verb: str
    data: dict[str, Any]
    private: dict[str, Any] | None
    erased: bool
    item_type: str
    resource_type: str
    resource_id: int | None
    resource_key: str | None
    context: dict[str, Any] | None
    created_at: datetime
    attempt: dict[str, Any] | None


_DAYS: Final = """
   where e.at >= %(first)s::date::timestamp at time zone 'UTC'
     and e.at < (%(last)s::date + 1)::timestamp at time zone 'UTC'
     and e.verb <> all (%(routine)s)
"""


def count(db: Db, first: date, last: date) -> tuple[int, int]:
    """How many decisions these whole days (UTC, both included) hold, and on how many items."""
    values = {"first": first, "last": last, "routine": list(ROUTINE)}
    row = db.execute("select count(*), count(distinct item_id) from mrq_event e" + _DAYS, values).fetchone()
    return row or (0, 0)


def decisions(db: Db, first: date, last: date) -> Iterator[Decided]:
    """What was decided in these whole days (UTC, both included), oldest first. Inside a transaction."""
    with db.cursor("mrq_decisions", row_factory=class_row(Decided)) as cursor:
        cursor.itersize = 1000
        yield from cursor.execute(
            """select e.item_id, e.seq, e.at, e.actor, e.actor_kind, e.via, e.verb, e.data, e.private,
                      e.private is null and e.private_hash is not null as erased,
                      q.item_type, q.resource_type, q.resource_id, q.resource_key, q.context, q.created_at,
                      to_jsonb(tried) as attempt
                 from mrq_event e
                 join manual_resolution_queue q on q.id = e.item_id
                 left join lateral (
                   select a.n, a.state, a.actor, a.option, a."values", a.justification, a.seen, a.started_at, a.ended_at
                     from mrq_attempt a
                    where a.item_id = e.item_id
                      and case when e.verb in ('fail', 'unknown', 'confirm') then a.started_at <= e.at
                               else a.n::text = e.private #>> '{resolution_metadata,attempt}' end
                    order by a.n desc limit 1) tried on true"""
            + _DAYS
            + " order by e.at, e.item_id, e.seq",
            {"first": first, "last": last, "routine": list(ROUTINE)},
        )
