"""A foreign client's view of the queue: plain SQL over a connection of its own."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

Db = psycopg.Connection[Any]
MakeItem = Callable[..., int]
Update = Callable[[str, int], int]

#: What a foreign client writes to bring an item to a status, from whichever status that is allowed.
FOREIGN = {
    "pending": "status = 'pending', assigned_to = null, assigned_at = null",
    "assigned": "status = 'assigned', assigned_to = 'alice'",
    "escalated": "status = 'escalated', escalated_at = now(), assigned_to = null, assigned_at = null",
    "resolved": """status = 'resolved',
      resolved_at = NOW(),
      resolution = 'Manual PDF deletion via API and DB update',
      resolution_metadata = '{"deleted_by": "alice@example.com"}'::jsonb""",
}


@pytest.fixture
def foreign() -> dict[str, str]:
    """By status: the columns a foreign client sets to bring an item there."""
    return FOREIGN


@pytest.fixture
def db(database_url: str, connect: Callable[..., Db]) -> Db:
    """A foreign client's connection."""
    return connect(database_url)


@pytest.fixture
def update(db: Db) -> Update:
    """`update("priority = 'high'", item)`: a foreign client's UPDATE; how many rows it changed."""

    def update(what: str, item: int) -> int:
        statement = f"update manual_resolution_queue set {what} where id = %s"  # noqa: S608
        return db.execute(statement.encode(), [item]).rowcount

    return update


@pytest.fixture
def make_item(db: Db, update: Update) -> MakeItem:
    """`make_item("escalated", resource_id=7)`: the id of a new item, brought to its status by legal moves."""
    ids = iter(range(1, 10_000))

    def make(brought_to: str = "pending", /, **columns: Any) -> int:
        columns = {
            "item_type": "pdf_deletion_failed", "resource_type": "meal_plan", "resource_id": next(ids),
            "priority": "medium", "reason": "Vercel Blob API returned 503",
        } | columns  # fmt: skip
        names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns))
        places = psycopg.sql.SQL(", ").join(map(psycopg.sql.Placeholder, columns))
        insert = psycopg.sql.SQL("insert into manual_resolution_queue ({}) values ({}) returning id")
        row = db.execute(insert.format(names, places), columns).fetchone()
        assert row is not None
        if brought_to != "pending":
            update(FOREIGN[brought_to], row[0])
        return int(row[0])

    return make
