"""The one place where it is asked whether somebody may do what they ask for, through whichever face."""

from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from manual_resolution.decision import By, person
from manual_resolution.errors import NotFound
from manual_resolution.item import Actor, Filter, Item
from manual_resolution.people import People
from manual_resolution.permission import Grants, Reach, forbidden
from manual_resolution.settings import Settings
from manual_resolution.store import items
from manual_resolution.store.connection import Database

Chosen = TypeVar("Chosen", bound=Filter)


class Admission:
    """Who may do what in `database`."""

    database: Database
    settings: Settings

    @cached_property
    def people(self) -> People:
        """Who is kept here."""
        return People(self.database, self.settings)

    def admit(self, by: By, move: str, item_id: int | None = None, *, item_type: str | None = None) -> Actor:
        """Who asks, with their roles. Raises `Forbidden`, and `NotFound` for an item that they may not even read.

        `move` is one of `permission.MOVES`, on an item or with one of this type that is to be their own; without
        either it must be allowed on any item at all.
        """
        who = self.people.known(person(by))
        if who.grants is not None and not (reach := who.grants.reach(move)).is_all:
            if item_id is not None:
                self._refuse_unless_within(who, who.grants, move, item_id)
            elif reach.is_none or (item_type is not None and not reach.holds(item_type, is_own=True)):
                raise forbidden(who.name, move, who.grants, item_type)
        return who

    def _refuse_unless_within(self, who: Actor, grants: Grants, move: str, item_id: int) -> None:
        with self.database.connection() as db:
            found = items.told_by(db, item_id)
        item_type, is_own = (found[0], found[1] == who.name) if found else ("", False)
        if not grants.reach("read").holds(item_type, is_own):
            raise NotFound(f"There is no item #{item_id} that {who.name} may see.")
        if not grants.reach(move).holds(item_type, is_own):
            raise forbidden(who.name, move, grants, item_type)

    def reader(self, by: By | None, item_id: int | None = None) -> Actor | None:
        """Who reads; None is a program of the host's, which reads everything."""
        return None if by is None else self.admit(by, "read", item_id)

    def is_readable(self, item: Item, who: Actor | None) -> bool:
        """Whether an item that was read already may be shown to somebody by its type."""
        reach = Reach(None, None) if who is None or who.grants is None else who.grants.reach("read")
        return reach.holds(item.item_type)


def limited(chosen: Chosen, who: Actor | None, move: str = "read") -> Chosen:
    """A filter that finds nothing but what `who` may make this move on."""
    if who is None or who.grants is None or (reach := who.grants.reach(move)).is_all:
        return chosen
    return replace(chosen, types=reach.types, own=reach.own, reader=None if reach.own == frozenset() else who.name)
