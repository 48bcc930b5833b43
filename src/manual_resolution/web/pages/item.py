"""Item: everything a person sees before deciding, and the form they decide in."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, field
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from manual_resolution.browsing import why
from manual_resolution.case import Case
from manual_resolution.errors import MRQError
from manual_resolution.inert import inert_json
from manual_resolution.item import Actor, Item
from manual_resolution.masking import Mask
from manual_resolution.placing import refuse_unless_placeable
from manual_resolution.priority import PRIORITIES
from manual_resolution.queue import Queue
from manual_resolution.recounting import verb_text, what
from manual_resolution.values import context_fields, label_of
from manual_resolution.watching import Draft, Watching
from manual_resolution.web.addresses import CONSOLE, console
from manual_resolution.web.flow import Flow
from manual_resolution.web.given import Number, TheQueue
from manual_resolution.web.live import address_of
from manual_resolution.web.rendering import page
from manual_resolution.web.signed_in import Who
from manual_resolution.workflow import Option, Workflow

OTHERS: Final = 6  # items of the same resource shown
ENTRIES: Final = 50  # of the history, unless all are asked for
router = APIRouter(prefix=CONSOLE, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told above the page: `kind` is done, refused, failed or stale; `lines` stand below the sentence."""

    kind: str
    sentence: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """How an item's page is to be shown beside the item itself: what was told, what was typed, what is revealed."""

    notice: Notice | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    reveal: bool = False
    plan: tuple[str, ...] | None = None
    draft: Draft | None = None


@router.get("/{number}")
def show(request: Request, number: Number, queue: TheQueue, who: Who) -> Response:
    """The item as it is now, with what this person typed and has not sent."""
    draft = Watching(queue.database).draft(number, who.name)
    return item_page(request, queue, who, number, Asked(typed=draft.typed if draft else {}, draft=draft))


def item_page(request: Request, queue: Queue, who: Actor, number: int, asked: Asked, status: int = 200) -> Response:
    """The item's page."""
    flow = Flow.of(request.query_params if asked.draft else asked.typed or request.query_params)
    values = seen(queue, who, number, asked.reveal)
    live = address_of(request, "item", str(values["item"].version), item=number)
    lookers = [name for name in Watching(queue.database).lookers([number]).get(number, []) if name != who.name]
    values["written"] = written(request, asked)
    values["last"] = last_of(queue, flow, who)
    values["shown"] = None if request.query_params.get("history") == "all" else ENTRIES
    answer = page(request, "item.html", status, who=who, flow=flow, asked=asked, live=live, lookers=lookers, **values)
    if request.method == "POST":  # what the address bar shows is the item, not the move
        answer.headers["HX-Replace-Url"] = f"{console(request)}/{number}{flow.query}"
    return answer


def written(request: Request, asked: Asked) -> str:
    """The move whose form was typed into: what was typed stands in that one alone. Empty where nothing was."""
    return asked.draft.form if asked.draft else str(request.scope["path"]).rpartition("/")[2] if asked.typed else ""


def last_of(queue: Queue, flow: Flow, who: Actor) -> Item | None:
    """What became of the item before this one on the way, as it may be shown."""
    with suppress(MRQError):
        item = queue.get(flow.passed[-1], by=who) if flow.passed else None
        return item and queue.mask(item).item(item)
    return None


def seen(queue: Queue, who: Actor, number: int, reveal: bool = False) -> dict[str, Any]:
    """What the template shows of an item, all of it masked; `glimpse` binds what is decided from it."""
    events = queue.history(number, by=who)
    item = queue.get(number)
    case = None if item.status == "resolved" else queue.examine(number)
    known = case.item if case else item
    mask = queue.mask(known, *((event.private or {}).get("context") for event in events), reveal=reveal)
    shown = mask.item(known)
    workflow = queue.workflows.of(item.item_type)
    return {
        "item": shown,
        "state": state_of(known, who),
        "case": case and mask.case(case),
        "glimpse": case and inert_json(case.glimpse().as_json()),
        "workflow": workflow,
        "facts": facts(workflow, shown),
        "history": history(mask, events),
        "attempts": mask.attempts(case.attempts if case else queue.attempts(number)),
        "proposals": mask.proposals(case.proposals if case else queue.proposals(number)),
        "others": others(queue, item, who),
        "given_back": given_back(case, who) if case else "",
        "teams": sorted(queue.waiting_for_teams(by=who)),
        "priorities": PRIORITIES,
        "asks": asks,
        "called": partial(called, workflow),
        "placeable": is_placeable(known),
        "there": mask.text(why(known)),
        "hidden": () if reveal else mask.labels,
        "may": may(who, item),
    }


def may(who: Actor, item: Item) -> Any:
    """Whether who looks may make a move on this item: to show its button. The queue itself is what refuses."""
    return lambda move: who.grants is None or who.grants.allows(move, item.item_type)


def state_of(item: Item, who: Actor) -> str:
    """What may be done with it: free, mine, others, approval, attempt, unknown, batch or resolved."""
    if item.status == "resolved":
        return "resolved"
    if item.held == "attempt":
        return "attempt" if item.status == "assigned" else "unknown"
    if item.held in ("approval", "batch"):
        return str(item.held)
    if item.status == "assigned":
        return "mine" if item.assigned_to == who.name else "others"
    return "free"


def is_placeable(item: Item) -> bool:
    """Whether a person may put it elsewhere in its lane."""
    try:
        refuse_unless_placeable(item)
    except MRQError:
        return False
    return True


def facts(workflow: Workflow, item: Item) -> list[tuple[str, Any]]:
    """Label and value of all context: what the workflow shows first stands first, uncut."""
    given = dict(item.context or {})
    labels = {one.name: label_of(one) for one in context_fields(workflow.context)}
    first = [(label, given.pop(name)) for name, label in labels.items() if name in given]
    return first + [(name.replace("_", " ").capitalize(), value) for name, value in given.items()]


def history(mask: Mask, events: Any) -> list[dict[str, Any]]:
    """The events in words, the latest first."""
    told, before = [], dict[str, Any]()
    for event in mask.events(events):
        told.append({"event": event, "verb": verb_text(event), "what": what(event, before)})
        before = (event.private or {}).get("context") or before
    return told[::-1]


def given_back(case: Case, who: Actor) -> str:
    """What the person wrote for the item's last proposal, which was not carried out: offered again."""
    last = case.proposals[-1] if case.proposals else None
    return last.justification if last and last.proposer == who.name and last.state != "open" else ""


def asks(option: Option) -> list[dict[str, Any]]:
    """The fields an option asks for."""
    return [
        {
            "name": one.name,
            "label": label_of(one),
            "kind": one.type if isinstance(one.type, str) else getattr(one.type, "__name__", ""),
            "choices": one.metadata.get("choices", ()),
            "default": "" if one.default is MISSING else one.default,
        }
        for one in context_fields(option.values)
    ]


def called(workflow: Workflow, key: str) -> str:
    """What an option is called on its button; its key where the type has it no more."""
    with suppress(MRQError):
        return workflow.option_named(key).label
    return key


def called_of(queue: Queue, item_type: str, key: str) -> str:
    """The same of a type by its name."""
    return called(queue.workflows.of(item_type), key)


def others(queue: Queue, item: Item, who: Actor) -> list[Item]:
    """Other items of the same resource, open ones first."""
    return [queue.mask(one).item(one) for one in queue.of_same_resource(item, OTHERS, by=who)]
