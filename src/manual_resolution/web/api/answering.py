"""How the API answers: an item with its version, lists, and what of it stands in the documentation."""

from collections.abc import Sequence
from typing import Any, Final

from manual_resolution import documents
from manual_resolution.intake import item_id as read_id
from manual_resolution.item import Item
from manual_resolution.masking import Mask
from manual_resolution.queue import Queue
from manual_resolution.web.api.documents import ItemDocument, Problem, UnfinishedDocument
from manual_resolution.web.problems import Json

Responses = dict[int | str, dict[str, Any]]

PROBLEMS: Final[dict[int, str]] = {
    400: "It is not a request that can be read: no JSON, a name twice, a number that is none.",
    401: "No valid token.",
    403: "The token's roles do not allow it.",
    404: "There is no such thing.",
    409: "The rules say no; nothing was done.",
    412: "The item changed since the version in `If-Match`: what changed, and by whom. Nothing was done.",
    415: "The body is not JSON.",
    422: "A value is not allowed: which, and what is.",
    428: "`If-Match` is missing.",
    429: "Too many requests: `Retry-After`.",
    503: "The database does not answer; nothing was done.",
}
ALWAYS: Final = (400, 401, 403, 422, 429, 503)
VERSION: Final = {"ETag": {"description": "The item's version.", "schema": {"type": "string"}}}


def problems(*statuses: int) -> Responses:
    """Their documentation."""
    return {status: {"model": Problem, "description": PROBLEMS[status]} for status in statuses}


def answers(model: Any, *refused: int, status: int = 200, versioned: bool = False, said: str = "Done.") -> Responses:
    """The documentation of a route: what it answers, and how it refuses."""
    good: dict[str, Any] = {"model": model, "description": said}
    return {status: good | ({"headers": VERSION} if versioned else {})} | problems(*ALWAYS, *refused)


def pages() -> Responses:
    """The documentation of a list that has pages."""
    link = {
        "description": "The pages beside this one: `next`, `prev`.",
        "schema": {"type": "string"},
        "required": False,
    }
    return answers(list[ItemDocument]) | {200: {"model": list[ItemDocument], "headers": {"Link": link}}}


def moved(model: Any = ItemDocument, **more: Any) -> Responses:
    """The documentation of a move on an item at a version."""
    return answers(model, 404, 409, 412, 415, 428, versioned=True, said="The item as it is now.", **more)


def unfinished() -> Responses:
    """The documentation of a decision that is not finished yet."""
    said = (
        "Not finished: it waits for a second person's approval; or an outside call was made and nobody knows what came "
        "of it. It is never made again unasked: `GET` the item until it is resolved, or settle it by `confirmation`."
    )
    return {202: {"model": UnfinishedDocument, "description": said, "headers": VERSION}}


# ------------------------------------------------------------------ answers


def item_answer(queue: Queue, item: Item, status: int = 200, *, mask: Mask | None = None, **more: Any) -> Json:
    """An item as it may be shown, with its version as `ETag`."""
    document = documents.item_json(item, mask or queue.mask(item)) | more
    return Json(document, status, headers=etag(item))


def etag(item: Item) -> dict[str, str]:
    """Its version as a header."""
    return {"ETag": f'"{item.version}"'}


def item_documents(queue: Queue, items: Sequence[Item]) -> list[dict[str, Any]]:
    """Items as they may be shown."""
    return [documents.item_json(item, queue.mask(item)) for item in items]


def number(text: str) -> int:
    """An item's number in an address."""
    return read_id(text)
