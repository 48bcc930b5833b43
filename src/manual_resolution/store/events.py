"""Statements that read an item's history."""

from typing import Final

from psycopg.rows import class_row

from manual_resolution.item import Event
from manual_resolution.store.connection import Db

EVENT: Final = "item_id, seq, at, actor, actor_kind, via, verb, data, private"


def of_item(db: Db, item_id: int) -> list[Event]:
    """An item's history, oldest first."""
    with db.cursor(row_factory=class_row(Event)) as cursor:
        return cursor.execute(
            "select " + EVENT + " from mrq_event where item_id = %s order by seq", [item_id]
        ).fetchall()
