"""A table that somebody made from the specification: whether there is one, what it is like, and how it makes room."""

from dataclasses import dataclass
from typing import Final

import psycopg

from manual_resolution.errors import Refused
from manual_resolution.store.connection import Db

TABLE: Final = "manual_resolution_queue"
ASIDE: Final = "mrq_set_aside"

_TEXT, _NUMBER, _TIME, _JSON = "text", "number", "instant", "json"
#: The specification's columns, and what each holds.
COLUMNS: Final = {
    "id": _NUMBER, "item_type": _TEXT, "resource_type": _TEXT, "resource_id": _NUMBER, "priority": _TEXT,
    "reason": _TEXT, "context": _JSON, "created_at": _TIME, "assigned_to": _TEXT, "assigned_at": _TIME,
    "resolved_at": _TIME, "resolution": _TEXT, "resolution_metadata": _JSON, "status": _TEXT, "escalated_at": _TIME,
    "sla_deadline": _TIME,
}  # fmt: skip
TYPES: Final = {
    _NUMBER: ("smallint", "integer", "bigint"),
    _TEXT: ("text", "character varying", "character"),
    _TIME: ("timestamp without time zone", "timestamp with time zone"),
    _JSON: ("json", "jsonb"),
}


@dataclass(frozen=True, slots=True)
class Aside:
    """What is remembered of the table set aside: what makes its foreign keys and grants again, what has no place."""

    keys: list[str]
    grants: list[str]
    left_out: list[str]
    last_id: int


# ------------------------------------------------------------------ is there one?


def rows_to_adopt(db: Db) -> int | None:
    """How many rows the table made from the specification holds; None where there is none to adopt."""
    here_is = db.execute(
        "select true from pg_class where relnamespace = current_schema()::regnamespace and relname = %s", [TABLE]
    ).fetchone()
    if here_is is None:
        return None
    row = db.execute("select count(*) from manual_resolution_queue").fetchone()
    return row[0] if row else 0


_MISFITS: Final = """
select 'it is no ordinary table' from pg_class where oid = %(table)s::regclass and relkind <> 'r'
union all
select format('trigger %%I stands on it', tgname) from pg_trigger where tgrelid = %(table)s::regclass
   and not tgisinternal
union all
select format('rule %%I stands on it', rulename) from pg_rewrite where ev_class = %(table)s::regclass
union all
select format('policy %%I stands on it', polname) from pg_policy where polrelid = %(table)s::regclass
union all
select format('table %%s inherits from it', inhrelid::regclass) from pg_inherits where inhparent = %(table)s::regclass
union all
select format('publication %%I publishes it', pubname) from pg_publication_rel r
  join pg_publication p on p.oid = r.prpubid where prrelid = %(table)s::regclass
"""


def _misfits(db: Db) -> list[str]:
    """What keeps the table from being adopted, in words."""
    found = [row[0] for row in db.execute(_MISFITS, {"table": TABLE})]
    has = dict(
        db.execute(
            """select attname, format_type(atttypid, null) from pg_attribute
                where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum""",
            [TABLE],
        ).fetchall()
    )
    found += [f"column {name} is missing" for name in COLUMNS if name not in has]
    found += [f"column {name} is not the specification's" for name in has if name not in COLUMNS]
    found += [
        f"column {name} is {has[name]}, not {' or '.join(TYPES[kind])}"
        for name, kind in COLUMNS.items()
        if has.get(name, TYPES[kind][0]) not in TYPES[kind]
    ]
    return found


# ------------------------------------------------------------------ set aside

_KEYS: Final = """
select format('alter table %%s drop constraint %%I', conrelid::regclass, conname),
       format('alter table %%s add constraint %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
  from pg_constraint
 where contype = 'f' and confrelid = %(table)s::regclass and conrelid <> confrelid and conparentid = 0
"""
_GRANTS: Final = """
select format('grant %%s on manual_resolution_queue to %%s', lower(privilege_type),
              case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
  from pg_class, aclexplode(relacl)
 where pg_class.oid = %(table)s::regclass and grantee <> relowner and privilege_type in ('SELECT', 'INSERT', 'UPDATE')
"""
_LEFT_OUT: Final = """
select 'index ' || relname from pg_index join pg_class on pg_class.oid = indexrelid
 where indrelid = %(table)s::regclass and not indisprimary
   and not exists (select from pg_constraint where conindid = indexrelid and conrelid = indrelid)
   and relname not in ('idx_mrq_status', 'idx_mrq_priority', 'idx_mrq_created_at', 'idx_mrq_sla_deadline')
union all
select 'constraint ' || conname || ': ' || pg_get_constraintdef(oid) from pg_constraint
 where conrelid = %(table)s::regclass and contype in ('c', 'f', 'u', 'x')
order by 1
"""
#: Its indexes and sequences give their names to the queue's own.
_NAMED: Final = """
select c.oid::regclass::text from pg_index i join pg_class c on c.oid = i.indexrelid
 where i.indrelid = %(table)s::regclass
union all
select c.oid::regclass::text from pg_depend d join pg_class c on c.oid = d.objid and c.relkind = 'S'
 where d.refobjid = %(table)s::regclass and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
"""


def set_aside(db: Db) -> Aside:
    """Free the queue's names for the queue. Raises `Refused` with everything that keeps the table from being moved."""
    db.execute("set local lock_timeout = '30s'")
    db.execute("lock table manual_resolution_queue in access exclusive mode")
    table = {"table": TABLE}
    keys = db.execute(_KEYS, table).fetchall()
    if misfits := [*_misfits(db), *_dependents(db, [drop for drop, _ in keys])]:
        raise Refused(f"The table {TABLE} cannot be adopted as it is: {'; '.join(misfits)}.")
    aside = Aside(
        keys=[again for _, again in keys],
        grants=[row[0] for row in db.execute(_GRANTS, table)],
        left_out=[row[0] for row in db.execute(_LEFT_OUT, table)],
        last_id=_last_id(db),
    )
    for drop, _ in keys:
        db.execute(drop.encode())
    for number, (place,) in enumerate(db.execute(_NAMED, table).fetchall()):
        db.execute(f"alter table {place} rename to {ASIDE}_{number}".encode())
    db.execute("alter table manual_resolution_queue rename to mrq_set_aside")
    return aside


def _dependents(db: Db, drops: list[str]) -> list[str]:
    """What would go with the table, as PostgreSQL names it: views, functions over its row type and the like."""
    try:
        with db.transaction(force_rollback=True):
            for drop in drops:
                db.execute(drop.encode())
            db.execute("drop table manual_resolution_queue")
    except psycopg.errors.DependentObjectsStillExist as error:
        return [f"{line} (drop it, migrate, make it again)" for line in (error.diag.message_detail or "").splitlines()]
    return []


def _last_id(db: Db) -> int:
    """The highest id there is or was: the sequence may have gone further than the rows."""
    highest = db.execute("select coalesce(max(id), 0) from manual_resolution_queue").fetchone()
    sequence = db.execute("select pg_get_serial_sequence('manual_resolution_queue', 'id')").fetchone()
    last = [highest[0] if highest else 0]
    if sequence and sequence[0]:
        row = db.execute(f"select last_value from {sequence[0]} where is_called".encode()).fetchone()
        last += row or ()
    return max(last)
