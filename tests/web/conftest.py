"""The console over a real database, asked as a browser asks."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from manual_resolution import Queue, Settings
from manual_resolution.web.app import create_app

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """The queue of this test."""
    queue = Queue(database_url, settings=Settings())
    yield queue
    queue.close()


@pytest.fixture
def browser(queue: Queue) -> Iterator[TestClient]:
    """Nobody's browser: it follows no redirect by itself."""
    with TestClient(create_app(queue), "http://127.0.0.1:8787", headers=OURS, follow_redirects=False) as client:
        yield client
