"""Who refers to a row, by the catalog's foreign keys, and what deleting it would reach.

Names of tables and columns come from the catalog and are always quoted; an item gives values, never SQL.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection, sql

Db = Connection[Any]

#: References and rows one decision may touch: more than that nobody looks through.
MOST: Final = 50

TABLE: Final = """
select c.oid, c.oid::regclass::text, n.nspname, c.relname,
       array(select a.attname::text
               from pg_index i cross join unnest(i.indkey) with ordinality k(number, place)
               join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
              where i.indrelid = c.oid and i.indisprimary order by k.place)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where """
BY_OID: Final = TABLE + "c.oid = %(oid)s"

#: The queue's tables and PostgreSQL's are nobody's resource; nor is a view, nor one partition of a table.
BY_NAME: Final = (
    TABLE
    + """c.relkind in ('r', 'p') and not c.relispartition
   and n.nspname !~ '^pg_|^information_schema$' and c.relname !~ '^mrq_|^manual_resolution_queue$'
   and (c.relname::text = any(%(names)s) and pg_table_is_visible(c.oid)
        or n.nspname || '.' || c.relname = any(%(names)s))
 order by array_position(%(names)s, c.relname::text), c.oid limit 1"""
)

FOREIGN_KEYS: Final = """
select k.conrelid, k.confdeltype::text,
       array(select a.attname::text from unnest(k.conkey) with ordinality n(number, place)
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n.number order by n.place),
       array(select a.attname::text from unnest(k.confkey) with ordinality n(number, place)
               join pg_attribute a on a.attrelid = k.confrelid and a.attnum = n.number order by n.place),
       exists (select from pg_attribute a
                where a.attrelid = k.conrelid and a.attnum = any(k.conkey) and a.attnotnull)
  from pg_constraint k
 where k.contype = 'f' and k.confrelid = %s and k.conparentid = 0
 order by k.conrelid::regclass::text, k.conname"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `shown` is its name as SQL on this connection would say it. `key`: the primary key's columns."""

    oid: int
    shown: str
    schema: str
    name: str
    key: tuple[str, ...]

    @property
    def quoted(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def named_by(self) -> tuple[str, ...]:
        """The columns that name a row: without a primary key its place, which holds for one transaction."""
        return self.key or ("ctid",)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its table, and the values of what names it there, as text."""

    table: Table
    key: tuple[str, ...]

    @property
    def number(self) -> int | str:
        """The key as a plan shows it."""
        text = ", ".join(self.key)
        return int(text) if text.isascii() and text.isdigit() else text

    def __str__(self) -> str:
        return f"{self.table.shown} #{self.number}"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`columns` of `table` refer to the columns `referred`; `on_delete` is the catalog's letter."""

    table: Table
    on_delete: str
    columns: tuple[str, ...]
    referred: tuple[str, ...]
    is_required: bool

    @property
    def obstacle(self) -> str | None:
        """Why its rows cannot be detached; None when they can."""
        if len(self.columns) > 1:
            return f"{self.table.shown} refers by several columns ({', '.join(self.columns)}), which belong together"
        if self.is_required:
            return f"{self.table.shown}.{self.columns[0]} may not be null"
        return keyless(self.table)

    @property
    def rule(self) -> str:
        """What the database does to its columns by itself."""
        return f"on delete set {'null' if self.on_delete == 'n' else 'default'}"

    def __str__(self) -> str:
        return f"{self.table.shown}.{', '.join(self.columns)}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A row that refers to another, and by which foreign key."""

    row: Row
    by: ForeignKey


@dataclass(slots=True)
class Reach:
    """What deleting `root` reaches, or `MOST` of it and one more.

    `blocking` forbid the deletion, `gone` go with it (on delete cascade), `emptied` the database detaches by itself.
    """

    root: Row
    blocking: list[Reference] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    emptied: list[Reference] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.gone) + len(self.emptied) + len(self.blocking)

    @property
    def obstacle(self) -> str | None:
        """Why what blocks cannot be detached; None when it can be, or nothing blocks."""
        if self.size > MOST:
            return f"more than {MOST} rows refer to {self.root} or go with it"
        reasons = [*(found.by.obstacle for found in self.blocking), *(keyless(row.table) for row in self.gone)]
        return next(filter(None, reasons), None)


def keyless(table: Table) -> str | None:
    """Said of a table whose rows no plan can name."""
    return None if table.key else f"{table.shown} has no primary key, so no plan can name its rows"


# ------------------------------------------------------------------ asking


def table_named(db: Db, name: str) -> Table | None:
    """The host's table of this name (`schema.name` too) or of its plural: `quiz_response` finds `quiz_responses`."""
    plurals = [name, f"{name}s", f"{name}es", *([f"{name[:-1]}ies"] if name.endswith("y") else [])]
    return next(_tables(db, BY_NAME, names=plurals), None)


def row_of(db: Db, table: Table, value: object) -> Row | None:
    """The row with this primary key; None when there is none. Raises `ValueError` for a key of several columns."""
    if len(table.key) != 1:
        raise ValueError(f"the primary key of {table.shown} is not one column")
    wanted = Row(table, (str(value),))
    asking = sql.SQL("select {} from {} r where {} {}").format(_names(table), table.quoted, _is(wanted), _locking(db))
    found = db.execute(asking, wanted.key).fetchone()
    return Row(table, tuple(found)) if found else None


def reach_of(db: Db, root: Row) -> Reach:
    """Follow the foreign keys from `root`, and from every row that goes with it."""
    reach, left = Reach(root), [root]
    while left and reach.size <= MOST:
        referred = left.pop()
        for by in foreign_keys(db, referred.table):
            rows = [row for row in referring(db, by, referred, MOST + 1) if row not in (referred, root)]
            if by.on_delete == "c":
                fresh = [row for row in rows if row not in reach.gone]
                reach.gone += fresh
                left += fresh
            else:
                found = reach.blocking if by.on_delete in "ar" else reach.emptied
                found += (Reference(row, by) for row in rows)
    reach.emptied = [found for found in reach.emptied if found.row not in reach.gone]
    return reach


def foreign_keys(db: Db, table: Table) -> Iterator[ForeignKey]:
    """Every foreign key that refers to the table."""
    for oid, on_delete, columns, referred, is_required in db.execute(FOREIGN_KEYS, [table.oid]).fetchall():
        for owner in _tables(db, BY_OID, oid=oid):
            yield ForeignKey(owner, on_delete, tuple(columns), tuple(referred), is_required)


def referring(db: Db, by: ForeignKey, to: Row, most: int) -> list[Row]:
    """The first `most` rows that refer to this one, itself among them where it does."""
    pairs = zip(by.columns, by.referred, strict=True)
    asking = sql.SQL("select {} from {} r join {} t on {} where {} order by {} limit {} {}").format(
        _names(by.table),
        by.table.quoted,
        to.table.quoted,
        _all(_same(sql.Identifier("r", ours), sql.Identifier("t", theirs)) for ours, theirs in pairs),
        _is(to, "t"),
        sql.SQL(", ").join(sql.Identifier("r", column) for column in by.table.named_by),
        most,
        _locking(db),
    )
    return [Row(by.table, tuple(row)) for row in db.execute(asking, to.key).fetchall()]


# ------------------------------------------------------------------ acting


def detach(db: Db, found: Reference) -> int:
    """Set the reference to null; the number of rows, 1."""
    setting = sql.SQL(", ").join(sql.SQL("{} = null").format(sql.Identifier(name)) for name in found.by.columns)
    change = sql.SQL("update {} r set {} where {}").format(found.row.table.quoted, setting, _is(found.row))
    return db.execute(change, found.row.key).rowcount


def delete(db: Db, row: Row) -> int:
    """Delete the row; the number of rows, 1. Deferred foreign keys are asked now, not at the commit."""
    db.execute("set constraints all immediate")
    return db.execute(sql.SQL("delete from {} r where {}").format(row.table.quoted, _is(row)), row.key).rowcount


# ------------------------------------------------------------------ SQL's parts


def _tables(db: Db, query: str, **wanted: object) -> Iterator[Table]:
    for oid, shown, schema, name, key in db.execute(query.encode(), wanted).fetchall():
        yield Table(oid, shown, schema, name, tuple(key))


def _names(table: Table) -> sql.Composed:
    """What names a row of `r`, as text."""
    return sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("r", column)) for column in table.named_by)


def _is(row: Row, alias: str = "r") -> sql.Composed:
    """That `alias` is this row; its key is to be given as the statement's values, read by their columns' types."""
    return _all(_same(sql.Identifier(alias, column), sql.Placeholder()) for column in row.table.named_by)


def _same(one: sql.Composable, other: sql.Composable) -> sql.Composed:
    return sql.SQL("{} = {}").format(one, other)


def _all(conditions: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(" and ").join(conditions)


def _locking(db: Db) -> sql.SQL:
    """While a decision is carried out, what was found stays as it is: no new reference, no changed one."""
    row = db.execute("select current_setting('transaction_read_only')").fetchone()
    return sql.SQL("for update of r" if row == ("off",) else "")
