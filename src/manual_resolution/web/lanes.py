"""The board's lanes: what waits of each priority, in the order of work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from manual_resolution.browsing import Counted
from manual_resolution.item import Browse, Item
from manual_resolution.priority import PRIORITIES, Priority
from manual_resolution.queue import Queue

SHOWN: Final = 25  # items of a lane


@dataclass(frozen=True, slots=True)
class Lane:
    """The first items of one priority; `after` is a cursor where there are more."""

    priority: Priority
    items: Sequence[Item]
    after: str | None

    @property
    def is_placed(self) -> bool:
        """Whether a person put any of them where it stands."""
        return any(item.position_by for item in self.items)


def lanes_of(queue: Queue, chosen: Browse) -> list[Lane]:
    """What waits, lane by lane; what somebody holds or put aside is not on the board."""
    lanes = []
    for priority in PRIORITIES:
        page = queue.browse(replace(chosen, priority=priority, waiting=True), limit=SHOWN)
        lanes.append(Lane(priority, page.items, page.after))
    return lanes


def count_of(queue: Queue, chosen: Browse, lane: Lane) -> Counted | None:
    """How many wait in a lane."""
    if lane.after is None:
        return Counted(len(lane.items))
    return queue.count(replace(chosen, priority=lane.priority, waiting=True))
