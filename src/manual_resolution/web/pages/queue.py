"""Queue: what waits, in the order of work."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from manual_resolution.web.given import TheQueue
from manual_resolution.web.rendering import CONSOLE, page
from manual_resolution.web.signed_in import Who

router = APIRouter(include_in_schema=False)


@router.get(CONSOLE)
def queue_page(request: Request, queue: TheQueue, who: Who) -> Response:
    """The first items."""
    items = queue.list(limit=50)
    return page(request, "queue.html", who=who, items=[queue.mask(item).item(item) for item in items])
