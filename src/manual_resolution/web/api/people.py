"""Persons, their roles and tokens: for who is admin, and each one's own."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from manual_resolution import intake
from manual_resolution.people import People
from manual_resolution.web.api import kinds
from manual_resolution.web.api.answering import answers
from manual_resolution.web.api.figures import NewTokenDocument, PersonDocument, TokenDocument
from manual_resolution.web.api.kinds import Body
from manual_resolution.web.api.taking import Taking, Who
from manual_resolution.web.problems import Json

router = APIRouter(tags=["people"], route_class=Taking)


def the_people(request: Request) -> People:
    """The people of the queue."""
    people: People = request.app.state.people
    return people


ThePeople = Annotated[People, Depends(the_people)]


class NewPerson(Body):
    """Somebody to be kept; without a password they cannot sign in, but hold tokens."""

    name: kinds.Name
    roles: Annotated[list[Any], kinds.listed(kinds.ROLE, "What they may do.")]
    password: kinds.Password = None


class Roles(Body):
    """Roles to give or to take."""

    roles: Annotated[list[Any], kinds.listed(kinds.ROLE, "Such as operator, or operator:blacklist_disputed.")]


class NewToken(Body):
    """Whose token it is, what it is called, what it may do at most, and for how many days (90 at most)."""

    person: kinds.Name
    label: kinds.Name
    scopes: Annotated[list[Any], kinds.listed(kinds.ROLE, "Roles that the person has, or less.", 1)]
    days: Annotated[Any, kinds.whole(1, 90, 30)] = 90


@router.get("/users", summary="List persons", responses=answers(list[PersonDocument]))
def users(by: Who, people: ThePeople) -> Response:
    """By name, with their roles."""
    return Json([one.as_json() for one in people.everybody(by)])


@router.post("/users", summary="Keep a new person", responses=answers(PersonDocument, 409, 415, status=201))
def add_user(by: Who, people: ThePeople, body: NewPerson) -> Response:
    """With these roles."""
    roles = kinds.read_texts(body.roles, "roles")
    password = None if body.password is None else kinds.read_text(body.password, "password", shown=False)
    return Json(people.add(by, body.name, roles, password).as_json(), 201)


@router.post("/users/{name}/grants", summary="Give roles", responses=answers(PersonDocument, 404, 409, 415))
def grant(name: kinds.Name, by: Who, people: ThePeople, body: Roles) -> Response:
    """They hold from the next request on."""
    return Json(people.grant(by, intake.operator(name, "name"), *kinds.read_texts(body.roles, "roles")).as_json())


@router.post("/users/{name}/revocations", summary="Take roles", responses=answers(PersonDocument, 404, 409, 415))
def revoke(name: kinds.Name, by: Who, people: ThePeople, body: Roles) -> Response:
    """They end with this request."""
    return Json(people.revoke(by, intake.operator(name, "name"), *kinds.read_texts(body.roles, "roles")).as_json())


@router.post("/users/{name}/disabling", summary="Let somebody in no more", responses=answers(PersonDocument, 404, 409))
def disable(name: kinds.Name, by: Who, people: ThePeople) -> Response:
    """Their sessions and tokens end at once, for good."""
    return Json(people.disable(by, intake.operator(name, "name")).as_json())


@router.post("/users/{name}/enabling", summary="Let somebody in again", responses=answers(PersonDocument, 404, 409))
def enable(name: kinds.Name, by: Who, people: ThePeople) -> Response:
    """With the roles they had; they need new tokens."""
    return Json(people.enable(by, intake.operator(name, "name")).as_json())


@router.get("/tokens", summary="List tokens", responses=answers(list[TokenDocument]))
def tokens(
    by: Who,
    people: ThePeople,
    person: Annotated[kinds.Name | None, Query(description="Only this person's.")] = None,
) -> Response:
    """Without their secrets, which nobody has but who was told."""
    name = None if person is None else intake.operator(person, "person")
    return Json([one.as_json() for one in people.tokens(by, name)])


@router.post("/tokens", summary="Make a token", responses=answers(NewTokenDocument, 404, 409, 415, status=201))
def add_token(by: Who, people: ThePeople, body: NewToken) -> Response:
    """Its text is told in this answer and never again; an `Idempotency-Key` has no effect."""
    name, days = intake.operator(body.person, "person"), kinds.read_whole(body.days, "days", 1, 90)
    found, text = people.add_token(by, name, body.label, kinds.read_texts(body.scopes, "scopes"), days)
    return Json(found.as_json() | {"token": text}, 201)


@router.delete(
    "/tokens/{token_id}", status_code=204, summary="Revoke a token", responses=answers(None, 404, 409, status=204)
)
def revoke_token(token_id: kinds.ItemId, by: Who, people: ThePeople) -> Response:
    """It ends at once."""
    people.revoke_token(by, intake.item_id(token_id, "token"))
    return Response(status_code=204)
