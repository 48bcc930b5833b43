"""The console over a real database, asked as a browser asks."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any, Self

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from manual_resolution import Queue, Settings
from manual_resolution.item import Actor
from manual_resolution.registry import Registry
from manual_resolution.web.app import create_app
from tests.parcels import parcels
from tests.quicker import quick_passwords, routes_made_once

__all__ = ["quick_passwords", "routes_made_once"]

CONSOLE = "/admin/manual-resolution-queue"
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """The queue of this test."""
    queue = Queue(database_url, settings=Settings(), workflows=Registry([("tests", parcels())]))
    yield queue
    queue.close()


@pytest.fixture
def app(queue: Queue) -> FastAPI:
    """The console over it."""
    return create_app(queue)


Person = Callable[[str], "Browser"]


@pytest.fixture
def person(app: FastAPI) -> Iterator[Person]:
    """`person("alice")`: the browser of somebody who came by the one-time link."""
    opened = []

    def come(name: str) -> Browser:
        browser = Browser(app, "http://127.0.0.1:8787", headers=OURS, follow_redirects=True)
        opened.append(browser)
        token = app.state.people.link(Actor(name, "person", f"cli:{name}@box"))
        assert browser.get(f"/?token={token}").status_code == 200
        return browser

    yield come
    for browser in opened:
        browser.close()


@pytest.fixture
def alice(person: Person) -> "Browser":
    """Alice's browser."""
    return person("alice")


class Browser(TestClient):
    """Asks for pages and sends the forms that stand on them."""

    def __enter__(self) -> Self:
        return self

    def item(self, number: int, query: str = "") -> str:
        """An item's page."""
        answer = self.get(f"{CONSOLE}/{number}{query}")
        assert answer.status_code == 200, text_of(answer.text)
        return str(answer.text)

    def move(self, number: int, move: str, query: str = "", **typed: str) -> Any:
        """Open the item's page, fill the form of a move in, send it; the answer after redirects."""
        return self.submit(self.item(number, query), number, move, **typed)

    def submit(self, page: str, number: int, move: str, **typed: str) -> Any:
        """Send the form of a page that was opened before."""
        return self.post(f"{CONSOLE}/{number}/{move}", data=hidden(page, f"/{number}/{move}") | typed)


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action; a dry run is sent from the decision's form."""
    wanted = action.replace("/plan", "/resolution").replace("/denial", "/(?:denial|approval)")
    form = re.search(rf'<form[^>]* action="[^"]*{wanted}".*?</form>', page, re.DOTALL)
    assert form, f"there is no form for {action}"
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in fields}


def text_of(page: str) -> str:
    """What a page says, without its tags."""
    body = page.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
    return re.sub(r" ([,.:;])", r"\1", words)
