"""The API as an application of its own, mounted under `/api/v1`: its OpenAPI, its errors, nothing of the pages."""

import re
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from manual_resolution import __version__
from manual_resolution.people import People
from manual_resolution.permission import MOVES, ROLES
from manual_resolution.queue import Queue
from manual_resolution.settings import Settings
from manual_resolution.web import problems
from manual_resolution.web.addresses import path_below
from manual_resolution.web.api import adding, deciding, items, moves, people, watching

ROUTERS = (adding.router, items.router, moves.router, deciding.router, watching.router, people.router)
TOKEN = HTTPBearer(
    scheme_name="token", bearerFormat="mrq_…", description="A token of `mrq token add`.", auto_error=False
)
DESCRIPTION = """Every use case of the terminal as JSON, under the same checks and in the same words.

* **Who** speaks: `Authorization: Bearer mrq_…`; the token's roles say what it may do.
* **Which version**: a move on an item names the one it was decided on, `If-Match: "3"`; it is the item's `ETag`.
* **Once**: a `POST` with an `Idempotency-Key` is carried out once, and answered in the same way for 24 hours.
* **Errors** are problem documents (RFC 9457) with a sentence for a person and the field it is about.
"""


def create_api(queue: Queue, people: People, settings: Settings) -> FastAPI:
    """The API over `queue`, for the tokens of `people`."""
    api = FastAPI(
        title="Manual Resolution Queue",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name.rstrip("_"),
    )
    api.state.queue, api.state.people, api.state.settings = queue, people, settings
    for router in ROUTERS:
        api.include_router(router, dependencies=[Depends(TOKEN)])
    api.add_exception_handler(HTTPException, told)
    api.add_exception_handler(ClientDisconnect, told)  # to nobody: the log stays free of it
    api.add_exception_handler(Exception, told)
    api.openapi = lambda: described(api)  # type: ignore[method-assign]
    return api


#: The move that each operation is (permission.MOVES): whose roles allow it is said in its description.
MOVED = {
    **dict.fromkeys(("list", "mine", "show", "case", "history", "types", "plan", "approvals"), "read"),
    **dict.fromkeys(("alerts", "paused", "report", "metrics", "head", "verify", "operator"), "report"),
    **dict.fromkeys(("retry", "pause", "unpause"), "look_after"),
    **dict.fromkeys(("users", "add_user", "grant", "revoke", "disable", "enable"), "people"),
    **dict.fromkeys(("tokens", "add_token", "revoke_token"), "people"),
    **dict.fromkeys(("place", "unplace"), "place"),
    **dict.fromkeys(("next", "claim"), "claim"),
    **dict.fromkeys(("add", "add_many"), "add"),
    "priority": "set_priority",
} | {
    name: name
    for name in (
        "withdraw", "extend", "release", "decline", "hand_over", "take_over", "defer", "escalate", "note", "amend",
        "reveal", "reopen", "resolve", "confirm", "approve", "deny",
    )
}  # fmt: skip


async def told(request: Request, error: Exception) -> Response:
    """What happens before a route is found, or where none is."""
    answer = problems.answer(error)
    if answer.status_code == 405:
        path = path_below(request)
        answer.headers["Allow"] = ", ".join(methods_of(request.app.openapi(), path))
    return answer


def methods_of(document: dict[str, Any], path: str) -> list[str]:
    """The methods of an address."""
    fitting = (
        methods for one, methods in document["paths"].items() if re.fullmatch(re.sub("{.*?}", "[^/]+", one), path)
    )
    return sorted({method.upper() for methods in fitting for method in methods})


# ------------------------------------------------------------------ the documentation


def described(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once: errors are problem documents, and what creates may have a key."""
    if not api.openapi_schema:
        document = get_openapi(
            title=api.title, version=api.version, description=api.description, routes=api.routes, servers=api.servers
        )
        for methods in document["paths"].values():
            for method, operation in methods.items():
                describe(method, operation)
        link(document["paths"])
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        api.openapi_schema = document
    return api.openapi_schema


def describe(method: str, operation: dict[str, Any]) -> None:
    """Say of one operation what FastAPI does not: who may, problem documents, that it may have a key."""
    roles = MOVES[MOVED[operation["operationId"]]]
    operation["description"] += f"\n\nRoles: {', '.join(role for role in ROLES if role in roles)}."
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if int(status) >= 400 and "application/json" in content:
            content[problems.PROBLEM] = content.pop("application/json")
    if method == "post":
        operation.setdefault("parameters", []).append(KEY)


#: Whose answers name an item and its version.
LINKED = (
    ("/items", "post", "201"),
    ("/items", "post", "200"),
    ("/next", "post", "200"),
    ("/items/{item_id}", "get", "200"),
)


def link(paths: dict[str, Any]) -> None:
    """Say which operations an answer leads to, and with what of it."""
    item, version = "$response.body#/id", "$response.header.ETag"
    links = {
        one["operationId"]: {
            "operationId": one["operationId"],
            "parameters": {"item_id": item}
            | ({"If-Match": version} if any(part["name"] == "If-Match" for part in one.get("parameters", ())) else {}),
        }
        for path, methods in paths.items()
        if path.startswith("/items/{item_id}")
        for one in methods.values()
    }
    for path, method, status in LINKED:
        own = paths[path][method]["operationId"]
        paths[path][method]["responses"][status]["links"] = {name: one for name, one in links.items() if name != own}
    revoke = {"operationId": "revoke_token", "parameters": {"token_id": "$response.body#/id"}}
    paths["/tokens"]["post"]["responses"]["201"]["links"] = {"revoke_token": revoke}


KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Yours, new for each request: sent again with it, the request is carried out once (24 h).",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
