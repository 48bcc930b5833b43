"""Live: what one does is seen by the others within two seconds; who looks; what is typed is never lost."""

import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from fastapi import FastAPI

from manual_resolution import Queue
from manual_resolution.item import Actor
from manual_resolution.web.listening import listen
from manual_resolution.web.live import Live
from manual_resolution.web.serving import Server
from tests.web.conftest import CONSOLE, Person, hidden, text_of

Add = Callable[..., int]
ROOT = Actor("root", "person", "cli:root@box")


@pytest.fixture
def add(queue: Queue) -> Add:
    """`add(7)`: the id of a parcel stuck."""

    def add(number: int, **facts: Any) -> int:
        told = {"priority": "medium", "reason": "it is stuck", "context": {"place": "shelf"}} | facts
        return int(queue.add("parcel_stuck", "parcel", number, **told).id or 0)

    return add


class Stream:
    """One open page's stream, read as a browser reads it."""

    def __init__(self, port: int, cookie: str, address: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.connection.request("GET", address, headers={"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
        self.answer = self.connection.getresponse()

    def next(self, kind: str) -> Any:
        """The data of the next event of this kind; fails where none comes in time."""
        found = ""
        while line := self.answer.fp.readline().decode():
            if line.startswith("event: "):
                found = line[7:].strip()
            elif line.startswith("data: ") and found == kind:
                return json.loads(line[6:])
        raise AssertionError("the stream has ended")

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@pytest.fixture
def streams(app: FastAPI) -> Iterator[Any]:
    """`streams(browser, address)`: a stream from the same console, served by a real server."""
    sock = listen("127.0.0.1", 0)
    running, opened = Server(app), []
    thread = Thread(target=running.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()

    def stream(browser: Any, address: str) -> Stream:
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        opened.append(Stream(sock.getsockname()[1], cookie, address))
        return opened[-1]

    yield stream
    for one in opened:
        one.close()
    running.handle_exit(15, None)
    thread.join(10)
    assert not thread.is_alive()


def live_of(page: str) -> str:
    """Where a page is told what changes."""
    from html import unescape

    return unescape(page.partition('data-live="')[2].partition('"')[0])


def test_a_claim_an_arrival_and_a_resolution_are_told(streams: Any, person: Person, queue: Queue, add: Add) -> None:
    """Each of them reaches another browser's open queue within two seconds, whoever did it and however.

    The quickest of them counts: a machine under load may keep any single one waiting.
    """
    alice, number, took = person("alice"), add(1), list[float]()
    for act in (
        lambda: queue.claim(number, "bob"),
        lambda: add(2),
        lambda: queue.withdraw("parcel_stuck", "parcel", 2, "it went well"),
    ):
        stream = streams(alice, live_of(alice.get(CONSOLE).text))
        stream.answer.fp.readline()
        begun = time.monotonic()
        act()
        assert stream.next("changed") == []
        took.append(time.monotonic() - begun)
        stream.close()
    assert min(took) < 2


def test_what_changed_before_the_stream_opened_is_told_too(
    streams: Any, person: Person, queue: Queue, add: Add
) -> None:
    """A page that is old already when it begins to listen is told so at once: what changed, and by whom."""
    alice, number = person("alice"), add(1)
    page = alice.item(number)
    queue.note(number, "bob", "called them")
    queue.claim(number, "carol")
    assert streams(alice, live_of(page)).next("changed") == ["note by bob", "claim by carol"]


def test_who_looks_is_told_and_who_leaves_too(streams: Any, person: Person, add: Add) -> None:
    """Two who have one item open see each other's names, not their own; one who closes the page is gone."""
    alice, bob, number = person("alice"), person("bob"), add(1)
    address = live_of(alice.item(number))
    first = streams(alice, address)
    second = streams(bob, address)
    assert (first.next("here"), second.next("here")) == (["bob"], ["alice"])
    assert "bob looks at it too." in text_of(alice.item(number))
    second.close()
    assert first.next("here") == []


def test_a_stream_is_for_those_signed_in(app: FastAPI, person: Person) -> None:
    """Without a session there is no stream; what is no view, list or item is refused."""
    from tests.web.conftest import Browser

    stranger = Browser(app, "http://127.0.0.1:8787", follow_redirects=False)
    assert stranger.get(f"{CONSOLE}/live?view=list").status_code == 303
    alice = person("alice")
    for query in ("view=people", "view=item&item=x", "view=list&status=x", "view=list&after=x", ""):
        assert alice.get(f"{CONSOLE}/live?{query}").status_code == 422, query


def test_whoever_is_signed_out_is_told_nothing_more(
    streams: Any, person: Person, queue: Queue, add: Add, app: FastAPI
) -> None:
    """A session that was ended ends its streams at the next poll, a second later; another person's go on."""
    alice, bob, number = person("alice"), person("bob"), add(1)
    address = live_of(alice.get(CONSOLE).text)
    ending, staying = streams(alice, address), streams(bob, address)
    (session,) = [one for one in app.state.people.sessions(ROOT) if one.name == "alice"]
    for stream in (ending, staying):
        stream.answer.fp.readline()
    app.state.people.end_session(ROOT, session.id)
    assert ending.next("ended") == []
    assert b"0\r\n" in iter(ending.answer.fp.readline, b"")  # the last chunk
    queue.claim(number, "carol")
    assert staying.next("changed") == []


def test_whoever_has_other_roles_asks_anew(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll ends the stream of a session that is no more, and says so, and that of somebody whose roles changed."""
    from manual_resolution.web.live import Watcher

    live, people, told, password = Live(queue, every=1e9), queue.people, list[str](), "a long field in june"
    for name, role in (("root", "admin"), ("alice", "viewer"), ("bob", "viewer"), ("carol", "viewer")):
        people.add(ROOT, name, [role], password)
    monkeypatch.setattr(Thread, "start", lambda self: None)
    for name in ("alice", "bob", "carol"):
        session = people.sign_in(name, password)
        tell, end = (
            (lambda kind, data, of=name: told.append(f"{kind} {of}")),
            (lambda of=name: told.append(f"end {of}")),
        )
        live.watch("list", lambda: "old", Watcher(people.by_session(session), "old", None, tell, end, session))
    live.poll()
    assert told == []
    people.grant(ROOT, "bob", "operator")
    people.end_session(ROOT, people.sessions(ROOT, "alice")[0].id)
    live.poll()
    assert sorted(told) == ["end alice", "end bob", "ended alice"]


def test_a_view_is_asked_once_for_all_who_have_it_open(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty open pages of one list are one question a second; with none open nothing is asked."""
    from manual_resolution.web.live import Watcher

    live, asked, told = Live(queue, every=1e9), [], []
    watchers = [Watcher(Actor(f"p{n}"), "old", None, lambda kind, data: told.append(kind)) for n in range(50)]
    monkeypatch.setattr(Thread, "start", lambda self: None)
    for one in watchers:
        live.watch("list", lambda: asked.append(1) or "new", one)
    live.poll()
    live.poll()
    assert (len(asked), told) == (2, ["changed"] * 50)
    for one in watchers:
        live.unwatch("list", one)
    live.poll()
    assert (len(asked), live.views, live.count) == (2, {}, 0)


def test_the_server_stops_while_pages_are_open(streams: Any, person: Person, add: Add) -> None:
    """Open streams end cleanly when the server is asked to stop: the fixture waits for that."""
    alice = person("alice")
    streams(alice, live_of(alice.item(add(1)))).answer.fp.readline()
    streams(alice, live_of(alice.get(CONSOLE).text)).answer.fp.readline()


# ------------------------------------------------------------------ drafts


def type_in(browser: Any, number: int, page: str, form: str, **typed: str) -> None:
    """Type into a form of a page; the page's script sends it."""
    kept = browser.post(f"{CONSOLE}/{number}/draft", data=hidden(page, f"/{number}/{form}") | {"draft": form} | typed)
    assert kept.status_code == 204


def test_what_is_typed_survives_the_page(person: Person, queue: Queue, add: Add) -> None:
    """Typed text stands in its form again after a reload, a new session, and for nobody else; sent, it is gone."""
    alice, number = person("alice"), add(1)
    type_in(alice, number, alice.item(number), "resolution", option="send", justification="because it is mine")
    assert "because it is mine" in alice.item(number)
    again = person("alice")
    page = again.item(number)
    assert "because it is mine" in page and "What you typed is still here" in text_of(page)
    assert "because it is mine" not in person("bob").item(number)
    again.move(number, "claim")
    assert "because it is mine" in again.item(number)
    nul = again.post(f"{CONSOLE}/{number}/no-draft", data={"draft": "a\0b"})
    assert nul.status_code == 422
    assert "draft" in nul.text
    again.post(f"{CONSOLE}/{number}/no-draft", data={"draft": "resolution"})
    assert "because it is mine" not in again.item(number)


def test_what_was_sent_is_no_draft_any_more(person: Person, queue: Queue, add: Add) -> None:
    """After a move its text is forgotten, also where the page's last save arrives only afterwards."""
    alice, number = person("alice"), add(1)
    page = alice.item(number)
    type_in(alice, number, page, "note", text="they called")
    alice.move(number, "note", text="they called twice")
    type_in(alice, number, page, "note", text="they called twice")
    assert "What you typed" not in text_of(alice.item(number))
    type_in(alice, number, alice.item(number), "note", text="and again")
    assert "and again" in alice.item(number)


def test_a_draft_says_what_happened_since(person: Person, queue: Queue, add: Add) -> None:
    """Typed on an older version, a draft is shown on the item as it is now, with what changed and by whom."""
    alice, number = person("alice"), add(1)
    type_in(alice, number, alice.item(number), "note", text="they called")
    queue.set_priority(number, "bob", "high", "urgent")
    page = text_of(alice.item(number))
    assert "What you typed is still here; since then: priority by bob" in page


def test_a_draft_belongs_to_its_move(person: Person, add: Add) -> None:
    """What is typed for one move stands in that move's form, and in no other's."""
    alice, number = person("alice"), add(1, context={"place": "shelf", "email": "ada@example.com"})
    for form in ("resolution", "deferral", "reveal"):
        type_in(alice, number, alice.item(number), form, justification=f"because of {form}")
        page = alice.item(number)
        assert page.count(f"because of {form}") == 1, form
        assert f"because of {form}" in re.findall(rf'action="[^"]*/{form}".*?</form>', page, re.DOTALL)[0]


def test_words_without_a_form_are_shown(person: Person, queue: Queue, add: Add) -> None:
    """Where another person claimed the item meanwhile, the words themselves stand there, and the claim once."""
    alice, number = person("alice"), add(1)
    page = alice.item(number)
    type_in(alice, number, page, "resolution", option="give_back", justification="long thought")
    queue.claim(number, "zoe")
    refused = alice.submit(page, number, "resolution", option="give_back", justification="long thought")
    for shown in (refused.text, alice.item(number)):
        assert re.search(r"<textarea[^>]* readonly>\nlong thought</textarea>", shown)
        assert text_of(shown).count("long thought") == 1
        assert "Forget it" in text_of(shown)
    assert text_of(refused.text).partition("History")[0].count("claim by zoe") == 1
    assert "still there" not in text_of(refused.text)
    alice.post(f"{CONSOLE}/{number}/no-draft", data={"draft": "resolution"})
    assert "long thought" not in alice.item(number)


def test_a_draft_has_a_limit(person: Person, add: Add) -> None:
    """More than a form holds is refused in one sentence, and nothing typed keeps nothing."""
    alice, number = person("alice"), add(1)
    page = alice.item(number)
    much = alice.post(f"{CONSOLE}/{number}/draft", data={"draft": "note", "text": "x" * 40_000})
    assert (much.status_code, "at most 32,000 characters" in text_of(much.text)) == (422, True)
    type_in(alice, number, page, "note", text="")
    assert "What you typed" not in text_of(alice.item(number))
