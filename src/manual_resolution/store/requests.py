"""Statements on `mrq_request`: what was asked under which key, and what was answered."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from manual_resolution.store.connection import Db


@dataclass(frozen=True, slots=True)
class Kept:
    """A request made before: what was asked (a hash), and its answer, which is none while it is being carried out."""

    asked: bytes
    status: int | None
    headers: dict[str, str] | None
    body: str | None


def begin(db: Db, caller: str, key: str, asked: bytes, lease: timedelta) -> datetime | None:
    """Note that a request is being carried out; when it began, or None where the key is in use.

    A key is free again once its answer is forgotten; or, for the same request, once who carried it out has died.
    """
    row = db.execute(
        """insert into mrq_request as r (caller, key, asked, until)
           values (%(caller)s, %(key)s, %(asked)s, (select mrq_now()) + %(lease)s)
           on conflict (caller, key) do update
              set asked = excluded.asked, begun_at = excluded.begun_at, until = excluded.until,
                  status = null, headers = null, body = null
            where r.until <= (select mrq_now()) and (r.status is not null or r.asked = excluded.asked)
           returning begun_at""",
        {"caller": caller, "key": key, "asked": asked, "lease": lease},
    ).fetchone()
    return row[0] if row else None


def get(db: Db, caller: str, key: str) -> Kept | None:
    """What was asked under a key."""
    with db.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(
            "select asked, status, headers, body from mrq_request where caller = %s and key = %s", [caller, key]
        ).fetchone()


def answer(
    db: Db, caller: str, key: str, begun_at: datetime, status: int, headers: dict[str, Any], body: str, keep: timedelta
) -> None:
    """Keep the answer of a request that nobody else has begun again meanwhile."""
    db.execute(
        """update mrq_request set status = %s, headers = %s, body = %s, until = (select mrq_now()) + %s
            where caller = %s and key = %s and begun_at = %s and status is null""",
        [status, Jsonb(headers), body, keep, caller, key, begun_at],
    )


def forget(db: Db, caller: str, key: str, begun_at: datetime) -> None:
    """Free a key whose request did nothing."""
    db.execute(
        "delete from mrq_request where caller = %s and key = %s and begun_at = %s and status is null",
        [caller, key, begun_at],
    )


def prune(db: Db, limit: int) -> int:
    """Remove some of what has had its time; how many."""
    return db.execute(
        """delete from mrq_request where ctid = any (array(
             select ctid from mrq_request where until <= (select mrq_now()) order by until limit %s
                for update skip locked))""",
        [limit],
    ).rowcount


def empty_answers(db: Db) -> int:
    """Take what all kept answers say, as some of it may have to go; their requests stay answered. How many."""
    return db.execute("update mrq_request set body = '{}' where status is not null and body <> '{}'").rowcount
