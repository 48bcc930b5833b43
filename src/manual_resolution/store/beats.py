"""Statements for heartbeats: when each part of MRQ last did its work."""

from typing import Any

from psycopg.types.json import Jsonb

from manual_resolution.store.connection import Db


def beat(db: Db, component: str, **detail: Any) -> None:
    """Note that a part of MRQ did its work just now. A clock that went back does not take that back."""
    db.execute(
        """insert into mrq_heartbeat (component, detail) values (%(component)s, %(detail)s)
           on conflict (component) do update
             set at = greatest(mrq_heartbeat.at, mrq_now()), detail = excluded.detail""",
        {"component": component, "detail": Jsonb(detail)},
    )


def retire(db: Db, components: list[str]) -> None:
    """Note that parts of MRQ ended because they were asked to: nobody need wait for their next heartbeat."""
    db.execute(
        "update mrq_heartbeat set detail = detail || '{\"every\": null}' where component = any (%(components)s)",
        {"components": components},
    )


def heartbeats(db: Db) -> list[tuple[str, float, dict[str, Any]]]:
    """Each part of MRQ, the seconds since it last worked, and what it said."""
    return db.execute(
        """select component, extract(epoch from (select mrq_now()) - at)::float8, detail
             from mrq_heartbeat order by component"""
    ).fetchall()
