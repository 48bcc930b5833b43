"""Statements on the words that are searched: which items lack them, their writing, and how they are found.

Words stand in lanes: an open item's `priority_rank`, or `HISTORY`. Each lane has an index of its own, so that a search
in the order of work asks no more of them than its page needs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, LiteralString, NamedTuple

from psycopg.rows import class_row

from manual_resolution.store.connection import Db

#: The lane of what is resolved, behind the four of what is open.
HISTORY: Final = 4
LANES: Final[tuple[LiteralString, ...]] = ("0", "1", "2", "3", "4")

#: The condition that an item says every word of `words`, asked of one item after another.
SAYS: Final = " and (select s.words @@ %(words)s::tsquery from mrq_search s where s.item_id = id)"
#: The same where what is found was gathered before.
GATHERED: Final = " and id = any (%(found)s::bigint[])"
#: More than so many are not gathered: reading their rows costs more than walking past others in their order.
MOST: Final = 10_000
#: Words that more items seem to say are common.
COMMON: Final = 40_000


@dataclass(frozen=True, slots=True)
class Told:
    """What an item says, of which its words are made."""

    id: int
    version: int
    item_type: str
    resource_type: str
    resource_id: int | None
    resource_key: str | None
    reason: str
    context: dict[str, Any] | None
    created_at: datetime


_TOLD: Final = " id, version, item_type, resource_type, resource_id, resource_key, reason, context, created_at "


# ------------------------------------------------------------------ finding


def is_rare(db: Db, words: str) -> bool:
    """Whether so few items say the words, by PostgreSQL's statistics, that their index is asked before all else."""
    row = db.execute("explain (format json) select from mrq_search where words @@ %s::tsquery", [words]).fetchone()
    return row is not None and row[0][0]["Plan"]["Plan Rows"] < COMMON


def found_in(lanes: Sequence[int]) -> LiteralString:
    """The ids of the items in these lanes that say the words: each lane by its index, which is asked for `narrow`."""
    return " union all ".join(
        [
            "select item_id from (select item_id, words from mrq_search where lane = "
            + LANES[lane]
            + " and words @@ %(narrow)s::tsquery offset 0) n where words @@ %(words)s::tsquery"
            for lane in lanes
        ]
    )


def gathered(db: Db, values: Mapping[str, Any], lanes: Sequence[int], most: int | None = None) -> tuple[str, bool]:
    """The ids of the items in these lanes that say the words, as an array's text, at most `most`; are they all?

    How rare a word is PostgreSQL cannot tell from its beginning. `materialized`: else it would hope to meet enough of
    them by chance.
    """
    most = MOST if most is None else most
    row = db.execute(
        "with found as materialized (" + found_in(lanes) + "), few as (select item_id from found limit %(most)s)"
        " select coalesce(array_agg(item_id), '{}')::text, count(*) from few",
        {"words": values["words"], "narrow": values["narrow"], "most": most + 1},
    ).fetchone()
    return (str(row[0]), int(row[1]) <= most) if row else ("{}", True)


# ------------------------------------------------------------------ keeping


def last(db: Db) -> int:
    """The highest id of an item; 0 where there is none."""
    row = db.execute("select max(id) from manual_resolution_queue").fetchone()
    return int(row[0] or 0) if row else 0


def is_written(db: Db, item_id: int) -> bool:
    """Whether the first item from this id on has been met, if its words are stale meanwhile."""
    row = db.execute(
        """select s.item_id is not null from manual_resolution_queue q left join mrq_search s on s.item_id = q.id
            where q.id >= %s order by q.id limit 1""",
        [item_id],
    ).fetchone()
    return row is not None and bool(row[0])


def stale(db: Db, limit: int) -> list[Told]:
    """Items whose words are to be written anew."""
    return _told(
        db,
        "select"
        + _TOLD
        + """from manual_resolution_queue
            where id in (select item_id from mrq_search where words is null order by item_id limit %(limit)s)""",
        {"limit": limit},
    )


def unwritten(db: Db, after: int, until: int | None, limit: int) -> list[Told]:
    """The next items behind the id `after`, up to `until`, whose words were never written."""
    return _told(
        db,
        "select"
        + _TOLD
        + """from manual_resolution_queue q
            where id > %(after)s and (%(until)s::bigint is null or id <= %(until)s)
              and not exists (select from mrq_search s where s.item_id = q.id and s.item_id > %(after)s)
            order by id limit %(limit)s""",
        {"after": after, "until": until, "limit": limit},
    )


def _told(db: Db, statement: LiteralString, values: dict[str, Any]) -> list[Told]:
    with db.cursor(row_factory=class_row(Told)) as cursor:
        return cursor.execute(statement, values).fetchall()


def write(db: Db, words: Sequence[tuple[Told, str]]) -> None:
    """Write the words of items: not over what became stale meanwhile, nor for another that has the number by now."""
    ids, versions, since, said = zip(
        *((item.id, item.version, item.created_at, text) for item, text in words), strict=True
    )
    db.execute(
        """insert into mrq_search as s (item_id, version, lane, words)
           select w.item_id, w.version, case when q.status = 'resolved' then 4 else q.priority_rank end,
                  array_to_tsvector(string_to_array(w.said, ' '))
             from unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[]) w (item_id, version, since, said)
             join manual_resolution_queue q on q.id = w.item_id and q.created_at = w.since
            order by w.item_id
           on conflict (item_id) do update
             set version = excluded.version, lane = excluded.lane, words = excluded.words
           where s.words is null and s.version <= excluded.version""",
        [list(ids), list(versions), list(since), list(said)],
    )


def settle(db: Db) -> None:
    """Put in order what was written."""
    db.execute("select mrq_search_settle()")


class Place(NamedTuple):
    """A place in the order in which items were resolved."""

    at: datetime
    id: int


BEGINNING: Final = Place(datetime(1, 1, 2, tzinfo=UTC), 0)


def shelve(db: Db, after: Place, limit: int) -> tuple[Place, int, int]:
    """Move the words of the next items resolved behind a place to the history's lane.

    Returns the place reached, how many were looked at, and how many moved: else a search of open items looks at them.
    """
    rows = db.execute(
        """select id, resolved_at from manual_resolution_queue
            where status = 'resolved' and (resolved_at, id) > (%s, %s) order by resolved_at, id limit %s""",
        [*after, limit],
    ).fetchall()
    if not rows:
        return after, 0, 0
    moved = db.execute(
        "update mrq_search set lane = 4 where item_id = any (%s) and lane <> 4", [[row[0] for row in rows]]
    )
    return Place(rows[-1][1], rows[-1][0]), len(rows), moved.rowcount


def hidden(db: Db) -> dict[str, frozenset[str]]:
    """By item type: the fields that its words leave out."""
    return {row[0]: frozenset(row[1]) for row in db.execute("select item_type, names from mrq_search_hidden")}


def hide(db: Db, names: Mapping[str, Sequence[str]]) -> None:
    """Leave these fields out of the words of these types from now on: what is there is to be written anew."""
    with db.transaction():
        for item_type, kept in names.items():
            db.execute(
                """insert into mrq_search_hidden as h (item_type, names) values (%s, %s)
                   on conflict (item_type) do update
                     set names = array(select distinct unnest(h.names || excluded.names) order by 1)""",
                [item_type, list(kept)],
            )
        db.execute(
            """update mrq_search s set words = null, said = null from manual_resolution_queue q
                where q.id = s.item_id and q.item_type = any (%s) and (s.words is not null or s.said is not null)""",
            [list(names)],
        )


def lacking(db: Db, limit: int) -> int:
    """How many items cannot be found by their words yet, counted up to `limit`."""
    row = db.execute(
        """select count(*) from (
             (select from mrq_search where words is null limit %(limit)s) union all
             (select from manual_resolution_queue i
               where not exists (select from mrq_search s where s.item_id = i.id) limit %(limit)s)) lacking""",
        {"limit": limit},
    ).fetchone()
    return min(int(row[0]), limit) if row else 0
