"""Moves on one item, each a resource that is created: `POST /items/42/claim`."""

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict

from manual_resolution import intake
from manual_resolution.errors import InvalidInput
from manual_resolution.web.api import kinds
from manual_resolution.web.api.answering import answers, item_answer, moved, number
from manual_resolution.web.api.documents import ItemDocument
from manual_resolution.web.api.kinds import Body, ItemId
from manual_resolution.web.api.measuring import measure
from manual_resolution.web.api.taking import Taking, TheQueue, Version, Who

router = APIRouter(prefix="/items/{item_id}", tags=["moves"], route_class=Taking)


class Nothing(Body):
    """Nothing more needs to be said."""


class WithNote(Body):
    """A note for the history, or none."""

    note: kinds.Note | None = None


class WithReason(Body):
    """Why; kept in the history."""

    justification: kinds.Why


class HandOver(WithNote):
    """Who gets it."""

    to: kinds.Name


class Deferral(WithReason):
    """For how long, or until when: one of both."""

    model_config = ConfigDict(json_schema_extra=kinds.exactly_one("span", "until"))
    span: kinds.Span = None
    until: kinds.Ahead = None


class Escalation(WithReason):
    """To which team; anybody else where it is left out."""

    to: kinds.Team | None = None


class NewPriority(WithReason):
    """The new priority."""

    priority: kinds.Priority


class Position(WithReason):
    """Before or behind which item (first, where neither is given), and for how long."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"properties": {name: {"type": "null"}}} for name in ("before", "after")]}
    )
    before: kinds.Number | None = None
    after: kinds.Number | None = None
    span: kinds.Span = None


class Remark(Body):
    """What to remember."""

    note: kinds.Note


class Amendment(WithReason):
    """Facts that correct or complete the context."""

    context: kinds.Facts


@router.post("/claim", summary="Claim an item", responses=moved())
def claim(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Nothing = Nothing()) -> Response:
    """It is yours for `MRQ_LEASE_MINUTES`. A deferred one or another team's too; your own again renews the lease."""
    return item_answer(queue, queue.claim(number(item_id), by, version=version))


@router.post("/extension", summary="Renew a lease", responses=answers(ItemDocument, 404, 409, 415, versioned=True))
def extend(item_id: ItemId, by: Who, queue: TheQueue, body: Nothing = Nothing()) -> Response:
    """The item stays yours from now on for `MRQ_LEASE_MINUTES`. This is no event, and needs no `If-Match`."""
    return item_answer(queue, queue.extend(number(item_id), by))


@router.post("/release", summary="Give an item back, undecided", responses=moved())
def release(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: WithNote = WithNote()) -> Response:
    """It waits again, for anybody."""
    return item_answer(queue, queue.release(number(item_id), by, body.note, version=version))


@router.post("/decline", summary="Give an item back, not to be served it again", responses=moved())
def decline(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: WithReason) -> Response:
    """It waits for somebody else."""
    return item_answer(queue, queue.decline(number(item_id), by, body.justification, version=version))


@router.post("/hand-over", summary="Give an item to a colleague", responses=moved())
def hand_over(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: HandOver) -> Response:
    """It is theirs, with a fresh lease."""
    return item_answer(queue, queue.hand_over(number(item_id), by, body.to, body.note, version=version))


@router.post("/take-over", summary="Take an item from its owner", responses=moved())
def take_over(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: WithReason) -> Response:
    """It is yours; its owner finds your reason in the history."""
    return item_answer(queue, queue.take_over(number(item_id), by, body.justification, version=version))


@router.post("/deferral", summary="Put an item aside for a while", responses=moved())
def defer(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Deferral) -> Response:
    """At most 366 days; its deadline stays."""
    if (body.span is None) == (body.until is None):
        raise InvalidInput("span", body.span, "give how long, or until when, not both")
    span = None if body.span is None else intake.span(body.span)
    until = None if body.until is None else intake.instant(body.until, "until")
    found = queue.defer(number(item_id), by, body.justification, span=span, until=until, version=version)
    return item_answer(queue, found)


@router.post("/escalation", summary="Pass an item on", responses=moved())
def escalate(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Escalation) -> Response:
    """To a team, or to anybody else; you are not served it again."""
    found = queue.escalate(number(item_id), by, body.justification, to=body.to, version=version)
    measure(queue, found)
    return item_answer(queue, found)


@router.post("/priority", summary="Change a priority", responses=moved())
def priority(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: NewPriority) -> Response:
    """A higher one moves the deadline earlier; nothing moves it later."""
    found = queue.set_priority(number(item_id), by, body.priority, body.justification, version=version)
    return item_answer(queue, found)


@router.post("/position", summary="Move an item within its priority", responses=moved())
def place(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Position) -> Response:
    """Before or behind another one of its priority, else first of those not overdue; for `span`, 24 hours else."""
    beside = {
        name: None if value is None else kinds.read_whole(value, name)
        for name, value in (("before", body.before), ("after", body.after))
    }
    span = intake.span("24h" if body.span is None else body.span)
    return item_answer(
        queue, queue.place(number(item_id), by, body.justification, **beside, span=span, version=version)
    )


@router.delete("/position", summary="Let an item go by its deadline again", responses=moved())
def unplace(item_id: ItemId, by: Who, queue: TheQueue, version: Version) -> Response:
    """It stands where its deadline says."""
    return item_answer(queue, queue.unplace(number(item_id), by, version=version))


@router.post("/note", summary="Add a note to the history", responses=moved())
def note(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Remark) -> Response:
    """Whoever owns the item."""
    return item_answer(queue, queue.note(number(item_id), by, body.note, version=version))


@router.post("/amendment", summary="Correct the facts recorded with an item", responses=moved())
def amend(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Amendment) -> Response:
    """The given facts are merged into the context; the history keeps what they were."""
    if body.context == {}:
        raise InvalidInput("context", body.context, "at least one fact")
    return item_answer(queue, queue.amend(number(item_id), by, body.context, body.justification, version=version))


@router.post("/reopening", summary="Make a new item from a resolved one", responses=moved(status=201))
def reopen(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: WithReason, request: Request) -> Response:
    """The answer is the new item, which points back to the resolved one."""
    found = queue.reopen(number(item_id), by, body.justification, version=version)
    answer = item_answer(queue, found, 201)
    answer.headers["Location"] = request.url_for("show", item_id=str(found.id)).path
    return answer
