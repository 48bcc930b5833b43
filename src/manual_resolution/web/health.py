"""`/healthz`: whether requests can be served, and (`?deep`) whether every guard guards. `/metrics`: for Prometheus."""

from ipaddress import ip_address
from itertools import chain
from threading import Lock
from time import monotonic
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from manual_resolution import doctor
from manual_resolution.doctor import Check
from manual_resolution.errors import MRQError
from manual_resolution.exposition import CONTENT_TYPE
from manual_resolution.item import Actor
from manual_resolution.metrics import prometheus
from manual_resolution.permission import forbidden
from manual_resolution.settings import Settings
from manual_resolution.web import problems, signed_in
from manual_resolution.web.given import TheQueue, TheSettings
from manual_resolution.web.problems import Json

router = APIRouter()

#: Seconds that a judgement holds: asking more often asks the database no more.
HOLDS: Final = 10.0


class Judging:
    """The doctor's checks of one database, asked by one at a time and remembered for a moment."""

    def __init__(self) -> None:
        self.lock, self.at, self.found = Lock(), float("-inf"), tuple[Check, ...]()

    def __call__(self, address: str, settings: Settings) -> tuple[Check, ...]:
        """What the doctor found just now."""
        with self.lock:
            if monotonic() - self.at > HOLDS:
                parts = (doctor.of_channels(settings), doctor.of_workflows(settings), doctor.of_spool(settings))
                self.found = (*chain(*parts), *doctor.of_database(address, settings))
                self.at = monotonic()
            return self.found


judging: Final = Judging()


@router.get("/healthz", tags=["health"])
def healthz(
    request: Request, queue: TheQueue, settings: TheSettings, deep: Annotated[str | None, Query()] = None
) -> Response:
    """200 while the database answers, else 503. With `?deep` 503 too where the doctor finds something wrong.

    Open to whoever asks: it tells nothing of the queue. What is wrong is told to who may read it.
    """
    try:
        queue.reach()
    except MRQError as error:
        return Json({"status": "unreachable", "detail": str(error)}, 503)
    if deep is None:
        return Json({"status": "ok"})
    checks = judging(queue.database.url, settings)
    wrong = [check for check in checks if check.result == "wrong"]
    told: dict[str, object] = {"status": "wrong" if wrong else "ok", "checked": len(checks), "wrong": len(wrong)}
    if (who := known(request)) and may_read(who):
        told["checks"] = [{"name": one.name, "result": one.result, "detail": one.detail} for one in checks]
    return Json(told, 503 if wrong else 200)


@router.get("/metrics", tags=["health"])
def metrics(request: Request, queue: TheQueue) -> Response:
    """The queue's metrics for Prometheus: to a token whose roles let it read, and to programs on this machine."""
    try:
        if (who := known(request)) is None and not is_here(request):
            raise problems.not_signed_in("A token is needed: Authorization: Bearer mrq_…, with the role viewer.")
        if who and who.grants is not None and not may_read(who):
            raise forbidden(who.name, "read", who.grants)
        return Response(prometheus(queue.database), media_type=CONTENT_TYPE)
    except (MRQError, problems.Told) as error:
        return problems.answer(error)


def known(request: Request) -> Actor | None:
    """Who asks, where they say so."""
    try:
        return signed_in.caller(request, request.app.state.people)
    except signed_in.SignedOut:
        return None


def may_read(who: Actor) -> bool:
    """Whether somebody may see the queue at all."""
    return who.grants is None or who.grants.allows("read")


def is_here(request: Request) -> bool:
    """Whether a program on this machine asks, without a proxy in between and without a token that is wrong."""
    forwarded = {"forwarded", "x-forwarded-for", "x-real-ip", "via", "authorization"} & set(request.headers)
    try:
        near = request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        near = False
    return near and not forwarded and request.url.hostname in ("127.0.0.1", "localhost", "::1")
