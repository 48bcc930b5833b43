"""Statements about the ends of all histories: what is kept elsewhere, and what has become of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from manual_resolution.store.connection import Db


@dataclass(frozen=True, slots=True)
class Link:
    """What a copy kept elsewhere holds of one item: its number, how many entries, the last one's hash."""

    item_id: int
    version: int
    last_hash: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An item whose history is not the one kept: its row's version, its entries, where the kept hash stands now."""

    item_id: int
    version: int
    row_version: int | None
    entries: int
    found_at: int | None


def links(db: Db) -> Iterator[Link]:
    """The end of each item's history, in the order of the items' numbers. Inside a transaction."""
    with db.cursor("mrq_links", row_factory=class_row(Link)) as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(
            """select q.id as item_id, q.version, e.hash as last_hash
                 from manual_resolution_queue q
                 left join mrq_event e on e.item_id = q.id and e.seq = q.version
                order by q.id"""
        )


def links_at(db: Db, at: datetime) -> Iterator[Link]:
    """The same as it was at an instant, as far as the entries' own times tell."""
    with db.cursor("mrq_links_at", row_factory=class_row(Link)) as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(
            """select distinct on (item_id) item_id, seq as version, hash as last_hash
                 from mrq_event where at <= %s order by item_id, seq desc""",
            [at],
        )


def first_difference(db: Db, kept: Sequence[Link]) -> Difference | None:
    """The first of these items, by number, whose history does not begin with what was kept of it."""
    with db.cursor(row_factory=class_row(Difference)) as cursor:
        return cursor.execute(
            """select k.item_id, k.version, q.version as row_version,
                      (select count(*) from mrq_event e where e.item_id = k.item_id) as entries,
                      (select min(seq) from mrq_event e where e.item_id = k.item_id and e.hash = k.hash) as found_at
                 from unnest(%(ids)s::bigint[], %(versions)s::bigint[], %(hashes)s::bytea[]) k (item_id, version, hash)
                 left join manual_resolution_queue q on q.id = k.item_id
                 left join mrq_event e on e.item_id = k.item_id and e.seq = k.version
                where e.hash is distinct from k.hash or q.version is null or q.version < k.version
                order by k.item_id limit 1""",
            {
                "ids": [link.item_id for link in kept],
                "versions": [link.version for link in kept],
                "hashes": [link.last_hash or b"" for link in kept],
            },
        ).fetchone()


def now(db: Db) -> datetime:
    """The database's clock."""
    row = db.execute("select mrq_now()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment
