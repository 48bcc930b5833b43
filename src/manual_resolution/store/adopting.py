"""A table that somebody made from the specification becomes the queue, with its rows (design, The database).

It is set aside (`aside`), the migrations make the queue, the rows move over, each with a first event, it is dropped.
All in the caller's transaction. What contradicts its status gives way to the status and is kept in that event; what
would need a guess is refused as a whole, each row named.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from manual_resolution.errors import InvalidInput, Refused
from manual_resolution.item import STATUSES
from manual_resolution.store.aside import Aside
from manual_resolution.store.connection import Db
from manual_resolution.via import here


@dataclass(frozen=True, slots=True)
class Repair:
    """What one column of a row said and says now, as text; null: nothing."""

    id: int
    column: str
    was: str | None
    now: str | None

    def __str__(self) -> str:
        return f"#{self.id}: {self.column} {_said(self.was)} → {_said(self.now)}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be adopted without a guess: the rule it breaks, and what to look at."""

    id: int
    rule: str
    detail: str

    def __str__(self) -> str:
        return f"#{self.id}: {self.rule}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Double:
    """An open row for a failure that is open already: repeats are counted on `first`."""

    id: int
    first: int

    def __str__(self) -> str:
        return f"#{self.id}: open for the same failure as #{self.first}, which counts the repeats"


@dataclass(frozen=True, slots=True)
class Adoption:
    """What adopting came to; `left_out` names what the old table had beyond the specification and the queue has not."""

    rows: int
    by_status: dict[str, int]
    time_zone: str
    repairs: list[Repair] = field(default_factory=list)
    doubles: list[Double] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


class NotAdopted(Refused):
    """The table is left as it was; `faults` names each row and its rule."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        rows = f"{len(faults)} {'row needs' if len(faults) == 1 else 'rows need'}"
        super().__init__(f"Nothing was adopted: {rows} a decision of yours first, by UPDATE.")


def _said(value: str | None) -> str:
    return "nothing" if value is None else ascii(value)


# ------------------------------------------------------------------ moved over

#: The rows as they are, times as instants: those without a zone are read in the session's.
_TELL: Final = """
create temporary table mrq_told on commit drop as
select id::bigint, item_type::text, resource_type::text, resource_id::bigint, priority::text, reason::text,
       context::jsonb, created_at::timestamptz, assigned_to::text, assigned_at::timestamptz, resolved_at::timestamptz,
       resolution::text, resolution_metadata::jsonb, status::text, escalated_at::timestamptz, sla_deadline::timestamptz
  from mrq_set_aside
"""
#: The status decides; what contradicts it gives way, and what time is missing is the time of the adoption.
_MEND: Final = """
create temporary table mrq_mended on commit drop as
select id, item_type, resource_type, resource_id, urgency as priority,
       case when btrim(reason) = '' then 'No reason was recorded' else reason end as reason,
       case coalesce(jsonb_typeof(context), 'null') when 'object' then context when 'null' then null
            else jsonb_build_object('value', context) end as context,
       created_at,
       case when state in ('assigned', 'resolved') then assigned_to end as assigned_to,
       case state when 'resolved' then assigned_at when 'assigned' then coalesce(assigned_at, now) end as assigned_at,
       case state when 'resolved' then coalesce(resolved_at, now) else resolved_at end as resolved_at, resolution,
       case coalesce(jsonb_typeof(resolution_metadata), 'null')
            when 'object' then resolution_metadata when 'null' then null
            else jsonb_build_object('value', resolution_metadata) end as resolution_metadata,
       state as status,
       case state when 'escalated' then coalesce(escalated_at, now) else escalated_at end as escalated_at,
       coalesce(sla_deadline, created_at + (
         select coalesce(max(value::float8), 168) * interval '1 hour' from mrq_setting
          where name = 'sla_' || urgency)) as sla_deadline
  from (select t.*, lower(btrim(priority)) as urgency, (select mrq_now()) as now,
               case when said = 'assigned' and owner is null or said = 'pending' and escalated_at is not null
                    then case when escalated_at is null then 'pending' else 'escalated' end
                    else said end as state
          from (select *, lower(btrim(status)) as said, nullif(btrim(assigned_to), '') as owner from mrq_told) t) t
"""
_REPAIRS: Final = """
select t.id, old.key as "column", old.value as was, new.value as now
  from mrq_told t join mrq_mended m using (id)
 cross join lateral jsonb_each_text(to_jsonb(t)) old
  join lateral jsonb_each_text(to_jsonb(m)) new on new.key = old.key
 where old.value is distinct from new.value
 order by t.id, old.key
"""
#: Of the open rows for one failure the first has its key; the others keep apart by keys of their own.
_KEY: Final = """
alter table mrq_mended add first bigint;
update mrq_mended m set first = f.first from (
  select id, min(id) over (partition by item_type, resource_type, resource_id) as first
    from mrq_mended where status <> 'resolved') f
 where f.id = m.id and f.first <> m.id
"""
_ROW: Final = """
insert into manual_resolution_queue
  (id, item_type, resource_type, resource_id, priority, reason, context, created_at, assigned_to, assigned_at,
   resolved_at, resolution, resolution_metadata, status, escalated_at, sla_deadline, sla_seconds, dedup_key,
   fingerprint, last_occurred_at, lease_until, changed_by, changed_how, changed_for, changed_note)
select id, item_type, resource_type, resource_id, priority, reason, context, created_at, assigned_to, assigned_at,
       resolved_at, resolution, resolution_metadata, status, escalated_at, sla_deadline,
       case when isfinite(created_at) and isfinite(sla_deadline)
            then greatest(1, ceil(extract(epoch from sla_deadline - created_at))) else 1 end,
       mrq_dedup_key(item_type, resource_type, resource_id, null, 'adopted ' || case when first < id then id end),
       mrq_fingerprint(item_type, reason, context), created_at,
       case status when 'assigned' then (select mrq_now()) + interval '1 day' end,
       'mrq', 'adopt', 1, '{"kind": "machine"}'
  from mrq_mended m
"""
#: One row at a time, each in a savepoint: what the queue's own rules say of it. Once a rule has been named, the row is
#: tried again with something harmless in that place, so that all it breaks are named; nothing of this is kept.
_TRY: Final = """
create function pg_temp.mrq_try() returns table (id bigint, rule text, detail text) language plpgsql as $mrq$
declare
  tried bigint;
  harmless text;
  named text[];
begin
  for tried in select m.id from mrq_mended m order by m.id loop
    named := '{}';
    loop
      begin
        id := tried;
        execute $try$"""
_TRIED: Final = """ where id = $1$try$ using tried;
        exit;
      exception when integrity_constraint_violation or data_exception then
        get stacked diagnostics rule = constraint_name, detail = message_text;
        rule := coalesce(nullif(rule, ''), 'values_fit');
      end;
      exit when rule = any (named);
      return next;
      named := named || rule;
      harmless := case rule
        when 'status_is_known'
          then $$status = 'pending', escalated_at = null, resolved_at = null, resolution = null,
                 resolution_metadata = null$$
        when 'priority_is_known' then $$priority = 'low'$$
        when 'one_resource' then 'resource_id = -id'
        when 'deadline_after_creation' then $$sla_deadline = created_at + interval '1 hour'$$
        when 'deadline_is_finite' then $$created_at = now() - interval '1 day', sla_deadline = now()$$
        when 'resolved_has_time' then 'resolved_at = null'
        when 'resolution_when_resolved' then 'resolution = null, resolution_metadata = null' end;
      exit when harmless is null;
      execute 'update mrq_mended set ' || harmless || ' where id = $1' using tried;
    end loop;
  end loop;
end $mrq$
"""
_LATE: Final = """
select id, 'times_have_been' as rule,
       string_agg(format('%s is later than now (is the time zone right?)', name), ', ') as detail
  from mrq_mended, lateral (values ('created_at', created_at), ('assigned_at', assigned_at),
                                   ('resolved_at', resolved_at), ('escalated_at', escalated_at)) t (name, at)
 where at > (select mrq_now()) group by id order by id
"""
#: The triggers that take a row for one just added.
_JUST_ADDED: Final = """
alter table manual_resolution_queue <way> trigger mrq_fill;
alter table manual_resolution_queue <way> trigger mrq_insert_events;
alter table manual_resolution_queue <way> trigger mrq_rollup_added
"""
#: As the trigger writes it for an item just added; with everything that an adopted row may be already.
_EVENTS: Final = """
insert into mrq_event (item_id, seq, at, actor, actor_kind, via, verb, data, private, salt, private_hash, hash)
select id, 1, at, 'mrq', 'machine', %(via)s::text, 'adopt', data, private, salt, private_hash,
       mrq_event_hash(null, 1::smallint, id, 1, at, 'mrq', 'machine', %(via)s::text, 'adopt', data, private_hash)
  from (select s.*, mrq_private_hash(salt, private) as private_hash from (
    select q.id, (select mrq_now()) as at, mrq_origin(q) || mrq_facts(q) as data, uuid_send(gen_random_uuid()) as salt,
           mrq_told(q)
           || case q.status when 'resolved' then jsonb_build_object(
                'resolution', q.resolution, 'resolution_metadata', q.resolution_metadata) else '{}' end
           || coalesce((select jsonb_build_object('was', jsonb_object_agg(old.key, old.value))
                          from mrq_told t join mrq_mended m using (id)
                         cross join lateral jsonb_each(to_jsonb(t)) old
                          join lateral jsonb_each(to_jsonb(m)) new on new.key = old.key
                         where t.id = q.id and old.value is distinct from new.value having count(*) > 0), '{}')
           as private
      from manual_resolution_queue q offset 0) s offset 0) e
"""

#: What a person has to look at, by the rule that a row breaks.
_WHAT: Final = {
    "status_is_known": "status",
    "priority_is_known": "priority",
    "one_resource": "resource_id",
    "deadline_after_creation": "sla_deadline",
    "deadline_is_finite": "sla_deadline",
    "resolved_has_time": "resolved_at",
    "resolution_when_resolved": "resolution",
}


def adopt(db: Db, aside: Aside, zone: str) -> Adoption:
    """Move the rows of the table set aside into the queue just made, and drop it. Raises `NotAdopted`."""
    _read_in(db, zone)
    db.execute(_TELL)
    db.execute("set local timezone = 'UTC'")
    db.execute("alter table mrq_told add primary key (id)")
    db.execute(_MEND)
    db.execute("alter table mrq_mended add primary key (id)")
    db.execute(_KEY)
    db.execute(_JUST_ADDED.replace("<way>", "disable"))
    _insert(db)
    db.execute(_JUST_ADDED.replace("<way>", "enable"))
    db.execute(_EVENTS, {"via": here()})
    db.execute(
        "insert into mrq_occurrence (item_id, n, occurred_at) select id, 1, created_at from manual_resolution_queue"
    )
    db.execute("select mrq_rollup_rebuild()")
    adoption = _told(db, aside, zone)
    db.execute("drop table mrq_set_aside")
    for statement in (*aside.grants, *aside.keys):
        db.execute(statement.encode())
    if aside.last_id:
        db.execute("select setval(pg_get_serial_sequence('manual_resolution_queue', 'id'), %s)", [aside.last_id])
    return adoption


def _read_in(db: Db, zone: str) -> None:
    """Let times without a zone be read in `zone`, a name such as Europe/Berlin."""
    known = db.execute("select name from pg_timezone_names where lower(name) = lower(%s)", [zone]).fetchone()
    if known is None:
        raise InvalidInput("time_zone", zone, "a time zone's name that PostgreSQL knows, such as UTC or Europe/Berlin")
    db.execute("select set_config('TimeZone', %s, true)", [known[0]])


def _insert(db: Db) -> None:
    late = _rows(db, Fault, _LATE)
    try:
        with db.transaction():
            db.execute(_ROW)
    except (psycopg.IntegrityError, psycopg.DataError):
        db.execute(_TRY + _ROW + _TRIED)
        broken = _rows(db, Fault, "select * from pg_temp.mrq_try()")
        raise NotAdopted(sorted([*late, *(_explained(db, fault) for fault in broken)], key=lambda f: f.id)) from None
    if late:
        raise NotAdopted(late)


def _explained(db: Db, fault: Fault) -> Fault:
    """A fault with the value to look at, where its rule is about one column."""
    if (column := _WHAT.get(fault.rule)) is None:
        return fault
    row = db.execute("select to_jsonb(t) ->> %s from mrq_told t where id = %s", [column, fault.id]).fetchone()
    return Fault(fault.id, fault.rule, f"{column} is {_said(row[0] if row else None)}")


def _rows(db: Db, kind: type[Any], statement: LiteralString) -> list[Any]:
    with db.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement).fetchall()


def _told(db: Db, aside: Aside, zone: str) -> Adoption:
    by_status = db.execute("select status, count(*) from manual_resolution_queue group by status").fetchall()
    return Adoption(
        rows=sum(count for _, count in by_status),
        by_status={status: dict(by_status).get(status, 0) for status in STATUSES},
        time_zone=zone,
        repairs=_rows(db, Repair, _REPAIRS),
        doubles=_rows(db, Double, "select id, first from mrq_mended where first is not null order by id"),
        left_out=aside.left_out,
    )
