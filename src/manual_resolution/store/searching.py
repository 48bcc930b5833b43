"""Statements on the words that are searched: which items lack them, their writing, and how they are found."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from manual_resolution.item import Item
from manual_resolution.store.connection import Db
from manual_resolution.store.items import ITEM, several_of

#: The condition that an item says every word of `words`, each from its beginning.
FOUND: Final = """
   and id in (select item_id from mrq_search
               where array_to_tsvector(string_to_array(said, ' ')) @@ %(words)s::tsquery)
"""


#: The same where what is found was gathered before.
GATHERED: Final = " and id = any (%(found)s::bigint[])"
#: More than so many are not gathered: they are so common that they are met in the order of work soon enough.
MOST: Final = 10_000


def gathered(db: Db, words: str) -> list[int] | None:
    """The ids of the items that say the words, by their index; none where there are more than `MOST`.

    How rare a word is PostgreSQL cannot tell from its beginning, and would walk the whole queue for a rare one.
    """
    with db.transaction():
        db.execute("set local enable_seqscan = off")
        rows = db.execute(
            """select item_id from mrq_search where array_to_tsvector(string_to_array(said, ' ')) @@ %s::tsquery
                limit %s""",
            [words, MOST + 1],
        ).fetchall()
    return None if len(rows) > MOST else [row[0] for row in rows]


def top(db: Db) -> int:
    """The highest id whose words are written."""
    row = db.execute("select max(item_id) from mrq_search where said is not null").fetchone()
    return int(row[0] or 0) if row else 0


def stale(db: Db, limit: int) -> list[Item]:
    """Items whose words are to be written anew."""
    return several_of(
        db,
        "select"
        + ITEM
        + """from manual_resolution_queue q
            where id in (select item_id from mrq_search where said is null order by item_id limit %(limit)s)""",
        {"limit": limit},
    )


def unwritten(db: Db, after: int, limit: int) -> list[Item]:
    """The next items behind the id `after` whose words were never written."""
    return several_of(
        db,
        "select"
        + ITEM
        + """from manual_resolution_queue q
            where id > %(after)s and not exists (select from mrq_search s where s.item_id = q.id)
            order by id limit %(limit)s""",
        {"after": after, "limit": limit},
    )


def write(db: Db, words: Sequence[tuple[int, int, str]]) -> None:
    """Write the words of (item id, its version): not over what became stale meanwhile."""
    ids, versions, said = zip(*words, strict=True)
    db.execute(
        """insert into mrq_search as s (item_id, version, said)
           select * from unnest(%s::bigint[], %s::bigint[], %s::text[]) w (item_id, version, said) order by item_id
           on conflict (item_id) do update set version = excluded.version, said = excluded.said
             where s.said is null and s.version <= excluded.version""",
        [list(ids), list(versions), list(said)],
    )


def hidden(db: Db) -> dict[str, frozenset[str]]:
    """By item type: the fields that its words leave out."""
    return {row[0]: frozenset(row[1]) for row in db.execute("select item_type, names from mrq_search_hidden")}


def hide(db: Db, names: Mapping[str, Sequence[str]]) -> None:
    """Leave these fields out of the words of these types from now on: what is there is to be written anew."""
    values: dict[str, Any] = {"types": list(names), "names": None}
    with db.transaction():
        for item_type, kept in names.items():
            db.execute(
                """insert into mrq_search_hidden as h (item_type, names) values (%s, %s)
                   on conflict (item_type) do update
                     set names = array(select distinct unnest(h.names || excluded.names) order by 1)""",
                [item_type, list(kept)],
            )
        db.execute(
            """update mrq_search s set said = null from manual_resolution_queue q
                where q.id = s.item_id and q.item_type = any (%(types)s) and s.said is not null""",
            values,
        )


def lacking(db: Db, limit: int) -> int:
    """How many items cannot be found by their words yet, counted up to `limit`."""
    row = db.execute(
        """select count(*) from (
             (select from mrq_search where said is null limit %(limit)s) union all
             (select from manual_resolution_queue i
               where not exists (select from mrq_search s where s.item_id = i.id) limit %(limit)s)) lacking""",
        {"limit": limit},
    ).fetchone()
    return min(int(row[0]), limit) if row else 0
