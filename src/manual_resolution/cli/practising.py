"""The session of `mrq practice`: low priority first, and what was skipped comes again."""

from typing import Final

from manual_resolution.cli.session import Session
from manual_resolution.cli.terminal import Stops
from manual_resolution.item import Actor, Filter, Item
from manual_resolution.priority import PRIORITIES
from manual_resolution.queue import Queue
from manual_resolution.reading import ANY

MOST: Final = 100  # with what was skipped again and again


class PracticeSession(Session):
    """One operator's practice (specification, Operator Training: low-priority items first)."""

    def __init__(self, queue: Queue, who: Actor, stops: Stops) -> None:
        super().__init__(queue, who, ANY, None, MOST, stops=stops)

    def next(self) -> Item | None:
        """The next item, low before critical; at the end those that were skipped."""
        if not self.more():
            self.passed.clear()
        for priority in reversed(PRIORITIES):
            self.chosen = Filter(priority=priority)
            if item := super().next():
                return item
        return None

    def more(self) -> int:
        """How many wait beside the one at hand."""
        return self.queue.count_served(self.who, skipped=self.passed, limit=self.limit)
