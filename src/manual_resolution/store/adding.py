"""Statements that add: one failure, many, or one inside the caller's own transaction."""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from psycopg import Cursor
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from manual_resolution.intake import Intake
from manual_resolution.item import Actor, Added
from manual_resolution.store.arrivals import HEARD, tell
from manual_resolution.store.connection import Db

#: So many contexts of one failure are kept from its first reports, and as many from its last.
KEPT_CONTEXTS: Final = 20

_GIVEN: Final = """
with given as materialized (
  select item_type, resource_type, resource_id, resource_key, priority, reason, context, sla_seconds, fingerprint, now,
         least(occurred_at, now) as at, least(occurred_at, now) + sla_seconds * interval '1 second' as deadline,
         mrq_dedup_key(item_type, resource_type, resource_id, resource_key, dedup_key) as dedup_key
    from (select %(item_type)s::text as item_type, %(resource_type)s::text as resource_type,
                 %(resource_id)s::bigint as resource_id, %(resource_key)s::text as resource_key,
                 %(priority)s::text as priority, %(reason)s::text as reason, %(context)s::jsonb as context,
                 %(sla_seconds)s::bigint as sla_seconds, %(fingerprint)s::text as fingerprint,
                 %(occurred_at)s::timestamptz as occurred_at, %(dedup_key)s::text as dedup_key, mrq_now() as now
          offset 0) told)
"""
_INSERT: Final = """
  insert into manual_resolution_queue as q
    (item_type, resource_type, resource_id, resource_key, priority, reason, context, created_at, last_occurred_at,
     sla_seconds, sla_deadline, notice_at, dedup_key, fingerprint, changed_by, changed_how, changed_for, changed_note)
  select item_type, resource_type, resource_id, resource_key, priority, reason, context, at, at, sla_seconds, deadline,
         case when priority = 'critical' then at else at + sla_seconds * %(warn_at)s * interval '0.01 second' end,
         dedup_key, fingerprint, %(by)s, 'add', 1, %(note)s::jsonb
    from given
"""
# A repeat counts, and takes back that it had succeeded. A higher priority raises the item's, and the deadline becomes
# the earlier of the old one and a new SLA from now: never later, never lower (design, Adding); `excluded` repeats.
_COUNTED: Final = """
    set occurrences = q.occurrences + excluded.occurrences,
        last_occurred_at = greatest(q.last_occurred_at, excluded.last_occurred_at),
        priority = case when mrq_rank(excluded.priority) < mrq_rank(q.priority) then excluded.priority
                        else q.priority end,
        sla_deadline = case when mrq_rank(excluded.priority) < mrq_rank(q.priority)
                            then least(q.sla_deadline, (select mrq_now()) + excluded.sla_seconds * interval '1 second')
                            else q.sla_deadline end,
        sla_seconds = case when mrq_rank(excluded.priority) < mrq_rank(q.priority)
                           then least(q.sla_seconds, excluded.sla_seconds) else q.sla_seconds end,
        position = case when excluded.priority = 'critical' then 'infinity' else q.position end,
        succeeded_at = null,
        changed_by = %(by)s, changed_note = %(note)s::jsonb,
        changed_how = case when mrq_rank(excluded.priority) < mrq_rank(q.priority) then 'priority' else 'repeat' end,
        changed_for = case when mrq_rank(excluded.priority) < mrq_rank(q.priority) or q.succeeded_at is not null
                           then q.version + 1 end
"""

# A failure nobody told yet: one statement, one round trip, one commit. `do update` here would run the triggers of an
# update, too, for each new item, over nothing (docs/design/figures).
ADD: Final = (
    _GIVEN
    + ", told as ("
    + _INSERT
    + """
  on conflict (dedup_key) where status <> 'resolved' do nothing
  returning q.id)
insert into mrq_occurrence (add_id, item_id, n, occurred_at)
select %(add_id)s::uuid, told.id, 1, given.at from told, given
returning item_id, n, """
    + HEARD
)
# One that is open already.
REPEAT: Final = (
    _GIVEN
    + """, told as (
  update manual_resolution_queue q"""
    + _COUNTED
    + """
    from (select *, 1 as occurrences, at as last_occurred_at from given) excluded
   where q.dedup_key = excluded.dedup_key and q.status <> 'resolved'
  returning q.id, q.occurrences)
insert into mrq_occurrence (add_id, item_id, n, occurred_at, reason, context)
select %(add_id)s::uuid, told.id, told.occurrences, given.at, given.reason, given.context from told, given
returning item_id, n"""
)

# In the caller's transaction: a new item, or nothing but a row that is counted after the caller's commit, so that
# nobody else waits for it (design, Adding).
ADD_WITHIN: Final = (
    _GIVEN
    + """, standing as materialized (
  select id from manual_resolution_queue where dedup_key = (select dedup_key from given) and status <> 'resolved'),
told as ("""
    + _INSERT
    + """
   where not exists (select from standing)
  on conflict (dedup_key) where status <> 'resolved' do nothing
  returning id)
insert into mrq_occurrence (add_id, item_id, n, occurred_at, reason, context, priority, sla_seconds, counted)
select %(add_id)s::uuid, told.id, 1, given.at, null, null, null, null, true from told, given
union all
select %(add_id)s::uuid, standing.id, null, given.at, given.reason, given.context, given.priority, given.sla_seconds,
       false
  from standing, given
returning item_id, counted"""
)


@lru_cache(maxsize=8)
def note_of(kind: str, via: str) -> str:
    """What every add of this process says of itself, as JSON text."""
    return json.dumps({"kind": kind, "via": via})


def values_of(
    intake: Intake, add_id: uuid.UUID, by: Actor, sla_seconds: dict[str, int], warn_at: float = 75
) -> dict[str, Any]:
    """An intake as statement parameters. `warn_at` is in hundredths of the SLA."""
    return {
        "item_type": intake.item_type,
        "resource_type": intake.resource_type,
        "resource_id": intake.resource_id,
        "resource_key": intake.resource_key,
        "priority": intake.priority,
        "reason": intake.reason,
        "context": intake.context,
        "sla_seconds": intake.sla_seconds or sla_seconds[intake.priority],
        "occurred_at": intake.occurred_at,
        "dedup_key": intake.dedup_key,
        "fingerprint": intake.fingerprint,
        "warn_at": warn_at,
        "by": by.name,
        "note": note_of(by.kind, by.via),
        "add_id": add_id,
    }


def add(db: Db, values: dict[str, Any]) -> Added | None:
    """Add one failure in a transaction of MRQ's own; none when another's was resolved in between: ask again."""
    if (row := db.execute(ADD, values).fetchone()) is None:
        row = db.execute(REPEAT, values).fetchone()
    elif row[2]:
        tell(db)
    return None if row is None else Added(row[0], repeated=row[1] > 1, occurrences=row[1])


def add_within(db: Db, values: dict[str, Any]) -> Added | None:
    """Add one failure in the caller's transaction; none when another's add of the same got between: ask again."""
    row = _plain(db).execute(ADD_WITHIN, values).fetchone()
    return None if row is None else Added(row[0], repeated=not row[1])


def _plain(db: Db) -> Cursor[tuple[Any, ...]]:
    """A cursor as MRQ's statements need it, whatever cursors and rows a caller's connection makes."""
    return Cursor(db, row_factory=tuple_row)


def join(db: Db) -> None:
    """See to it that the caller's transaction has begun: what follows is a savepoint in it and commits nothing."""
    if not db.autocommit and db.info.transaction_status == TransactionStatus.IDLE:
        db.execute("select")


def recorded(db: Db, add_id: uuid.UUID) -> Added | None:
    """What an add that may have been recorded before came to."""
    row = db.execute("select item_id, coalesce(n, 2) from mrq_occurrence where add_id = %s", [add_id]).fetchone()
    return None if row is None else Added(row[0], repeated=row[1] > 1, occurrences=row[1])


def resolved_since(db: Db, values: dict[str, Any]) -> int | None:
    """The item that was resolved after this failure happened: a late report reopens nothing (design, Adding)."""
    row = (
        _plain(db)
        .execute(
            """select r.id from manual_resolution_queue r
            where r.dedup_key = mrq_dedup_key(%(item_type)s::text, %(resource_type)s::text, %(resource_id)s::bigint,
                                              %(resource_key)s::text, %(dedup_key)s::text)
              and r.status = 'resolved' and r.resolved_at > %(occurred_at)s
              and not exists (select from manual_resolution_queue o
                               where o.dedup_key = r.dedup_key and o.status <> 'resolved')
            order by r.resolved_at desc limit 1""",
            values,
        )
        .fetchone()
    )
    return row[0] if row else None


def record_late(db: Db, item_id: int, values: dict[str, Any]) -> None:
    """Keep a late report with the item that was resolved after it."""
    _plain(db).execute(
        """insert into mrq_occurrence (add_id, item_id, occurred_at, reason, context)
           values (%(add_id)s, %(item_id)s, %(occurred_at)s, %(reason)s, %(context)s::jsonb)""",
        values | {"item_id": item_id},
    )


def forget_middle_context(db: Db, item_id: int, n: int) -> None:
    """Keep the first and the last contexts of an often repeated failure, not those between."""
    db.execute(
        "update mrq_occurrence set context = null where item_id = %s and n = %s",
        [item_id, n - KEPT_CONTEXTS],
    )


def alone_with(db: Db, add_ids: list[uuid.UUID]) -> None:
    """Until this transaction ends, another who comes with ids that begin so waits."""
    if add_ids:
        db.execute("select pg_advisory_xact_lock(%s)", [add_ids[0].int >> 65])


# ------------------------------------------------------------------ many at once

STAGE: Final = """
create temp table if not exists mrq_staged (
  line integer, add_id uuid, item_type text, resource_type text, resource_id bigint, resource_key text, priority text,
  reason text, context jsonb, sla_seconds bigint, occurred_at timestamptz, dedup_key text, fingerprint text
) on commit delete rows
"""
COPY: Final = """
copy mrq_staged (line, add_id, item_type, resource_type, resource_id, resource_key, priority, reason, context,
                 sla_seconds, occurred_at, dedup_key, fingerprint) from stdin
"""
# Equal failures are folded first, and keys go in by order: two batches that meet cannot deadlock. What is sorted and
# folded is narrow; the texts are fetched by their line when they are written.
ADD_STAGED: Final = (
    """
with clock as materialized (select mrq_now() as now),
keyed as materialized (
  select line, add_id, mrq_rank(priority) as rank, sla_seconds, occurred_at, least(occurred_at, now) as at, now,
         mrq_dedup_key(item_type, resource_type, resource_id, resource_key, dedup_key) collate "C" as key
    from mrq_staged, clock),
late as materialized (
  select k.line, k.add_id, k.at, ended.id from keyed k cross join lateral (
    select r.id from manual_resolution_queue r
     where k.occurred_at is not null and r.dedup_key = k.key and r.status = 'resolved'
       and r.resolved_at > k.occurred_at
       and not exists (select from manual_resolution_queue o where o.dedup_key = k.key and o.status <> 'resolved')
     order by r.resolved_at desc limit 1) ended),
staged as materialized (select * from keyed where line not in (select line from late)),
folded as materialized (
  select distinct on (key) key, line, rank, at, now, count(*) over same as times, max(at) over same as last_at,
         min(rank) over same as best_rank, first_value(sla_seconds) over ranked as best_sla
    from staged window same as (partition by key), ranked as (partition by key order by rank, line)
   order by key, line),
told as materialized (
  insert into manual_resolution_queue as q
    (item_type, resource_type, resource_id, resource_key, priority, reason, context, created_at, last_occurred_at,
     sla_seconds, sla_deadline, notice_at, dedup_key, fingerprint, occurrences, changed_by, changed_how, changed_for,
     changed_note)
  select item_type, resource_type, resource_id, resource_key,
         (array['critical', 'high', 'medium', 'low'])[best_rank + 1], reason, context, at, last_at,
         least(sla_seconds, best_sla),
         least(at + sla_seconds * interval '1 second',
               case when best_rank < rank then now + best_sla * interval '1 second' end),
         case when best_rank = 0 then at
              else at + least(sla_seconds, best_sla) * %(warn_at)s * interval '0.01 second' end,
         key, fingerprint, times, %(by)s, 'add', 1, %(note)s::jsonb
    from folded join mrq_staged using (line) order by key
"""
    + " on conflict (dedup_key) where status <> 'resolved' do update"
    + _COUNTED
    + """
  returning q.id, q.dedup_key, q.occurrences
),
counted as (
  select s.line, s.add_id, t.id, s.at,
         t.occurrences - f.times + row_number() over (partition by s.key order by s.line) as n
    from staged s join told t on t.dedup_key = s.key join folded f on f.key = s.key),
recorded as (
  insert into mrq_occurrence (add_id, item_id, n, occurred_at, reason, context)
  select add_id, id, n, at, null, null from counted where n = 1
  union all
  select r.add_id, id, n, at, reason, context from (
    select line, add_id, id, n, at from counted where n > 1
    union all select line, add_id, id, null, at from late) r join mrq_staged using (line))
select id, n from (select line, id, n from counted union all select line, id, 2 from late) told order by line"""
)


def known_ids(db: Db, add_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these adds have been recorded."""
    rows = db.execute("select add_id from mrq_occurrence where add_id = any(%s)", [list(add_ids)]).fetchall()
    return {row[0] for row in rows}


def add_many(
    db: Db,
    intakes: Iterable[Intake],
    by: Actor,
    sla_seconds: dict[str, int],
    warn_at: float = 75,
    *,
    id_of: Callable[[int], uuid.UUID] | None = None,
) -> list[Added]:
    """Add a batch in one transaction (the caller's); the answers in the order given. `id_of`: a line's `add_id`."""
    first_id = uuid.uuid4().int & ~0xFFFFFFFF  # neighbours in the index: a batch fills pages, not the whole tree
    db.execute("set local jit = off")  # compiling this takes up to seconds and saves nothing
    db.execute(STAGE)
    with db.cursor().copy(COPY) as copy:
        for line, i in enumerate(intakes):
            copy.write_row(
                (
                    line,
                    i.add_id or (id_of(line) if id_of else uuid.UUID(int=first_id + line)),
                    i.item_type,
                    i.resource_type,
                    i.resource_id,
                    i.resource_key,
                    i.priority,
                    i.reason,
                    i.context,
                    i.sla_seconds or sla_seconds[i.priority],
                    i.occurred_at,
                    i.dedup_key,
                    i.fingerprint,
                )
            )
    rows = db.execute(ADD_STAGED, {"by": by.name, "note": note_of(by.kind, by.via), "warn_at": warn_at}).fetchall()
    return [Added(item_id, repeated=n > 1, occurrences=n) for item_id, n in rows]
