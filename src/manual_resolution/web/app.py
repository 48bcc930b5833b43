"""The application: pages, API and health in one, every error told in a sentence."""

import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from manual_resolution import __version__
from manual_resolution.errors import MRQError, Unreachable
from manual_resolution.item import Actor
from manual_resolution.people import People
from manual_resolution.queue import Queue
from manual_resolution.settings import Settings
from manual_resolution.watching import NOT_TYPED
from manual_resolution.web import health, live, pages, problems, static_files
from manual_resolution.web.addresses import CONSOLE, path_below, root
from manual_resolution.web.api.app import create_api
from manual_resolution.web.given import typed
from manual_resolution.web.guard import LOOPBACK, Guard
from manual_resolution.web.pages import signing_in
from manual_resolution.web.rendering import is_partial, page
from manual_resolution.web.sentences import in_console
from manual_resolution.web.signed_in import SignedOut, person, sign_in_address
from manual_resolution.web.statuses import status_of

MOVE = re.compile(rf"{CONSOLE}/\d+/(?!draft$|no-draft$)[a-z-]+$", re.ASCII)
SENTENCES = {
    404: "There is no such page.",
    405: "That cannot be done here.",
}


def create_app(
    queue: Queue, people: People | None = None, settings: Settings | None = None, *, served: Iterable[str] = LOOPBACK
) -> FastAPI:
    """The console and the API over `queue`. `served`: the host names, beside the public one, it answers to."""
    app = FastAPI(
        title="Manual Resolution Queue",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # they would lead to the scheme of this server, not the proxy's
    )
    app.state.queue, app.state.settings = queue, settings or queue.settings
    app.state.people = people or People(queue.database, app.state.settings)
    app.state.live = live.Live(queue)
    for router in (health.router, static_files.router, live.router, *pages.ROUTERS):
        app.include_router(router)
    app.mount(problems.API, create_api(queue, app.state.people, app.state.settings))
    app.add_exception_handler(MRQError, told)
    app.add_exception_handler(SignedOut, sent_to_sign_in)
    app.add_exception_handler(HTTPException, told)
    app.add_exception_handler(RequestValidationError, told)
    app.add_exception_handler(ClientDisconnect, left)
    app.add_exception_handler(Exception, broken)
    app.add_middleware(Guard, settings=app.state.settings, served=tuple(served))
    return app


async def sent_to_sign_in(request: Request, error: Exception) -> Response:
    """To the sign-in page, and from there back; what was typed for a move on an item goes along.

    All of the page goes there, not the part that htmx asked for.
    """
    if is_partial(request.headers):
        return Response(status_code=401, headers={"HX-Redirect": sign_in_address(request)})
    if request.method == "POST" and MOVE.search(request.scope["path"]):
        form = await typed(request)
        if form.keys() - NOT_TYPED:
            return await run_in_threadpool(signing_in.ask_again, request, form)
    return RedirectResponse(sign_in_address(request), 303)


async def told(request: Request, error: Exception) -> Response:
    """An error's page: its sentence, and the way back; a program is told in its own manner.

    No mount takes an address with a line break in it, so that one below the API comes here.
    """
    if problems.are_expected(request.scope["path"]):
        return problems.answer(error)
    if isinstance(error, Unreachable) and request.method == "POST" and MOVE.search(request.scope["path"]):
        return to_send_again(request, await typed(request), error)
    who = None if isinstance(error, Unreachable) else await run_in_threadpool(known, request)
    if isinstance(error, MRQError):
        return page(request, "error.html", status_of(error), who=who, sentence=in_console(error))
    if isinstance(error, HTTPException):
        if place := without_slash(request, error):
            return RedirectResponse(place, 307)
        sentence = SENTENCES.get(error.status_code, str(error.detail))
        answer: Response = page(request, "error.html", error.status_code, who=who, sentence=sentence)
        answer.headers.update(error.headers or {})
        return answer
    return page(request, "error.html", 422, who=who, sentence="The form holds something that cannot be read.")


def to_send_again(request: Request, form: Mapping[str, str], error: Unreachable) -> Response:
    """The database did not answer a move: its form, whole, to be sent again. Each move binds itself to a version."""
    to = root(request) + path_below(request)
    answer = page(request, "error.html", status_of(error), sentence=in_console(error), again=form, to=to)
    answer.headers["HX-Replace-Url"] = to.rpartition("/")[0]
    return answer


def known(request: Request) -> Actor | None:
    """Who is signed in, for the way on from an error's page; nobody, where that cannot be told."""
    with suppress(SignedOut, MRQError):
        return person(request, request.app.state.people)
    return None


def without_slash(request: Request, error: HTTPException) -> str | None:
    """Where a page is meant whose address was typed with a slash at its end."""
    path = request.scope["path"]
    if error.status_code != 404 or request.method != "GET" or path == "/" or not path.endswith("/"):
        return None
    return "/" + quote(path.strip("/"))  # never two slashes, which would lead to another host


async def left(request: Request, error: Exception) -> Response:
    """Who asked went away in the middle of it: nobody is there to be told, and nothing was done."""
    return Response(status_code=400)


async def broken(request: Request, error: Exception) -> Response:
    """Something of ours is wrong: the log says what, the person is told that nothing is known of it."""
    traceback.print_exception(error, file=sys.stderr)
    return page(request, "error.html", 500, sentence="Something went wrong here; the server's log says what.")
