"""Statements on sessions, on one-time links, and on tries to sign in. Secrets come in hashed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import class_row

from manual_resolution.item import Actor, json_ready
from manual_resolution.store.connection import Db
from manual_resolution.store.people import ROLES, Speaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session under way, without its secret; times in UTC."""

    id: int
    name: str
    via: str
    address: str | None
    begun_at: datetime
    used_at: datetime
    expires_at: datetime

    def as_json(self) -> dict[str, Any]:
        """The session, JSON-ready."""
        return {one.name: json_ready(getattr(self, one.name)) for one in fields(self)}


_LIVE_SESSION: Final = """
  s.ended_at is null and s.expires_at > (select mrq_now()) and s.used_at > (select mrq_now()) - %(idle)s::interval
  and case when s.person_id is null then not exists (select from mrq_person)
           else exists (select from mrq_person p where p.id = s.person_id and p.disabled_at is null) end
"""


def of_sessions(db: Db, secrets: Sequence[bytes], idle: timedelta) -> list[Speaker]:
    """Who speaks through those of these sessions that last."""
    with db.cursor(row_factory=class_row(Speaker)) as cursor:
        return cursor.execute(
            """select s.id, s.secret, coalesce(p.name, s.name) as name, s.via, p.id is not null as is_kept,
                      s.used_at < (select mrq_now()) - interval '1 minute' as is_stale,"""
            + ROLES
            + """ from mrq_session s left join mrq_person p on p.id = s.person_id
                 where s.secret = any(%(secrets)s) and"""
            + _LIVE_SESSION,
            {"secrets": list(secrets), "idle": idle},
        ).fetchall()


def note_session_used(db: Db, session_id: int) -> None:
    """Keep that a session was used just now."""
    db.execute("update mrq_session set used_at = (select mrq_now()) where id = %s", [session_id])


def sessions(db: Db, idle: timedelta, person: str | None = None) -> list[Session]:
    """Somebody's sessions under way, or everybody's; the latest used first."""
    with db.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(
            """select s.id, s.name, s.via, s.address, s.begun_at, s.used_at, s.expires_at from mrq_session s
                where (%(person)s::text is null or lower(s.name) = lower(%(person)s)) and"""
            + _LIVE_SESSION
            + " order by s.used_at desc, s.id",
            {"person": person, "idle": idle},
        ).fetchall()


# ------------------------------------------------------------------ signing in


def to_sign_in(db: Db, name: str) -> Speaker | None:
    """The person of this name with their password's hash."""
    with db.cursor(row_factory=class_row(Speaker)) as cursor:
        return cursor.execute(
            """select id, name, password from mrq_person
                where lower(name) = lower(%s) and disabled_at is null and password is not null""",
            [name],
        ).fetchone()


def seconds_to_wait(db: Db, what: str, most: int) -> float:
    """Count one more try of a name or from an address; 0 where it may be tried, else the seconds until it may."""
    row = db.execute("select mrq_try_sign_in(%s, %s)", [what, most]).fetchone()
    return float(row[0]) if row else 0.0


def forget_try(db: Db, whats: Sequence[str]) -> None:
    """The latest try was right: it does not count."""
    db.execute(
        "update mrq_sign_in set tries = trim_array(tries, 1) where what = any(%s) and cardinality(tries) > 0",
        [list(whats)],
    )


def begin_session(
    db: Db, secret: bytes, person_id: int | None, by: Actor, address: str | None, lasts: timedelta
) -> None:
    """Begin one for `by`."""
    db.execute(
        """insert into mrq_session (secret, person_id, name, via, address, expires_at, changed_by, changed_how)
           values (%(secret)s, %(person)s, %(name)s, %(via)s, %(address)s, (select mrq_now()) + %(lasts)s::interval,
                   %(name)s, %(via)s)""",
        {"secret": secret, "person": person_id, "name": by.name, "via": by.via, "address": address, "lasts": lasts},
    )


def end_session(db: Db, by: Actor, *, secret: bytes | None = None, session_id: int | None = None) -> bool:
    """End one, by its secret or its number; False where there is none under way."""
    return bool(
        db.execute(
            """update mrq_session set ended_at = (select mrq_now()), changed_by = %(by)s, changed_how = %(via)s
                where ended_at is null and (secret = %(secret)s::bytea or id = %(id)s::bigint)""",
            {"by": by.name, "via": by.via, "secret": secret, "id": session_id},
        ).rowcount
    )


def make_link(db: Db, secret: bytes, person_id: int | None, by: Actor, lasts: timedelta) -> None:
    """Keep a link that opens one session for `by`."""
    db.execute(
        """insert into mrq_link (secret, person_id, name, via, expires_at)
           values (%s, %s, %s, %s, (select mrq_now()) + %s::interval)""",
        [secret, person_id, by.name, by.via, lasts],
    )


def use_link(db: Db, secret: bytes) -> tuple[int | None, str, str] | None:
    """Use a link up: its person, name and way; None where it is used, over, or whom it was for is not let in now."""
    row: tuple[int | None, str, str] | None = db.execute(
        """update mrq_link l set used_at = (select mrq_now())
            where secret = %s and used_at is null and expires_at > (select mrq_now())
              and case when person_id is null then not exists (select from mrq_person)
                       else exists (select from mrq_person p where p.id = l.person_id and p.disabled_at is null) end
           returning person_id, name, via""",
        [secret],
    ).fetchone()
    return row
