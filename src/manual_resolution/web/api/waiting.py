"""Requests that wait for an item to come: each holds a thread meanwhile, so that only a few of them may."""

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Final

from anyio import from_thread
from fastapi import Request

from manual_resolution.errors import TooOften
from manual_resolution.item import Item
from manual_resolution.queue import Queue
from manual_resolution.web.problems import Told

LONGEST: Final = 50  # seconds; proxies commonly give up after 60
PLACES: Final = BoundedSemaphore(16)  # of the forty threads of a process


def waited(request: Request, queue: Queue, look: Callable[[], Item | None], seconds: float) -> Item | None:
    """What `look` finds within `seconds`; nothing is claimed for somebody who has gone away.

    Raises `TooOften` where too many wait already.
    """

    def unless_gone() -> Item | None:
        if from_thread.run(request.is_disconnected):
            raise Told(400, "left", "Who asked has gone away.")
        return look()

    if not PLACES.acquire(blocking=False):
        raise TooOften("Too many wait here already: ask again soon, or without wait.", retry_after=5)
    try:
        return queue.arrivals.wait(unless_gone, seconds)
    finally:
        PLACES.release()
