"""Items: the list, one of them, its case and its history, what one holds, and the next one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict

from manual_resolution import documents, intake
from manual_resolution.browsing import Page, browse_from, filter_from
from manual_resolution.errors import InvalidInput
from manual_resolution.item import Filter, Item
from manual_resolution.queue import Queue
from manual_resolution.text import storable
from manual_resolution.web.api import kinds
from manual_resolution.web.api.answering import answers, etag, item_answer, item_documents, number, pages
from manual_resolution.web.api.documents import (
    CaseDocument,
    EventDocument,
    ItemDocument,
    ItemWithRecord,
    TypeDocument,
)
from manual_resolution.web.api.kinds import Body, ItemId
from manual_resolution.web.api.moves import WithReason
from manual_resolution.web.api.taking import Taking, TheQueue, Who
from manual_resolution.web.api.waiting import LONGEST, waited
from manual_resolution.web.problems import Json

router = APIRouter(tags=["items"], route_class=Taking)

MOST = 200


class Chosen(Body):
    """What the next item is limited to."""

    model_config = ConfigDict(json_schema_extra=kinds.needs("resource_id", "resource_type"))
    item_type: kinds.ItemType | None = None
    priority: kinds.Priority | None = None
    resource_type: kinds.ResourceType | None = None
    resource_id: kinds.ResourceId = None
    teams: Annotated[
        list[Any] | None,
        kinds.listed(kinds.TEAM, "Also what waits for these teams; else those of `MRQ_TEAM`.", 0, "null"),
    ] = None


@router.get("/items", summary="List items in the order of work", responses=pages())
def list_(
    by: Who,
    queue: TheQueue,
    request: Request,
    item_type: Annotated[kinds.ItemType | None, Query()] = None,
    priority: Annotated[kinds.Priority | None, Query()] = None,
    resource: Annotated[kinds.Resource | None, Query(description="This kind of resource, or this one.")] = None,
    status: Annotated[kinds.Status | None, Query()] = None,
    owner: Annotated[kinds.Name | None, Query(description="What this person holds.")] = None,
    team: Annotated[kinds.Team | None, Query(description="What was passed on to this team.")] = None,
    held: Annotated[kinds.Held | None, Query(description="What is held, for this reason.")] = None,
    overdue: Annotated[kinds.Switch | None, Query(description="What is past its deadline, or is not.")] = None,
    age: Annotated[kinds.Age | None, Query(description="What is at least so old.")] = None,
    text: Annotated[kinds.Words | None, Query(description="What says these words, or words that begin so.")] = None,
    field: Annotated[
        list[kinds.Fact] | None, Query(description="A declared fact, `NAME=VALUE`; dates `FIRST..LAST`.")
    ] = None,
    resolved: Annotated[kinds.Switch, Query(description="Resolved items too.")] = "false",
    limit: Annotated[kinds.Limit, Query(description=f"At most so many, 1 to {MOST}.")] = "50",
    after: Annotated[kinds.Cursor | None, Query(description="The page behind; `Link` has its address.")] = None,
    before: Annotated[kinds.Cursor | None, Query(description="The page before.")] = None,
) -> Response:
    """Those whose outcome is unknown come first, then open ones in the order of work, then resolved ones.

    `Link` leads to the pages beside this one. Where words are searched and some items cannot be found by theirs yet,
    `Search-Complete` is `false`.
    """
    if after is not None and before is not None:
        raise InvalidInput("before", before, "without after")
    chosen = browse_from(
        type=item_type,
        priority=priority,
        resource=resource,
        status=status,
        owner=owner,
        team=team,
        held=held,
        breached=None if overdue is None else kinds.read_switch(overdue, "overdue"),
        age=age,
        text=text,
        field=field or (),
        resolved=kinds.read_switch(resolved, "resolved"),
    )
    page = queue.browse(chosen, by=by, after=after, before=before, limit=kinds.read_number(limit, "limit", MOST))
    headers = links(request, page) | ({} if page.whole else {"Search-Complete": "false"})
    return Json(item_documents(queue, page.items), headers=headers)


def links(request: Request, page: Page) -> dict[str, str]:
    """`Link` to the pages beside this one."""
    beside = [
        (rel, name, cursor) for rel, name, cursor in (("next", "after", page.after), ("prev", "before", page.before))
    ]
    address = request.url.remove_query_params(["after", "before"])
    found = [
        f'<{address.path}?{address.include_query_params(**{name: cursor}).query}>; rel="{rel}"'
        for rel, name, cursor in beside
        if cursor
    ]
    return {"Link": ", ".join(found)} if found else {}


def filtered(item_type: Any, priority: Any, resource_type: Any, resource_id: Any) -> Filter:
    """What a claim is limited to; the same words are allowed as in adding."""
    if resource_id is not None and resource_type is None:
        raise InvalidInput("resource_id", resource_id, "together with resource_type")
    kind = None if resource_type is None else storable("resource_type", resource_type, "text")
    return filter_from(item_type, priority, kind if resource_id is None else f"{kind}:{resource_id}")


@router.get("/mine", summary="List what you hold", responses=answers(list[ItemDocument]))
def mine(by: Who, queue: TheQueue) -> Response:
    """At most 1000, in the order of work."""
    return Json(item_documents(queue, queue.list(status="assigned", owner=by.name, limit=1000, by=by)))


@router.post(
    "/next",
    summary="Claim the next item",
    responses=answers(ItemDocument, 409, 415, versioned=True) | {204: {"description": "Nothing waits."}},
)
def next_(
    by: Who,
    queue: TheQueue,
    request: Request,
    wait: Annotated[kinds.Seconds | None, Query(description=f"Wait so long for one to come, 1 to {LONGEST} s.")] = None,
    body: Chosen = Chosen(),
) -> Response:
    """In the order of work; yours whose proposal was denied or lapsed come first. 204 when nothing waits for you."""
    seconds = 0 if wait is None else kinds.read_number(wait, "wait", LONGEST)
    chosen = filtered(body.item_type, body.priority, body.resource_type, body.resource_id)
    teams = None if body.teams is None else tuple(intake.team(name, "teams") for name in body.teams)

    def look() -> Item | None:
        return queue.next_given_back(by, chosen=chosen) or queue.next(by, chosen=chosen, teams=teams)

    found = waited(request, queue, look, seconds) if seconds else look()
    return Response(status_code=204) if found is None else item_answer(queue, found)


@router.get("/items/{item_id}", summary="Show an item", responses=answers(ItemWithRecord, 404, versioned=True))
def show(item_id: ItemId, by: Who, queue: TheQueue) -> Response:
    """As it is stored, with its attempts and proposals; nothing is asked. Its version is the `ETag`."""
    found = queue.get(number(item_id), by=by)
    return item_answer(queue, found, **record(queue, found))


def record(queue: Queue, item: Item) -> dict[str, Any]:
    """An item's attempts and proposals, as they may be shown."""
    mask = queue.mask(item)
    return {
        "attempts": [documents.attempt_json(one) for one in mask.attempts(queue.attempts(item.id))],
        "proposals": [one.as_json() for one in mask.proposals(queue.proposals(item.id))],
    }


@router.get("/items/{item_id}/case", summary="Lay an item out", responses=answers(CaseDocument, 404, versioned=True))
def case(item_id: ItemId, by: Who, queue: TheQueue) -> Response:
    """What happened, what the live checks say now, what is recommended, what may be decided and what it touches."""
    found = queue.examine(number(item_id), by=by)
    mask = queue.mask(found.item)
    document = documents.item_json(found.item, mask) | documents.case_json(mask.case(found))
    document |= {"seen": found.glimpse().as_json()}
    return Json(document, headers=etag(found.item))


@router.get("/items/{item_id}/history", summary="Show an item's history", responses=answers(list[EventDocument], 404))
def history(item_id: ItemId, by: Who, queue: TheQueue) -> Response:
    """Each change, oldest first."""
    found = queue.history(number(item_id), by=by)
    contexts = ((event.private or {}).get("context") for event in found)
    mask = queue.mask(queue.get(number(item_id)), *contexts)
    return Json([event.as_json() for event in mask.events(found)])


@router.post(
    "/items/{item_id}/reveal",
    summary="Show an item with its personal facts",
    responses=answers(ItemWithRecord, 404, 409, 415, versioned=True),
)
def reveal(item_id: ItemId, by: Who, queue: TheQueue, body: WithReason) -> Response:
    """That you saw them, and why, is kept in the history; the answer is not: an `Idempotency-Key` has no effect."""
    found = queue.reveal(number(item_id), by, body.justification)
    return item_answer(queue, found, mask=queue.mask(found, reveal=True), **record(queue, found))


@router.get("/types", summary="List the item types", responses=answers(list[TypeDocument]))
def types(by: Who, queue: TheQueue) -> Response:
    """Each with its options, checks and context fields, in alphabetical order."""
    return Json(documents.types_json(queue.workflows))
