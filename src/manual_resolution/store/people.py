"""Statements on persons, their roles, tokens, sessions and one-time links. Secrets come in hashed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from manual_resolution.item import Actor, json_ready
from manual_resolution.store.connection import Db


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody kept here, with their roles (`operator`, `operator:quiz_orphaned`); times in UTC."""

    id: int
    name: str
    roles: list[str]
    has_password: bool
    added_at: datetime
    disabled_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The person, JSON-ready."""
        return {one.name: json_ready(getattr(self, one.name)) for one in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token without its secret; times in UTC. `is_live`: neither expired nor revoked, its person not disabled."""

    id: int
    person: str
    label: str
    scopes: list[str]
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    is_live: bool

    def as_json(self) -> dict[str, Any]:
        """The token, JSON-ready."""
        return {one.name: json_ready(getattr(self, one.name)) for one in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the history of people: who did what about whom."""

    id: int
    at: datetime
    actor: str
    via: str
    verb: str
    person: str
    data: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The line, JSON-ready."""
        return {one.name: json_ready(getattr(self, one.name)) for one in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who a name, a token or a session stands for; not `is_kept` while nobody is kept at all."""

    id: int
    name: str
    is_kept: bool = True
    roles: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    via: str = ""
    secret: bytes = b""
    is_stale: bool = False
    password: str | None = None


ROLES: Final = """
  array(select concat_ws(':', g.role, g.item_type) from mrq_grant g
         where g.person_id = p.id and g.revoked_at is null order by g.role, g.item_type) as roles
"""
_PERSON: Final = " p.id, p.name," + ROLES + ", p.password is not null as has_password, p.added_at, p.disabled_at"
# ------------------------------------------------------------------ who speaks


def are_kept(db: Db) -> bool:
    """Whether any person is kept."""
    row = db.execute("select exists (select from mrq_person)").fetchone()
    return bool(row and row[0])


def named(db: Db, name: str) -> Speaker | None:
    """The person of this name, disabled ones left out; the name itself while nobody is kept."""
    with db.cursor(row_factory=class_row(Speaker)) as cursor:
        return cursor.execute(
            "select p.id, p.name, true as is_kept,"
            + ROLES
            + """ from mrq_person p
             where lower(p.name) = lower(%(name)s) and p.name = %(name)s and p.disabled_at is null
            union all
            select 0, %(name)s::text, false, '{}' where not exists (select from mrq_person)""",
            {"name": name},
        ).fetchone()


def of_token(db: Db, token_id: int) -> Speaker | None:
    """Whose token it is while it is live, what it is limited to, and its secret's hash to compare."""
    with db.cursor(row_factory=class_row(Speaker)) as cursor:
        return cursor.execute(
            "select p.id, p.name,"
            + ROLES
            + """, t.scopes, t.secret,
                   coalesce(t.used_at < (select mrq_now()) - interval '1 minute', true) as is_stale
              from mrq_token t join mrq_person p on p.id = t.person_id
             where t.id = %s and t.revoked_at is null and t.expires_at > (select mrq_now())
               and p.disabled_at is null""",
            [token_id],
        ).fetchone()


def note_token_used(db: Db, token_id: int) -> None:
    """Keep that a token was used just now."""
    db.execute("update mrq_token set used_at = (select mrq_now()) where id = %s", [token_id])


# ------------------------------------------------------------------ looking after people


def add(db: Db, name: str, password: str | None, by: Actor) -> int | None:
    """Keep a new person; their number, or None where the name is taken."""
    row = db.execute(
        """insert into mrq_person (name, password, changed_by, changed_how) values (%s, %s, %s, %s)
           on conflict (lower(name)) do nothing returning id""",
        [name, password, by.name, by.via],
    ).fetchone()
    return row[0] if row else None


def grant(db: Db, person_id: int, role: str, item_type: str | None, by: Actor) -> bool:
    """Give a role; False where they have it."""
    return bool(
        db.execute(
            """insert into mrq_grant (person_id, role, item_type, changed_by, changed_how) values (%s, %s, %s, %s, %s)
               on conflict (person_id, role, item_type) where revoked_at is null do nothing""",
            [person_id, role, item_type, by.name, by.via],
        ).rowcount
    )


def revoke(db: Db, person_id: int, role: str, item_type: str | None, by: Actor) -> bool:
    """Take a role; False where they do not have it."""
    return bool(
        db.execute(
            """update mrq_grant set revoked_at = (select mrq_now()), changed_by = %s, changed_how = %s
                where person_id = %s and role = %s and item_type is not distinct from %s and revoked_at is null""",
            [by.name, by.via, person_id, role, item_type],
        ).rowcount
    )


def set_password(db: Db, person_id: int, password: str, by: Actor) -> None:
    """Keep a new password's hash."""
    db.execute(
        "update mrq_person set password = %s, changed_by = %s, changed_how = %s where id = %s",
        [password, by.name, by.via, person_id],
    )


def disable(db: Db, person_id: int, by: Actor) -> bool:
    """Let somebody in no more; False where they are disabled already."""
    return bool(
        db.execute(
            """update mrq_person set disabled_at = (select mrq_now()), changed_by = %s, changed_how = %s
                where id = %s and disabled_at is null""",
            [by.name, by.via, person_id],
        ).rowcount
    )


def enable(db: Db, person_id: int, by: Actor) -> bool:
    """Let somebody in again; False where they are not disabled."""
    return bool(
        db.execute(
            """update mrq_person set disabled_at = null, changed_by = %s, changed_how = %s
                where id = %s and disabled_at is not null""",
            [by.name, by.via, person_id],
        ).rowcount
    )


def of_name(db: Db, name: str) -> Person | None:
    """One person, disabled or not."""
    with db.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(
            "select" + _PERSON + " from mrq_person p where lower(name) = lower(%s)", [name]
        ).fetchone()


def everybody(db: Db) -> list[Person]:
    """All persons, by name."""
    with db.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute("select" + _PERSON + " from mrq_person p order by lower(name)").fetchall()


def add_token(
    db: Db, person_id: int, secret: bytes, label: str, scopes: Sequence[str], lasts: timedelta, by: Actor
) -> Token:
    """Keep a new token."""
    with db.cursor(row_factory=class_row(Token)) as cursor:
        found = cursor.execute(
            """with t as (
                 insert into mrq_token (person_id, secret, label, scopes, expires_at, changed_by, changed_how)
                 values (%(person)s, %(secret)s, %(label)s, %(scopes)s, (select mrq_now()) + %(lasts)s::interval,
                         %(by)s, %(via)s) returning *)
               select"""
            + _TOKEN
            + " from t join mrq_person p on p.id = t.person_id",
            {
                "person": person_id,
                "secret": secret,
                "label": label,
                "scopes": list(scopes),
                "lasts": lasts,
                "by": by.name,
                "via": by.via,
            },
        ).fetchone()
    assert found is not None
    return found


_TOKEN: Final = """
  t.id, p.name as person, t.label, t.scopes, t.made_at, t.expires_at, t.used_at, t.revoked_at,
  t.revoked_at is null and t.expires_at > (select mrq_now()) and p.disabled_at is null as is_live
"""


def tokens(db: Db, person: str | None = None) -> list[Token]:
    """Somebody's tokens, or everybody's: live ones, and those that ended within the last 90 days; the newest first."""
    with db.cursor(row_factory=class_row(Token)) as cursor:
        return cursor.execute(
            "select"
            + _TOKEN
            + """ from mrq_token t join mrq_person p on p.id = t.person_id
             where (%(person)s::text is null or lower(p.name) = lower(%(person)s))
               and least(t.expires_at, t.revoked_at) > (select mrq_now()) - interval '90 days'
             order by t.id desc""",
            {"person": person},
        ).fetchall()


def token(db: Db, token_id: int) -> Token | None:
    """One token."""
    with db.cursor(row_factory=class_row(Token)) as cursor:
        return cursor.execute(
            "select" + _TOKEN + " from mrq_token t join mrq_person p on p.id = t.person_id where t.id = %s", [token_id]
        ).fetchone()


def revoke_token(db: Db, token_id: int, by: Actor) -> bool:
    """End a token; False where it has ended."""
    return bool(
        db.execute(
            """update mrq_token set revoked_at = (select mrq_now()), changed_by = %s, changed_how = %s
                where id = %s and revoked_at is null""",
            [by.name, by.via, token_id],
        ).rowcount
    )


def history(db: Db, person: str | None, limit: int) -> list[Change]:
    """What changed about somebody, or anybody; the latest first."""
    with db.cursor(row_factory=class_row(Change)) as cursor:
        return cursor.execute(
            """select id, at, actor, via, verb, person, data from mrq_person_event
                where %(person)s::text is null or lower(person) = lower(%(person)s) order by id desc limit %(limit)s""",
            {"person": person, "limit": limit},
        ).fetchall()


# ------------------------------------------------------------------ own settings


def own_settings(db: Db, name: str) -> dict[str, Any]:
    """What somebody set for themselves; nothing for who is not kept."""
    row = db.execute("select settings from mrq_person where lower(name) = lower(%s)", [name]).fetchone()
    return dict(row[0]) if row else {}


def set_own(db: Db, name: str, settings: dict[str, Any]) -> bool:
    """Keep what somebody set for themselves; False for who is not kept."""
    return bool(
        db.execute(
            "update mrq_person set settings = %s where lower(name) = lower(%s)", [Jsonb(settings), name]
        ).rowcount
    )
