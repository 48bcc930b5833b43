"""Next: one item after the other, each claimed as it comes."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from manual_resolution.errors import InvalidInput
from manual_resolution.priority import PRIORITIES
from manual_resolution.web.addresses import CONSOLE
from manual_resolution.web.choosing import chosen_from
from manual_resolution.web.flow import Flow
from manual_resolution.web.given import Form, TheQueue
from manual_resolution.web.pages.item import last_of
from manual_resolution.web.pages.moving import onward_to_next, teams_of
from manual_resolution.web.rendering import page
from manual_resolution.web.signed_in import Who

MOST = 1000  # counted at most
router = APIRouter(prefix=f"{CONSOLE}/next", include_in_schema=False)


@router.get("")
def ready(request: Request, queue: TheQueue, who: Who) -> Response:
    """How much there is to do, what one holds already, and a button to begin."""
    flow, wrong = Flow.of(request.query_params), None
    try:
        chosen_from({"type": flow.item_type or "", "priority": flow.priority or ""}, who)
    except InvalidInput as error:
        wrong, flow = str(error), Flow.of({"flow": ""})
    return page(
        request,
        "next.html",
        who=who,
        flow=flow,
        wrong=wrong,
        waiting=queue.count_served(
            who, chosen=flow.chosen, teams=teams_of(queue, who), skipped=flow.passed, limit=MOST + 1
        ),
        most=MOST,
        mine=[queue.mask(one).item(one) for one in queue.list(status="assigned", owner=who.name, limit=20, by=who)],
        teams=queue.waiting_for_teams(by=who),
        last=last_of(queue, flow, who),
        types=queue.item_types(by=who),
        priorities=PRIORITIES,
    )


@router.post("")
def begin(request: Request, queue: TheQueue, who: Who, form: Form) -> Response:
    """Claim the next item and show it."""
    return onward_to_next(request, queue, who, Flow.of({"flow": "", **form}))
