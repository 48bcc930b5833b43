"""What this database really is, beside what MRQ ships: statements for `mrq doctor` and `mrq db`."""

import re
from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import class_row, dict_row

from manual_resolution.store.connection import Db
from manual_resolution.store.migrate import Migration, migrations


@dataclass(frozen=True, slots=True)
class Thing:
    """One guard in a schema: what kind, on which table (empty for a function), its name, its definition.

    `trouble` says why it does not guard, null where it does.
    """

    kind: str
    place: str
    name: str
    definition: str
    trouble: str | None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}{f' on {self.place}' if self.place else ''}"


THINGS: Final = r"""
with tables as (
  select oid, relname::text,
         case when relnamespace = pg_my_temp_schema() then 'pg_temp'
              else relnamespace::regnamespace::text end as space
    from pg_class
   where relnamespace = %(schema)s::oid and relkind in ('r', 'p')
     and (relname = 'manual_resolution_queue' or relname like 'mrq\_%%') and relname <> 'mrq_migration'),
indexes as (
  select i.*, relname::text as name from pg_index i join pg_class on pg_class.oid = indexrelid)
select 'trigger' as kind, relname as place, tgname::text as name,
       replace(pg_get_triggerdef(t.oid), ' ON ' || space || '.', ' ON ') as definition,
       case when tgenabled not in ('O', 'A') then 'is disabled' end as trouble
  from pg_trigger t join tables on tables.oid = tgrelid where not tgisinternal
union all
select 'constraint', relname, conname::text,
       replace(pg_get_constraintdef(k.oid), ' REFERENCES ' || space || '.', ' REFERENCES '),
       case when not convalidated then 'is not validated' end
  from pg_constraint k join tables on tables.oid = conrelid where contype in ('c', 'f', 'p', 'u', 'x')
union all
select 'index', relname, i.name, replace(pg_get_indexdef(i.indexrelid), ' ON ' || space || '.', ' ON '),
       case when not (indisvalid and indisready and indislive) then 'is not valid' end
  from indexes i join tables on tables.oid = i.indrelid
union all
select case when attgenerated = '' then 'column' else 'generated column' end, relname, attname::text,
       concat_ws(' ', format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
                 case when attidentity <> '' then 'identity' end, pg_get_expr(adbin, adrelid)), null
  from pg_attribute a join tables on tables.oid = attrelid
  left join pg_attrdef on adrelid = attrelid and adnum = attnum where attnum > 0 and not attisdropped
union all
select 'function', '', proname::text,
       concat_ws(' ', pg_get_function_arguments(oid), pg_get_function_result(oid), provolatile, prosecdef,
                 proisstrict, (select string_agg(split_part(s, '=', 1), ' ') from unnest(proconfig) s),
                 prosrc), null
  from pg_proc where pronamespace = %(schema)s::oid and proname like 'mrq\_%%'
 order by kind, place, name
"""


def guards(db: Db, schema: int) -> list[Thing]:
    """The columns, constraints, indexes, triggers and functions of the queue in one schema."""
    with db.cursor(row_factory=class_row(Thing)) as cursor:
        return cursor.execute(THINGS, {"schema": schema}).fetchall()


def present(db: Db) -> list[Thing]:
    """The guards of the queue that the search path finds; none where it finds none."""
    row = db.execute(
        "select relnamespace::bigint from pg_class where oid = to_regclass('manual_resolution_queue')"
    ).fetchone()
    return guards(db, row[0]) if row else []


#: A migration's own call, on a line of its own. It would find the function that is there and not the one just made,
#: since none is looked up among temporary ones, and so lock and count the real tables.
CALL: Final = re.compile(r"^select mrq_\w+\(.*\);$", re.MULTILINE)


def shipped(db: Db) -> list[Thing]:
    """The guards as shipped: the migrations make temporary tables, PostgreSQL describes these, all is undone.

    Raises `psycopg.Error` where that cannot be: on a standby, without the right to temporary tables, or where
    a trigger's function is missing.
    """
    with db.transaction(force_rollback=True):
        db.execute("select set_config('search_path', 'pg_temp, ' || current_setting('search_path'), true)")
        db.execute("set local check_function_bodies = off")
        for migration in migrations():
            db.execute(CALL.sub("", migration.sql).encode())
        row = db.execute("select pg_my_temp_schema()::bigint").fetchone()
        return guards(db, row[0] if row else 0)


# ------------------------------------------------------------------ the server and the role


def server(db: Db) -> dict[str, Any]:
    """Settings of the server and this session, and who we are."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """select current_setting('server_version_num')::integer / 10000 as version,
                      current_setting('server_version') as version_text,
                      current_database() as database, current_user as role, pg_is_in_recovery() as standby,
                      current_setting('fsync') as fsync,
                      current_setting('full_page_writes') as full_page_writes,
                      current_setting('synchronous_commit') as synchronous_commit,
                      current_setting('session_replication_role') as session_replication_role,
                      current_setting('TimeZone') as timezone, current_setting('autovacuum') as autovacuum,
                      (select rolsuper from pg_roles where rolname = current_user) as superuser,
                      (select pg_has_role(relowner, 'usage') from pg_class
                        where oid = to_regclass('mrq_event')) as owner,
                      extract(epoch from clock_timestamp())::float8 as clock"""
        ).fetchone()
    assert row is not None
    return row


def clock_is_off(db: Db) -> float:
    """Seconds by which `mrq_now()` differs from the server's clock."""
    row = db.execute("select extract(epoch from (select mrq_now()) - clock_timestamp())::float8").fetchone()
    return float(row[0]) if row else 0.0


def settings_told(db: Db) -> dict[str, str]:
    """What the database gives to producers with plain SQL."""
    return dict(db.execute("select name, value from mrq_setting order by name").fetchall())


# ------------------------------------------------------------------ the queue's own state


def overdue(db: Db) -> dict[str, Any]:
    """What time should have brought and did not yet: counts, and the first ids of unknown outcomes."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """with clock as materialized (select mrq_now() as now)
               select
                 (select count(*) from manual_resolution_queue, clock where lease_until <= now) as leases,
                 (select count(*) from manual_resolution_queue, clock
                   where deferred_until <= now) as deferrals,
                 (select count(*) from mrq_attempt, clock
                   where state = 'started' and deadline <= now) as attempts,
                 (select count(*) from mrq_attempt where state = 'unknown') as unknown,
                 array(select item_id from mrq_attempt
                        where state = 'unknown' order by item_id limit 20) as unknown_ids,
                 (select count(*) from manual_resolution_queue, clock
                   where status <> 'resolved' and escalation_level = 0 and sla_deadline < now) as breaches,
                 (select extract(epoch from (select now from clock) - min(sla_deadline))::float8
                    from manual_resolution_queue
                   where status <> 'resolved' and escalation_level = 0) as late_seconds,
                 (select count(*) from mrq_occurrence where not counted) as occurrences"""
        ).fetchone()
    assert row is not None
    return row


def open_types(db: Db) -> dict[str, int]:
    """How many open items there are of each type."""
    rows = db.execute(
        """select item_type, count(*) from manual_resolution_queue where status <> 'resolved'
            group by item_type order by item_type"""
    )
    return dict(rows.fetchall())


def idle_in_transaction(db: Db, seconds: float) -> list[tuple[int, str, float]]:
    """Sessions that hold a transaction open and do nothing: (pid, program, seconds), the oldest first."""
    return db.execute(
        """select pid, coalesce(application_name, ''),
                  extract(epoch from clock_timestamp() - xact_start)::float8
             from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
              and state like 'idle in transaction%%'
              and (backend_xmin is not null or backend_xid is not null)
              and xact_start < clock_timestamp() - %s * interval '1 second'
            order by xact_start""",
        [seconds],
    ).fetchall()


# ------------------------------------------------------------------ migrations by hand


def by_hand(migration: Migration) -> str:
    """A migration as `psql` takes it, its record included: one transaction."""
    return f"""begin;
create table if not exists mrq_migration (number integer primary key, name text not null,
  checksum text not null, applied_at timestamptz not null default clock_timestamp());
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

{migration.sql}
insert into mrq_migration (number, name, checksum)
values ({migration.number}, '{migration.name}', '{migration.checksum}');
commit;
"""
