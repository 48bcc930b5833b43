"""Statements on who looks at an item just now, and on what persons typed and have not sent."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb

from manual_resolution.store.connection import Db

#: How long what was typed is kept.
KEPT: Final = timedelta(days=7)


def look(db: Db, lookers: Sequence[tuple[int, str]]) -> None:
    """Note that these persons have these items' pages open; forget who looked an hour ago."""
    ids, names = [item_id for item_id, _ in lookers], [name for _, name in lookers]
    db.execute("delete from mrq_presence where seen_at < (select mrq_now()) - interval '1 hour'")
    db.execute(
        """insert into mrq_presence (item_id, operator, seen_at)
           select distinct item_id, name, (select mrq_now()) from unnest(%s::bigint[], %s::text[]) l (item_id, name)
            order by 1, 2
           on conflict (item_id, operator) do update set seen_at = excluded.seen_at""",
        [ids, names],
    )


def leave(db: Db, item_id: int, name: str) -> None:
    """Forget that a person looks at an item."""
    db.execute("delete from mrq_presence where item_id = %s and operator = %s", [item_id, name])


def lookers(db: Db, ids: Sequence[int], within: timedelta) -> list[tuple[int, str]]:
    """Who looked at which of these items within a while."""
    return db.execute(
        """select item_id, operator from mrq_presence
            where item_id = any (%s) and seen_at > (select mrq_now()) - %s::interval order by 1, 2""",
        [list(ids), within],
    ).fetchall()


def keep(db: Db, item_id: int, name: str, form: str, typed: Mapping[str, str], version: int) -> None:
    """Keep what a person typed; what arrives after it was sent is late and kept no more. Forget what is a week old."""
    db.execute("delete from mrq_draft where saved_at < (select mrq_now()) - %s::interval", [KEPT])
    db.execute(
        """insert into mrq_draft as d (item_id, operator, form, typed, version) values (%s, %s, %s, %s, %s)
           on conflict (item_id, operator)
           do update set form = excluded.form, typed = excluded.typed, version = excluded.version,
                         saved_at = excluded.saved_at
             where d.typed <> '{}' or d.form <> excluded.form or d.version <= excluded.version""",
        [item_id, name, form, Jsonb(dict(typed)), version],
    )


def draft(db: Db, item_id: int, name: str) -> tuple[str, dict[str, Any], int] | None:
    """What a person typed on an item's page: form, fields, the version they saw."""
    return db.execute(
        "select form, typed, version from mrq_draft where item_id = %s and operator = %s and typed <> '{}'",
        [item_id, name],
    ).fetchone()


def drop(db: Db, item_id: int, name: str, form: str) -> None:
    """Forget what a person typed into a form of an item's page, whatever of it still arrives."""
    db.execute(
        """insert into mrq_draft as d (item_id, operator, form, typed, version)
           select id, %(name)s, %(form)s, '{}', version from manual_resolution_queue where id = %(id)s
           on conflict (item_id, operator)
           do update set typed = '{}', version = excluded.version, saved_at = excluded.saved_at
             where d.form = excluded.form""",
        {"id": item_id, "name": name, "form": form},
    )


def forget(db: Db, item_id: int) -> None:
    """Forget all that was typed on an item's page, and who looked at it."""
    db.execute("delete from mrq_draft where item_id = %s", [item_id])
    db.execute("delete from mrq_presence where item_id = %s", [item_id])
