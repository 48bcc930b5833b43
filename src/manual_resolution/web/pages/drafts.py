"""What is typed on an item's page is kept while it is typed: a stale page, an ended session, a restart lose nothing."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from manual_resolution.watching import Watching
from manual_resolution.web.addresses import CONSOLE, console
from manual_resolution.web.given import Form, Number, TheQueue
from manual_resolution.web.pages.moving import number_in
from manual_resolution.web.signed_in import Who

router = APIRouter(prefix=CONSOLE, include_in_schema=False)


@router.post("/{number}/draft", status_code=204)
def keep(number: Number, queue: TheQueue, who: Who, form: Form) -> Response:
    """Keep what a form holds; `draft` says which form it is."""
    item = queue.get(number, by=who)
    version = min(number_in(form, "version") or item.version, item.version)
    Watching(queue.database).keep(number, who.name, form.get("draft", ""), form, version)
    return Response(status_code=204)


@router.post("/{number}/no-draft")
def forget(request: Request, number: Number, queue: TheQueue, who: Who, form: Form) -> Response:
    """Forget it."""
    Watching(queue.database).drop(number, who.name, form.get("draft", ""))
    return RedirectResponse(f"{console(request)}/{number}", 303)
