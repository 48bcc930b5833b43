"""Statements about the ends of all histories: what is kept elsewhere, and what has become of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

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


# A day is counted once it has been over for an hour: transactions that were open then have mostly ended.
_COUNT: Final = """
with last as (select upto, hash from mrq_checkpoint order by upto desc limit 1),
due as (
  select day.upto, coalesce(last.upto, '-infinity') as since, coalesce(last.hash, '') as before
    from (select (date_trunc('day', at at time zone 'UTC') + interval '1 day') at time zone 'UTC' as upto
            from (select coalesce((select upto from last),
                                  (select at from mrq_event order by item_id, seq limit 1)) as at) begins) day
    left join last on true
   where day.upto <= (select mrq_now()) - interval '1 hour'),
counted as (
  select d.upto, d.before, count(e.hash) as events,
         sha256(coalesce(string_agg(e.hash, '' order by e.item_id, e.seq), '')) as digest
    from due d left join mrq_event e on e.at >= d.since and e.at < d.upto group by d.upto, d.before)
insert into mrq_checkpoint (upto, events, digest, hash)
select upto, events, digest,
       sha256(before || convert_to(concat_ws(' ', extract(epoch from upto), events), 'UTF8') || digest) from counted
on conflict do nothing returning upto
"""


def count_day(db: Db) -> bool:
    """Keep what the next day's entries were, if it is over; whether it was."""
    return db.execute(_COUNT).fetchone() is not None


@dataclass(frozen=True, slots=True)
class Day:
    """A day whose entries were counted: how many, how many there are now, whether they and its record are the same."""

    upto: datetime
    kept: int
    found: int
    is_same: bool
    is_chained: bool


_DAYS: Final = """
with kept as materialized (
  select row_number() over by_time - 1 as place, upto, events, digest, hash,
         coalesce(lag(hash) over by_time, '') as before
    from mrq_checkpoint window by_time as (order by upto)),
found as (
  select width_bucket(at, (select array_agg(upto order by upto) from kept)) as place, count(*) as events,
         sha256(string_agg(hash, '' order by item_id, seq)) as digest
    from mrq_event where exists (select from kept) group by 1)
select kept.upto, kept.events as kept, coalesce(found.events, 0) as found,
       kept.digest = coalesce(found.digest, sha256('')) as is_same,
       kept.hash = sha256(before || convert_to(concat_ws(' ', extract(epoch from upto), kept.events), 'UTF8')
                          || kept.digest) as is_chained
  from kept left join found using (place) order by upto
"""


def days(db: Db) -> list[Day]:
    """Every day that was counted, beside what its entries are now."""
    with db.cursor(row_factory=class_row(Day)) as cursor:
        return cursor.execute(_DAYS).fetchall()


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
