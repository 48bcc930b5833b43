"""People and own settings in the console, and what is shown to whom."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI

from manual_resolution import Queue
from manual_resolution.item import Actor
from tests.web.conftest import CONSOLE, OURS, Browser, Person, text_of

ROOT = Actor("root", "person", "cli:root@box")
PASSWORD = "correct horse battery"
SignIn = Callable[[str], Browser]


@pytest.fixture
def signed_in(app: FastAPI, queue: Queue) -> Any:
    """`signed_in("ada")`: the browser of somebody who signed in by password; Ada is an admin."""
    queue.people.add(ROOT, "ada", ["admin"], PASSWORD)
    opened = []

    def come(name: str) -> Browser:
        browser = Browser(app, "http://127.0.0.1:8787", headers=OURS, follow_redirects=True)
        opened.append(browser)
        assert browser.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 200
        return browser

    yield come
    for browser in opened:
        browser.close()


def post(browser: Browser, change: str, page: str = "people", **typed: str) -> str:
    """Send a form of a page; what the page says afterwards."""
    return text_of(browser.post(f"{CONSOLE}/{page}/{change}", data=typed).text)


def test_an_admin_looks_after_people(signed_in: SignIn, queue: Queue) -> None:
    """People are added, given and taken roles, given passwords, disabled and let in again; each change is told."""
    ada = signed_in("ada")
    assert "bob operator" in post(ada, "add", name="bob", role="operator", password=PASSWORD)
    assert "viewer:parcel_stuck" in post(ada, "grant", name="bob", role="viewer", item_type="parcel_stuck")
    assert "viewer:parcel_stuck" not in post(ada, "revoke", name="bob", role="viewer:parcel_stuck").partition("Add")[0]
    bob = signed_in("bob")
    assert "bob disabled" in post(ada, "disable", name="bob")
    assert "Sign in" in text_of(bob.get(f"{CONSOLE}/own").text)
    post(ada, "enable", name="bob")
    assert "ada password bob" in post(ada, "password", name="bob", password=PASSWORD[::-1])
    told = post(ada, "disable", name="ada")
    assert "nobody would be left who is admin" in told
    told = unescape(post(ada, "add", name="x", role="viewer", password="short"))
    assert "password = '(hidden)' is not allowed" in told and "short" not in told


def test_a_token_is_shown_once(signed_in: SignIn, queue: Queue) -> None:
    """The page that makes a token shows it, and no page after; it is kept in no cache, and ends by its button."""
    ada = signed_in("ada")
    post(ada, "add", name="cleanup", role="service")
    answer = ada.post(
        f"{CONSOLE}/people/token", data={"name": "cleanup", "scope": "service", "label": "nightly", "days": "30"}
    )
    found = re.search(r'value="(mrq_[^"]+)"', answer.text)
    assert found and answer.headers["cache-control"] == "no-store"
    assert queue.people.by_token(unescape(found[1])) is not None
    assert found[1] not in ada.get(f"{CONSOLE}/people").text
    number = found[1].split("_")[1]
    assert "revoke token cleanup" in post(ada, "end-token", token=number)
    assert queue.people.by_token(found[1]) is None


def test_who_is_no_admin_sees_and_changes_nobody(signed_in: SignIn, queue: Queue) -> None:
    """The page is refused to them, each of its forms too, and it stands in no menu."""
    ada = signed_in("ada")
    post(ada, "add", name="bob", role="approver", password=PASSWORD)
    bob = signed_in("bob")
    assert f"{CONSOLE}/people" not in bob.get(CONSOLE).text and f"{CONSOLE}/people" in ada.get(CONSOLE).text
    assert bob.get(f"{CONSOLE}/people").status_code == 403
    before = queue.people.history(ROOT_ADMIN, limit=1000)
    for change, typed in (
        ("add", {"name": "eve", "role": "admin", "password": PASSWORD}),
        ("grant", {"name": "bob", "role": "admin"}),
        ("revoke", {"name": "ada", "role": "admin"}),
        ("password", {"name": "ada", "password": PASSWORD[::-1]}),
        ("disable", {"name": "ada"}),
        ("token", {"name": "ada", "scope": "admin", "days": "1"}),
        ("end-session", {"session": "1"}),
    ):
        assert bob.post(f"{CONSOLE}/people/{change}", data=typed).status_code == 403, change
    assert queue.people.history(ROOT_ADMIN, limit=1000) == before


ROOT_ADMIN = Actor("ada", "person", "cli:ada@box")


def test_own_settings(signed_in: SignIn, queue: Queue) -> None:
    """Look, teams and first list are kept; another's session or token is nobody else's to end."""
    ada = signed_in("ada")
    ada.post(f"{CONSOLE}/own/look", data={"theme": "dark", "density": "dense"})
    assert '<html lang="en" data-theme="dark" data-density="dense">' in ada.get(CONSOLE).text
    ada.post(f"{CONSOLE}/own/look", data={"theme": '"><script>', "density": ""})
    assert '<html lang="en" data-theme="system" data-density="comfortable">' in ada.get(CONSOLE).text
    post(ada, "work", "own", team="engineering, support", first="?priority=high")
    assert queue.people.own(ROOT_ADMIN) == {"team": ["engineering", "support"], "first": "priority=high"}
    answer = ada.get("/", follow_redirects=False)
    assert answer.headers["location"] == f"{CONSOLE}?priority=high"
    assert "team = 'A b' is not allowed" in unescape(post(ada, "work", "own", team="A b"))
    post(ada, "add", name="bob", role="viewer", password=PASSWORD)
    bob = signed_in("bob")
    mine = queue.people.sessions(ROOT_ADMIN, "ada")[0].id
    assert "may not look after people" in post(bob, "end-session", "own", session=str(mine))
    assert "The new token, shown this once" in post(bob, "token", "own", scope="viewer", days="7", label="mine")
    assert "no more than bob has" in post(bob, "token", "own", scope="admin", days="7")


def test_a_new_password_needs_the_old_one(signed_in: SignIn) -> None:
    """Who finds a browser open cannot take it over for good; a right change ends every session."""
    ada = signed_in("ada")
    told = post(ada, "password", "own", old="wrong password", password=PASSWORD[::-1])
    assert "The password you have now is another one." in told
    assert "Sign in" in post(ada, "password", "own", old=PASSWORD, password=PASSWORD[::-1])


def test_the_first_person_may_come_by_the_console(person: Person, queue: Queue) -> None:
    """Who came by the one-time link adds the first admin, and must sign in from then on."""
    root = person("root")
    assert "Nobody has an account yet" in text_of(root.get(f"{CONSOLE}/people").text)
    told = post(root, "add", name="ada", role="admin", password=PASSWORD)
    assert "Sign in" in told and queue.people.are_kept()


def test_signing_in_again_leaves_no_session_behind(signed_in: SignIn, queue: Queue) -> None:
    """Each sign-in has a new secret, and the browser's old session ends."""
    ada = signed_in("ada")
    before = ada.cookies["mrq_session"]
    ada.post("/sign-in", data={"name": "ada", "password": PASSWORD})
    assert ada.cookies["mrq_session"] != before
    assert queue.people.by_session(before) is None
    assert len(queue.people.sessions(ROOT_ADMIN, "ada")) == 1


def test_a_signed_in_approver_is_another_person(signed_in: SignIn, queue: Queue) -> None:
    """The way of who signed in names them; a link's is the system user's, as a terminal's is."""
    ada = signed_in("ada")
    assert "you speak as console:ada" in unescape(ada.get(CONSOLE).text)
    with queue.database.connection() as db:
        told = db.execute(
            """select mrq_is_another('ada', 'console:ada', 'bob', 'console:bob', false),
                      mrq_is_another('ada', 'console:ada', 'ADA', 'token:7', false),
                      mrq_is_another('ada', 'cli:root@a', 'bob', 'link:root@b', false),
                      mrq_is_another('ada', 'link:root@a', 'bob', 'console:bob', false)"""
        ).fetchone()
    assert told == (True, False, False, True)
