"""People: who may speak, their roles, tokens and sessions, and what changed about them. For admins."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from manual_resolution import intake
from manual_resolution.errors import InvalidInput, MRQError
from manual_resolution.item import Actor
from manual_resolution.passwords import SHORTEST
from manual_resolution.people import TOKEN_DAYS, People
from manual_resolution.permission import ROLES
from manual_resolution.web.addresses import CONSOLE, console
from manual_resolution.web.given import Form, TheQueue
from manual_resolution.web.rendering import page
from manual_resolution.web.sentences import in_console
from manual_resolution.web.signed_in import ThePeople, Who
from manual_resolution.web.statuses import status_of

CHANGES: Final = 30  # of the history shown
router = APIRouter(prefix=f"{CONSOLE}/people", include_in_schema=False)


@router.get("")
def show(request: Request, people: ThePeople, queue: TheQueue, who: Who) -> Response:
    """Everybody."""
    return people_page(request, people, who)


@router.post("/{change}")
def change(request: Request, change: str, people: ThePeople, who: Who, form: Form) -> Response:
    """Make one change, then show everybody; what is refused is told above, what was typed stays."""
    if said := made(CHANGES_BY_NAME, change, people, who, form):
        return people_page(request, people, who, said)
    return RedirectResponse(f"{console(request)}/people", 303)


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says beside what it shows: why a change was refused and what was typed, or a secret, this once."""

    sentence: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    told: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """For a template with forms for passwords and tokens."""
        return {
            "sentence": self.sentence,
            "typed": defaultdict(str, self.typed),
            "told": self.told,
            "shortest": SHORTEST,
            "days": TOKEN_DAYS,
        }


NOTHING: Final = Said()
Change = Callable[[People, Actor, Form], str | None]


def made(changes: Mapping[str, Change], name: str, people: People, who: Actor, form: Form) -> Said | None:
    """Make a change; None where there is nothing to be said of it."""
    try:
        told = changes[name](people, who, form) if name in changes else None
    except MRQError as error:
        return Said(in_console(error), form, status_of(error))
    return Said(told=told) if told else None


def people_page(request: Request, people: People, who: Actor, said: Said = NOTHING) -> Response:
    """The page; raises `Forbidden` for who is no admin."""
    everybody, tokens = people.everybody(who), people.tokens(who)
    values: dict[str, Any] = {
        "everybody": [(one, [token for token in tokens if token.person == one.name]) for one in everybody],
        "sessions": people.sessions(who),
        "changes": [replace(one, data=defaultdict(str, one.data)) for one in people.history(who, limit=CHANGES)],
        "roles": ROLES,
    }
    return page(request, "people.html", said.status, who=who, **values, **said.values)


# ------------------------------------------------------------------ the changes


def add(people: People, who: Actor, form: Form) -> None:
    """A new person."""
    people.add(who, form.get("name", "").strip(), [role_of(form)], form.get("password") or None)


def grant(people: People, who: Actor, form: Form) -> None:
    """A role."""
    people.grant(who, form.get("name", ""), role_of(form))


def revoke(people: People, who: Actor, form: Form) -> None:
    """A role taken."""
    people.revoke(who, form.get("name", ""), form.get("role", ""))


def password(people: People, who: Actor, form: Form) -> None:
    """A new password."""
    people.set_password(who, form.get("name", ""), form.get("password", ""))


def disable(people: People, who: Actor, form: Form) -> None:
    """Somebody let in no more."""
    people.disable(who, form.get("name", ""))


def enable(people: People, who: Actor, form: Form) -> None:
    """Somebody let in again."""
    people.enable(who, form.get("name", ""))


def token(people: People, who: Actor, form: Form) -> str:
    """A new token, told this once."""
    return new_token(people, who, form.get("name", ""), form)


def new_token(people: People, who: Actor, name: str, form: Form) -> str:
    """A new token as a form asks for it."""
    days = form.get("days", "")
    if not days.isascii() or not days.isdigit():
        raise InvalidInput("days", days, f"1 to {TOKEN_DAYS}")
    label = form.get("label", "").strip() or "token"
    return people.add_token(who, name, label, [form.get("scope", "")], int(days[:9]))[1]


def end_token(people: People, who: Actor, form: Form) -> None:
    """A token ended."""
    people.revoke_token(who, intake.item_id(form.get("token", ""), "token"))


def end_session(people: People, who: Actor, form: Form) -> None:
    """A session ended."""
    people.end_session(who, intake.item_id(form.get("session", ""), "session"))


def role_of(form: Form) -> str:
    """The role that a form names, for one item type where it names that too."""
    item_type = form.get("item_type", "").strip()
    return f"{form.get('role', '')}{f':{item_type}' if item_type else ''}"


CHANGES_BY_NAME: Final[Mapping[str, Change]] = {
    "add": add,
    "grant": grant,
    "revoke": revoke,
    "password": password,
    "disable": disable,
    "enable": enable,
    "token": token,
    "end-token": end_token,
    "end-session": end_session,
}
