"""Who asks. Pages: the session's cookie. Programs: a token in `Authorization: Bearer`, or the same cookie.

Nobody else gets further: a page sends them to sign in, the API answers 401.
"""

from contextlib import suppress
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.responses import Response

from manual_resolution.item import Actor
from manual_resolution.people import LONGEST, People
from manual_resolution.web.addresses import path_below, root


class SignedOut(Exception):
    """Nobody is signed in: there is no session, it has ended, or the token is none."""


async def the_people(request: Request) -> People:
    """Who may speak here."""
    people: People = request.app.state.people
    return people


ThePeople = Annotated[People, Depends(the_people)]


def person(request: Request, people: ThePeople) -> Actor:
    """Who is signed in; raises `SignedOut`."""
    if (secret := request.cookies.get(cookie_name(request))) and (
        found := people.by_session(secret, watching=request.scope["path"].endswith("/live"))
    ):
        return found
    raise SignedOut


def caller(request: Request, people: ThePeople) -> Actor:
    """Who calls the API; raises `SignedOut`. A token that is wrong is never excused by a cookie."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return person(request, people)
    if kind.lower() == "bearer" and (found := people.by_token(token.strip())):
        return found
    raise SignedOut


Who = Annotated[Actor, Depends(person)]
Caller = Annotated[Actor, Depends(caller)]


def end_old(request: Request, people: People) -> None:
    """End the session that the browser had, so that none is left behind by a new sign-in."""
    with suppress(SignedOut):
        people.sign_out(request.cookies.get(cookie_name(request), ""), person(request, people))


# ------------------------------------------------------------------ the cookie

_NAME: Final = "mrq_session"


def is_secure(request: Request) -> bool:
    """Whether browsers reach the console by https: what `MRQ_CONSOLE_URL` says, for a proxy ends TLS."""
    return request.url.scheme == "https" or (request.app.state.settings.console_url or "").startswith("https:")


def cookie_name(request: Request) -> str:
    """`__Host-…` where browsers hold it: no other host, path or plain connection can have set it."""
    return f"__Host-{_NAME}" if is_secure(request) else _NAME


def keep(request: Request, response: Response, secret: str) -> None:
    """Give the browser a new session."""
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=round(LONGEST.total_seconds()),
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def forget(request: Request, response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="lax")


# ------------------------------------------------------------------ back to where one was


def sign_in_address(request: Request) -> str:
    """The sign-in page, which leads back to what was asked for: to the item, where it was a move."""
    path = path_below(request)
    here = path if request.method in ("GET", "HEAD") else path.rpartition("/")[0]
    query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
    return f"{root(request)}/sign-in?to={quote(here + query, safe='/')}"


def within_console(path: str) -> str:
    """A path of ours to go to, never another site; the start where it is none."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if ours else "/"
