"""The producers' side: one failure, many, and that it succeeded after all."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from manual_resolution import intake
from manual_resolution.errors import InvalidInput, NotFound
from manual_resolution.producing import ids_of_batch, told
from manual_resolution.web.api import kinds
from manual_resolution.web.api.answering import answers, item_answer
from manual_resolution.web.api.documents import AddedDocument, AddedItem, ItemDocument
from manual_resolution.web.api.kinds import Body
from manual_resolution.web.api.taking import Taking, TheQueue, Who
from manual_resolution.web.problems import Json

router = APIRouter(tags=["adding"], route_class=Taking)

MOST = 1000


class Thing(Body):
    """What failed: an item type, and a resource by number or by name."""

    model_config = ConfigDict(json_schema_extra=kinds.exactly_one("resource_id", "resource_key"))
    item_type: kinds.ItemType
    resource_type: kinds.ResourceType
    resource_id: kinds.ResourceId = None
    resource_key: kinds.ResourceKey = None
    dedup_key: Annotated[
        Any,
        kinds.maybe_line(4096, "What makes it the same failure, instead of its resource."),
    ] = None


class Failure(Thing):
    """One failure, as `add_to_queue` takes it."""

    priority: kinds.Priority
    reason: kinds.Reason
    context: kinds.Context = None
    sla_hours: kinds.Hours = None
    occurred_at: kinds.Instant = None


class Failures(Body):
    """Many failures, added all or none."""

    items: Annotated[list[Failure], Field(json_schema_extra={"minItems": 1, "maxItems": MOST})]


class Success(Thing):
    """That what failed has succeeded since."""

    reason: kinds.Reason = "it succeeded on a later run"


def checked(failure: Failure, producer: str) -> dict[str, Any]:
    """A failure as the queue takes it."""
    given = failure.model_dump(exclude_unset=True)
    if given.get("occurred_at") is not None:
        given["occurred_at"] = intake.instant(given["occurred_at"], "occurred_at")
    return given | {"producer": producer}


@router.post(
    "/items",
    summary="Put what failed before a person",
    responses=answers(AddedItem, 409, 415, status=201, versioned=True, said="A new item.")
    | {200: {"model": AddedItem | AddedDocument, "description": "It was open already, and is counted."}},
)
def add(by: Who, queue: TheQueue, body: Failure, request: Request) -> Response:
    """A failure that is open already is counted, not doubled. With an `Idempotency-Key` it is recorded once.

    Where another program told it first, the answer is only its number and how often it was told.
    """
    facts: dict[str, Any] = {"resource_id": None} | checked(body, by.name)
    added = queue.tell(intake.intake(**facts, add_id=getattr(request.state, "add_id", None)), by=by)
    assert added.id is not None
    try:
        item = queue.get(added.id, by=by)
    except NotFound:  # another's
        return Json({"id": added.id, "repeated": added.repeated, "occurrences": added.occurrences})
    answer = item_answer(queue, item, 200 if added.repeated else 201, repeated=added.repeated, spooled=False)
    answer.headers["Location"] = request.url_for("show", item_id=str(added.id)).path
    return answer


@router.post("/add-many", summary="Put many failures before people", responses=answers(list[AddedDocument], 409, 415))
def add_many(by: Who, queue: TheQueue, body: Failures, request: Request) -> Response:
    """All of them or none, in one transaction; the answers in their order. At most 1000, and 2 MB in all."""
    if not 1 <= len(body.items) <= MOST:
        raise InvalidInput("items", f"{len(body.items)} of them", f"1 to {MOST} failures")
    batch = [told(n, checked(one, by.name), "items") for n, one in enumerate(body.items)]
    added = queue.add_many(batch, by=by, seconds=60, id_of=ids_of_batch(getattr(request.state, "add_id", None)))
    return Json([{"id": one.id, "repeated": one.repeated, "occurrences": one.occurrences} for one in added])


@router.post(
    "/withdrawals",
    summary="Say that it has succeeded meanwhile",
    responses=answers(ItemDocument, 409, 415, versioned=True) | {204: {"description": "Nothing like it is open."}},
)
def withdraw(by: Who, queue: TheQueue, body: Success) -> Response:
    """An unowned item is resolved; an owner is told."""
    found = queue.withdraw(
        body.item_type,
        body.resource_type,
        body.resource_id,
        body.reason,
        resource_key=body.resource_key,
        dedup_key=body.dedup_key,
        by=by,
    )
    return Response(status_code=204) if found is None else item_answer(queue, found)
