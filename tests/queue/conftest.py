"""Queues as separate processes would have them, and failures to tell them."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from manual_resolution import Added, Queue, Settings, Workflow
from manual_resolution.registry import Registry

NewQueue = Callable[..., Queue]


@pytest.fixture
def new_queue(database_url: str) -> Iterator[NewQueue]:
    """`new_queue(workflow, add_timeout=0.5)`: a queue as another process would have it."""
    with contextlib.ExitStack() as opened:

        def new(*workflows: Workflow, url: str = database_url, step: Any = lambda name: None, **settings: Any) -> Queue:
            registry = Registry([("this test", workflow) for workflow in workflows])
            queue = Queue(url, settings=Settings(**settings), workflows=registry, step=step)
            opened.callback(queue.close)
            return queue

        yield new


@pytest.fixture
def queue(new_queue: NewQueue) -> Queue:
    """The process under test."""
    return new_queue()


@pytest.fixture
def tell(queue: Queue) -> Callable[..., Added]:
    """`tell(7, priority="high")`: a failure of resource 7; everything else has a default."""

    def tell(resource_id: int | None = 1, **facts: Any) -> Added:
        via = facts.pop("queue", queue)
        told = {
            "item_type": "x",
            "resource_type": "thing",
            "priority": "medium",
            "reason": "it failed",
        } | facts
        added: Added = via.add(resource_id=resource_id, **told)
        return added

    return tell


@pytest.fixture
def db(database_url: str, connect: Callable[..., psycopg.Connection[Any]]) -> psycopg.Connection[Any]:
    """A foreign client's connection."""
    return connect(database_url)
