"""Lists in the order of work, narrowed in every way, a page at a time; why an item stands where it does.

A page begins behind a place in the order, not after so many rows, so the four hundredth costs what the first one does.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from manual_resolution import intake as strict
from manual_resolution.admission import limited
from manual_resolution.decision import By
from manual_resolution.errors import InvalidInput
from manual_resolution.item import HELD, STATUSES, Browse, Filter, Item
from manual_resolution.priority import PRIORITIES
from manual_resolution.reading import Reading
from manual_resolution.searching import Searching, hidden_of
from manual_resolution.store import browsing as store
from manual_resolution.text import storable
from manual_resolution.values import context_fields, label_of
from manual_resolution.worded import instant_text, span_text
from manual_resolution.words import words_of

EVERYTHING: Final = Browse()
#: Items on a page at most, and counted at most.
MOST: Final = 1000
#: How long counting may take.
COUNTING: Final = timedelta(milliseconds=300)


@dataclass(frozen=True, slots=True)
class Page:
    """Some items in their order. `before` and `after` are cursors to the pages beside it, none where there is none.

    `whole`: every item could be found by its words; without a text to search for it is so anyway.
    """

    items: Sequence[Item]
    before: str | None = None
    after: str | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are; `more`: at least so many."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.more else ''}"


class Browsing(Reading):
    """Lists of what `Reading` tells one by one."""

    @cached_property
    def searching(self) -> Searching:
        """What keeps the words that are searched."""
        return Searching(self.database, self.workflows)

    def list(
        self,
        chosen: Filter = EVERYTHING,
        *,
        status: str | None = None,
        owner: str | None = None,
        team: str | None = None,
        resolved: bool = False,
        limit: int = 100,
        by: By | None = None,
    ) -> Sequence[Item]:
        """Items in the order of `browse`; resolved ones too if `resolved` or `status` says so."""
        narrower = Browse(
            item_type=chosen.item_type,
            priority=chosen.priority,
            resource_type=chosen.resource_type,
            resource_id=chosen.resource_id,
            status=status,
            owner=owner,
            team=team,
            resolved=resolved,
        )
        return self.browse(narrower, limit=limit, by=by).items

    def browse(
        self,
        chosen: Browse = EVERYTHING,
        *,
        after: str | None = None,
        before: str | None = None,
        limit: int = 50,
        by: By | None = None,
    ) -> Page:
        """One page: the first, or what follows `after` or stands before `before`, cursors of another page.

        Unknown outcomes come first, then open items in the order of work, then resolved ones, the last first. Raises
        `InvalidInput` for a cursor that is none and for a field that is not declared or hidden.
        """
        chosen = limited(chosen, self.reader(by), "read")
        whole = self._prepare(chosen)
        start = read_cursor(before, "before") if before else read_cursor(after) if after else None
        with self.database.connection(60) as db:
            found = _gather(db, chosen, start, limit + 1, back=bool(before))
            if before and len(found) <= limit:  # the first page is shown whole
                start, before, found = None, None, _gather(db, chosen, None, limit + 1, back=False)
        items = found[:limit]
        more = len(found) > limit
        if before:
            items.reverse()
        first, last = (cursor(items[0]), cursor(items[-1])) if items else (None, None)
        return Page(
            items,
            before=first if (more if before else start) else None,
            after=last if (more or before) else None,
            whole=whole,
        )

    def count(self, chosen: Browse = EVERYTHING, most: int = MOST, *, by: By | None = None) -> Counted | None:
        """How many there are, counted up to `most`; none where that takes too long."""
        chosen = limited(chosen, self.reader(by), "read")
        self._prepare(chosen)
        with self.database.connection(60) as db:
            number = store.count(db, chosen, most + 1, COUNTING)
        return None if number is None else Counted(min(number, most), number > most)

    def select(self, chosen: Browse, most: int = MOST, *, by: By | None = None) -> Sequence[int]:
        """The ids of all that a browse finds, in their order, at most so many."""
        return [item.id for item in self.browse(chosen, limit=most, by=by).items]

    def item_types(self, *, by: By | None = None) -> Sequence[str]:
        """The item types there are workflows for and those there are items of, sorted; of those that `by` may read."""
        with self.database.connection() as db:
            kept = store.item_types(db, MOST)
        who, declared = self.reader(by), {workflow.item_type for workflow in self.workflows}
        reach = None if who is None or who.grants is None else who.grants.reach("read")
        return sorted(one for one in declared.union(kept) if reach is None or reach.holds(one, is_own=True))

    def of_same_resource(self, item: Item, limit: int, *, by: By | None = None) -> Sequence[Item]:
        """Other items of an item's resource, open ones first, then the last resolved.

        They are found by what makes failures equal, so not those that were added under a `dedup_key` of their own.
        """
        who, types = self.reader(by, item.id), self.item_types(by=by)
        with self.database.connection() as db:
            found = store.of_same_resource(db, item, types, limit)
        return [one for one in found if self.is_readable(one, who)]

    def browsable_fields(self, item_type: str | None = None) -> dict[str, str]:
        """Name and label of the context fields that a list may be narrowed by; hidden ones are not among them."""
        chosen = [self.workflows.of(item_type)] if item_type else list(self.workflows)
        hidden = {name for workflow in chosen for name in hidden_of(workflow)}
        found = {one.name: one for workflow in chosen for one in context_fields(workflow.context)}
        return {name: label_of(one) for name, one in found.items() if name not in hidden}

    def _prepare(self, chosen: Browse) -> bool:
        """End what is due; refuse what cannot be asked; whether every item can be found by its words."""
        self.wake()
        if chosen.facts:
            allowed = self.browsable_fields(chosen.item_type)
            for name, _ in chosen.facts:
                if name not in allowed:
                    known = ", ".join(sorted(allowed)) or "none is declared"
                    raise InvalidInput("field", name, f"a declared field that is neither personal nor secret: {known}")
        return self.searching.fill()[1] if store.searches(chosen) else True


def _gather(db: Any, chosen: Browse, start: "Place | None", limit: int, *, back: bool) -> list[Item]:
    """Items from a place on, part after part of the list, until there are `limit`."""
    parts = store.parts_of(chosen)
    found: list[Item] = []
    for part in reversed(parts) if back else parts:
        if start and (part > start.part if back else part < start.part):
            continue
        place = start.values if start and start.part == part else None
        found += store.page(db, chosen, part, place, back=back, limit=limit - len(found))
        if len(found) >= limit:
            break
    return found


# ------------------------------------------------------------------ a place in the order


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands: its part of the list and what it is ordered by there."""

    part: int
    values: dict[str, Any]


def rank_of(item: Item) -> int:
    """The column `priority_rank`: an item at level 2 or above is worked as one priority higher."""
    return max(0, PRIORITIES.index(item.priority) - (item.escalation_level >= 2))


def is_unknown(item: Item) -> bool:
    """Whether the outcome of an outside call is unknown."""
    return item.held == "attempt" and item.status in ("pending", "escalated")


def cursor(item: Item) -> str:
    """The place of an item, as text for an address."""
    if item.status == "resolved" and item.resolved_at:
        key: list[Any] = [store.RESOLVED, item.resolved_at.isoformat(), item.id]
    else:
        part = store.UNKNOWN if is_unknown(item) else store.OPEN
        calm = item.escalation_level == 0
        key = [part, rank_of(item), calm, item.position, item.sla_deadline.isoformat(), item.id]
    return urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(text: str, parameter: str = "after") -> Place:
    """The place that a cursor names; raises `InvalidInput` for anything but a cursor."""
    with suppress(ValueError, TypeError, KeyError):
        key = json.loads(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))) if len(text) <= 300 else []
        if [type(part) for part in key] in (_RESOLVED, _OPEN) and 0 < key[-1] < 2**63:
            at = datetime.fromisoformat(key[-2])
            if key[0] == store.RESOLVED and len(key) == 3 and at.tzinfo:
                return Place(store.RESOLVED, {"resolved_at": at, "id": key[-1]})
            if key[0] in (store.UNKNOWN, store.OPEN) and len(key) == 6 and at.tzinfo and 0 <= key[1] <= 3:
                values = {"rank": key[1], "calm": key[2], "position": key[3], "deadline": at, "id": key[-1]}
                return Place(key[0], values)
    raise InvalidInput(parameter, text, "a cursor as a page gave it")


_RESOLVED: Final = [int, str, int]
_OPEN: Final = [int, int, bool, float, str, int]


# ------------------------------------------------------------------ why there


def why(item: Item, *, briefly: bool = False) -> str:
    """One sentence: why an item stands where it stands in the order of work; `briefly`: not that by its deadline."""
    if item.status == "resolved":
        return "Resolved: what was resolved last stands first."
    if is_unknown(item):
        return "First, because its outcome is unknown."
    is_by_deadline = item.escalation_level == 0 and item.position == float("inf")
    return f"{_held(item)} {'' if briefly and is_by_deadline else _order(item)}".strip()


def _order(item: Item) -> str:
    raised = rank_of(item) < PRIORITIES.index(item.priority)
    among = f"{PRIORITIES[rank_of(item)]} items"
    if item.escalation_level > 0:
        late = f"overdue by {span_text(-item.due_in)}"
        up = f", worked as {PRIORITIES[rank_of(item)]} since level 2" if raised else ""
        return f"Before other {among}: {late}{up}."
    if item.position != float("inf"):
        until = f" until {instant_text(item.position_until)}" if item.position_until else ""
        reason = f": {item.position_reason}" if item.position_reason else ""
        return f"Placed here by {item.position_by}{until}{reason}."
    due = f"overdue by {span_text(-item.due_in)}" if item.is_overdue else f"due in {span_text(item.due_in)}"
    return f"Among {among} by its deadline: {due}."


def _held(item: Item) -> str:
    if item.held == "deferred" and item.deferred_until:
        return f"Put aside until {instant_text(item.deferred_until)}."
    if item.held == "approval":
        return "Waits for a second person."
    if item.held:
        return "Held while an attempt is being made." if item.held == "attempt" else "Held as part of a batch."
    if item.status == "assigned":
        return f"With {item.assigned_to}."
    return f"Waits for {item.escalated_to}." if item.escalated_to else ""


# ------------------------------------------------------------------ read from text


def filter_from(item_type: str | None, priority: str | None, resource: str | None) -> Filter:
    """What a list or a claim is limited to; `resource` is `meal_plan` or `meal_plan:12345`. Raises `InvalidInput`."""
    kind, colon, number = (None, "", "") if resource is None else resource.partition(":")
    strict.intake(  # allows the same words as adding does
        "any" if item_type is None else item_type,
        "any" if kind is None else kind,
        1,
        "low" if priority is None else priority,
        "any",
        producer="any",
    )
    return Filter(item_type, priority, kind, strict.item_id(number, "resource_id") if colon else None)


def browse_from(
    *,
    type: str | None = None,
    priority: str | None = None,
    resource: str | None = None,
    status: str | None = None,
    owner: str | None = None,
    team: str | None = None,
    held: str | None = None,
    breached: bool | None = None,
    age: str | None = None,
    text: str | None = None,
    field: Sequence[str] = (),
    resolved: bool = False,
) -> Browse:
    """A browse from what a person or a program wrote; `age` is a span such as `3d`, each `field` `NAME=VALUE`.

    Raises `InvalidInput` that names the first part nobody can mean.
    """
    chosen = filter_from(type, priority, resource)
    one_of("status", status, STATUSES)
    one_of("held", held, HELD)
    return Browse(
        item_type=chosen.item_type,
        priority=chosen.priority,
        resource_type=chosen.resource_type,
        resource_id=chosen.resource_id,
        status=status,
        owner=None if owner is None else strict.operator(owner, "owner"),
        team=None if team is None else strict.team(team),
        held=held,
        breached=breached,
        age=None if age is None else strict.span(age, "age"),
        text=None if text is None else searched(text),
        facts=facts_from(field),
        resolved=resolved,
    )


def one_of(name: str, value: str | None, allowed: Sequence[str]) -> None:
    """Raise `InvalidInput` for a word that is not among those allowed."""
    if value is not None and value not in allowed:
        raise InvalidInput(name, value, f"one of {', '.join(allowed)}")


def searched(text: str) -> str:
    """A text to search for: it must hold a word of two characters."""
    text = storable("text", text, "some words")
    if len(text) > 200 or not any(len(word) > 1 for word in words_of(text)):
        raise InvalidInput("text", text, "some words, at least one of two characters, at most 200 characters")
    return text


def facts_from(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`NAME=VALUE`s; a value may be a range of dates, `2026-01-01..2026-01-31`."""
    parts = [storable("field", text, "NAME=VALUE").partition("=") for text in given]
    found = [(name, value) for name, _, value in parts if name and value]
    if len(found) < len(given) or len(found) > store.MOST_FACTS:
        raise InvalidInput("field", " ".join(given), f"NAME=VALUE, at most {store.MOST_FACTS} of them")
    for _, value in found:
        if ".." in value:
            check_range(value)
    return tuple(found)


def check_range(value: str) -> None:
    """Raise `InvalidInput` for a range whose ends are no dates."""
    first, _, last = value.partition("..")
    try:
        ends = [date.fromisoformat(end).isoformat() == end for end in (first, last) if end]
    except ValueError:
        ends = []
    if not ends or not all(ends):
        raise InvalidInput("field", value, "a range of dates such as 2026-01-01..2026-01-31, one end may be left out")
