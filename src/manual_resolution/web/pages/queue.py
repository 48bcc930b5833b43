"""Queue: what waits, in the order of work, narrowed in every way, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from manual_resolution.browsing import EVERYTHING, Page, why
from manual_resolution.errors import InvalidInput, MRQError
from manual_resolution.item import HELD, STATUSES, Actor, Browse, Item
from manual_resolution.priority import PRIORITIES
from manual_resolution.queue import Queue
from manual_resolution.web.addresses import CONSOLE
from manual_resolution.web.choosing import NARROWS, chosen_from
from manual_resolution.web.flow import Flow
from manual_resolution.web.given import TheQueue
from manual_resolution.web.live import ROWS, address_of, digest_of
from manual_resolution.web.pages.moving import onward_to_next, to
from manual_resolution.web.rendering import is_partial, page
from manual_resolution.web.signed_in import Who

router = APIRouter(prefix=CONSOLE, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it may be shown, and why it stands there."""

    item: Item
    why: str


@router.get("")
def queue_page(request: Request, queue: TheQueue, who: Who) -> Response:
    """One page of what the address asks for; what cannot be asked is told above everything."""
    asked = dict(request.query_params)
    wrong, chosen = None, EVERYTHING
    try:
        chosen = chosen_from(asked, who)
        found = queue.browse(chosen, by=who, after=asked.get("after"), before=asked.get("before"), limit=ROWS)
    except InvalidInput as error:
        wrong, found = str(error), Page([])
    values: dict[str, Any] = {
        "rows": [row_of(queue, item) for item in found.items],
        "found": found,
        "live": address_of(request, "list", digest_of(found.items)),
        "wrong": wrong,
        "count": None if wrong else queue.count(chosen, by=who),
        "breached": None if wrong or asked else queue.count(Browse(breached=True), by=who),
        "asked": asked,
        "pages": {name: query(asked, **{name: at}) for name, at in (("before", found.before), ("after", found.after))},
        "lists": lists(queue, who, asked),
        "narrowed": any(name in asked for name in (*NARROWS, "assignee", "field", "breached", "resolved")),
    }
    return page(request, "queue.html", block="rows" if is_partial(request.headers) else None, who=who, **values)


@router.post("/claims")
async def claims(request: Request, queue: TheQueue, who: Who) -> Response:
    """Claim what was selected, as far as it may be, and begin to work through it."""
    form = await request.form(max_files=0)
    return await run_in_threadpool(claim_all, request, queue, who, [str(one) for one in form.getlist("item")])


def claim_all(request: Request, queue: Queue, who: Actor, numbers: list[str]) -> Response:
    """Claim these, those that somebody was quicker with left out; then on to the first."""
    for number in numbers[:ROWS]:
        try:
            queue.claim(int(number), who)
        except (MRQError, ValueError):
            continue
    return onward_to_next(request, queue, who, Flow(on=True)) if numbers else to(request, "")


def row_of(queue: Queue, item: Item) -> Row:
    """An item's row; that an ordinary one stands by its deadline is said without saying the deadline again."""
    mask = queue.mask(item)
    return Row(mask.item(item), mask.text(why(item)).partition(": due in")[0].removesuffix("."))


def query(asked: Mapping[str, str], **place: str | None) -> str | None:
    """The address of the page beside this one; None where there is none."""
    at = {name: text for name, text in place.items() if text}
    kept = {name: text for name, text in asked.items() if text and name not in ("after", "before")}
    return f"?{urlencode(kept | at)}" if at else None


def lists(queue: Queue, who: Actor, asked: Mapping[str, str]) -> dict[str, Any]:
    """What can be chosen from."""
    kinds = [workflow.item_type for workflow in queue.workflows]
    chosen = asked.get("type") if asked.get("type") in kinds else None
    return {
        "types": sorted({*queue.item_types(by=who), asked.get("type") or ""} - {""}),
        "priorities": PRIORITIES,
        "statuses": STATUSES,
        "held": HELD,
        "fields": queue.browsable_fields(chosen),
        "ages": ("1h", "4h", "24h", "3d", "7d", "30d"),
    }
