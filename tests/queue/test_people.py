"""Who may speak: persons, tokens, sessions, one-time links."""

import threading
from typing import Any

import psycopg
import pytest
from psycopg import sql

from manual_resolution import Queue, Refused
from manual_resolution.errors import Forbidden, InvalidInput, NotFound, NotSignedIn, TooOften
from manual_resolution.item import Actor
from manual_resolution.people import People
from tests.quicker import quick_passwords

__all__ = ["quick_passwords"]

ROOT = Actor("root", "person", "cli:root@host")
PASSWORD = "correct horse battery"


@pytest.fixture
def people(queue: Queue) -> People:
    """The people of the test's database: nobody yet."""
    return queue.people


@pytest.fixture
def alice(people: People) -> Actor:
    """Alice, who looks after people."""
    people.add(ROOT, "alice", ["admin"], PASSWORD)
    return people.known(Actor("alice", "person", "cli:alice@host"))


def test_while_nobody_is_kept_nothing_is_limited(people: People) -> None:
    """A name in the terminal is taken as it is until the first person is kept."""
    assert people.known(ROOT) == ROOT
    assert not people.are_kept()


def test_the_first_person_is_an_admin(people: People) -> None:
    """Nobody is kept before somebody who looks after them, whatever client says so."""
    with pytest.raises(Refused, match="mrq user add bob --role admin"):
        people.add(ROOT, "bob", ["operator"])
    with pytest.raises(Refused, match="nobody would be left who is admin"), people.database.connection() as db:
        db.execute("insert into mrq_person (name) values ('bob')")
    assert not people.are_kept()


def test_names_are_looked_up_once_anybody_is_kept(people: People, alice: Actor) -> None:
    """From then on an unknown name is refused in the terminal, and a known one has its roles."""
    with pytest.raises(Forbidden, match="root is not known here"):
        people.known(ROOT)
    with pytest.raises(Forbidden, match="ALICE is not known here"):
        people.known(Actor("ALICE", "person", "cli:alice@host"))
    assert alice.grants is not None and alice.grants.texts() == ["admin"]
    program = Actor("anybody", "person", "lib:x@y")
    assert people.known(program) == program


def test_the_last_admin_stays(people: People, alice: Actor) -> None:
    """Nobody disables the last admin or takes that role from them; a second one makes it possible."""
    for wrong in (lambda: people.disable(alice, "alice"), lambda: people.revoke(alice, "alice", "admin")):
        with pytest.raises(Refused, match="nobody would be left who is admin"):
            wrong()
    people.add(alice, "bob", ["admin"])
    people.disable(alice, "alice")
    with pytest.raises(Forbidden, match="alice is not known here, or is disabled"):
        people.known(Actor("alice", "person", "cli:alice@host"))


def test_two_admins_do_not_disable_each_other_at_once(people: People, alice: Actor, new_queue: Any) -> None:
    """Of two who disable each other at the same moment one is refused."""
    people.add(alice, "bob", ["admin"])
    ended: list[str] = []
    started = threading.Barrier(2)

    def disable(whom: str) -> None:
        other = new_queue()
        with other.people.database.transaction() as db:
            started.wait()
            try:
                with db.transaction():
                    db.execute("update mrq_person set disabled_at = mrq_now() where name = %s", [whom])
                    db.execute("set constraints all immediate")
                ended.append(whom)
            except psycopg.Error:
                pass

    threads = [threading.Thread(target=disable, args=(whom,)) for whom in ("alice", "bob")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(ended) == 1


def test_only_an_admin_looks_after_people(people: People, alice: Actor) -> None:
    """Whoever is none changes nobody, but their own password, tokens and sessions; a token not even these."""
    people.add(alice, "bob", ["operator"], PASSWORD)
    bob = people.known(Actor("bob", "person", "cli:bob@host"))
    for wrong in (
        lambda: people.add(bob, "carol", ["viewer"]),
        lambda: people.grant(bob, "bob", "admin"),
        lambda: people.disable(bob, "alice"),
        lambda: people.set_password(bob, "alice", PASSWORD),
        lambda: people.everybody(bob),
        lambda: people.tokens(bob),
        lambda: people.history(bob),
        lambda: people.add_token(bob, "alice", "x", ["viewer"]),
    ):
        with pytest.raises(Forbidden, match="may not look after people: that needs the role admin"):
            wrong()
    _, text = people.add_token(bob, "bob", "laptop", ["operator"])
    by_token = people.by_token(text)
    assert by_token is not None
    with pytest.raises(Forbidden):
        people.add_token(by_token, "bob", "another", ["operator"])
    assert [one.label for one in people.tokens(bob, "bob")] == ["laptop"]


def test_a_token_speaks_for_its_person_until_it_ends(people: People, alice: Actor, clock: Any) -> None:
    """It has its scopes and no more than its person has now; revoked, expired or changed in a character it is none."""
    people.add(alice, "bob", ["operator", "viewer"])
    token, text = people.add_token(alice, "bob", "laptop", ["operator"], days=30)
    bob = people.by_token(text)
    assert bob is not None and (bob.name, bob.via) == ("bob", f"token:{token.id}")
    assert bob.grants is not None and bob.grants.allows("claim", "x") and not bob.grants.allows("approve", "x")
    people.revoke(alice, "bob", "operator")
    bob = people.by_token(text)
    assert bob is not None and bob.grants is not None and not bob.grants.allows("claim", "x")
    assert people.by_token(text[:-1] + ("x" if text[-1] != "x" else "y")) is None
    assert people.by_token("mrq_1_") is None and people.by_token("") is None
    clock.forward(hours=24 * 30 + 1)
    assert people.by_token(text) is None
    _, second = people.add_token(alice, "bob", "phone", ["viewer"])
    people.revoke_token(alice, token.id + 1)
    assert people.by_token(second) is None


def test_a_token_is_never_more_than_its_person(people: People, alice: Actor) -> None:
    """Scopes beyond one's roles, none at all, and more than ninety days are refused."""
    people.add(alice, "bob", ["approver:a"])
    for scopes, days in ((["admin"], 1), (["operator"], 1), ([], 1), (["operator:b"], 1), (["viewer"], 91)):
        with pytest.raises(InvalidInput):
            people.add_token(alice, "bob", "x", scopes, days=days)
    people.add_token(alice, "bob", "x", ["operator:a", "viewer:a"])


def test_secrets_are_kept_hashed(people: People, alice: Actor, db: psycopg.Connection[Any]) -> None:
    """Neither password, token, session nor link stands anywhere in the database."""
    _, token = people.add_token(alice, "alice", "x", ["admin"])
    session = people.sign_in("alice", PASSWORD, "10.0.0.1")
    link = people.link(alice, "alice")
    every = sql.SQL("select * from {}")
    tables = [row[0] for row in db.execute("select relname from pg_class where relname like 'mrq%' and relkind = 'r'")]
    kept = "".join(str(db.execute(every.format(sql.Identifier(table))).fetchall()) for table in tables)
    for secret in (PASSWORD, token, token.split("_", 2)[2], session, link):
        assert secret not in kept


def test_signing_in_begins_a_new_session(people: People, alice: Actor) -> None:
    """Each sign-in has a session of its own, which is a proof of who it is; signing out ends it."""
    one, two = (people.sign_in(name, PASSWORD, "10.0.0.1") for name in ("alice", " ALICE "))
    assert one != two
    who = people.by_session(one)
    assert who is not None and (who.name, who.via) == ("alice", "console:alice")
    assert people.sign_out(one, who)
    assert people.by_session(one) is None and people.by_session(two) is not None
    assert people.by_session("") is None


def test_a_wrong_name_and_a_wrong_password_are_told_alike(people: People, alice: Actor) -> None:
    """Nobody learns who is kept here, disabled, or without a password."""
    people.add(alice, "bob", ["viewer"])
    people.add(alice, "carol", ["viewer"], PASSWORD)
    people.disable(alice, "carol")
    told = set()
    for name in ("alice", "bob", "carol", "nobody", "", "\x00", "a\nb"):
        with pytest.raises(NotSignedIn) as refused:
            people.sign_in(name, "wrong password", f"10.0.0.{len(name)}")
        told.add(str(refused.value))
    assert told == {"Name or password is not right."}


def test_ten_tries_a_minute(people: People, alice: Actor, clock: Any) -> None:
    """The eleventh wrong try of a name or from an address waits a minute, right or not; right ones do not count."""
    people.add(alice, "bob", ["viewer"], PASSWORD)
    for _ in range(2):
        people.sign_in("alice", PASSWORD, "10.0.1.1")
    for _ in range(10):
        with pytest.raises(NotSignedIn):
            people.sign_in("alice", "wrong password", "10.0.1.1")
    for name, address in (("ALICE", "10.0.1.2"), ("bob", "10.0.1.1")):
        with pytest.raises(TooOften) as refused:
            people.sign_in(name, PASSWORD, address)
        assert 1 <= refused.value.retry_after <= 60
    clock.forward(seconds=61)
    assert people.sign_in("alice", PASSWORD, "10.0.1.1")


def test_a_session_ends_by_itself(people: People, alice: Actor, clock: Any) -> None:
    """After half an hour of nothing (a page that only watches is nothing), and after twelve hours whatever was done."""
    idle, busy = (people.sign_in("alice", PASSWORD, "10.0.0.1") for _ in range(2))
    for _ in range(24):
        assert people.by_session(busy) is not None
        people.by_session(idle, watching=True)
        clock.forward(minutes=29)
    assert people.by_session(idle) is None
    clock.forward(minutes=29)
    assert people.by_session(busy) is None


def test_disabling_and_a_new_password_end_sessions_at_once(people: People, alice: Actor) -> None:
    """Who is disabled has no session, token or link any more, and none comes back; a new password ends sessions."""
    people.add(alice, "bob", ["operator"], PASSWORD)
    session, (_, token), link = (
        people.sign_in("bob", PASSWORD, None),
        people.add_token(alice, "bob", "x", ["operator"]),
        people.link(alice, "bob"),
    )
    people.disable(alice, "bob")
    assert people.by_session(session) is None and people.by_token(token) is None and people.by_link(link) is None
    people.enable(alice, "bob")
    assert people.by_session(session) is None and people.by_token(token) is None and people.by_link(link) is None
    session = people.sign_in("bob", PASSWORD, None)
    people.set_password(alice, "bob", PASSWORD[::-1])
    assert people.by_session(session) is None


def test_a_link_opens_one_session(people: People, clock: Any) -> None:
    """Once, within five minutes, of two at once one; it speaks as the system user who made it."""
    link = people.link(ROOT)
    opened: list[str | None] = []
    threads = [threading.Thread(target=lambda: opened.append(people.by_link(link))) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    (session,) = [one for one in opened if one]
    who = people.by_session(session)
    assert who == Actor("root", "person", "link:root@host", None)
    late = people.link(ROOT)
    clock.forward(minutes=5, seconds=1)
    assert people.by_link(late) is None and people.by_link(link) is None


def test_unlimited_sessions_end_with_the_first_person(people: People) -> None:
    """What a link opened while nobody was kept is over once somebody is."""
    session, link = people.by_link(people.link(ROOT)), people.link(ROOT)
    assert session is not None and people.by_session(session) is not None
    people.add(ROOT, "alice", ["admin"], PASSWORD)
    assert people.by_session(session) is None
    assert people.by_link(link) is None


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "aaaaaaaaaaaaaa", "x" * 1001, "carol@example.com"])
def test_easy_passwords_are_refused_unseen(people: People, alice: Actor, password: str) -> None:
    """Twelve characters at least, not all alike, not the name; the refusal does not repeat it."""
    with pytest.raises(InvalidInput) as refused:
        people.add(alice, "carol@example.com", ["viewer"], password)
    assert "(hidden)" in str(refused.value)
    with pytest.raises(NotFound):
        people.grant(alice, "carol@example.com", "viewer")


def test_every_change_is_kept(people: People, alice: Actor, db: psycopg.Connection[Any]) -> None:
    """Each change of people and tokens is one line, by whom and which way, psql's too; nobody alters them."""
    people.add(alice, "bob", ["operator:a"], PASSWORD)
    people.grant(alice, "bob", "viewer")
    people.revoke(alice, "bob", "viewer")
    token, _ = people.add_token(alice, "bob", "laptop", ["operator:a"])
    people.revoke_token(alice, token.id)
    people.sign_in("bob", PASSWORD, "10.0.0.1")
    people.disable(alice, "bob")
    db.execute("update mrq_person set disabled_at = null where name = 'bob'")
    lines = [(one.actor, one.verb, one.data.get("role")) for one in reversed(people.history(alice, "bob"))]
    assert lines == [
        ("alice", "add", None), ("alice", "grant", "operator:a"), ("alice", "grant", "viewer"),
        ("alice", "revoke", "viewer"), ("alice", "add token", None), ("alice", "revoke token", None),
        ("bob", "sign in", None), ("alice", "disable", None), ("mrq", "end session", None),
        (db.info.user, "enable", None),
    ]  # fmt: skip
    for statement in (
        "delete from mrq_person_event",
        "update mrq_person_event set actor = 'x'",
        "delete from mrq_person",
    ):
        with pytest.raises(psycopg.Error, match="refused"):
            db.execute(statement.encode())


def test_own_settings_are_kept(people: People, alice: Actor) -> None:
    """What somebody set for themselves is there again; who is not kept has no place for it."""
    people.set_own(alice, {"team": "engineering"})
    assert people.own(alice) == {"team": "engineering"}
    with pytest.raises(Refused, match="not kept here"):
        people.set_own(ROOT, {"team": "x"})


def test_a_token_for_one_of_several_roles(people: People, alice: Actor) -> None:
    """Who has several roles, one of them for what they added themselves, has tokens for each of them alone."""
    people.add(alice, "omni", ["operator:quiz_orphaned", "service", "viewer"])
    for scope in ("operator:quiz_orphaned", "service", "viewer", "service:quiz_orphaned"):
        found, _ = people.add_token(alice, "omni", "one", [scope])
        assert found.scopes == [scope]
    with pytest.raises(InvalidInput, match="no more than omni has"):
        people.add_token(alice, "omni", "more", ["operator"])
