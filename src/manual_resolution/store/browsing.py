"""Statements that list: one page in the order of work from any place on, and how many there are, up to a limit.

Open items in their order are two ordered indexes read side by side: what is served, and everything else. Where words
are searched it is lane by lane: a few items are walked past in their order, which finds what is common; else the words'
own index tells which items say them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, LiteralString

from psycopg import errors as pg

from manual_resolution.item import Browse, Item
from manual_resolution.priority import PRIORITIES
from manual_resolution.store.connection import Db
from manual_resolution.store.items import ITEM, item_row, narrowed, within
from manual_resolution.store.searching import GATHERED, HISTORY, LANES, SAYS, found_in, gathered, is_rare
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
    "owner": " and assigned_to = %(owner)s::text",
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
    values = narrowed(chosen) | {name: getattr(chosen, name) for name in ("status", "owner", "team", "held", "age")}
    values["words"] = words(chosen)
    if chosen.priority in PRIORITIES:
        values |= {"own": PRIORITIES.index(chosen.priority), "higher": PRIORITIES.index(chosen.priority) - 1}
    for n, (name, value) in enumerate(chosen.facts):
        first, _, last = value.partition("..")
        values |= {f"name{n}": name, f"value{n}": value, f"first{n}": first, f"last{n}": last or "9999"}
    return values


def words(chosen: Browse, *, whole_only: bool = False) -> str:
    """What is asked of the words of an item: those of the text, and of what else is asked and stands there.

    `whole_only`: without the one that may be unfinished.
    """
    if not searches(chosen):
        return ""
    facts = [value for _, value in chosen.facts if ".." not in value and len(value) <= SHORT]
    known = [chosen.item_type, chosen.resource_type, chosen.resource_id, *facts]
    whole = [word for one in known if one is not None for word in words_of(str(one))]
    *begun, last = words_of(chosen.text or "") or [""]
    return query([], [*whole, *begun]) if whole_only else query([*begun, last], whole)


def searches(chosen: Browse) -> bool:
    """Whether a browse needs the words of items."""
    facts = [value for _, value in chosen.facts if ".." not in value and len(value) <= SHORT]
    return any(words_of(one) for one in (chosen.text or "", *facts))


def asked(chosen: Browse, says: LiteralString = SAYS) -> LiteralString:
    """The conditions of a browse, and of nothing it does not ask for; `says` is how its words are asked."""
    values = asked_values(chosen)
    found: LiteralString = "".join([part for name, part in _ASKED.items() if values[name] is not None])
    found += within(values)
    if chosen.breached is not None:
        found += _BREACHED[chosen.breached]
    if chosen.waiting:
        found += _WAITING
    if values["words"]:
        found += says
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
    if part == OPEN and (chosen.owner or chosen.status == "assigned"):
        found = ("status = 'assigned'",)
    elif part == OPEN and (chosen.team or chosen.held):
        found = found[1:]
    if part == OPEN and chosen.priority in PRIORITIES:
        return tuple([source + ranks for source in found for ranks in _RANKS])
    return found


def page(db: Db, chosen: Browse, part: int, place: dict[str, Any] | None, *, back: bool, limit: int) -> Sequence[Item]:
    """At most `limit` items of one part that follow `place` (or, `back`, stand before it, the nearest first)."""
    asking = Asking(db, chosen, asked_values(chosen) | (place or {}), part == RESOLVED, back, place is not None)
    sources = _sources(chosen, part)
    if not searches(chosen) or part == UNKNOWN:
        return asking.read(sources, asked(chosen), limit=limit)
    near = asking.walk(sources, limit, WALKED, asking.order)
    if len(near) >= limit:
        return near
    asking.narrow()
    if asking.rare and not near:
        ids, whole = gathered(db, asking.values, range(HISTORY + (part == RESOLVED)))
        if whole:
            return asking.read(sources, asked(chosen, GATHERED), limit=limit, found=ids) if ids != "{}" else []
    found: list[Item] = []
    for lane in _lanes(chosen, part, place, back=back):
        found += asking.search([source + _IN_LANE[lane] for source in sources], lane, limit - len(found))
        if len(found) >= limit:
            break
    return found


#: The items of a lane; those that are resolved are one, which words not moved there yet belong to as well.
_IN_LANE: Final[tuple[LiteralString, ...]] = (*[" and priority_rank = " + lane for lane in LANES[:HISTORY]], "")
#: Items that are walked past in a lane before its words are asked, and at most where enough of those say them. Literal,
#: so that PostgreSQL plans such a statement once.
WALKED: Final[LiteralString] = "100"
FAR: Final[LiteralString] = "2500"


def _lanes(chosen: Browse, part: int, place: dict[str, Any] | None, *, back: bool) -> Sequence[int]:
    """The lanes to be searched, in the order of reading; an item that is overdue for long stands one higher."""
    if part == RESOLVED:
        return [HISTORY]
    lanes = range(HISTORY)
    if chosen.priority in PRIORITIES:
        own = PRIORITIES.index(chosen.priority)
        lanes = range(max(0, own - 1), own + 1)
    if place:
        lanes = range(lanes.start, place["rank"] + 1) if back else range(max(lanes.start, place["rank"]), lanes.stop)
    return lanes[::-1] if back else lanes


@dataclass(slots=True)
class Asking:
    """One page's question: what follows a place, or stands before it. `rare`: few items seem to say the words."""

    db: Db
    chosen: Browse
    values: dict[str, Any]
    resolved: bool = False
    back: bool = False
    placed: bool = False
    rare: bool = False

    def narrow(self) -> None:
        """Choose what the words' index is asked for: a word that may be unfinished costs it all words that begin so."""
        begun, full = words(self.chosen, whole_only=True), self.values["words"]
        self.rare = bool(begun) and begun != full and is_rare(self.db, begun)
        self.values["narrow"] = begun if self.rare else full
        self.rare = self.rare or is_rare(self.db, full.replace(":*", ""))  # of beginnings there are no statistics

    @property
    def order(self) -> LiteralString:
        """The order of reading."""
        return _ORDER[self.resolved, self.back][1]

    @property
    def order_in_lane(self) -> LiteralString:
        """The same within one lane: what is equal there would have all of it sorted."""
        return self.order if self.resolved else self.order.partition(", ")[2]

    @property
    def follows(self) -> LiteralString:
        """Which rows follow the place."""
        return _ORDER[self.resolved, self.back][0] if self.placed else ""

    def read(self, sources: Sequence[LiteralString], where: LiteralString, **more: Any) -> list[Item]:
        """Each source in its order, what fits taken from it."""
        table: LiteralString = "select * from manual_resolution_queue where "
        return self._items([table + source + self.follows + where for source in sources], self.order, **more)

    def search(self, sources: Sequence[LiteralString], lane: int, limit: int) -> list[Item]:
        """What says the words in one lane."""
        found = self.walk(sources, limit, WALKED, self.order_in_lane)
        if len(found) < limit and self._is_behind(sources):
            if is_enough(len(found), limit):
                found = self.walk(sources, limit, FAR, self.order_in_lane)
            if len(found) < limit:
                found = self._asked_of_words(sources, lane, limit)
        return found

    def walk(
        self, sources: Sequence[LiteralString], limit: int, walked: LiteralString, order: LiteralString
    ) -> list[Item]:
        """What is found among the first so many items of each source."""
        table: LiteralString = "select * from (select * from manual_resolution_queue where "
        where = (
            self.follows + " order by " + self.order + " limit " + walked + ") walked where true" + asked(self.chosen)
        )
        return self._items([table + source + where for source in sources], order, limit=limit)

    def _is_behind(self, sources: Sequence[LiteralString]) -> bool:
        """Whether there is anything behind what was walked past."""
        table: LiteralString = "(select from manual_resolution_queue where "
        each = " union all ".join([table + one + self.follows + " offset " + WALKED + ")" for one in sources])
        row = self.db.execute("select exists (" + each + ")", self.values).fetchone()
        return row is not None and bool(row[0])

    def _asked_of_words(self, sources: Sequence[LiteralString], lane: int, limit: int) -> list[Item]:
        """What the words' own index finds."""
        lanes = range(HISTORY + 1) if lane == HISTORY else [lane]
        ids, whole = gathered(self.db, self.values, lanes)
        if not whole:
            return self._sift(sources, found_in(lanes), limit)
        return self.read(sources, asked(self.chosen, GATHERED), found=ids, limit=limit) if ids != "{}" else []

    def _sift(self, sources: Sequence[LiteralString], found: LiteralString, limit: int) -> list[Item]:
        """What is found by reading the lane's index once, of more items than are worth reading each.

        `is true` has what is found hashed and looked up in the order of work, of which only indexes are read.
        """
        keys: LiteralString = "resolved_at, id" if self.resolved else _KEY
        table: LiteralString = "select q.* from (select " + keys + " from manual_resolution_queue where "
        where = self.follows + " and (id in (" + found + ")) is true order by " + self.order + " offset 0) f"
        row = (
            " join lateral (select * from manual_resolution_queue where id = f.id"
            + asked(self.chosen, "")
            + ") q on true"
        )
        order = ", ".join(["f." + key for key in self.order_in_lane.split(", ")])
        with self.db.transaction():
            self.db.execute("set local work_mem = '64MB'")
            return self._items([table + source + where + row for source in sources], order, limit=limit)

    def _items(self, sources: Sequence[LiteralString], order: LiteralString, **more: Any) -> list[Item]:
        each: LiteralString = " union all ".join(
            ["(" + source + " order by " + order + " limit %(limit)s)" for source in sources]
        )
        statement = "select" + ITEM + "from (" + each + ") q order by " + self.order + " limit %(limit)s"
        with self.db.cursor(row_factory=item_row) as cursor:
            return cursor.execute(statement, self.values | more).fetchall()


def item_types(db: Db, limit: int) -> list[str]:
    """The item types that there are items of: from one to the next along the index, not through all items."""
    rows = db.execute(
        """with recursive kinds (status, item_type) as (
             select s, (select min(item_type) from manual_resolution_queue where status = s)
               from unnest(array['pending', 'assigned', 'escalated', 'resolved']) s
             union all
             select k.status, (select min(q.item_type) from manual_resolution_queue q
                                where q.status = k.status and q.item_type > k.item_type)
               from kinds k where k.item_type is not null)
           select distinct item_type from (select item_type from kinds limit %s) found where item_type is not null""",
        [limit],
    ).fetchall()
    return [row[0] for row in rows]


def of_same_resource(db: Db, item: Item, types: Sequence[str], limit: int) -> Sequence[Item]:
    """Other items of the resource and of these types: open ones, then the last resolved."""
    resource = [item.resource_type, item.resource_id, item.resource_key]
    row = db.execute(
        "select array(select mrq_dedup_key(t, %s, %s, %s, null) from unnest(%s::text[]) t)", [*resource, list(types)]
    ).fetchone()
    with db.cursor(row_factory=item_row) as cursor:
        return cursor.execute(
            "select"
            + ITEM
            + """from (
                 (select * from manual_resolution_queue where status <> 'resolved' and dedup_key = any(%(keys)s))
                 union all
                 (select * from manual_resolution_queue where status = 'resolved' and dedup_key = any(%(keys)s)
                   order by resolved_at desc limit %(limit)s)) q
                where id <> %(id)s and resource_type = %(kind)s and resource_id is not distinct from %(number)s
                  and resource_key is not distinct from %(key)s
                order by status = 'resolved', resolved_at desc, id desc limit %(limit)s""",
            {
                "keys": [item.dedup_key, *(row[0] if row else ())],
                "id": item.id,
                "limit": limit + 1,
                "kind": item.resource_type,
                "number": item.resource_id,
                "key": item.resource_key,
            },
        ).fetchmany(limit)


def count(db: Db, chosen: Browse, limit: int, within: timedelta) -> int | None:
    """How many there are, counted up to `limit`; none where counting takes longer than `within`."""
    try:
        with db.transaction():
            db.execute(
                "select set_config('statement_timeout', %s, true)", [f"{within / timedelta(milliseconds=1):.0f}"]
            )
            return _counted(db, chosen, limit)
    except pg.QueryCanceled:
        return None


def _counted(db: Db, chosen: Browse, limit: int) -> int:
    open_only: LiteralString = "" if RESOLVED in parts_of(chosen) else _OPEN_ONLY
    values = asked_values(chosen) | {"limit": limit}
    listed: LiteralString = "select from manual_resolution_queue where true" + open_only
    if not searches(chosen):
        return _number(db, listed + asked(chosen), values)
    asking = Asking(db, chosen, values)
    if _are_many(asking, "", limit):
        return limit
    asking.narrow()
    lanes = range(HISTORY + 1) if RESOLVED in parts_of(chosen) else range(HISTORY)
    if asking.rare:
        ids, whole = gathered(db, asking.values, lanes)
        if whole:
            return _number(db, listed + asked(chosen, GATHERED), values | {"found": ids})
    number = 0
    for lane in lanes:  # any lane alone may have enough
        if lane < HISTORY and _are_many(asking, _IN_LANE[lane], limit):
            return limit
        ids, whole = gathered(db, asking.values, [lane], 4 * limit)
        found = _number(db, listed + asked(chosen, GATHERED), values | {"found": ids}) if ids != "{}" else 0
        number += found
        if number >= limit:
            return number
        if not whole:
            return _number(db, listed + asked(chosen), values)
    return number


def _are_many(asking: Asking, in_lane: LiteralString, limit: int) -> bool:
    """Whether `limit` are met soon, walking past what is served in a lane."""
    walked: LiteralString = "(select * from manual_resolution_queue where " + _SERVED + in_lane + " order by " + _KEY
    where = ") walked where true" + asked(asking.chosen)
    near = "select from " + walked + " limit " + WALKED + where
    far = "select from " + walked + " limit " + FAR + where
    return is_enough(_number(asking.db, near, asking.values), limit) and _number(asking.db, far, asking.values) >= limit


def is_enough(found: int, limit: int) -> bool:
    """Whether walking far finds `limit`, by what was found among the first."""
    return found * int(FAR) >= limit * int(WALKED)


def _number(db: Db, statement: LiteralString, values: dict[str, Any]) -> int:
    row = db.execute("select count(*) from (" + statement + " limit %(limit)s) found", values).fetchone()
    return int(row[0]) if row else 0
