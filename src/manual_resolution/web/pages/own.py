"""Own: how the console looks to oneself, one's team and first list, password, sessions and tokens."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from manual_resolution.errors import InvalidInput
from manual_resolution.item import Actor
from manual_resolution.people import People
from manual_resolution.settings import teams
from manual_resolution.web import looks
from manual_resolution.web.addresses import CONSOLE, console
from manual_resolution.web.given import Form
from manual_resolution.web.pages.people import NOTHING, Change, Said, end_session, end_token, made, new_token
from manual_resolution.web.rendering import page
from manual_resolution.web.signed_in import ThePeople, Who

router = APIRouter(prefix=f"{CONSOLE}/own", include_in_schema=False)


@router.get("")
def show(request: Request, people: ThePeople, who: Who) -> Response:
    """What one set, and where one is signed in."""
    return own_page(request, people, who)


@router.post("/look")
def look(request: Request, who: Who, form: Form) -> Response:
    """Light or dark, wide or dense: kept in this browser."""
    answer = again(request)
    looks.keep(request, answer, form)
    return answer


@router.post("/{change}")
def change(request: Request, change: str, people: ThePeople, who: Who, form: Form) -> Response:
    """Make one change, then show it."""
    said = made(CHANGES, change, people, who, form)
    return own_page(request, people, who, said) if said else again(request)


def again(request: Request) -> Response:
    """The page, asked for anew."""
    return RedirectResponse(f"{console(request)}/own", 303)


def own_page(request: Request, people: People, who: Actor, said: Said = NOTHING) -> Response:
    """The page."""
    kept = who.grants is not None
    values: dict[str, Any] = {
        "kept": kept,
        "own": people.own(who) if kept else {},
        "roles": who.grants.texts() if who.grants else [],
        "sessions": people.sessions(who, who.name) if kept else [],
        "tokens": [one for one in people.tokens(who, who.name) if one.is_live] if kept else [],
        "themes": looks.THEMES,
        "densities": looks.DENSITIES,
    }
    return page(request, "own.html", said.status, who=who, **values, **said.values)


# ------------------------------------------------------------------ the changes


def work(people: People, who: Actor, form: Form) -> None:
    """One's team, and what the queue's page begins with."""
    team, first = form.get("team", "").strip(), form.get("first", "").strip().removeprefix("?")
    try:
        given = list(teams(team)) if team else []
    except ValueError as wrong:
        raise InvalidInput("team", team, str(wrong)) from None
    if len(first) > 500 or not first.isprintable() or not first.isascii():
        raise InvalidInput("first", first, "the end of a list's address, such as type=quiz_orphaned&priority=high")
    people.set_own(who, {"team": given, "first": first})


def password(people: People, who: Actor, form: Form) -> None:
    """A new password, by the old one: every session ends, this one too."""
    people.change_password(who, form.get("old", ""), form.get("password", ""))


def token(people: People, who: Actor, form: Form) -> str:
    """A new token, told this once."""
    return new_token(people, who, who.name, form)


CHANGES: Final[Mapping[str, Change]] = {
    "work": work,
    "password": password,
    "token": token,
    "end-token": end_token,
    "end-session": end_session,
}
