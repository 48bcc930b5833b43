"""Statements that find what is said of somebody, and take it away. The database lets nothing else change."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from manual_resolution.item import Actor
from manual_resolution.store import items
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
TABLES: Final = ("manual_resolution_queue", "mrq_event", *SAID)

_CANDIDATES: Final = """
select id from manual_resolution_queue q
 where to_jsonb(q)::text ilike any (%(patterns)s) or (q.resource_type, q.resource_id) = (%(type)s, %(number)s)
union select item_id from mrq_event t where t.private::text ilike any (%(patterns)s)
union select item_id from mrq_occurrence t where to_jsonb(t)::text ilike any (%(patterns)s)
union select item_id from mrq_attempt t where to_jsonb(t)::text ilike any (%(patterns)s)
union select item_id from mrq_proposal t where to_jsonb(t)::text ilike any (%(patterns)s)
union select item_id from mrq_review t where to_jsonb(t)::text ilike any (%(patterns)s)
union select item_id from mrq_outbox t where t.item_id is not null and to_jsonb(t)::text ilike any (%(patterns)s)
order by 1
"""


def candidates(db: Db, text: str, kind: str | None, number: int | None) -> list[int]:
    """Items that say this text anywhere, in whatever case, or are about this resource."""
    said = json.dumps(text, ensure_ascii=False)[1:-1]
    pattern = said.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    values = {"patterns": [f"%{pattern}%"], "type": kind, "number": number}
    return [row[0] for row in db.execute(_CANDIDATES, values)]


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
