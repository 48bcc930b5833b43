"""Queues as separate processes would have them, and failures to tell them."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest

from manual_resolution import Added, Queue, Settings, Workflow
from manual_resolution.registry import Registry

NewQueue = Callable[..., Queue]


class QueueOfRoles(Queue):
    """A queue whose use cases each go to the database as the role whose duty they are (`MRQ_TEST_ROLES`)."""

    def __init__(self, url: str, as_role: Callable[[str, str], str], **facts: Any) -> None:
        super().__init__(as_role(url, "operator"), **facts)
        duties = ("producer", "worker", "console")
        self.producer, self.worker, self.console = (Queue(as_role(url, duty), **facts) for duty in duties)
        self.people = self.console.people

    def tell(self, *told: Any, **facts: Any) -> Added:
        return self.producer.tell(*told, **facts)

    def add_many(self, *told: Any, **facts: Any) -> Sequence[Added]:
        return self.producer.add_many(*told, **facts)

    def sweep(self, **facts: Any) -> Any:
        return self.worker.sweep(**facts)

    def close(self) -> None:
        for queue in (self.producer, self.worker, self.console, super()):
            queue.close()


@pytest.fixture
def new_queue(database_url: str, as_role: Callable[[str, str], str]) -> Iterator[NewQueue]:
    """`new_queue(workflow, add_timeout=0.5)`: a queue as another process would have it."""
    under_roles = as_role(database_url, "operator") != database_url
    with contextlib.ExitStack() as opened:

        def new(*workflows: Workflow, url: str = database_url, step: Any = lambda name: None, **settings: Any) -> Queue:
            registry = Registry([("this test", workflow) for workflow in workflows])
            facts: dict[str, Any] = {"settings": Settings(**settings), "workflows": registry, "step": step}
            queue = QueueOfRoles(url, as_role, **facts) if under_roles and url == database_url else Queue(url, **facts)
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
