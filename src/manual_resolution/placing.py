"""Manual order: a person puts a waiting item before or behind another of its priority, says why, for a while.

Placed items come before those that go by their deadline, never before critical or overdue ones (design, Order of work).
To stand behind an item that goes by its deadline, that one and those before it are placed too, as they stand.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final

from manual_resolution import intake as strict
from manual_resolution.browsing import Browsing
from manual_resolution.decision import By, refuse_if_stale, standing
from manual_resolution.errors import Forbidden, InvalidInput, Refused
from manual_resolution.item import Actor, Item
from manual_resolution.store import items
from manual_resolution.store import placing as store
from manual_resolution.store.connection import Db

A_DAY: Final = timedelta(hours=24)
LONGEST: Final = timedelta(days=30)
#: Items that may stand before a place.
MOST: Final = 200
END: Final = float("inf")


class Placing(Browsing):
    """The moves of manual order."""

    def place(
        self,
        item_id: int,
        by: By,
        justification: str,
        *,
        before: int | None = None,
        after: int | None = None,
        span: timedelta = A_DAY,
        version: int | None = None,
    ) -> Item:
        """Put a waiting item before or behind another of its priority, or first of those not overdue, for `span`.

        Those before that place are placed as they stand; raises `Forbidden` where `by` may not place them. `Refused`
        for critical and overdue items and for a neighbour that stands elsewhere, `Stale` at another `version`.
        """
        who, text = self.admit(by, "place", item_id), strict.justification(justification)
        self.reader(who, before if after is None else after)
        if before is not None and after is not None:
            raise InvalidInput("after", after, "give one neighbour: before or after")
        if not timedelta(minutes=1) <= span <= LONGEST:
            raise InvalidInput("span", span, "from one minute to 30 days")
        with self.database.transaction() as db:
            item = self._placeable(db, item_id, version)
            ahead, behind = self._beside(db, item, before, after)
            places = places_between([position for _, position in ahead], behind)
            moved = [(id, new) for (id, old), new in zip(ahead, places, strict=False) if new != old]
            self._refuse_unless_movable(db, who, [id for id, _ in moved])
            return self._found(store.place(db, item_id, places[-1], moved, who, text, span), item_id)

    def _refuse_unless_movable(self, db: Db, who: Actor, ids: Sequence[int]) -> None:
        """Raise `Forbidden` where items would be placed too that `who` may not place; of which type, is not said."""
        grants = who.grants
        if ids and grants and not all(grants.allows("place", one) for one in store.types(db, ids)):
            raise Forbidden(
                f"{who.name} may not move every item that stands before that place, and would be placed with it: "
                "choose one nearer the front."
            )

    def unplace(self, item_id: int, by: By, note: str | None = None, *, version: int | None = None) -> Item:
        """Let an item go by its deadline again."""
        who = self.admit(by, "place", item_id)
        text = None if note is None else strict.note(note)
        with standing(self.database, item_id, version) as db:
            if found := store.unplace(db, item_id, who, text):
                return found
            self._found(items.get(db, item_id), item_id)
            raise Refused(f"#{item_id} was not placed by hand.")

    def _placeable(self, db: Db, item_id: int, version: int | None) -> Item:
        """The item, kept as it is until the transaction ends, and its lane from other placings before that."""
        store.hold_lane(db, self._found(items.get(db, item_id), item_id).priority)
        item = self._found(items.lock(db, item_id), item_id)
        refuse_if_stale(db, item, version)
        refuse_unless_placeable(item)
        return item

    def _beside(
        self, db: Db, item: Item, before: int | None, after: int | None
    ) -> tuple[Sequence[tuple[int, float]], float]:
        """Who stands before the place (id and position), and the position of who stands behind it."""
        neighbour = before if after is None else after
        if neighbour == item.id:
            raise Refused(f"#{item.id} cannot be placed beside itself.")
        lane = store.lane(db, item, MOST + 2)
        ids = [one for one, _ in lane]
        if neighbour is None:
            return [], lane[0][1] if lane else END
        if neighbour not in ids:
            raise self._no_neighbour(db, item, neighbour)
        at = ids.index(neighbour) + (after is not None)
        if at > MOST:
            raise Refused(f"More than {MOST} items stand before that place: choose one nearer the front.")
        return lane[:at], lane[at][1] if at < len(lane) else END

    def _no_neighbour(self, db: Db, item: Item, neighbour: int) -> Refused:
        other = self._found(items.get(db, neighbour), neighbour)
        if other.priority != item.priority:
            return Refused(
                f"#{neighbour} is {other.priority}, #{item.id} {item.priority}: change its priority for that."
            )
        if other.status == "resolved" or other.status == "assigned" or other.held:
            return Refused(f"#{neighbour} does not wait any more: nothing can be placed beside it.")
        if other.escalation_level:
            return Refused(f"#{neighbour} is overdue and comes first: nothing is placed among overdue items.")
        return Refused(f"More than {MOST} items stand before #{neighbour}: choose a place nearer the front.")


def refuse_unless_placeable(item: Item) -> None:
    """Raise `Refused` for an item that a person may not place."""
    if item.status == "resolved":
        raise Refused(f"#{item.id} is resolved.")
    if item.status == "assigned":
        raise Refused(f"#{item.id} is with {item.assigned_to}: only what waits is placed.")
    if item.held:
        raise Refused(f"#{item.id} is {'put aside' if item.held == 'deferred' else 'held'}: only what waits is placed.")
    if item.priority == "critical":
        raise Refused(f"#{item.id} is critical: critical items go by their deadline.")
    if item.is_overdue or item.escalation_level:
        raise Refused(f"#{item.id} is overdue: it comes before all that is placed.")


def places_between(ahead: Sequence[float], behind: float) -> list[float]:
    """Positions of those ahead, as they are where they rise already, and of one more between them and `behind`."""
    places: list[float] = []
    for position in ahead:
        last = places[-1] if places else None
        rises = position < END and (last is None or position > last)
        places.append(position if rises else 0.0 if last is None else last + 1)
    last = places[-1] if places else None
    if behind == END:
        places.append(0.0 if last is None else last + 1)
    else:
        places.append(behind - 1 if last is None else (last + behind) / 2)
    if rise([*places, behind]):
        return places
    places = [behind - len(places) + n for n in range(len(places))]  # no number is left between them
    if not rise([*places, behind]):
        raise Refused("Nothing more can be placed there: let what stands beside it go by its deadline first.")
    return places


def rise(places: Sequence[float]) -> bool:
    """Whether each is greater than the one before."""
    return all(one < other for one, other in pairwise(places))
