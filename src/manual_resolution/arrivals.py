"""Waiting for what is not there yet: one listening connection in a process, while anybody in it waits.

Being told only shortens the wait. What nobody tells (a lease that ended, a caller's own commit), and all of it where
nobody can be told, is found by looking once a second.
"""

from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Thread
from time import monotonic
from typing import Final, TypeVar

from manual_resolution.errors import MRQError
from manual_resolution.store.arrivals import SILENCE, listening
from manual_resolution.store.connection import Database

Found = TypeVar("Found")

SOON: Final = SILENCE + 0.005  # seconds until what was added in silence is looked for
EVERY: Final = 1.0  # seconds between two looks while nothing is told
KEPT: Final = 60.0  # seconds that the connection outlasts who waited last
BREATH: Final = 0.2  # seconds that closing may take


class Arrivals:
    """What arrives in `database`, told to the threads of this process that wait for it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._changed, self._count, self._closings = Condition(), 0, 0
        self._wanted, self._deaf = 0.0, False
        self._thread: Thread | None = None

    def wait(self, look: Callable[[], Found | None], seconds: float) -> Found | None:
        """What `look` finds, now or within `seconds`; None after them, or when closed. Raises what `look` raises."""
        ends, closings = monotonic() + seconds, self._closings
        told, pause = self._count, SOON
        while (found := look()) is None and (left := ends - monotonic()) > 0:
            before, told = told, self._after(told, closings, min(pause, left))
            if closings != self._closings:
                return None
            pause = EVERY if told == before else SOON
        return found

    def close(self) -> None:
        """Let nobody wait any longer, and leave the connection."""
        with self._changed:
            self._wanted, self._closings = 0.0, self._closings + 1
            self._changed.notify_all()

    def _after(self, told: int, closings: int, seconds: float) -> int:
        """Wait until something more was told, for at most `seconds` and not beyond a closing; how often so far."""
        with self._changed:
            if closings == self._closings:
                self._wanted = monotonic() + KEPT
                if not (self._deaf or (self._thread and self._thread.is_alive())):
                    self._thread = Thread(target=self._listen, daemon=True, name="mrq arrivals")
                    self._thread.start()
                self._changed.wait_for(lambda: (self._count, self._closings) != (told, closings), seconds)
            return self._count

    def _listen(self) -> None:
        """Until nobody has waited for a while. A connection that is lost is opened anew by who waits then."""
        with suppress(MRQError), listening(self.database) as hear:
            self._deaf = hear is None
            heard = True  # nobody was told what arrived until now
            while hear and monotonic() < self._wanted:
                if heard:
                    with self._changed:
                        self._count += 1
                        self._changed.notify_all()
                heard = hear(BREATH)
