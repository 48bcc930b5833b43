"""Every move on an item: each is a resource that a form creates; then the item is shown again, or the next one.

What is refused is told on the item's page as it is now, with everything that was typed still there.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from manual_resolution import intake, metrics
from manual_resolution.case import Glimpse
from manual_resolution.context import parse_object
from manual_resolution.decision import Resolution
from manual_resolution.errors import (
    Failed,
    Forbidden,
    InvalidInput,
    MRQError,
    NotFound,
    OutcomeUnknown,
    Stale,
    WaitsForApproval,
)
from manual_resolution.item import Actor, Browse, Item
from manual_resolution.queue import Queue
from manual_resolution.watching import Watching
from manual_resolution.web.addresses import CONSOLE, console
from manual_resolution.web.flow import LONGEST, Flow
from manual_resolution.web.given import Form, Number, TheQueue
from manual_resolution.web.pages.item import Asked, Notice, item_page
from manual_resolution.web.sentences import in_console
from manual_resolution.web.signed_in import Who
from manual_resolution.web.statuses import status_of

Ended = Resolution | Item
Move = Callable[[Queue, int, Actor, Form, int | None], Ended]
router = APIRouter(prefix=CONSOLE, include_in_schema=False)


@router.get("/{number}/{move}")
def back(request: Request, number: Number, move: str) -> Response:
    """A move is no page: whoever comes here by the back button or a reload finds the item."""
    return to(request, f"/{number}")


@router.post("/{number}/reveal")
def reveal(request: Request, number: Number, queue: TheQueue, who: Who, form: Form) -> Response:
    """Show what is personal, this once; the history keeps to whom and why."""
    try:
        queue.reveal(number, who, form.get("justification", ""))
    except MRQError as error:
        return refused(request, queue, who, number, form, error)
    return item_page(request, queue, who, number, Asked(typed=form, reveal=True))


@router.post("/{number}/plan")
def plan(request: Request, number: Number, queue: TheQueue, who: Who, form: Form) -> Response:
    """What the decision on the form would touch; nothing is done."""
    try:
        key = form.get("option", "")
        found = queue.plan(number, key, values_of(form, key), by=who).lines()
    except MRQError as error:
        return refused(request, queue, who, number, form, error)
    mask = queue.mask(queue.get(number))
    return item_page(request, queue, who, number, Asked(typed=form, plan=tuple(map(mask.text, found))))


@router.post("/{number}/{move}")
def move(request: Request, number: Number, move: str, queue: TheQueue, who: Who, form: Form) -> Response:
    """Make a move, then show the item, or the next one on the way through the queue."""
    if move not in MOVES:
        raise NotFound("There is no such move.")
    try:
        ended = MOVES[move](queue, number, who, form, number_in(form, "version"))
    except (WaitsForApproval, OutcomeUnknown) as error:
        sent(queue, number, who, move)
        return onward(request, queue, who, number, form, leaves=isinstance(error, OutcomeUnknown))
    except MRQError as error:
        return refused(request, queue, who, number, form, error)
    sent(queue, number, who, move)
    item = ended.item if isinstance(ended, Resolution) else ended
    if event := metrics.moved(item):
        metrics.emit(event, queue.settings)
    return onward(request, queue, who, item.id, form, leaves=item.assigned_to != who.name or item.status == "resolved")


def sent(queue: Queue, number: int, who: Actor, move: str) -> None:
    """What was typed for this move is kept no longer; a denial may be typed into an approval's form."""
    for form in {move, "approval" if move == "denial" else move}:
        Watching(queue.database).drop(number, who.name, form)


def onward(request: Request, queue: Queue, who: Actor, number: int, form: Form, *, leaves: bool) -> Response:
    """To the item; where it is done with and the form asked for it, to the next one."""
    flow = Flow.of(form)
    if not flow.on or not leaves or form.get("then") == "stay":
        return to(request, f"/{number}{flow.query}")
    return onward_to_next(request, queue, who, flow.after(number))


def onward_to_next(request: Request, queue: Queue, who: Actor, flow: Flow) -> Response:
    """Claim the next item and go there; where there is none, to the page that says so."""
    item = (
        held_by(queue, who, flow)
        or queue.next_given_back(who, chosen=flow.chosen, skipped=flow.passed)
        or queue.next(who, chosen=flow.chosen, teams=teams_of(queue, who), skipped=flow.passed)
    )
    return to(request, f"/{item.id}{flow.query}" if item else f"/next{flow.query}")


def teams_of(queue: Queue, who: Actor) -> list[str] | None:
    """The teams that somebody set for themselves; none where they did not."""
    return queue.people.own(who).get("team") or None


def held_by(queue: Queue, who: Actor, flow: Flow) -> Item | None:
    """The first item that somebody claimed before and has not come to yet on the way."""
    chosen = Browse(item_type=flow.item_type, priority=flow.priority, status="assigned", owner=who.name)
    mine = queue.browse(chosen, limit=LONGEST + 1, by=who).items
    return next((item for item in mine if not item.held and item.id not in flow.passed), None)


def to(request: Request, path: str) -> Response:
    """Another page of the console, asked for anew."""
    return RedirectResponse(f"{console(request)}{path}", 303)


def refused(request: Request, queue: Queue, who: Actor, number: int, form: Form, error: MRQError) -> Response:
    """The item as it is now, with what was refused above it and what was typed in its place."""
    hide = queue.mask(queue.get(number, by=who)).text
    kind = {Failed: "failed", Stale: "stale", Forbidden: "refused"}.get(type(error), "refused")
    since = error.changes if isinstance(error, Stale) else ()
    lines = tuple(hide(one) for one in since if one not in str(error))  # its sentence names the last ones itself
    asked = Asked(Notice(kind, hide(in_console(error)), lines), typed=form)
    return item_page(request, queue, who, number, asked, status_of(error))


# ------------------------------------------------------------------ what a form says


def number_in(form: Mapping[str, str], name: str) -> int | None:
    """A hidden number of the page, such as the item's version; None where the form does not say."""
    text = form.get(name, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidInput(name, text, "what the page said: load it again")
    return int(text) if text else None


def values_of(form: Mapping[str, str], option: str) -> dict[str, str]:
    """What was typed for this option; each option's fields begin with its key."""
    given = {name.removeprefix(f"{option}."): text for name, text in form.items() if name.startswith(f"{option}.")}
    return {name: text for name, text in given.items() if text.strip()}


def glimpse_of(form: Mapping[str, str], values: Mapping[str, str]) -> Glimpse | None:
    """What the page showed; a plan is not compared where values were typed, for it depends on them."""
    if not (text := form.get("seen")):
        return None
    try:
        found = Glimpse(**json.loads(text))
        sound = all(isinstance(part, dict) for part in (found.context, found.answers, found.plans))
        sound = sound and all(isinstance(one, list) and len(one) == 2 for one in found.answers.values())
    except (TypeError, ValueError, RecursionError):
        sound = False
    if not sound:
        raise InvalidInput("seen", text, "what the page said: load it again")
    return Glimpse(found.context, found.answers, {} if values else found.plans)


def why(form: Mapping[str, str]) -> str:
    """The reason that was typed."""
    return form.get("justification", "")


def or_none(form: Mapping[str, str], name: str) -> str | None:
    """A field that may be left empty."""
    return form.get(name, "").strip() or None


# ------------------------------------------------------------------ the moves, by their address


def _resolve(queue: Queue, number: int, who: Actor, form: Form, version: int | None) -> Ended:
    key = form.get("option", "")
    if not key:
        raise InvalidInput("option", key, "choose one")
    values = values_of(form, key)
    seen, override = glimpse_of(form, values), f"{key}:override" in form
    return queue.resolve(number, key, why(form), who, values=values, seen=seen, override=override, version=version)


def _defer(queue: Queue, number: int, who: Actor, form: Form, version: int | None) -> Ended:
    span, until = or_none(form, "span"), or_none(form, "until")
    if until:
        at = intake.instant(until if "T" in until and until.endswith("Z") else f"{until}Z", "until")
        return queue.defer(number, who, why(form), until=at, version=version)
    return queue.defer(number, who, why(form), span=intake.span(span or "24h"), version=version)


def _amend(queue: Queue, number: int, who: Actor, form: Form, version: int | None) -> Ended:
    name, text = form.get("name", "").strip(), form.get("value", "")
    facts: Any = {name: text} if name else parse_object(form.get("context", "") or "{}", "context")
    if not facts:
        raise InvalidInput("name", name, "the fact's name")
    return queue.amend(number, who, facts, why(form), version=version)


def place(queue: Queue, number: int, who: Actor, form: Form, version: int | None) -> Item:
    """Put an item before or behind another, first, or back by its deadline. Raises `InvalidInput`."""
    if form.get("place") == "by-deadline":
        return queue.unplace(number, who, or_none(form, "justification"), version=version)
    beside = {name: number_of(form[name], name) for name in ("before", "after") if form.get(name, "").strip()}
    if not beside and form.get("place") != "first":
        raise InvalidInput("place", form.get("place"), "before or after another item, first, or by-deadline")
    span = intake.span(or_none(form, "span") or "24h")
    return queue.place(number, who, why(form), span=span, version=version, **beside)


def number_of(text: str, name: str) -> int:
    """An item's number as somebody types it: `17`, `#17`. Raises `InvalidInput`."""
    return intake.item_id(text.strip().removeprefix("#"), name)


def _confirm(queue: Queue, number: int, who: Actor, form: Form, version: int | None) -> Ended:
    done = {"yes": True, "no": False}.get(form.get("done", ""))
    note = or_none(form, "justification") if done is not None else None
    return queue.confirm(number, who, done=done, note=note, version=version)


def _approve(queue: Queue, number: int, who: Actor, form: Form, version: int | None) -> Ended:
    return queue.approve(number, who, or_none(form, "justification"), seen=number_in(form, "proposal"))


MOVES: Final[dict[str, Move]] = {
    "claim": lambda queue, number, who, form, version: queue.claim(number, who, version=version),
    "extension": lambda queue, number, who, form, version: queue.extend(number, who),
    "release": lambda queue, number, who, form, version: queue.release(
        number, who, or_none(form, "justification"), version=version
    ),
    "decline": lambda queue, number, who, form, version: queue.decline(number, who, why(form), version=version),
    "hand-over": lambda queue, number, who, form, version: queue.hand_over(
        number, who, form.get("to", ""), or_none(form, "justification"), version=version
    ),
    "take-over": lambda queue, number, who, form, version: queue.take_over(number, who, why(form), version=version),
    "resolution": _resolve,
    "deferral": _defer,
    "escalation": lambda queue, number, who, form, version: queue.escalate(
        number, who, why(form), to=or_none(form, "to"), version=version
    ),
    "priority": lambda queue, number, who, form, version: queue.set_priority(
        number, who, form.get("priority", ""), why(form), version=version
    ),
    "position": place,
    "note": lambda queue, number, who, form, version: queue.note(number, who, form.get("text", ""), version=version),
    "amendment": _amend,
    "confirmation": _confirm,
    "approval": _approve,
    "denial": lambda queue, number, who, form, version: queue.deny(number, who, why(form), version=version),
    "reopening": lambda queue, number, who, form, version: queue.reopen(number, who, why(form), version=version),
}
