"""Who gets in, and how."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from manual_resolution.item import Actor
from tests.web.conftest import CONSOLE, OURS, Browser, text_of

ADMIN = Actor("root", "person", "cli:root@box")
PASSWORD = "correct horse battery"


@pytest.fixture
def browser(app: FastAPI) -> TestClient:
    """Nobody's browser, which follows no redirect by itself."""
    return TestClient(app, "http://127.0.0.1:8787", headers=OURS, follow_redirects=False)


def test_the_link_opens_once(app: FastAPI, browser: TestClient) -> None:
    """The one-time link gives a session, takes its token from the address, and does so once."""
    token = app.state.people.link(ADMIN)
    answer = browser.get(f"/?token={token}")
    assert (answer.status_code, answer.headers["location"]) == (303, CONSOLE)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert browser.get(CONSOLE).status_code == 200
    browser.cookies.clear()
    again = browser.get(f"/?token={token}")
    assert again.status_code == 401
    assert "used already" in text_of(again.text)


def test_name_and_password(app: FastAPI, browser: TestClient) -> None:
    """A person signs in, comes back to where they were, and out again; the session then is none."""
    people = app.state.people
    people.add(ADMIN, "root", ["admin", "operator"], PASSWORD)
    wrong = browser.post("/sign-in", data={"name": "root", "password": "wrong", "to": f"{CONSOLE}/7"})
    assert (wrong.status_code, 'value="root"' in wrong.text) == (401, True)
    right = browser.post("/sign-in", data={"name": "root", "password": PASSWORD, "to": f"{CONSOLE}/7"})
    assert (right.status_code, right.headers["location"]) == (303, f"{CONSOLE}/7")
    secret = browser.cookies["mrq_session"]
    assert browser.get(CONSOLE).status_code == 200
    assert browser.post("/sign-out").status_code == 303
    browser.cookies.set("mrq_session", secret)
    assert browser.get(CONSOLE).status_code == 303


@pytest.mark.parametrize(
    "to", ["https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "x", "/\r\nA: b"]
)
def test_signing_in_leads_nowhere_else(app: FastAPI, browser: TestClient, to: str) -> None:
    """No address of another site can be the place one comes back to."""
    app.state.people.add(ADMIN, "root", ["admin"], PASSWORD)
    answer = browser.post("/sign-in", data={"name": "root", "password": PASSWORD, "to": to})
    assert answer.headers["location"] == "/"


def test_what_was_typed_for_no_item_is_dropped(app: FastAPI, browser: TestClient) -> None:
    """Signing in succeeds whatever place is named for what was typed before, a number of any length too."""
    app.state.people.add(ADMIN, "root", ["admin"], PASSWORD)
    for number in ("9" * 5000, "07", "x", ""):
        given = {"name": "root", "password": PASSWORD, "to": f"{CONSOLE}/{number}", "typed.justification": "why"}
        assert browser.post("/sign-in", data=given).status_code == 303, number


def test_a_session_set_by_another_is_not_taken_up(app: FastAPI, browser: TestClient) -> None:
    """Signing in makes a new session whatever cookie was there before."""
    browser.cookies.set("mrq_session", "chosen-by-somebody")
    browser.get(f"/?token={app.state.people.link(ADMIN)}")
    kept = [cookie.value for cookie in browser.cookies.jar if cookie.value != "chosen-by-somebody"]
    assert len(kept) == 1
    assert app.state.people.by_session("chosen-by-somebody") is None


def test_what_a_role_may_not_do_is_refused(app: FastAPI, browser: TestClient) -> None:
    """A viewer sees items, finds no button, and is refused where the form is sent all the same."""
    people = app.state.people
    people.add(ADMIN, "root", ["admin"], PASSWORD)
    people.add(ADMIN, "eve", ["viewer"], PASSWORD)
    app.state.queue.add("parcel_stuck", "parcel", 1, "low", "stuck")
    browser.post("/sign-in", data={"name": "eve", "password": PASSWORD})
    page = browser.get(f"{CONSOLE}/1").text
    assert "/claim" not in page
    assert "/resolution" not in page
    assert f'href="{CONSOLE}/next"' not in page
    board = browser.get(f"{CONSOLE}/board").text
    assert "data-ticket" in board
    assert "data-movable" not in board
    assert "Drag" not in board


def test_an_empty_house_says_how_to_begin(browser: TestClient) -> None:
    """Where nobody has an account the sign-in page says how one gets in."""
    assert "mrq serve" in text_of(browser.get("/sign-in").text)


def test_secure_cookies_behind_https(app: FastAPI, browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where browsers come by https the cookie is sent by https only, and no other host can set it."""
    from dataclasses import replace

    app.state.settings = replace(app.state.settings, console_url="https://mrq.example.com")
    cookie = browser.get(f"/?token={app.state.people.link(ADMIN)}").headers["set-cookie"]
    assert cookie.startswith("__Host-mrq_session=")
    assert "Secure" in cookie


def test_sessions_are_individual(alice: Browser, app: FastAPI) -> None:
    """Every browser has a session of its own."""
    people = app.state.people
    assert [session.name for session in people.sessions(ADMIN)] == ["alice"]
