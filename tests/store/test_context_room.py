"""Room for context: what the library takes fits the database."""

import json
from typing import Any

import pytest

from manual_resolution import Queue
from manual_resolution.context import MAX_CONTEXT_BYTES, stored

ROOM = MAX_CONTEXT_BYTES - 50


@pytest.fixture
def queue(database_url: str) -> Any:
    queue = Queue(database_url)
    yield queue
    queue.close()


def filled(part: Any) -> dict[str, Any]:
    """A context of as many `part`s as the library takes."""
    return {"a": [part] * (ROOM // (len(json.dumps(part, separators=(",", ":"))) + 1))}


@pytest.mark.parametrize("part", [1, 0, 0.1, -1, 10001, "", "a", True, None, [], {}, [1]], ids=repr)
def test_what_the_library_takes_the_database_takes(queue: Queue, part: Any) -> None:
    """A context as large as documented is kept, whatever small values fill it."""
    context = filled(part)
    while True:
        try:
            stored(context)
            break
        except ValueError:
            context["a"] = context["a"][: len(context["a"]) * 2 // 3]  # written with spaces, or of too many keys
    number = queue.add("odd", "thing", 1, "low", "large", context).id
    assert number and queue.get(number).context == context
