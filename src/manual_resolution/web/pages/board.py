"""Board: what waits, a lane for each priority; put an item elsewhere, and say why.

One move is sent: the item with the version seen, and its new neighbour; never a list, which would be stale as soon as
another item arrives.
"""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from manual_resolution.admission import limited
from manual_resolution.browsing import EVERYTHING, why
from manual_resolution.errors import InvalidInput, MRQError, Stale
from manual_resolution.item import Actor, Item
from manual_resolution.priority import PRIORITIES
from manual_resolution.queue import Queue
from manual_resolution.web.addresses import CONSOLE, console
from manual_resolution.web.choosing import chosen_from
from manual_resolution.web.given import Form, Number, TheQueue
from manual_resolution.web.lanes import Lane, count_of, lanes_of
from manual_resolution.web.live import address_of, digest_of
from manual_resolution.web.pages.item import Notice, is_placeable
from manual_resolution.web.pages.moving import number_in, place, to
from manual_resolution.web.rendering import page
from manual_resolution.web.sentences import in_console
from manual_resolution.web.signed_in import Who
from manual_resolution.web.statuses import status_of

router = APIRouter(prefix=f"{CONSOLE}/board", include_in_schema=False)


@router.get("")
def board(request: Request, queue: TheQueue, who: Who) -> Response:
    """The lanes."""
    return board_page(request, queue, who)


@router.post("/{number}/position")
def position(request: Request, number: Number, queue: TheQueue, who: Who, form: Form) -> Response:
    """Put an item before or behind another, first, or back by its deadline."""
    return moved(request, queue, who, form, lambda: place(queue, number, who, form, number_in(form, "version")))


@router.post("/{number}/priority")
def priority(request: Request, number: Number, queue: TheQueue, who: Who, form: Form) -> Response:
    """Put an item into another lane."""
    to, why, version = form.get("priority", ""), form.get("justification", ""), number_in(form, "version")
    return moved(request, queue, who, form, lambda: queue.set_priority(number, who, to, why, version=version))


@router.get("/{number}/{move}")
def back(request: Request, number: Number, move: str) -> Response:
    """A move is no page."""
    return to(request, "/board")


def moved(request: Request, queue: Queue, who: Actor, form: Form, move: Any) -> Response:
    """The board after a move; what is refused is told above it, with the reason that was typed."""
    try:
        move()
    except MRQError as error:
        lines = error.changes if isinstance(error, Stale) else ()
        notice = Notice("stale" if lines else "refused", in_console(error), lines)
        return board_page(request, queue, who, notice, form.get("justification", ""), status_of(error))
    return to(request, "/board")


def board_page(
    request: Request, queue: Queue, who: Actor, notice: Notice | None = None, typed: str = "", status: int = 200
) -> Response:
    """The board's page."""
    given, wrong, lanes = request.query_params, None, list[Lane]()
    chosen = EVERYTHING
    try:
        chosen = limited(chosen_from(given, who), queue.admit(who, "read"))
        lanes = lanes_of(queue, chosen)
    except InvalidInput as error:
        wrong = Notice("refused", str(error))
    answer = page(
        request,
        "board.html",
        status,
        who=who,
        notice=notice or wrong,
        typed=typed,
        lanes=[lane_of(queue, lane, count_of(queue, chosen, lane)) for lane in lanes],
        asked=dict(given),
        types=queue.item_types(by=who),
        priorities=PRIORITIES,
        live=address_of(request, "board", digest_of(item for lane in lanes for item in lane.items)),
        may=lambda move, item: who.grants is None or who.grants.allows(move, item.item_type),
    )
    if request.method == "POST":  # what the address bar shows is the board, not the move
        answer.headers["HX-Replace-Url"] = f"{console(request)}/board"
    return answer


def lane_of(queue: Queue, lane: Lane, count: Any) -> dict[str, Any]:
    """A lane as the template shows it: its cards, with whom each would stand beside after a step up or down."""
    ids = [item.id for item in lane.items if is_placeable(item)]
    cards = [card_of(queue, item, ids) for item in lane.items]
    return {"priority": lane.priority, "cards": cards, "count": count, "more": lane.after is not None}


def card_of(queue: Queue, item: Item, ids: list[int]) -> dict[str, Any]:
    """One item of a lane; that it stands by its deadline, which the card says, is not said again."""
    mask = queue.mask(item)
    at = ids.index(item.id) if item.id in ids else None
    return {
        "item": mask.item(item),
        "why": mask.text(why(item, briefly=True)),
        "placeable": at is not None,
        "up": ids[at - 1] if at else None,
        "down": ids[at + 1] if at is not None and at + 1 < len(ids) else None,
    }
