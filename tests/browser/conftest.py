"""A real Chromium on the console over a real database, and operators who use it.

Skipped where no Chromium is found, loudly; `MRQ_BROWSER=required` makes that a failure,
`MRQ_BROWSER=/path` chooses one.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright

from manual_resolution import Queue, Settings
from manual_resolution.item import Actor
from manual_resolution.registry import Registry
from manual_resolution.web.app import create_app
from manual_resolution.web.listening import listen
from manual_resolution.web.serving import Server
from tests.browser.operator import Operator
from tests.parcels import parcels

FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker has the browser: two would only wait for each other."""
    for item in items:
        if "tests/browser" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this run."""
    asked = os.environ.get("MRQ_BROWSER", "")
    path = asked if "/" in asked else next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        sentence = (
            "NO CHROMIUM WAS FOUND: install it (Debian: apt-get install chromium), or set MRQ_BROWSER=/path/to/it"
        )
        if asked == "required":
            pytest.fail(sentence)
        pytest.skip(sentence)
    as_root = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *as_root])
        yield browser
        browser.close()


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """The queue of this test."""
    queue = Queue(
        database_url, settings=Settings(writes_per_minute=100_000), workflows=Registry([("tests", parcels())])
    )
    yield queue
    queue.close()


@pytest.fixture
def app(queue: Queue) -> FastAPI:
    """The console over it."""
    return create_app(queue)


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """Where the console is served, in a thread, on a free port."""
    server = Server(app)
    with listen("127.0.0.1", 0) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.handle_exit(2, None)
        thread.join(20)
        assert not thread.is_alive(), "the server did not end"


Come = Callable[..., Operator]


@pytest.fixture
def operator(chromium: Browser, app: FastAPI, address: str) -> Iterator[Come]:
    """`operator("alice")`: somebody at a browser of their own, signed in; what the page complains of fails the test."""
    contexts, complaints = [], list[str]()

    def come(name: str, **given: Any) -> Operator:
        context = chromium.new_context(base_url=address, **given)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
        page.goto(f"/?token={app.state.people.link(Actor(name, 'person', f'cli:{name}@box'))}")
        return Operator(page, name)

    yield come
    for context in contexts:
        context.close()
    assert complaints == []


def is_complaint(said: Any) -> bool:
    """Whether a page's console tells of something wrong; that a move was refused is not."""
    return said.type == "error" and "Failed to load resource" not in said.text


@pytest.fixture
def alice(operator: Come) -> Operator:
    """Alice at her browser."""
    return operator("alice")
