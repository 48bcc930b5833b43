"""Decisions: what one would touch, carrying it out once, the second person, and what nobody knows yet."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from manual_resolution.case import Glimpse
from manual_resolution.decision import Resolution
from manual_resolution.documents import item_json, waiting_json
from manual_resolution.errors import InvalidInput, MRQError, OutcomeUnknown, WaitsForApproval
from manual_resolution.item import Item
from manual_resolution.queue import Queue
from manual_resolution.rehearsing import rehearse
from manual_resolution.web.api import kinds
from manual_resolution.web.api.answering import answers, etag, item_answer, moved, number, unfinished
from manual_resolution.web.api.documents import (
    ItemDocument,
    PlanDocument,
    ResolvedItem,
    WaitingDocument,
)
from manual_resolution.web.api.kinds import Body, ItemId
from manual_resolution.web.api.measuring import measure
from manual_resolution.web.api.moves import WithNote, WithReason
from manual_resolution.web.api.taking import Taking, TheQueue, Version, Who
from manual_resolution.web.problems import Json
from manual_resolution.web.sentences import over_http

router = APIRouter(tags=["deciding"], route_class=Taking)


class Choice(Body):
    """An option, and what it asks for. `override`: although checks do not pass; a second person must approve."""

    option: kinds.Option
    values: kinds.Values = Field(default_factory=dict)
    override: kinds.Switch = False


class Decision(Choice):
    """A choice and why. `next`: claim the next item, too, in the same transaction where that is possible."""

    justification: kinds.Why
    next: kinds.Switch = False
    seen: kinds.Glimpsed = None


class Approval(WithNote):
    """A note, or none; `proposal` is the number of the one that was looked at."""

    proposal: kinds.Number | None = None


class Confirmation(WithNote):
    """What was found out: done or not; where it is left out, the service is asked."""

    model_config = ConfigDict(json_schema_extra=kinds.needs("note", "done"))
    done: kinds.Switch | None = None


@router.post(
    "/items/{item_id}/plan", summary="Say what a decision would touch", responses=answers(PlanDocument, 404, 409, 415)
)
def plan(item_id: ItemId, by: Who, queue: TheQueue, body: Choice) -> Response:
    """Nothing is done. Where it is not possible, `because` says why."""
    override = kinds.read_bool(body.override, "override")
    tried = rehearse(queue, number(item_id), option_of(body), by, values=values_of(body), override=override)
    return Json(tried.as_json())


@router.post("/items/{item_id}/resolution", summary="Decide an item", responses=moved(ResolvedItem) | unfinished())
def resolve(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Decision) -> Response:
    """The option is carried out once and recorded with your reason.

    200: it is resolved (or passed on, or deferred: those are options too). 202: it waits for a second person, or an
    outside call was made whose outcome is not known. 409 `failed`: it was tried, definitely without success.
    """
    given: dict[str, Any] = {
        "values": values_of(body), "seen": glimpse_of(body.seen), "version": version, "source": "typed",
    }  # fmt: skip
    override = kinds.read_bool(body.override, "override")
    choice, claimed = (number(item_id), option_of(body), body.justification, by), None
    try:
        if kinds.read_bool(body.next, "next") and not override:
            ended, claimed = queue.resolve_and_next(*choice, **given)
        else:
            ended = queue.resolve(*choice, **given, override=override)
    except (WaitsForApproval, OutcomeUnknown) as waits:
        return unfinished_answer(queue, number(item_id), waits)
    return resolved_answer(queue, ended, claimed)


@router.post(
    "/items/{item_id}/confirmation",
    summary="Settle an unknown outcome",
    responses=moved(ResolvedItem | ItemDocument) | unfinished(),
)
def confirm(
    item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Confirmation = Confirmation()
) -> Response:
    """As you found it out (`done`), or as the service says when it is asked: 202 where it still cannot tell."""
    done = None if body.done is None else kinds.read_bool(body.done, "done")
    if body.note is not None and done is None:
        raise InvalidInput("note", body.note, "it goes with done")
    try:
        ended = queue.confirm(number(item_id), by, done=done, note=body.note, version=version)
    except OutcomeUnknown as waits:
        return unfinished_answer(queue, number(item_id), waits)
    return resolved_answer(queue, ended, None) if isinstance(ended, Resolution) else item_answer(queue, ended)


@router.get("/approvals", summary="List what waits for a second person", responses=answers(list[WaitingDocument]))
def approvals(by: Who, queue: TheQueue) -> Response:
    """The first to lapse comes first."""
    return Json([waiting_json(one, queue.mask(one.item)) for one in queue.approvals(by=by)])


@router.post("/items/{item_id}/approval", summary="Approve a proposal", responses=moved(ResolvedItem) | unfinished())
def approve(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: Approval = Approval()) -> Response:
    """As another person than its proposer: it is carried out once. `Changed` ends the proposal instead (409)."""
    seen = None if body.proposal is None else kinds.read_whole(body.proposal, "proposal")
    try:
        ended = queue.approve(number(item_id), by, body.note, seen=seen, version=version)
    except OutcomeUnknown as waits:
        return unfinished_answer(queue, number(item_id), waits)
    return resolved_answer(queue, ended, None)


@router.post("/items/{item_id}/denial", summary="End a proposal", responses=moved())
def deny(item_id: ItemId, by: Who, queue: TheQueue, version: Version, body: WithReason) -> Response:
    """Its proposer finds your reason, and the item is theirs again; you take your own back so, too."""
    return item_answer(queue, queue.deny(number(item_id), by, body.justification, version=version))


# ------------------------------------------------------------------ reading and answering


def option_of(body: Choice) -> str:
    """The option's key."""
    if not isinstance(body.option, str):
        raise InvalidInput("option", body.option, "an option's key, as GET /types lists them")
    return body.option


def values_of(body: Choice) -> dict[str, Any]:
    """What the option asks for; texts and numbers."""
    given = kinds.read_object(body.values, "values")
    for name, value in given.items():
        if isinstance(value, (dict, list, bool)) or value is None:
            raise InvalidInput(f"values.{name}", value, "text or a number")
    return given


def glimpse_of(given: Any) -> Glimpse | None:
    """What the decision is bound to: `seen` of the case that was looked at."""
    if given is None:
        return None
    parts, names = kinds.read_object(given, "seen"), ("context", "answers", "plans")
    if set(parts) != set(names) or not all(isinstance(parts[name], dict) for name in names):
        raise InvalidInput("seen", given, "`seen` of the item's case, as it was given")
    texts = [parts["context"].values(), parts["plans"].values(), *parts["answers"].values()]
    pairs = all(isinstance(one, list) and len(one) == 2 for one in parts["answers"].values())
    if not (pairs and all(isinstance(one, str) for some in texts for one in some)):
        raise InvalidInput("seen", given, "`seen` of the item's case, as it was given")
    return Glimpse(**parts)


def resolved_answer(queue: Queue, ended: Resolution, claimed: Item | None) -> Json:
    """The item a decision left, and the one claimed with it."""
    measure(queue, ended.item)
    mask = queue.mask(ended.item)
    following = None if claimed is None else item_json(claimed, queue.mask(claimed))
    return item_answer(queue, ended.item, mask=mask, result=mask.text(ended.result), next=following)


def unfinished_answer(queue: Queue, item_id: int, waits: MRQError) -> Json:
    """202: what it waits for, and the item as it is."""
    item = queue.get(item_id)
    mask = queue.mask(item)
    approval = isinstance(waits, WaitsForApproval)
    proposals = mask.proposals(queue.proposals(item_id)[-1:]) if approval else []
    told = {
        "waits_for": "approval" if approval else "outcome",
        "detail": mask.text(over_http(waits)),
        "item": item_json(item, mask),
        "proposal": proposals[0].as_json() if proposals else None,
    }
    return Json(told, 202, headers=etag(item))
