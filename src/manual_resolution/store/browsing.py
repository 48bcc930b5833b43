"""Statements that list: one page in the order of work from any place on, and how many there are, up to a limit.

Open items in their order are two ordered indexes read side by side: what is served, and everything else.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, LiteralString

from psycopg import errors as pg

from manual_resolution.item import Browse, Item
from manual_resolution.priority import PRIORITIES
from manual_resolution.store.connection import Db
from manual_resolution.store.items import ITEM, item_row, narrowed, within
from manual_resolution.store.searching import FOUND, GATHERED, gathered
from manual_resolution.words import SHORT, query, words_of

#: The parts of a list, in their order: unknown outcomes, other open items, resolved ones.
UNKNOWN, OPEN, RESOLVED = 0, 1, 2

_SERVED: Final = "status in ('pending', 'escalated') and held is null and escalated_to is null"
_NOT_SERVED: Final = (
    "status <> 'resolved' and (status = 'assigned' or held is not null or escalated_to is not null)"
    " and (status = 'assigned' or held is distinct from 'attempt')"
)
_WITHDRAWN: Final = """(resolution_metadata @> '{"withdrawn": true}')"""
#: What each part is read from; each is one index in its order.
_SOURCES: Final[tuple[tuple[LiteralString, ...], ...]] = (
    ("status in ('pending', 'escalated') and held = 'attempt'",),
    (_SERVED, _NOT_SERVED),
    (f"status = 'resolved' and {_WITHDRAWN} is not true", f"status = 'resolved' and {_WITHDRAWN} is true"),
)
_KEY: Final = "priority_rank, calm, position, sla_deadline, id"
_DOWN: Final = "priority_rank desc, calm desc, position desc, sla_deadline desc, id desc"
_PLACE: Final = (
    "(%(rank)s::smallint, %(calm)s::boolean, %(position)s::float8, %(deadline)s::timestamptz, %(id)s::bigint)"
)
_LAST: Final = "(%(resolved_at)s::timestamptz, %(id)s::bigint)"
#: By part and direction: which rows follow a place, and their order.
_ORDER: Final[dict[tuple[bool, bool], tuple[LiteralString, LiteralString]]] = {
    (False, False): (f" and ({_KEY}) > {_PLACE}", _KEY),
    (False, True): (f" and ({_KEY}) < {_PLACE}", _DOWN),
    (True, False): (f" and (resolved_at, id) < {_LAST}", "resolved_at desc, id desc"),
    (True, True): (f" and (resolved_at, id) > {_LAST}", "resolved_at, id"),
}
#: Only what is asked for stands in the statement, so that PostgreSQL sees which index serves it.
_ASKED: Final[dict[str, LiteralString]] = {
    "item_type": " and item_type = %(item_type)s::text",
    "priority": " and priority = %(priority)s::text",
    "resource_type": " and resource_type = %(resource_type)s::text",
    "resource_id": " and resource_id = %(resource_id)s::bigint",
    "status": " and status = %(status)s::text",
    "assignee": " and assigned_to = %(assignee)s::text",
    "team": " and escalated_to = %(team)s::text",
    "held": " and held = %(held)s::text",
    "age": " and created_at <= (select mrq_now()) - %(age)s::interval",
}
_OPEN_ONLY: Final = " and status in ('pending', 'assigned', 'escalated')"
_WAITING: Final = " and status in ('pending', 'escalated') and held is null"
#: Which ranks items of a priority have: their own, or one higher where they are overdue for long.
_RANKS: Final = (" and priority_rank = %(higher)s::smallint and not calm", " and priority_rank = %(own)s::smallint")
_BREACHED: Final[dict[bool, LiteralString]] = {
    True: " and status <> 'resolved' and sla_deadline < (select mrq_now())",
    False: " and not (status <> 'resolved' and sla_deadline < (select mrq_now()))",
}


def asked_values(chosen: Browse) -> dict[str, Any]:
    """A browse as statement parameters."""
    values = narrowed(chosen) | {name: getattr(chosen, name) for name in ("status", "assignee", "team", "held", "age")}
    values["words"] = words(chosen)
    if chosen.priority in PRIORITIES:
        values |= {"own": PRIORITIES.index(chosen.priority), "higher": PRIORITIES.index(chosen.priority) - 1}
    for n, (name, value) in enumerate(chosen.facts):
        first, _, last = value.partition("..")
        values |= {f"name{n}": name, f"value{n}": value, f"first{n}": first, f"last{n}": last or "9999"}
    return values


def words(chosen: Browse) -> str:
    """What is asked of the words of an item: those of the text, and those of each fact, which finds it quickly."""
    facts = [word for _, value in chosen.facts if ".." not in value and len(value) <= SHORT for word in words_of(value)]
    return query(words_of(chosen.text or ""), facts)


def searches(chosen: Browse) -> bool:
    """Whether a browse needs the words of items."""
    return bool(words(chosen))


def asked(chosen: Browse, ids: list[int] | None = None) -> LiteralString:
    """The conditions of a browse, and of nothing it does not ask for."""
    values = asked_values(chosen)
    found: LiteralString = "".join([part for name, part in _ASKED.items() if values[name] is not None])
    found += within(values)
    if chosen.breached is not None:
        found += _BREACHED[chosen.breached]
    if chosen.waiting:
        found += _WAITING
    if values["words"]:
        found += FOUND if ids is None else GATHERED
    for n, (_, value) in enumerate(chosen.facts[: len(_FACTS)]):
        found += _FACTS[n][".." in value]
    return found


def _fact(n: LiteralString) -> tuple[LiteralString, LiteralString]:
    """A context field that has a value; one whose date lies in a range."""
    return (
        f" and context ->> %(name{n})s::text = %(value{n})s::text",
        f' and left(context ->> %(name{n})s::text, 10) collate "C" between %(first{n})s::text and %(last{n})s::text',
    )


#: As many facts as a browse may name.
_FACTS: Final = (_fact("0"), _fact("1"), _fact("2"), _fact("3"), _fact("4"), _fact("5"), _fact("6"), _fact("7"))
MOST_FACTS: Final = len(_FACTS)


def parts_of(chosen: Browse) -> list[int]:
    """The parts of the list that a browse may find anything in."""
    if chosen.status is not None:
        return [RESOLVED] if chosen.status == "resolved" else [UNKNOWN, OPEN]
    return [UNKNOWN, OPEN, RESOLVED] if chosen.resolved else [UNKNOWN, OPEN]


def _sources(chosen: Browse, part: int) -> tuple[LiteralString, ...]:
    """What a part is to be read from; what may be taken by anybody has no owner, hold or team."""
    found = _SOURCES[part]
    if part == OPEN and (chosen.assignee or chosen.status == "assigned"):
        found = ("status = 'assigned'",)
    elif part == OPEN and (chosen.team or chosen.held):
        found = found[1:]
    if part == OPEN and chosen.priority in PRIORITIES:
        return tuple([source + ranks for source in found for ranks in _RANKS])
    return found


def page(db: Db, chosen: Browse, part: int, place: dict[str, Any] | None, *, back: bool, limit: int) -> Sequence[Item]:
    """At most `limit` items of one part that follow `place` (or, `back`, stand before it, the nearest first)."""
    follows, order = _ORDER[part == RESOLVED, back]
    ids = gathered(db, words(chosen)) if searches(chosen) else None
    where = asked(chosen, ids) + (follows if place else "")
    statement: LiteralString = " union all ".join(
        [
            f"(select * from manual_resolution_queue where {source}{where} order by {order} limit %(limit)s)"
            for source in _sources(chosen, part)
        ]
    )
    with db.cursor(row_factory=item_row) as cursor:
        return cursor.execute(
            "select" + ITEM + "from (" + statement + f") q order by {order} limit %(limit)s",
            asked_values(chosen) | (place or {}) | {"limit": limit, "found": ids},
        ).fetchall()


def count(db: Db, chosen: Browse, limit: int, within: timedelta) -> int | None:
    """How many items there are, counted up to `limit`; none where counting takes longer than `within`."""
    open_only: LiteralString = "" if RESOLVED in parts_of(chosen) else _OPEN_ONLY
    ids = gathered(db, words(chosen)) if searches(chosen) else None
    statement = "select from manual_resolution_queue where true" + open_only + asked(chosen, ids) + " limit %(limit)s"
    try:
        with db.transaction():
            db.execute(
                "select set_config('statement_timeout', %s, true)", [f"{within / timedelta(milliseconds=1):.0f}"]
            )
            row = db.execute(
                "select count(*) from (" + statement + ") found", asked_values(chosen) | {"limit": limit, "found": ids}
            ).fetchone()
    except pg.QueryCanceled:
        return None
    return int(row[0]) if row else 0
