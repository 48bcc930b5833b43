"""Keeps a claim while its prompt is open."""

import threading
from contextlib import suppress
from typing import Final, Self

from manual_resolution.errors import MRQError
from manual_resolution.item import Actor
from manual_resolution.queue import Queue

RENEWALS: Final = 4  # without an answer, so that a forgotten terminal does not keep an item for ever


class Lease:
    """Renews a claim while its prompt is open, every `period` seconds, by a thread of its own."""

    def __init__(self, queue: Queue, item_id: int, who: Actor, *, period: float | None = None) -> None:
        self.queue, self.item_id, self.who = queue, item_id, who
        self.period = queue.lease.total_seconds() / 2 if period is None else period
        self.left = RENEWALS
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"lease of #{item_id}", daemon=True)

    def renew(self) -> None:
        """One renewal, as long as the person has answered lately."""
        if self.left > 0:
            self.left -= 1
            with suppress(MRQError):  # lost or unreachable: the next decision says so
                self.queue.extend(self.item_id, self.who)

    def answered(self) -> None:
        """Somebody is there."""
        self.left = RENEWALS

    def _run(self) -> None:
        while not self.over.wait(self.period):
            self.renew()

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.over.set()
        self.thread.join(timeout=5)
