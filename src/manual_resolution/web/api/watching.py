"""What owners look at: alerts, the report, the metrics, the proof of the history, an operator's record."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from manual_resolution import audit, heads, intake, outbox, reports, training
from manual_resolution.web.api import kinds
from manual_resolution.web.api.answering import answers
from manual_resolution.web.api.figures import (
    AlertDocument,
    DepthDocument,
    HeadDocument,
    OperatorDocument,
    PauseDocument,
    ReportDocument,
    Retried,
    VerdictDocument,
)
from manual_resolution.web.api.kinds import Body
from manual_resolution.web.api.taking import Taking, TheQueue, Who
from manual_resolution.web.problems import Json

router = APIRouter(tags=["watching"], route_class=Taking)


class Retry(Body):
    """Alerts by number; all that were given up where it is left out."""

    ids: Annotated[list[Any] | None, kinds.numbers(1000)] = None


class Pause(Body):
    """Until when (an instant, or a span such as 2h), and why; shown to everybody who asks."""

    until: kinds.Until
    reason: kinds.Why


@router.get("/alerts", summary="List alerts, the newest first", responses=answers(list[AlertDocument]))
def alerts(
    by: Who,
    queue: TheQueue,
    state: Annotated[kinds.State | None, Query()] = None,
    limit: Annotated[kinds.Limit, Query(description="At most so many, 1 to 200.")] = "50",
) -> Response:
    """To whom, about what, whether they arrived and what was answered."""
    queue.admit(by, "report")
    most = kinds.read_number(limit, "limit", 200)
    return Json([asdict(one) for one in outbox.listed(queue.database, queue.workflows, state, most)])


@router.post("/alerts/retry", summary="Send alerts again", responses=answers(Retried, 409, 415))
def retry(by: Who, queue: TheQueue, body: Retry = Retry()) -> Response:
    """Those that were given up; the worker sends them within a minute."""
    queue.admit(by, "look_after")
    ids = None if body.ids is None else [kinds.read_whole(one, "ids") for one in body.ids]
    return Json({"retried": outbox.retry(queue.database, ids)})


@router.get(
    "/alerts/pause",
    summary="Show whether alerts are held back",
    responses=answers(PauseDocument) | {204: {"description": "They are not."}},
)
def paused(by: Who, queue: TheQueue) -> Response:
    """Until when, why, and by whom."""
    queue.admit(by, "report")
    found = outbox.paused(queue.database)
    return Response(status_code=204) if found is None else Json(asdict(found))


@router.post("/alerts/pause", summary="Hold all alerts back for a while", responses=answers(PauseDocument, 409, 415))
def pause(by: Who, queue: TheQueue, body: Pause) -> Response:
    """What is due meanwhile is sent afterwards; nothing is lost."""
    who = queue.admit(by, "look_after")
    return Json(asdict(outbox.pause(queue.database, body.until, body.reason, who.name)))


@router.delete("/alerts/pause", status_code=204, summary="End the pause now", responses=answers(None, status=204))
def unpause(by: Who, queue: TheQueue) -> Response:
    """Alerts are sent again."""
    queue.admit(by, "look_after")
    outbox.unpause(queue.database)
    return Response(status_code=204)


@router.get("/report", summary="Report how the queue is doing", responses=answers(ReportDocument))
def report(
    by: Who,
    queue: TheQueue,
    days: Annotated[kinds.Days, Query(description="How many whole days (UTC), the last included.")] = "30",
    until: Annotated[kinds.Day | None, Query(description="The last day; else today.")] = None,
    quick: Annotated[
        kinds.Switch, Query(description="Without percentiles, come-backs and the audit's head.")
    ] = "false",
) -> Response:
    """What waits, how fast it is resolved, and by whom. Items that producers withdrew are counted apart."""
    queue.admit(by, "report")
    last = None if until is None else intake.day(until, "until")
    length = kinds.read_number(days, "days", reports.MOST_DAYS)
    quickly = kinds.read_switch(quick, "quick")
    return Json(reports.as_json(reports.figures(queue.database, length, last, settings=queue.settings, quick=quickly)))


@router.get("/metrics", summary="Show the queue's depth", responses=answers(DepthDocument))
def metrics(by: Who, queue: TheQueue) -> Response:
    """The specification's metric. Prometheus reads `/metrics` beside the API."""
    return Json(queue.depth(by=by))


@router.get("/audit/head", summary="Show the head of all histories", responses=answers(HeadDocument))
def head(by: Who, queue: TheQueue) -> Response:
    """Keep it where nobody who can write this database can reach it."""
    queue.admit(by, "report")
    return Json(asdict(heads.head(queue.database)))


@router.get("/audit/verification", summary="Prove an item's history, or all", responses=answers(VerdictDocument, 404))
def verify(
    by: Who,
    queue: TheQueue,
    item: Annotated[kinds.ItemId | None, Query(description="Only this item's.")] = None,
) -> Response:
    """Each entry as it was written and in its place, each item's row as its history says."""
    queue.admit(by, "report")
    ids = [] if item is None else [intake.item_id(item)]
    return Json(audit.verify(queue.database, ids).as_json())


@router.get("/operators/{name}", summary="Show an operator's record", responses=answers(OperatorDocument))
def operator(name: kinds.Name, by: Who, queue: TheQueue) -> Response:
    """Training, what they hold and what they decided; an empty record for a name nobody has seen."""
    queue.admit(by, "report")
    return Json(training.operator(queue, name).as_json())
