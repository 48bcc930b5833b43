"""Erasing a person: what is said of them goes, from tables, indexes and so from a dump; that it went stays on record.

An item is about somebody when its resource is theirs, or a field its workflow declares personal holds the value: then
all its personal fields go. Elsewhere each text that says the value goes. Names of who moved items stay: they are who
answers for it. Open items, and items that a workflow says must be kept, are left whole and listed.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from manual_resolution import audit, heads, spool_erasing
from manual_resolution import intake as strict
from manual_resolution.case import first_line
from manual_resolution.errors import InvalidInput
from manual_resolution.item import Actor, Item
from manual_resolution.masking import is_empty
from manual_resolution.queue import Queue
from manual_resolution.store import erasing as store
from manual_resolution.store import items, requests
from manual_resolution.store.connection import Db
from manual_resolution.values import context_fields

PATIENCE: Final = 6 * 3600.0
BATCH: Final = 100  # subjects that one reading of the tables looks for
SHORTEST: Final = 4  # characters: a shorter value is part of too much
RESOURCE: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,49}):([1-9][0-9]{0,18})")
#: Keys of a resolution, and of an entry, that name who answers for it.
ANSWERING: Final = frozenset({"decided_by", "approved_by", "confirmed_by"})
ACTING: Final = frozenset({"owner", "to", "proposer"})
COST: Final = {"n": 2**12, "r": 8, "p": 1}  # of one guess at a certificate's subject


@dataclass(slots=True)
class Subject:
    """What came of one subject: rows emptied by table, items erased, kept (why), and left, which only seem so.

    `name` is a salted hash, `scrypt:SALT:HASH`; the value itself is kept nowhere. `spooled`: failures taken from what
    the spool had set aside; `waiting`: those that it must bring in first.
    """

    name: str
    rows: dict[str, int] = field(default_factory=dict)
    items: list[int] = field(default_factory=list)
    kept: dict[int, str] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    spooled: int = 0
    waiting: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether anything must stay for now."""
        return bool(self.kept or self.waiting)

    def count(self, table: str, number: int = 1) -> None:
        """So many rows more."""
        if number:
            self.rows[table] = self.rows.get(table, 0) + number

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        facts = {name: getattr(self, name) for name in ("rows", "items", "left", "spooled", "waiting")}
        return {"subject": self.name} | facts | {"kept": {str(item): why for item, why in self.kept.items()}}


@dataclass(slots=True)
class Certificate:
    """Who had whom erased, when, why, with what effect. Holds no subject's value; times are the database's, UTC."""

    number: str
    at: str
    by: str
    via: str
    why: str
    head_before: str
    head_after: str = ""
    whole: bool = False
    not_vacuumed: list[str] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing of any subject was kept."""
        return not any(subject.is_kept for subject in self.subjects)

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        facts = {name: getattr(self, name) for name in self.__slots__ if name != "subjects"}
        return {"certificate": facts.pop("number")} | facts | {"subjects": [one.as_json() for one in self.subjects]}


class Needle:
    """A subject's value, and how to find it: as a whole word, in whatever case, texts of one item beside it."""

    def __init__(self, value: str) -> None:
        self.value = strict.note(value, "subject").strip()
        if len(self.value) < SHORTEST:
            raise InvalidInput("subject", value, f"at least {SHORTEST} characters: a shorter value is part of too much")
        resource = RESOURCE.fullmatch(self.value)
        self.kind: str | None = resource[1] if resource else None
        self.number: int | None = strict.item_id(resource[2]) if resource else None

    @property
    def sought(self) -> store.Sought:
        """What the tables are searched for."""
        return self.value, self.kind, self.number

    def is_about(self, item: Item, personal: Iterable[str], contexts: Iterable[Mapping[str, Any]]) -> bool:
        """Whether the item is about the subject itself."""
        if self.kind and (item.resource_type, item.resource_id) == (self.kind, self.number):
            return True
        alone = [context.get(name) for context in contexts for name in personal] + [item.resource_key]
        return any(str(one).casefold() == self.value.casefold() for one in alone if one is not None)


def alone(texts: Iterable[str]) -> re.Pattern[str]:
    """Finds these texts where they are not part of a longer word, address or number."""
    found = "|".join(map(re.escape, sorted(set(texts), key=len, reverse=True)))
    return re.compile(rf"(?<!\w)(?<!\w[-.+@])(?:{found})(?!\w)(?![-.+@]\w)", re.IGNORECASE)


def texts_of(value: Any) -> Iterator[str]:
    """Every text and number in a JSON value, as text; keys too."""
    match value:
        case str():
            yield value
        case bool() | None:
            return
        case int() | float():
            yield str(value)
        case Mapping():
            for key, kept in value.items():
                yield str(key)
                yield from texts_of(kept)
        case list() | tuple():
            for kept in value:
                yield from texts_of(kept)


# ------------------------------------------------------------------ one item


@dataclass(slots=True)
class Trace:
    """What one item says of a subject: what stays of its row, and what goes elsewhere."""

    row: dict[str, Any] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)
    said: list[tuple[str, Any, list[str]]] = field(default_factory=list)


class Reader:
    """Reads everything that is kept of one item, its row locked, and finds what of it goes."""

    def __init__(self, db: Db, item: Item, needle: Needle, personal: Sequence[str]) -> None:
        self.item, self.personal = item, personal
        self.events = store.events(db, item.id)
        self.rows = [(table, row) for table in store.SAID for row in store.said(db, table, item.id)]
        told = (item.context, *map(context_of, self.events), *(context_of(row) for _, row in self.rows))
        contexts = [context for context in told if context]
        self.is_about = needle.is_about(item, personal, contexts)
        words = {needle.value}
        if self.is_about:
            facts = (context[name] for context in contexts for name in personal if name in context)
            words |= {text for one in facts for text in texts_of(one) if len(text) >= SHORTEST}
        self.words = alone(words)

    def holds(self, value: Any) -> bool:
        """Whether a value says anything of the subject."""
        return any(self.words.search(text) for text in texts_of(value))

    def tells(self, context: Mapping[str, Any] | None) -> bool:
        """Whether a context holds personal facts of the subject, however short."""
        return self.is_about and any(not is_empty((context or {}).get(name)) for name in self.personal)

    def trace(self) -> Trace | None:
        """What goes; none where nothing does."""
        found = Trace(self._row())
        for event in self.events:
            if self.holds(beside_actors(event["private"])) or self.tells(context_of(event)):
                found.events.append(event["seq"])
        for table, row in self.rows:
            key, columns = store.SAID[table]
            if names := [n for n in columns if self.holds(row[n]) or (n == "context" and self.tells(row[n]))]:
                found.said.append((table, row[key], names))
        if not (found.events or found.said or self._changes(found.row)):
            return None
        # The first entry has keys that are random from now on.
        found.events = sorted({1, *found.events} & {event["seq"] for event in self.events})
        return found

    def _row(self) -> dict[str, Any]:
        """The row's texts without what goes."""
        item = self.item
        metadata = item.resolution_metadata or {}
        return {
            "reason": store.ERASED if self.holds(item.reason) else item.reason,
            "context": self._without(item.context, self.personal if self.is_about else ()),
            "resolution": store.ERASED if self.holds(item.resolution) else item.resolution,
            "resolution_metadata": self._without(item.resolution_metadata, (), ANSWERING & metadata.keys()),
            "resource_key": self.holds(item.resource_key),
        }

    def _without(
        self, context: Mapping[str, Any] | None, gone: Iterable[str], stays: Iterable[str] = ()
    ) -> dict[str, Any] | None:
        if context is None:
            return None
        return {
            key: value
            for key, value in context.items()
            if key in stays or not (key in gone or self.holds(key) or self.holds(value))
        }

    def _changes(self, row: Mapping[str, Any]) -> bool:
        names = ("reason", "context", "resolution", "resolution_metadata")
        return bool(row["resource_key"]) or any(row[name] != getattr(self.item, name) for name in names)


def beside_actors(private: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says, without the names of those who answer for it."""
    told = {key: value for key, value in private.items() if key not in ACTING}
    if isinstance(metadata := told.get("resolution_metadata"), dict):
        told["resolution_metadata"] = {key: value for key, value in metadata.items() if key not in ANSWERING}
    return told


def context_of(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The context that an event or another row tells."""
    found = row["private"].get("context") if "private" in row else row.get("context")
    return found if isinstance(found, dict) else None


def kept_because(queue: Queue, db: Db, item: Item) -> str | None:
    """Why an item must stay as it is; none where it may be erased. A workflow that cannot say keeps it."""
    if item.status != "resolved":
        return f"it is {item.status}: resolve or withdraw it first"
    if store.has_waiting_alert(db, item.id):
        return "an alert about it is still to be sent"
    for workflow in queue.workflows:
        for keeper in workflow.keepers:
            try:
                with db.transaction():
                    because = keeper(item=item, db=db)
            except (Exception, SystemExit) as error:  # noqa: BLE001  # somebody's function
                return f"{workflow.item_type} could not say whether it must be kept ({first_line(error)})"
            if because:
                return str(because)
    return None


# ------------------------------------------------------------------ all of them


def erase(
    queue: Queue,
    values: Sequence[str],
    by: Actor,
    why: str,
    *,
    dry_run: bool = False,
    rest: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Certificate:
    """Erase these subjects; each whole or, where an item must be kept, not at all: unless `rest`, then all but that.

    Raises `InvalidInput` for a value too short, or a reason that says one. `dry_run` only counts.
    """
    by = queue.admit(by, "erase")
    needles, why = [Needle(value) for value in dict.fromkeys(values)], strict.justification(why)
    if needles and alone(needle.value for needle in needles).search(why):
        raise InvalidInput("justification", "(not shown)", "a reason that does not say the subject: it stays")
    before = heads.head(queue.database)
    made = Certificate(str(uuid4()), before.at, by.name, by.via, why, before.head)
    for first in range(0, len(needles), BATCH):
        batch = needles[first : first + BATCH]
        with queue.database.connection(PATIENCE) as db:
            said_by = store.candidates(db, [needle.sought for needle in batch])
        for number, (needle, ids) in enumerate(zip(batch, said_by, strict=True), first + 1):
            made.subjects.append(_erase_one(queue, needle, ids, made, by, dry_run=dry_run, rest=rest))
            if progress:
                progress(number, len(needles))
    touched = sorted({item for subject in made.subjects for item in subject.items})
    if touched and not dry_run:
        with queue.database.connection(PATIENCE) as db:
            requests.empty_answers(db)
            made.not_vacuumed = store.vacuum(db)
    made.head_after = made.head_before if dry_run else heads.head(queue.database).head
    made.whole = audit.verify(queue.database, touched).is_whole if touched else True
    return made


def _erase_one(
    queue: Queue, needle: Needle, ids: Sequence[int], made: Certificate, by: Actor, *, dry_run: bool, rest: bool
) -> Subject:
    """Erase one subject, said by some of these items unless an earlier subject took it from there."""
    subject, traces = Subject(named(needle.value)), dict[int, Trace]()
    with queue.database.transaction(PATIENCE) as db:
        for item_id in store.candidates(db, [needle.sought], ids)[0]:
            _look(queue, db, item_id, needle, subject, traces)
        subject.waiting = spool_erasing.waiting(queue.settings, alone([needle.value]))
        if subject.is_kept and not rest:
            return subject
        for item_id, trace in traces.items():
            _take(db, item_id, trace, subject, made, by, dry_run=dry_run)
    subject.spooled = spool_erasing.erase(queue.settings, alone([needle.value]), dry_run=dry_run)
    return subject


def _look(queue: Queue, db: Db, item_id: int, needle: Needle, subject: Subject, traces: dict[int, Trace]) -> None:
    item = items.lock(db, item_id)
    if item is None:
        return
    hidden = [
        one.name
        for one in context_fields(queue.workflows.of(item.item_type).context)
        if one.metadata.get("personal") or one.metadata.get("secret")
    ]
    if (trace := Reader(db, item, needle, hidden).trace()) is None:
        subject.left.append(item_id)
    elif because := kept_because(queue, db, item):
        subject.kept[item_id] = because
    else:
        traces[item_id] = trace


def _take(db: Db, item_id: int, trace: Trace, subject: Subject, made: Certificate, by: Actor, *, dry_run: bool) -> None:
    subject.items.append(item_id)
    subject.count("manual_resolution_queue")
    subject.count("mrq_event", len(trace.events))
    for table, _, _ in trace.said:
        subject.count(table)
    if dry_run:
        return
    store.erase_item(db, item_id, by, made.why, made.number, trace.row)
    store.erase_events(db, item_id, trace.events)
    for table, key, names in trace.said:
        store.erase_said(db, table, key, names)


# ------------------------------------------------------------------ naming a subject without its value


def named(value: str, salt: bytes | None = None) -> str:
    """`scrypt:SALT:HASH` of a value, whatever its case: who knows the value can check it, nobody can read it."""
    salt = salt or secrets.token_bytes(16)
    return f"scrypt:{salt.hex()}:{hashlib.scrypt(value.casefold().encode(), salt=salt, dklen=32, **COST).hex()}"


def is_named(name: str, value: str) -> bool:
    """Whether a certificate's subject is this value."""
    with suppress(ValueError):
        return named(value.strip(), bytes.fromhex(name.split(":")[1])) == name
    return False
