"""Who may speak: persons with their roles, tokens, sessions, one-time links (design, People).

While nobody is kept, nothing is limited: whoever has the database is trusted, as before. From the first person on,
who is an admin, a name in the terminal is looked up, and its roles are what it may do.
"""

import hmac
import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from manual_resolution import intake as strict
from manual_resolution.errors import Forbidden, InvalidInput, NotFound, NotSignedIn, Refused, TooOften
from manual_resolution.item import Actor
from manual_resolution.passwords import fits, nobodys_hash, password_hash
from manual_resolution.permission import MOVES, Grant, Grants, forbidden
from manual_resolution.settings import Settings
from manual_resolution.store import people as kept
from manual_resolution.store import sessions as signed
from manual_resolution.store.connection import Database, Db
from manual_resolution.store.people import Change, Person, Speaker, Token
from manual_resolution.store.sessions import Session

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
LINK_LASTS: Final = timedelta(minutes=5)
TOKEN_DAYS: Final = 90
TRIES_A_MINUTE: Final = 10


class People:
    """The people of the queue in `database`. Methods that change somebody raise `Forbidden` to who is no admin."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings

    # -------------------------------------------------------------- who speaks

    def are_kept(self) -> bool:
        """Whether any person is kept: only then are names looked up and moves limited."""
        with self.database.connection() as db:
            return kept.are_kept(db)

    def known(self, by: Actor) -> Actor:
        """A terminal's speaker with their roles; raises `Forbidden` for a name not known. Others are as they say."""
        if by.grants is not None or not by.via.startswith("cli:") or by.kind != "person":
            return by
        with self.database.connection() as db:
            found = kept.named(db, by.name)
        if found is None:
            raise Forbidden(
                f"{by.name} is not known here, or is disabled: say who you are with --as or MRQ_OPERATOR "
                "(`mrq user add` adds people)."
            )
        return replace(by, name=found.name, grants=Grants.of(*found.roles)) if found.is_kept else by

    def colleague(self, name: str) -> Actor:
        """Somebody who is to be given an item; raises `InvalidInput` for a name not known while anybody is kept."""
        with self.database.connection() as db:
            found = kept.named(db, name)
        if found is None:
            raise InvalidInput("to", name, "somebody who is kept here and not disabled")
        return Actor(found.name, "person", "", Grants.of(*found.roles) if found.is_kept else None)

    def by_token(self, text: str) -> Actor | None:
        """Who speaks with a token (`mrq_7_…`); None where it is none, expired or revoked."""
        if not (parts := re.fullmatch(r"mrq_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})", text)):
            return None
        number = int(parts[1])
        with self.database.connection() as db:
            found = kept.of_token(db, number)
            if not (found and hmac.compare_digest(found.secret, hashed(parts[2]))):
                return None
            if found.is_stale:
                kept.note_token_used(db, number)
        return speaking(found, f"token:{number}", Grants.of(*found.scopes, within=Grants.of(*found.roles)))

    def by_session(self, secret: str, *, watching: bool = False) -> Actor | None:
        """Who speaks through a session; None where it is none, has ended, or nobody used it for half an hour.

        `watching`: a page asks by itself, which is no use of it.
        """
        with self.database.connection() as db:
            found = next(iter(signed.of_sessions(db, [hashed(secret)], IDLE)), None)
            if found and found.is_stale and not watching:
                signed.note_session_used(db, found.id)
        return through_session(found) if found else None

    def by_sessions(self, secrets: Collection[str]) -> dict[str, Actor]:
        """Who speaks through each of these sessions that lasts; asked for pages that watch, which is no use of it."""
        hashes = {hashed(secret): secret for secret in secrets}
        with self.database.connection() as db:
            found = signed.of_sessions(db, list(hashes), IDLE)
        return {hashes[bytes(one.secret)]: through_session(one) for one in found}

    # -------------------------------------------------------------- signing in

    def sign_in(self, name: str, password: str, address: str | None = None) -> str:
        """A new session's secret; raises `NotSignedIn`, `TooOften` (10 tries a minute of a name or from an address)."""
        tries = [name_tried(name), *([f"address:{address}"] if address else [])]
        self._count(tries)
        with self.database.connection() as db:
            found = signed.to_sign_in(db, name.strip()) if is_name(name.strip()) else None
        nobodys = nobodys_hash()
        known = found.password if found else None
        if not fits(password, known or nobodys) or not found:
            raise NotSignedIn("Name or password is not right.")
        with self.database.transaction() as db:
            signed.forget_try(db, tries)
            return begun(db, found.id, Actor(found.name, "person", f"console:{found.name}"), address)

    def _count(self, tries: Sequence[str]) -> None:
        with self.database.connection() as db:
            wait = max([signed.seconds_to_wait(db, what, TRIES_A_MINUTE) for what in tries])
        if wait:
            raise TooOften(f"Too many tries to sign in: wait {wait:.0f} seconds.", retry_after=wait)

    def sign_out(self, secret: str, by: Actor) -> bool:
        """End a session; False where there is none under way."""
        with self.database.connection() as db:
            return signed.end_session(db, by, secret=hashed(secret))

    def link(self, by: Actor, name: str | None = None) -> str:
        """A token that opens one session within five minutes: for a person, or for `by` while nobody is kept.

        Its session's way is `link:SYSTEMUSER@HOST`: it proves no more than a terminal does.
        """
        face, _, whose = by.via.partition(":")
        if face not in ("cli", "lib"):
            raise Refused("A one-time link is made in the terminal.")
        person = self._person(name) if name else None
        if person:
            self._admit(by, person.name)
        who, token = Actor(person.name if person else by.name, "person", f"link:{whose}"), secrets.token_urlsafe(32)
        with self.database.connection() as db:
            signed.make_link(db, hashed(token), person.id if person else None, who, LINK_LASTS)
        return token

    def by_link(self, token: str, address: str | None = None) -> str | None:
        """Use a one-time link up: a new session's secret; None where it is used, over, or nobody's."""
        with self.database.transaction() as db:
            if not (found := signed.use_link(db, hashed(token))):
                return None
            person_id, name, via = found
            return begun(db, person_id, Actor(name, "person", via), address)

    # -------------------------------------------------------------- looking after people

    def everybody(self, by: Actor) -> list[Person]:
        """All persons, by name."""
        self._admit(by)
        with self.database.connection() as db:
            return kept.everybody(db)

    def add(self, by: Actor, name: str, roles: Iterable[str], password: str | None = None) -> Person:
        """Keep a new person; the first one must be an admin. Without a password nobody signs in as them."""
        by, name = self._admit(by), strict.operator(name, "name")
        grants = Grants.of(*roles)
        hash_ = None if password is None else password_hash(password, name)
        if not grants.allows("people") and not self.are_kept():
            raise Refused(f"The first person looks after the others: `mrq user add {name} --role admin`.")
        with self.database.transaction() as db:
            if (number := kept.add(db, name, hash_, by)) is None:
                raise Refused(f"{name} is kept here already.")
            for one in grants.held:
                kept.grant(db, number, one.role, one.item_type, by)
        return self._person(name)

    def grant(self, by: Actor, name: str, *roles: str) -> Person:
        """Give roles; raises `Refused` where somebody has one already."""
        by, person, wanted = self._admit(by), self._person(name), [Grant.of(role) for role in roles]
        with self.database.transaction() as db:
            for one in wanted:
                if not kept.grant(db, person.id, one.role, one.item_type, by):
                    raise Refused(f"{person.name} has the role {one} already.")
        return self._person(name)

    def revoke(self, by: Actor, name: str, *roles: str) -> Person:
        """Take roles; raises `Refused` where somebody does not have one, or nobody would be left who is admin."""
        by, person, wanted = self._admit(by), self._person(name), [Grant.of(role) for role in roles]
        with self.database.transaction() as db:
            for one in wanted:
                if not kept.revoke(db, person.id, one.role, one.item_type, by):
                    raise Refused(f"{person.name} does not have the role {one}: {', '.join(person.roles) or 'none'}.")
        return self._person(name)

    def set_password(self, by: Actor, name: str, password: str) -> Person:
        """A new password, one's own too; every session of theirs ends."""
        by, person = self._admit(by, name), self._person(name)
        hash_ = password_hash(password, person.name)
        with self.database.connection() as db:
            kept.set_password(db, person.id, hash_, by)
        return self._person(name)

    def change_password(self, by: Actor, old: str, new: str) -> None:
        """One's own password, by the old one; raises `NotSignedIn` where that is not it, `TooOften`."""
        tries = [name_tried(by.name)]
        self._count(tries)
        with self.database.connection() as db:
            found = signed.to_sign_in(db, by.name)
        if not found or not fits(old, found.password or nobodys_hash()):
            raise NotSignedIn("The password you have now is another one.")
        self.set_password(by, by.name, new)
        with self.database.connection() as db:
            signed.forget_try(db, tries)

    def disable(self, by: Actor, name: str) -> Person:
        """Let somebody in no more: their sessions and tokens end at once, for good."""
        by, person = self._admit(by), self._person(name)
        with self.database.connection() as db:
            if not kept.disable(db, person.id, by):
                raise Refused(f"{person.name} is disabled already.")
        return self._person(name)

    def enable(self, by: Actor, name: str) -> Person:
        """Let somebody in again."""
        by, person = self._admit(by), self._person(name)
        with self.database.connection() as db:
            if not kept.enable(db, person.id, by):
                raise Refused(f"{person.name} is not disabled.")
        return self._person(name)

    def history(self, by: Actor, name: str | None = None, limit: int = 100) -> list[Change]:
        """What changed about people, or about one, the latest first."""
        name = name and strict.operator(name, "name")
        self._admit(by, name)
        with self.database.connection() as db:
            return kept.history(db, name, limit)

    # -------------------------------------------------------------- tokens and sessions

    def add_token(
        self, by: Actor, name: str, label: str, scopes: Iterable[str], days: int = TOKEN_DAYS
    ) -> tuple[Token, str]:
        """A new token of somebody's, and its text, which is told this once. `scopes` are roles they have, or less."""
        by, person = self._admit(by, name), self._person(name)  # who may not is not told whether there is such a person
        held = Grants.of(*person.roles)
        wanted = [Grant.of(scope, "scope") for scope in scopes]
        for one in wanted:
            if not covers(held, one):
                raise InvalidInput("scope", str(one), f"no more than {person.name} has: {', '.join(held.texts())}")
        if not wanted:
            raise InvalidInput("scope", None, "at least one role")
        if not 1 <= days <= TOKEN_DAYS:
            raise InvalidInput("days", days, f"1 to {TOKEN_DAYS}")
        if person.disabled_at:
            raise Refused(f"{person.name} is disabled.")
        secret, called = secrets.token_urlsafe(32), strict.operator(label, "label")
        with self.database.connection() as db:
            found = kept.add_token(
                db, person.id, hashed(secret), called, [str(one) for one in wanted], timedelta(days=days), by
            )
        return found, f"mrq_{found.id}_{secret}"

    def tokens(self, by: Actor, name: str | None = None) -> list[Token]:
        """Somebody's tokens, or everybody's."""
        name = name and strict.operator(name, "name")
        self._admit(by, name)
        with self.database.connection() as db:
            return kept.tokens(db, name)

    def revoke_token(self, by: Actor, token_id: int) -> Token:
        """End a token at once, one's own or (an admin) anybody's."""
        with self.database.connection() as db:
            found = kept.token(db, token_id)
        by = self._admit(by, found.person if found else None)
        if not found:
            raise NotFound(f"There is no token {token_id}.")
        with self.database.connection() as db:
            if not kept.revoke_token(db, token_id, by):
                raise Refused(f"Token {token_id} has ended already.")
            return kept.token(db, token_id) or found

    def sessions(self, by: Actor, name: str | None = None) -> list[Session]:
        """Somebody's sessions under way, or everybody's."""
        name = name and strict.operator(name, "name")
        self._admit(by, name)
        with self.database.connection() as db:
            return signed.sessions(db, IDLE, name)

    def end_session(self, by: Actor, session_id: int) -> None:
        """End a session, one's own or (an admin) anybody's."""
        with self.database.connection() as db:
            found = next((one for one in signed.sessions(db, IDLE) if one.id == session_id), None)
        by = self._admit(by, found.name if found else None)
        with self.database.connection() as db:
            if not found or not signed.end_session(db, by, session_id=session_id):
                raise NotFound(f"There is no session {session_id} under way.")

    # -------------------------------------------------------------- own settings

    def own(self, by: Actor) -> dict[str, Any]:
        """What somebody set for themselves."""
        with self.database.connection() as db:
            return kept.own_settings(db, by.name)

    def set_own(self, by: Actor, settings: dict[str, Any]) -> None:
        """Keep what somebody set for themselves; raises `Refused` for who is not kept here."""
        with self.database.connection() as db:
            if not kept.set_own(db, by.name, settings):
                raise Refused(f"{by.name} is not kept here: there is no place for settings of their own.")

    # -------------------------------------------------------------- the one check

    def _admit(self, by: Actor, whose: str | None = None) -> Actor:
        """Who speaks, with their roles; raises `Forbidden` where it is neither an admin nor about oneself."""
        who = self.known(by)
        if who.grants is None or who.grants.allows("people"):
            return who
        # A token never looks after its person: who finds one could make themselves more of them.
        if whose is not None and whose.lower() == who.name.lower() and not who.via.startswith("token:"):
            return who
        raise forbidden(who.name, "people", who.grants)

    def _person(self, name: str) -> Person:
        with self.database.connection() as db:
            found = kept.of_name(db, strict.operator(name, "name"))
        if found is None:
            raise NotFound(f"{name} is not known here.")
        return found


def speaking(found: Speaker, via: str, grants: Grants | None) -> Actor:
    """The actor for a speaker; one who holds nothing but the role service is a machine."""
    roles = {grant.role for grant in grants.held} if grants else set()
    return Actor(found.name, "machine" if roles == {"service"} else "person", via, grants)


def through_session(found: Speaker) -> Actor:
    """The actor for a session's speaker."""
    return speaking(found, found.via, Grants.of(*found.roles) if found.is_kept else None)


def begun(db: Db, person_id: int | None, by: Actor, address: str | None) -> str:
    """A new session's secret, never one that was there before."""
    secret = secrets.token_urlsafe(32)
    signed.begin_session(db, hashed(secret), person_id, by, address, LONGEST)
    return secret


def covers(held: Grants, wanted: Grant) -> bool:
    """Whether whoever holds these may do all that the wanted role may."""
    asked = Grants(frozenset({wanted}))
    return all((asked.reach(move) & held.reach(move)) == asked.reach(move) for move in MOVES)


def name_tried(name: str) -> str:
    """Under what the tries of a name are counted: a password typed in its place is not kept."""
    return f"name:{hashed(name.strip().lower()).hex()}"


def is_name(name: str) -> bool:
    """Whether it may be somebody's name: only such a one is looked for."""
    try:
        return bool(strict.operator(name))
    except ValueError:
        return False


def hashed(secret: str) -> bytes:
    """SHA-256: enough for 256 random bits."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
