"""Hand-written SQL through psycopg, prepared: what MRQ is measured against.

`L` has MRQ's duties on MRQ's tables: history by the same triggers with its chain, one open item per failure,
each repeat recorded. `bare` is the limit without them: a plain item table, a plain event row. `raw COPY`
writes items only.
"""

# ruff: noqa: S608  # the statements are put together from the literals below

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from bench.contender import Contender, Worker
from bench.mrq import Tables
from bench.things import BY, ITEM_TYPE, PRIORITY, REASON, RESOURCE_TYPE, SLA_HOURS, context

SLA_SECONDS = SLA_HOURS * 3600
FINGERPRINT = hashlib.md5(REASON.encode(), usedforsecurity=False).hexdigest()
ADDED = '{"kind": "producer", "via": "lib:bench@bench"}'
MOVED = '{"kind": "person", "via": "lib:bench@bench"}'


def key(failure: dict[str, Any]) -> str:
    """A dedup key made in the client."""
    named = f"{failure['item_type']}\n{failure['resource_type']}\n{failure['resource_id']}"
    return hashlib.sha256(named.encode()).hexdigest()


# ------------------------------------------------------------------ L

INSERT = """
insert into manual_resolution_queue as q
  (item_type, resource_type, resource_id, priority, reason, context, created_at, last_occurred_at,
   sla_seconds, sla_deadline, notice_at, dedup_key, fingerprint, changed_by, changed_how, changed_for, changed_note)
"""
COUNT_REPEAT = """
on conflict (dedup_key) where status <> 'resolved' do update
   set occurrences = q.occurrences + 1, last_occurred_at = excluded.last_occurred_at, changed_for = null
"""
ADD = f"""
with told as ({INSERT}
  select %(item_type)s, %(resource_type)s, %(resource_id)s, %(priority)s, %(reason)s, %(context)s, now, now,
         %(sla)s, now + %(sla)s * interval '1 second', now + %(sla)s * interval '0.75 second', %(key)s,
         %(fingerprint)s, 'bench', 'add', 1, %(note)s
    from (select mrq_now() as now offset 0) clock
  {COUNT_REPEAT} returning q.id, q.occurrences, q.last_occurred_at)
insert into mrq_occurrence (item_id, n, occurred_at, reason, context)
select id, occurrences, last_occurred_at, case when occurrences > 1 then %(reason)s end,
       case when occurrences > 1 then %(context)s end
  from told
returning item_id
"""
STAGE = """
create temp table if not exists staged (resource_id bigint, context jsonb, key text, add_id uuid)
on commit delete rows
"""
ADD_STAGED = f"""
with told as ({INSERT}
  select %(item_type)s, %(resource_type)s, resource_id, %(priority)s, %(reason)s, context, now, now, %(sla)s,
         now + %(sla)s * interval '1 second', now + %(sla)s * interval '0.75 second', key,
         %(fingerprint)s, 'bench', 'add', 1, %(note)s
    from staged, (select mrq_now() as now offset 0) clock order by key
  {COUNT_REPEAT} returning q.id, q.occurrences, q.last_occurred_at, q.dedup_key),
recorded as (
  insert into mrq_occurrence (add_id, item_id, n, occurred_at, reason, context)
  select add_id, id, occurrences, last_occurred_at, case when occurrences > 1 then %(reason)s end,
         case when occurrences > 1 then context end
    from told join staged on key = dedup_key)
select id from told
"""
TAKE = """
with next as materialized (
  select id from manual_resolution_queue
   where status in ('pending', 'escalated') and held is null and escalated_to is null
     and not (%(by)s = any (declined_by))
   order by priority_rank, calm, position, sla_deadline, id limit 1 for no key update skip locked)
update manual_resolution_queue q
   set status = 'assigned', assigned_to = %(by)s, lease_until = (select mrq_now()) + interval '30 minutes',
       changed_by = %(by)s, changed_how = 'claim', changed_for = q.version + 1, changed_note = %(note)s
  from next where q.id = next.id
"""
CLAIM = TAKE + "returning q.*"
END = """
update manual_resolution_queue q
   set status = 'resolved', resolution = 'Nothing had to be done', resolution_metadata = %(metadata)s,
       changed_by = %(by)s, changed_how = 'resolve', changed_for = q.version + 1, changed_note = %(note)s
 where id = %(id)s and status = 'assigned' and assigned_to = %(by)s
"""
RESOLVE = END + "returning q.id"
LOCK = "select id, status, assigned_to, held, context from manual_resolution_queue where id = %s for no key update"
RESOLVE_AND_CLAIM = f"with ended as ({END} returning q.id), {TAKE.replace('with ', '', 1)} returning q.*"
METADATA = {
    "option": "nothing",
    "justification": "Looked at it",
    "decided_by": BY,
    "outcome": "Nothing had to be done",
}


class ByHand(Tables):
    """SQL with MRQ's duties on MRQ's tables."""

    name = "L"

    def client(self) -> "ByHandWorker":
        return ByHandWorker(self)


class ByHandWorker(Worker):
    statement = ADD

    def __init__(self, contender: Contender) -> None:
        self.db = contender.connect(prepare_threshold=0)
        self.held: int | None = None

    def add(self, number: int) -> None:
        told = context(number)
        failure = {"item_type": ITEM_TYPE, "resource_type": RESOURCE_TYPE, "resource_id": number}
        self.db.execute(
            self.statement,
            failure
            | {
                "priority": PRIORITY,
                "reason": REASON,
                "context": Jsonb(told),
                "sla": SLA_SECONDS,
                "key": key(failure),
                "fingerprint": FINGERPRINT,
                "note": ADDED,
            },
        ).fetchone()

    def add_many(self, failures: Sequence[dict[str, Any]]) -> int:
        first = uuid.uuid4().int & ~0xFFFFFFFF
        with self.db.transaction():
            self.db.execute(STAGE)
            with self.db.cursor().copy("copy staged from stdin") as copy:
                for line, f in enumerate(failures):
                    copy.write_row((f["resource_id"], json.dumps(f["context"]), key(f), uuid.UUID(int=first + line)))
            return len(
                self.db.execute(
                    ADD_STAGED,
                    {
                        "item_type": ITEM_TYPE,
                        "resource_type": RESOURCE_TYPE,
                        "priority": PRIORITY,
                        "reason": REASON,
                        "sla": SLA_SECONDS,
                        "fingerprint": FINGERPRINT,
                        "note": ADDED,
                    },
                ).fetchall()
            )

    def claim(self) -> int | None:
        row = self.db.execute(CLAIM, {"by": BY, "note": MOVED}).fetchone()
        return row[0] if row else None

    def resolve(self, claimed: int) -> None:
        self.ended(RESOLVE, claimed)

    def resolved_and_claimed(self) -> bool:
        if self.held is None:
            self.held = self.claim()
        else:
            row = self.ended(RESOLVE_AND_CLAIM, self.held)
            self.held = row[0] if row else None
        return self.held is not None

    def ended(self, statement: str, item_id: int) -> tuple[Any, ...] | None:
        """A decision's own duty: what it rests on is read again under the lock of its row (design, Workflows)."""
        with self.db.transaction():
            self.db.execute(LOCK, [item_id]).fetchone()
            values = {"id": item_id, "by": BY, "note": MOVED, "metadata": Jsonb(METADATA)}
            return self.db.execute(statement, values).fetchone()


# ------------------------------------------------------------------ raw COPY

COPY_ITEMS = """
copy manual_resolution_queue
  (item_type, resource_type, resource_id, priority, reason, context, sla_seconds, sla_deadline, dedup_key,
   fingerprint) from stdin
"""


class RawCopy(Tables):
    """COPY into MRQ's item table with its indexes and rules but no trigger: no history, no answer."""

    name = "raw COPY"

    def prepare(self) -> None:
        super().prepare()
        with self.connect() as db:
            db.execute("alter table manual_resolution_queue disable trigger user")

    def client(self) -> "RawCopyWorker":
        return RawCopyWorker(self)


class RawCopyWorker(Worker):
    def __init__(self, contender: Contender) -> None:
        self.db = contender.connect()

    def add_many(self, failures: Sequence[dict[str, Any]]) -> int:
        with self.db.cursor().copy(COPY_ITEMS) as copy:
            for f in failures:
                copy.write_row(
                    (
                        f["item_type"],
                        f["resource_type"],
                        f["resource_id"],
                        f["priority"],
                        f["reason"],
                        json.dumps(f["context"]),
                        SLA_SECONDS,
                        "2999-01-01",
                        key(f),
                        FINGERPRINT,
                    )
                )
        return len(failures)


# ------------------------------------------------------------------ the bare limit

BARE = """
create table item (
  id bigint generated always as identity primary key,
  item_type varchar(50) not null, resource_type varchar(50) not null,
  resource_id bigint not null, priority varchar(20) not null, reason text not null, context jsonb,
  created_at timestamptz not null default now(), assigned_to varchar(100), assigned_at timestamptz,
  resolved_at timestamptz, resolution text, resolution_metadata jsonb,
  status varchar(20) not null default 'pending', escalated_at timestamptz, sla_deadline timestamptz not null,
  dedup_key text,
  priority_rank smallint generated always as
    (case priority when 'critical' then 0 when 'high' then 1 when 'medium' then 2 else 3 end) stored
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);
create table event (id bigint generated always as identity primary key, item_id bigint not null,
                    kind text not null, actor text, at timestamptz not null default now(), data jsonb);
create index on item (priority_rank, sla_deadline, id) where status = 'pending';
create index on item (sla_deadline) where status = 'pending';
create unique index on item (dedup_key) where dedup_key is not null and status <> 'resolved';
create index on item (status, item_type, priority, created_at desc, id desc);
create index on item (created_at desc, id desc);
create index on item (resolved_at) include (item_type, assigned_to, created_at, sla_deadline, escalated_at)
  where status = 'resolved';
create index on event (item_id);
"""
BARE_COLUMNS = "(item_type, resource_type, resource_id, priority, reason, context, sla_deadline, dedup_key)"
BARE_ADD = f"""
with i as (insert into item {BARE_COLUMNS}
             values (%(item_type)s, %(resource_type)s, %(resource_id)s, %(priority)s, %(reason)s, %(context)s,
                     now() + interval '24 hours', %(key)s) on conflict do nothing returning id)
insert into event (item_id, kind, actor) select id, 'created', 'bench' from i returning item_id
"""
BARE_STAGE = """
create temp table if not exists staged (resource_id bigint, context jsonb, key text) on commit delete rows
"""
BARE_ADD_STAGED = f"""
with i as (insert into item {BARE_COLUMNS}
             select %(item_type)s, %(resource_type)s, resource_id, %(priority)s, %(reason)s, context,
                    now() + interval '24 hours', key from staged on conflict do nothing returning id)
insert into event (item_id, kind, actor) select id, 'created', 'bench' from i returning item_id
"""
BARE_TAKE = """
c as materialized (select id from item where status = 'pending' order by priority_rank, sla_deadline, id
                   limit 1 for update skip locked),
u as (update item t set status = 'assigned', assigned_to = %(by)s, assigned_at = now() from c
       where t.id = c.id returning t.*)
"""
BARE_END = """
r as (update item set status = 'resolved', resolved_at = now(), resolution = 'Nothing had to be done',
             resolution_metadata = %(metadata)s
       where id = %(id)s and status = 'assigned' and assigned_to = %(by)s returning id)
"""
BARE_TAKEN = "e as (insert into event (item_id, kind, actor) select id, 'assigned', %(by)s from u) select * from u"
BARE_CLAIM = f"with {BARE_TAKE}, {BARE_TAKEN}"
BARE_ENDED = "insert into event (item_id, kind, actor, data) select id, 'resolved', %(by)s, %(metadata)s from r"
BARE_RESOLVE = f"with {BARE_END} {BARE_ENDED} returning item_id"
BARE_RESOLVE_AND_CLAIM = f"with {BARE_END}, f as ({BARE_ENDED}), {BARE_TAKE}, {BARE_TAKEN}"
BARE_FILL = f"""
insert into item {BARE_COLUMNS}
select %(item_type)s, %(resource_type)s, n, (array['high', 'medium', 'low'])[n %% 3 + 1], %(reason)s,
       %(context)s, now() + interval '30 days' + (n * 7919 %% 1000003) * interval '1 second', n
  from generate_series(1000000001, 1000000000 + %(amount)s::bigint) n
"""
BARE_FILL_EVENTS = "insert into event (item_id, kind, actor) select id, 'created', 'bench' from item"


class Bare(Contender):
    """A plain item table with a plain event row: what the machine gives."""

    name = "bare limit"

    def __init__(self, address: str) -> None:
        self.address = address

    def prepare(self) -> None:
        with self.connect() as db:
            db.execute(BARE)

    def empty(self) -> None:
        with self.connect() as db:
            db.execute("truncate item, event")

    def fill(self, amount: int, *, elsewhere: int = 0) -> None:
        with self.connect() as db, db.transaction():
            db.execute(
                BARE_FILL,
                {
                    "item_type": ITEM_TYPE,
                    "resource_type": RESOURCE_TYPE,
                    "reason": REASON,
                    "context": Jsonb(context(1)),
                    "amount": amount,
                },
            )
            db.execute(BARE_FILL_EVENTS)
        self.settle()

    def client(self) -> "BareWorker":
        return BareWorker(self)


class BareWorker(ByHandWorker):
    def add(self, number: int) -> None:
        failure = {"item_type": ITEM_TYPE, "resource_type": RESOURCE_TYPE, "resource_id": number}
        self.db.execute(
            BARE_ADD,
            failure
            | {
                "priority": PRIORITY,
                "reason": REASON,
                "context": Jsonb(context(number)),
                "key": key(failure),
            },
        ).fetchone()

    def add_many(self, failures: Sequence[dict[str, Any]]) -> int:
        with self.db.transaction():
            self.db.execute(BARE_STAGE)
            with self.db.cursor().copy("copy staged from stdin") as copy:
                for f in failures:
                    copy.write_row((f["resource_id"], json.dumps(f["context"]), key(f)))
            values = {
                "item_type": ITEM_TYPE,
                "resource_type": RESOURCE_TYPE,
                "priority": PRIORITY,
                "reason": REASON,
            }
            return len(self.db.execute(BARE_ADD_STAGED, values).fetchall())

    def claim(self) -> int | None:
        row = self.db.execute(BARE_CLAIM, {"by": BY}).fetchone()
        return row[0] if row else None

    def resolve(self, claimed: int) -> None:
        self.db.execute(BARE_RESOLVE, {"id": claimed, "by": BY, "metadata": Jsonb(METADATA)}).fetchone()

    def resolved_and_claimed(self) -> bool:
        if self.held is None:
            self.held = self.claim()
        else:
            values = {"id": self.held, "by": BY, "metadata": Jsonb(METADATA)}
            row = self.db.execute(BARE_RESOLVE_AND_CLAIM, values).fetchone()
            self.held = row[0] if row else None
        return self.held is not None
