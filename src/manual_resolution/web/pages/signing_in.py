"""Signing in and out: by name and password, or once by the link that `mrq serve` prints."""

from collections.abc import Mapping
from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from manual_resolution import intake
from manual_resolution.errors import MRQError, NotSignedIn, TooOften
from manual_resolution.people import People
from manual_resolution.queue import Queue
from manual_resolution.watching import NOT_TYPED, Watching
from manual_resolution.web import signed_in
from manual_resolution.web.addresses import console, path_below, root
from manual_resolution.web.flow import Flow
from manual_resolution.web.given import Form, TheQueue
from manual_resolution.web.rendering import page
from manual_resolution.web.signed_in import ThePeople, within_console
from manual_resolution.web.statuses import status_of

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, people: ThePeople, token: str | None = None) -> Response:
    """The queue; with a one-time link's token a new session first, and the token gone from the address."""
    if token is None:
        return RedirectResponse(console(request) + first_list(request, people), 303)
    answer = RedirectResponse(console(request), 303)
    secret = people.by_link(token, address(request))
    if secret is None:
        sentence = "This link was used already, or its five minutes are over: `mrq serve` prints a new one."
        return page(request, "sign_in.html", 401, sentence=sentence, to="/", name="", kept=people.are_kept())
    signed_in.keep(request, answer, secret)
    return answer


@router.get("/sign-in")
def ask(request: Request, people: ThePeople, to: str = "/") -> Response:
    """Name and password."""
    kept = people.are_kept()
    return page(request, "sign_in.html", sentence="", to=within_console(to), name="", kept=kept)


def ask_again(request: Request, form: Mapping[str, str]) -> Response:
    """The same to somebody whose session ended while they wrote about an item: what they typed waits in the form."""
    item, _, move = path_below(request).rpartition("/")
    typed = {name: text for name, text in form.items() if name not in NOT_TYPED} | {"draft": move}
    answer = page(
        request,
        "sign_in.html",
        401,
        sentence="Your session has ended. What you typed is kept: sign in, and it stands there again.",
        to=item + Flow.of(form).query,
        name="",
        kept=request.app.state.people.are_kept(),
        typed=typed,
    )
    answer.headers["HX-Replace-Url"] = signed_in.sign_in_address(request)
    return answer


def keep_typed(queue: Queue, people: People, secret: str, to: str, typed: Mapping[str, str]) -> None:
    """Keep what was typed before signing in as what it is: not sent yet. What is no item's is dropped."""
    who, number = people.by_session(secret), to.partition("?")[0].rpartition("/")[2]
    if typed and who:
        with suppress(MRQError):
            item = queue.get(intake.item_id(number))
            Watching(queue.database).keep(item.id, who.name, typed.get("draft", ""), typed, item.version)


@router.post("/sign-in")
def sign_in(request: Request, people: ThePeople, queue: TheQueue, form: Form) -> Response:
    """A new session, never the one that was there before; a wrong password is told as a wrong name is."""
    to, name = within_console(form.get("to", "/")), form.get("name", "")
    typed = {field.removeprefix("typed."): text for field, text in form.items() if field.startswith("typed.")}
    try:
        secret = people.sign_in(name, form.get("password", ""), address(request))
    except (NotSignedIn, TooOften) as error:
        told, status = str(error), status_of(error)
        return page(request, "sign_in.html", status, sentence=told, to=to, name=name, kept=True, typed=typed)
    signed_in.end_old(request, people)
    answer = RedirectResponse(root(request) + to, 303)
    signed_in.keep(request, answer, secret)
    keep_typed(queue, people, secret, to, typed)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, people: ThePeople, who: signed_in.Who) -> Response:
    """End the session, here and in the database."""
    people.sign_out(request.cookies[signed_in.cookie_name(request)], who)
    answer = RedirectResponse(root(request) + "/sign-in", 303)
    signed_in.forget(request, answer)
    return answer


def first_list(request: Request, people: ThePeople) -> str:
    """How the queue begins for who is signed in: the end of an address they chose."""
    try:
        first = people.own(signed_in.person(request, people)).get("first")
    except signed_in.SignedOut:
        first = None
    return f"?{first}" if first else ""


def address(request: Request) -> str | None:
    """Where the browser is."""
    return request.client.host if request.client else None
