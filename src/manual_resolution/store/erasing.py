"""Statements that find what is said of somebody, and take it away. The database lets nothing else change."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from manual_resolution.item import Actor
from manual_resolution.store import items, watching
from manual_resolution.store.connection import Db

ERASED: Final = "‹erased›"

#: Beside items and events: each table's key, and what stands where somebody was named.
SAID: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "mrq_occurrence": ("add_id", {"reason": None, "context": None}),
    "mrq_attempt": (
        "id",
        {"values": Jsonb({}), "justification": None, "seen": None, "outcome": ERASED, "evidence": None},
    ),
    "mrq_proposal": ("id", {"values": Jsonb({}), "justification": ERASED, "seen": Jsonb({}), "ended_why": None}),
    "mrq_review": ("id", {"note": None}),
    "mrq_outbox": ("id", {"payload": Jsonb({}), "answer": None}),
}
TABLES: Final = ("manual_resolution_queue", "mrq_event", "mrq_request", "mrq_search", "mrq_draft", *SAID)

#: Which of `values` (lower case) each row says, and which item is which resource. `offset 0` has each row made into
#: text once, whatever the number of values; `ids` narrows it to these items.
_CANDIDATES: Final = """
select n, item_id from (
    select id as item_id, lower(to_jsonb(q)::text) as said from manual_resolution_queue q where {of_item}
    union all select item_id, lower(t.private::text) from mrq_event t where {of_rest}
    union all select item_id, lower(to_jsonb(t)::text) from mrq_occurrence t where {of_rest}
    union all select item_id, lower(to_jsonb(t)::text) from mrq_attempt t where {of_rest}
    union all select item_id, lower(to_jsonb(t)::text) from mrq_proposal t where {of_rest}
    union all select item_id, lower(to_jsonb(t)::text) from mrq_review t where {of_rest}
    union all select item_id, lower(to_jsonb(t)::text) from mrq_outbox t where item_id is not null and {of_rest}
    offset 0
) rows, lateral (
    select n from unnest(%(values)s::text[]) with ordinality v (value, n)
     where strpos(said, lower(value)) > 0 offset 0
) found
union select n, id from unnest(%(kinds)s::text[], %(numbers)s::bigint[]) with ordinality r (kind, number, n)
  join manual_resolution_queue q on (q.resource_type, q.resource_id) = (r.kind, r.number) where {of_item}
order by 1, 2
"""
_OF_ALL: Final = _CANDIDATES.format(of_item="true", of_rest="true")
_OF_THESE: Final = _CANDIDATES.format(of_item="id = any(%(ids)s)", of_rest="item_id = any(%(ids)s)")

#: A text to be found anywhere, in whatever case, and the resource that it may name.
Sought = tuple[str, str | None, int | None]


def candidates(db: Db, sought: Sequence[Sought], ids: Sequence[int] | None = None) -> list[list[int]]:
    """For each text the items (among `ids`) that say it or are its resource; one reading for all texts."""
    values = [json.dumps(text, ensure_ascii=False)[1:-1] for text, _, _ in sought]
    facts = {"values": values, "kinds": [kind for _, kind, _ in sought], "numbers": [n for _, _, n in sought]}
    found: list[list[int]] = [[] for _ in sought]
    for n, item_id in db.execute(_OF_ALL if ids is None else _OF_THESE, facts | {"ids": ids}):
        found[n - 1].append(item_id)
    return found


def has_waiting_alert(db: Db, item_id: int) -> bool:
    """Whether an alert about the item is still to be sent, which its texts are needed for."""
    row = db.execute("select from mrq_outbox where item_id = %s and state = 'waiting' limit 1", [item_id]).fetchone()
    return row is not None


def events(db: Db, item_id: int) -> list[dict[str, Any]]:
    """What an item's history says of persons: each entry's number and private part."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select seq, private from mrq_event where item_id = %s and private is not null order by seq", [item_id]
        ).fetchall()


def said(db: Db, table: str, item_id: int) -> list[dict[str, Any]]:
    """The rows of one of `SAID` for an item: their key and what may be erased."""
    key, columns = SAID[table]
    names = sql.SQL(", ").join(map(sql.Identifier, (key, *columns)))
    statement = sql.SQL("select {} from {} where item_id = %s for no key update")
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.format(names, sql.Identifier(table)), [item_id]).fetchall()


def erase_item(db: Db, item_id: int, by: Actor, justification: str, certificate: str, kept: Mapping[str, Any]) -> bool:
    """Leave of a resolved item's row what is `kept`; what could be guessed from its hashes becomes random."""
    watching.forget(db, item_id)
    row = items.one(
        db,
        """update manual_resolution_queue q
              set reason = %(reason)s, context = %(context)s, resolution = %(resolution)s,
                  resolution_metadata = %(resolution_metadata)s,
                  resource_key = case when %(resource_key)s then 'erased ' || md5(gen_random_uuid()::text)
                                      else resource_key end,
                  dedup_key = 'erased ' || md5(gen_random_uuid()::text),
                  fingerprint = 'erased ' || md5(gen_random_uuid()::text),"""
        + items.CHANGED
        + " where id = %(id)s and status = 'resolved' returning"
        + items.ITEM,
        items.change(by, "erase", justification=justification, certificate=certificate)
        | {name: Jsonb(value) if isinstance(value, dict) else value for name, value in kept.items()}
        | {"id": item_id},
    )
    return row is not None


def erase_events(db: Db, item_id: int, entries: Sequence[int]) -> None:
    """Take the private part of these entries, with its salt: the chain stays whole."""
    take = "update mrq_event set private = null, salt = null where item_id = %s and seq = any(%s)"
    db.execute(take, [item_id, list(entries)])


def erase_said(db: Db, table: str, row: Any, names: Sequence[str]) -> None:
    """Empty these columns of one row of `SAID`."""
    key, columns = SAID[table]
    emptied = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in names)
    statement = sql.SQL("update {} set {} where {} = %(key)s")
    named = statement.format(sql.Identifier(table), emptied, sql.Identifier(key))
    db.execute(named, {name: columns[name] for name in names} | {"key": row})


def vacuum(db: Db) -> list[str]:
    """Remove what updates left behind, and what statistics remember; the tables that this role may not vacuum."""
    refused: list[str] = []
    db.add_notice_handler(lambda notice: refused.append(notice.message_primary or ""))
    for table in TABLES:
        db.execute(sql.SQL("vacuum (analyze) {}").format(sql.Identifier(table)))
    return [table for table in TABLES if any(f'"{table}"' in message for message in refused)]
