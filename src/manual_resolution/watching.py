"""Who looks at an item just now, and what persons typed and have not sent: it survives whatever happens to a page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from manual_resolution.errors import InvalidInput
from manual_resolution.store import watching as store
from manual_resolution.store.connection import Database
from manual_resolution.text import storable

#: How long somebody counts as looking after they were last seen to.
SEEN: Final = timedelta(seconds=12)
#: Characters of all that is typed on one form.
MOST: Final = 32_000
#: Fields that are the page's own, not what somebody typed.
NOT_TYPED: Final = frozenset({"version", "seen", "flow", "draft"})


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed into one form of an item's page, and the version of the item it was typed on."""

    form: str
    typed: Mapping[str, str]
    version: int


class Watching:
    """Presence and drafts in `database`. Names are those of persons who were admitted to the item already."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def look(self, lookers: Iterable[tuple[int, str]]) -> None:
        """Note that these persons have these items' pages open just now."""
        if found := list(lookers):
            with self.database.connection() as db:
                store.look(db, found)

    def leave(self, item_id: int, name: str) -> None:
        """A person closed an item's page; another page of theirs is noted again within seconds."""
        with self.database.connection() as db:
            store.leave(db, item_id, name)

    def lookers(self, ids: Iterable[int]) -> dict[int, list[str]]:
        """By item: the names of those who look at it just now."""
        found: dict[int, list[str]] = {}
        with self.database.connection() as db:
            for item_id, name in store.lookers(db, list(ids), SEEN):
                found.setdefault(item_id, []).append(name)
        return found

    def keep(self, item_id: int, name: str, form: str, typed: Mapping[str, str], version: int) -> None:
        """Keep what a person typed; nothing typed forgets what was. Raises `InvalidInput` where it is too long."""
        words = {
            storable("name", key, "a field's name"): storable(key, text, "some text")
            for key, text in typed.items()
            if key not in NOT_TYPED and text
        }
        if sum(map(len, (*words, *words.values()))) > MOST or len(form) > 50:
            raise InvalidInput("draft", "(not shown)", f"at most {MOST:,} characters")
        form = storable("draft", form, "a form's name")
        with self.database.connection() as db:
            if words:
                store.keep(db, item_id, name, form, words, version)
            else:
                store.drop(db, item_id, name, form)

    def draft(self, item_id: int, name: str) -> Draft | None:
        """What a person typed last on an item's page."""
        with self.database.connection() as db:
            found = store.draft(db, item_id, name)
        return Draft(*found) if found else None

    def drop(self, item_id: int, name: str, form: str) -> None:
        """Forget what a person typed into this form of an item's page: it was sent. Raises `InvalidInput`."""
        form = storable("draft", form, "a form's name")
        with self.database.connection() as db:
            store.drop(db, item_id, name, form)
