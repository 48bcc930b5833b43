"""Statements that prove the history.

They call none of the queue's own functions: whoever can alter the history can replace those too. Each rule
stands here a second time, in core SQL.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg.rows import class_row

from manual_resolution.store.connection import Db

#: Entries of one item that `written_as` still compares with each other.
COMPARED: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One item's row beside its history.

    `version` is null without a row, `last_hash` that of entry number `version`. The rest is null where all is
    well: the first place with a wrong number, and that number; the first entry whose hash is wrong, the first
    whose private part is; the columns of the row that differ from what the history says.
    """

    item_id: int
    version: int | None
    entries: int
    erased: int
    last_hash: bytes | None
    out_of_place: int | None
    number_there: int | None
    wrong_hash: int | None
    wrong_private: int | None
    differing: list[str] | None


# Streams: both sides come in the order of the item's number, so nothing is sorted or held.
CHAINS: Final = """
with entry as (
  select e.item_id, e.seq, e.data, e.private, e.private_hash, e.hash,
         row_number() over history as place,
         sha256(coalesce(lag(e.hash) over history, '') || coalesce(e.private_hash, '')
           || convert_to(concat_ws(' ', e.format, e.item_id, e.seq, extract(epoch from e.at), e.actor_kind,
                e.verb, length(e.actor), e.actor, length(e.via), e.via, e.data), 'UTF8')) as right_hash,
         e.private is not null and e.private_hash is distinct from
           sha256(e.salt || convert_to(e.private::text, 'UTF8')) as wrong_private
    from mrq_event e
   where %(ids)s::bigint[] is null or e.item_id = any (%(ids)s)
  window history as (partition by e.item_id order by e.seq)),
chain as (
  select item_id, count(*) as entries,
         count(*) filter (where private is null and private_hash is not null) as erased,
         min(place) filter (where seq <> place) as out_of_place,
         min(seq) filter (where seq <> place) as number_there,
         min(seq) filter (where hash is distinct from right_hash) as wrong_hash,
         min(seq) filter (where wrong_private) as wrong_private,
         max(seq) as last_seq,
         max(seq) filter (where private ?& '{reason,context}') as told_at,
         max(seq) filter (where private is null and private_hash is not null) as erased_at,
         (array_agg(data) filter (where seq = 1))[1] as origin,
         (array_agg(private) filter (where seq = 1))[1] as told_first
    from entry group by item_id),
item as (select * from manual_resolution_queue where %(ids)s::bigint[] is null or id = any (%(ids)s))
select coalesce(q.id, c.item_id) as item_id, q.version, coalesce(c.entries, 0) as entries,
       coalesce(c.erased, 0) as erased, last.hash as last_hash, c.out_of_place, c.number_there, c.wrong_hash,
       c.wrong_private, d.differing
  from item q
  full join chain c on c.item_id = q.id
  left join mrq_event last on last.item_id = q.id and last.seq = q.version
  -- Where a later entry is erased, nobody can tell whether it told the reason and the context anew.
  left join mrq_event told
    on told.item_id = q.id and told.seq = c.told_at and coalesce(c.erased_at, 0) < c.told_at
  -- Where the first entry is erased, the row alone tells what it is about.
  cross join lateral (select coalesce(c.told_first, to_jsonb(q)) as about offset 0) first
  cross join lateral (select
    jsonb_strip_nulls(jsonb_build_object(
      'status', q.status, 'priority', q.priority, 'sla_deadline', q.sla_deadline at time zone 'UTC',
      'sla_seconds', q.sla_seconds, 'assigned_to', q.assigned_to,
      'assigned_at', q.assigned_at at time zone 'UTC', 'held', q.held,
      'deferred_until', q.deferred_until at time zone 'UTC',
      'escalated_at', q.escalated_at at time zone 'UTC',
      'escalation_level', nullif(q.escalation_level, 0), 'escalated_to', q.escalated_to,
      'declined_by', nullif(q.declined_by, '{}'), 'position', nullif(q.position, 'infinity'),
      'resolved_at', q.resolved_at at time zone 'UTC', 'succeeded_at', q.succeeded_at at time zone 'UTC',
      'item_type', q.item_type, 'resource_type', q.resource_type, 'resource_id', q.resource_id,
      'resource_key', q.resource_key, 'created_at', q.created_at at time zone 'UTC',
      'dedup_key', q.dedup_key, 'fingerprint', q.fingerprint, 'reopened_from', q.reopened_from)) as row,
    (c.origin - '{status,priority,sla_deadline,sla_seconds,assigned_to,assigned_at,escalated_at,resolved_at}'::text[])
      || last.data
      || jsonb_strip_nulls(jsonb_build_object('resource_key', about -> 'resource_key',
           'dedup_key', about -> 'dedup_key', 'fingerprint', about -> 'fingerprint')) as history,
    coalesce(told.private, jsonb_build_object('reason', q.reason, 'context', q.context)) as told,
    case when last.data ->> 'status' <> 'resolved' then '{}'
         else coalesce(last.private, jsonb_build_object(
                'resolution', q.resolution, 'resolution_metadata', q.resolution_metadata)) end as ended
    offset 0) f                                                        -- made once an item, not once a column
  cross join lateral (select array_agg(name order by name) as differing from (
      select name from jsonb_object_keys(f.row || f.history) name
       where f.row -> name is distinct from f.history -> name
      union all select 'reason' where f.told ->> 'reason' is distinct from q.reason
      union all select 'context' where nullif(f.told -> 'context', 'null') is distinct from q.context
      union all select 'resolution' where f.ended ->> 'resolution' is distinct from q.resolution
      union all select 'resolution_metadata' where
        nullif(f.ended -> 'resolution_metadata', 'null') is distinct from q.resolution_metadata) names) d
 order by 1
"""


def chains(db: Db, ids: Sequence[int] = ()) -> Iterator[Chain]:
    """Every item's row beside its history, in the order of their ids; `ids` limits them. In a transaction."""
    with db.cursor("mrq_chains", row_factory=class_row(Chain)) as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(CHAINS, {"ids": list(ids) or None})


def verb(db: Db, item_id: int, seq: int) -> str | None:
    """What the entry is called; none when it is missing."""
    row = db.execute("select verb from mrq_event where item_id = %s and seq = %s", [item_id, seq]).fetchone()
    return row[0] if row else None


def written_as(db: Db, item_id: int, seq: int) -> int | None:
    """The number under which this entry's hash is right, whatever stood before it; none: it was altered."""
    row = db.execute(
        """with history as materialized (
             select * from mrq_event where item_id = %(id)s limit %(compared)s + 1)
           select number.k
             from history e
            cross join generate_series(1, (select max(seq) from history) + 1) number (k)
            cross join (select ''::bytea union all select hash from history) before (hash)
            where e.seq = %(seq)s and (select count(*) from history) <= %(compared)s and number.k <> e.seq
              and e.hash = sha256(before.hash || coalesce(e.private_hash, '')
                    || convert_to(concat_ws(' ', e.format, e.item_id, number.k, extract(epoch from e.at),
                       e.actor_kind, e.verb, length(e.actor), e.actor, length(e.via), e.via, e.data), 'UTF8'))
            limit 1""",
        {"id": item_id, "seq": seq, "compared": COMPARED},
    ).fetchone()
    return row[0] if row else None


def count_items(db: Db) -> int:
    """How many items there are to prove."""
    row = db.execute("select count(*) from manual_resolution_queue").fetchone()
    return row[0] if row else 0
