"""How every request of the API is taken: who speaks, what exactly was asked, and whether it was asked before."""

import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from email.message import Message
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute
from pydantic import WithJsonSchema
from starlette.concurrency import run_in_threadpool

from manual_resolution import requests
from manual_resolution.context import parse_object, refuse_flaws
from manual_resolution.errors import Failed, InvalidInput, MRQError
from manual_resolution.item import Actor
from manual_resolution.queue import Queue
from manual_resolution.web import problems, signed_in
from manual_resolution.web.problems import Told, not_signed_in

Handle = Callable[[Request], Coroutine[Any, Any, Response]]

#: Parameters that may be given more than once.
MANY: Final = frozenset({"field"})
#: Of an answer, what is kept with it.
KEPT_HEADERS: Final = ("content-type", "etag", "location")
#: Routes that ask or answer what is secret or personal: no key keeps it, a request sent again is carried out again.
TOLD_ONCE: Final = frozenset({"add_token", "add_user", "reveal"})
#: Seconds that carrying a request out may take beside its outside call.
BESIDE: Final = 60.0


class Taking(APIRoute):
    """A route whose errors are problem documents, whatever goes wrong on the way."""

    def get_route_handler(self) -> Handle:
        """Take a request strictly, then handle it; one with a key only if it was not handled before."""
        handle, names = super().get_route_handler(), {one.alias for one in self.dependant.query_params}

        async def take(request: Request) -> Response:
            try:
                request.state.caller = await run_in_threadpool(caller_of, request)
                refuse_strange_address(request, names)
                await read_body(request, takes_one=self.body_field is not None)
                keyed = request.method != "GET" and "idempotency-key" in request.headers and self.name not in TOLD_ONCE
                return await (once(request, handle) if keyed else handle(request))
            except Exception as error:  # noqa: BLE001  # each has its document; what is none of ours is logged
                return problems.answer(error)

        return take


# ------------------------------------------------------------------ who


def caller_of(request: Request) -> Actor:
    """Who speaks, by a token or by the console's session. Whatever is wrong with a token is told in the same words."""
    try:
        return signed_in.caller(request, request.app.state.people)
    except signed_in.SignedOut:
        if "authorization" in request.headers:
            raise not_signed_in("This token is none, has expired or was revoked.") from None
        raise not_signed_in("A token is needed: Authorization: Bearer mrq_…, which `mrq token add` makes.") from None


def the_caller(request: Request) -> Actor:
    """Who speaks."""
    caller: Actor = request.state.caller
    return caller


def the_queue(request: Request) -> Queue:
    """The queue that is served."""
    queue: Queue = request.app.state.queue
    return queue


Who = Annotated[Actor, Depends(the_caller)]
TheQueue = Annotated[Queue, Depends(the_queue)]


# ------------------------------------------------------------------ what


def refuse_strange_address(request: Request, names: set[str]) -> None:
    """Raise what is wrong with an address: a number written otherwise than usual, a parameter twice or unknown."""
    if "item_id" in request.path_params and b"%" in request.scope.get("raw_path", b""):
        raise Told(404, "http", problems.SENTENCES[404])
    for name in request.query_params:
        if name not in names:
            allowed = f"the parameters here are {', '.join(sorted(names))}" if names else "there are no parameters here"
            raise InvalidInput(name, request.query_params[name], allowed)
        if name not in MANY and len(request.query_params.getlist(name)) > 1:
            raise Told(400, "malformed", f"{name} is given twice.", field=name)


async def read_body(request: Request, *, takes_one: bool) -> None:
    """Read a JSON object strictly, and let nobody read it otherwise. An empty body is none."""
    text = b"" if request.method == "GET" else await request.body()
    if not text:
        return
    if not takes_one:
        raise Told(400, "malformed", "This request takes no body.")
    refuse_other_types(request)
    request._json = read_object(text)


def refuse_other_types(request: Request) -> None:
    """Raise unless the body is plain JSON in UTF-8."""
    said = Message()
    said["content-type"] = request.headers.get("content-type", "")
    charset = str(said.get_param("charset", "utf-8")).lower()
    plain = said["content-type"].partition(";")[0].strip().lower() == "application/json"
    if not plain or charset not in ("utf-8", "utf8") or "content-encoding" in request.headers:
        raise Told(415, "unsupported", "The body must be JSON: Content-Type: application/json, UTF-8, not compressed.")


def read_object(text: bytes) -> dict[str, Any]:
    """The JSON object in a body; raises a 400 for what is none, `InvalidInput` for what of it could not be kept."""
    try:
        body = parse_object(text.decode(), "body")
    except UnicodeDecodeError:
        raise Told(400, "malformed", "The body is not UTF-8.") from None
    except (InvalidInput, TypeError) as wrong:
        raise Told(400, "malformed", str(wrong)) from None
    for name, value in body.items():
        refuse_flaws(value, name, -1)  # a batch has its items' contexts two levels down
    return body


# ------------------------------------------------------------------ which version of an item


def the_version(
    request: Request,
    if_match: Annotated[
        str,
        Header(
            alias="If-Match",
            description="The item's version as you saw it (its `ETag`); at another one nothing is done: 412.",
        ),
        WithJsonSchema({"type": "string", "pattern": '^"[1-9][0-9]{0,17}"$', "examples": ['"3"']}),
    ],
) -> int:
    """The version that a move is bound to."""
    found = re.fullmatch('"([1-9][0-9]{0,17})"', if_match)
    if not found or len(request.headers.getlist("if-match")) > 1:
        raise Told(400, "malformed", 'If-Match must be one version, such as "3".', field="If-Match")
    return int(found[1])


Version = Annotated[int, Depends(the_version)]


# ------------------------------------------------------------------ only once


async def once(request: Request, handle: Handle) -> Response:
    """Handle a request under a key, or answer as it was answered. What did nothing frees its key."""
    begun = await run_in_threadpool(begin, request, await request.body())
    if begun.answer:
        return Response(
            begun.answer.body, begun.answer.status, dict(begun.answer.headers) | {"Idempotency-Replayed": "1"}
        )
    request.state.add_id = add_id_of(begun.caller, begun.key, request.state.asked)
    try:
        response = await handle(request)
    except Failed as tried:  # it was tried, and that is on record
        response = problems.answer(tried)
    except BaseException:
        with suppress(MRQError):
            await run_in_threadpool(begun.forget)
        raise
    with suppress(MRQError):  # it was done: that it cannot be kept is no reason to say otherwise
        await run_in_threadpool(begun.keep, as_kept(response))
    return response


def begin(request: Request, body: bytes) -> requests.Request:
    """Begin a request under its key."""
    queue, keys = the_queue(request), request.headers.getlist("idempotency-key")
    address = f"{request.method} {request.url.path}?{request.url.query} {request.headers.get('if-match')}"
    request.state.asked = sha256(address.encode() + b"\n" + body).digest()
    lease = timedelta(seconds=BESIDE + queue.settings.call_timeout)
    caller = the_caller(request)
    try:
        return requests.begin(
            queue.database, f"{caller.via} {caller.name}", ", ".join(keys), request.state.asked, lease
        )
    except InvalidInput as wrong:
        raise Told(400, "malformed", str(wrong), field=wrong.parameter) from None


def add_id_of(caller: str, key: str, asked: bytes) -> UUID:
    """The id of an add made under a key: sent again, even after a crash, it is recorded once."""
    return UUID(bytes=sha256(f"{caller}\n{key}\n".encode() + asked).digest()[:16])


def as_kept(response: Response) -> requests.Answer:
    """An answer as it is kept."""
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return requests.Answer(response.status_code, headers, bytes(response.body).decode())
