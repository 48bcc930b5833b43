"""Approvals: what waits for a second person."""

from dataclasses import replace
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from manual_resolution.proposing import Waiting
from manual_resolution.queue import Queue
from manual_resolution.web.addresses import CONSOLE
from manual_resolution.web.given import TheQueue
from manual_resolution.web.pages.item import called_of
from manual_resolution.web.rendering import page
from manual_resolution.web.signed_in import Who

router = APIRouter(prefix=CONSOLE, include_in_schema=False)


@router.get("/approvals")
def approvals(request: Request, queue: TheQueue, who: Who) -> Response:
    """Open proposals, the first to lapse first."""
    waiting = [shown(queue, one) for one in queue.approvals(by=who)]
    return page(request, "approvals.html", who=who, waiting=waiting, called=partial(called_of, queue))


def shown(queue: Queue, waiting: Waiting) -> Waiting:
    """A proposal with its item as they may be shown."""
    mask = queue.mask(waiting.item)
    return replace(waiting, item=mask.item(waiting.item), proposal=mask.proposals([waiting.proposal])[0])
