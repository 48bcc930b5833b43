"""What a role needs for its duty, and no more: for `mrq db grants`, `mrq doctor`, and the tests run as these roles.

Nobody deletes but answers kept for a day, drafts, and who looks. Nobody writes the history: the database's triggers do,
as the owner of the tables.
"""

from typing import Final

from psycopg import sql

from manual_resolution.store.connection import Db

QUEUE: Final = "manual_resolution_queue"

#: A right on a table; on these columns alone where any are named.
Right = tuple[str, str, tuple[str, ...]]

_TOLD: Final = (
    "item_type", "resource_type", "resource_id", "resource_key", "priority", "reason", "context", "created_at",
    "last_occurred_at", "sla_seconds", "sla_deadline", "dedup_key", "fingerprint", "occurrences", "status", "notice_at",
    "changed_by", "changed_how", "changed_for", "changed_note",
)  # fmt: skip
_REPEATED: Final = (
    "occurrences", "last_occurred_at", "priority", "sla_deadline", "sla_seconds", "position", "succeeded_at",
    "changed_by", "changed_how", "changed_for", "changed_note",
)  # fmt: skip
_COMPARED: Final = (
    "id", "dedup_key", "status", "resolved_at", "occurrences", "last_occurred_at", "priority", "sla_deadline",
    "sla_seconds", "position", "succeeded_at", "version",
)  # fmt: skip
_TIMED: Final = (
    *_REPEATED, "status", "assigned_to", "assigned_at", "held", "deferred_until", "hold_until", "escalated_at",
    "escalation_level", "next_level_at", "notice_at",
)  # fmt: skip

_COUNTED: Final = ("mrq_open_now", "mrq_by_day", "mrq_by_span")
_SEARCHED: Final = ("mrq_search", "mrq_search_hidden")
_ALERTING: Final = ("mrq_outbox", "mrq_pause", "mrq_heartbeat")

_OPERATOR: Final[tuple[Right, ...]] = (
    *((right, QUEUE, ()) for right in ("select", "insert", "update")),
    *((right, "mrq_occurrence", ()) for right in ("select", "insert", "update")),
    *((right, "mrq_attempt", ()) for right in ("select", "insert", "update")),
    *((right, "mrq_proposal", ()) for right in ("select", "insert", "update")),
    *((right, table, ()) for table in ("mrq_review", "mrq_training") for right in ("select", "insert")),
    *((right, table, ()) for table in _ALERTING for right in ("select", "insert", "update")),
    *((right, table, ()) for table in ("mrq_report", *_SEARCHED) for right in ("select", "insert", "update")),
    *((right, "mrq_request", ()) for right in ("select", "insert", "update", "delete")),
    *((right, table, ()) for table in ("mrq_presence", "mrq_draft")
      for right in ("select", "insert", "update", "delete")),
    *(("select", table, ()) for table in ("mrq_event", "mrq_setting", "mrq_migration", *_COUNTED)),
    *((right, "mrq_checkpoint", ()) for right in ("select", "insert")),
    ("select", "mrq_person", ("id", "name", "disabled_at")),
    ("select", "mrq_grant", ()),
)  # fmt: skip

DUTIES: Final[dict[str, tuple[Right, ...]]] = {
    # Adds, and counts repeats; reads no reason, no context and no name.
    "producer": (
        ("insert", QUEUE, _TOLD),
        ("update", QUEUE, _REPEATED),
        ("select", QUEUE, _COMPARED),
        ("insert", "mrq_occurrence", ()),
        ("select", "mrq_occurrence", ("add_id", "item_id", "n", "counted")),
        ("update", "mrq_occurrence", ("context",)),
        ("select", "mrq_setting", ()),
    ),
    # Moves and decides; adds too, for a reopened item is a new one.
    "operator": _OPERATOR,
    # Serves the console and the API: moves for those who sign in, and looks after people.
    "console": (
        *_OPERATOR,
        *((right, table, ()) for table in ("mrq_person", "mrq_grant", "mrq_token", "mrq_session", "mrq_link")
          for right in ("select", "insert", "update")),
        ("select", "mrq_sign_in", ()),
        ("update", "mrq_sign_in", ()),
        ("select", "mrq_person_event", ()),
    ),
    # Sweeps, ends what time ends, delivers alerts; decides nothing.
    "worker": (
        ("select", QUEUE, ()),
        ("update", QUEUE, _TIMED),
        *((right, table, ()) for table in ("mrq_occurrence", "mrq_attempt", "mrq_proposal")
          for right in ("select", "update")),
        *((right, table, ()) for table in _ALERTING for right in ("select", "insert", "update")),
        *((right, table, ()) for table in ("mrq_report", *_SEARCHED) for right in ("select", "insert", "update")),
        *((right, "mrq_checkpoint", ()) for right in ("select", "insert")),
        *(("select", table, ()) for table in ("mrq_event", "mrq_setting", *_COUNTED)),
    ),
}  # fmt: skip


def grants(db: Db, roles: dict[str, set[str]]) -> list[str]:
    """The statements that give each role what its duties need, and take what else it had on the queue's tables."""
    row = db.execute(
        "select relnamespace::regnamespace::text, current_database() from pg_class where oid = to_regclass(%s)", [QUEUE]
    ).fetchone()
    if row is None:
        db.execute("select from manual_resolution_queue")  # says itself what is missing
    schema, database = row or ("public", "")
    tables = sorted({table for rights in DUTIES.values() for _, table, _ in rights})
    statements: list[str] = []
    for role, duties in roles.items():
        name = quoted(role)
        all_tables = ", ".join(f"{schema}.{table}" for table in tables)
        statements += [f"revoke all on {all_tables} from {name};", f"grant usage on schema {schema} to {name};"]
        if duties & {"producer", "operator"}:
            statements.append(f"grant temporary on database {quoted(database)} to {name};")
        for right, table, columns in _together(duties):
            some = f" ({', '.join(columns)})" if columns else ""
            statements.append(f"grant {right}{some} on {schema}.{table} to {name};")
    return statements


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return sql.Identifier(name).as_string()


def _together(duties: set[str]) -> list[Right]:
    """The rights of several duties, each once; a right on a whole table needs none on its columns."""
    asked = [right for duty in DUTIES if duty in duties for right in DUTIES[duty]]
    whole = {(right, table) for right, table, columns in asked if not columns}
    kept = [one for one in asked if not one[2] or one[:2] not in whole]
    return list(dict.fromkeys(kept))


def missing_roles(db: Db, names: list[str]) -> list[str]:
    """Those of the roles that this server does not have."""
    there = {row[0] for row in db.execute("select rolname from pg_roles where rolname = any (%s)", [names])}
    return [name for name in names if name not in there]


def missing_rights(db: Db, duty: str) -> list[str]:
    """What this role lacks for a duty: `insert on mrq_attempt`, `update of priority on manual_resolution_queue`."""
    wanted = [(right, table, column) for right, table, columns in DUTIES[duty] for column in columns or (None,)]
    rows = db.execute(
        """select w.right || coalesce(' of ' || w.column, '') || ' on ' || w.table
             from unnest(%s::text[], %s::text[], %s::text[]) as w ("right", "table", "column")
            where not coalesce(case when w.column is null then has_table_privilege(to_regclass(w.table), w.right)
                                    else has_column_privilege(to_regclass(w.table), w.column, w.right) end, true)""",
        [list(part) for part in zip(*wanted, strict=True)],
    )
    return [row[0] for row in rows]
