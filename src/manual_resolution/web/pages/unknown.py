"""Unknown outcomes: outside calls of which nobody knows yet what they came to."""

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from manual_resolution.web.addresses import CONSOLE
from manual_resolution.web.given import TheQueue
from manual_resolution.web.pages.item import called_of
from manual_resolution.web.rendering import page
from manual_resolution.web.signed_in import Who

router = APIRouter(prefix=CONSOLE, include_in_schema=False)


@router.get("/unknown")
def unknown(request: Request, queue: TheQueue, who: Who) -> Response:
    """They stand first in the order of work."""
    found = [item for item in queue.list(limit=1000, by=who) if item.held == "attempt" and item.status != "assigned"]
    rows = [(queue.mask(item), item) for item in found]
    shown = [(mask.item(item), mask.attempts(queue.attempts(item.id))[-1:]) for mask, item in rows]
    return page(request, "unknown.html", who=who, rows=shown, called=partial(called_of, queue))
