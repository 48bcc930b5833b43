"""`/healthz`: whether requests can be served; open to whoever asks, and it tells nothing of the queue."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from manual_resolution.errors import MRQError
from manual_resolution.web.given import TheQueue

router = APIRouter()


@router.get("/healthz", tags=["health"])
def healthz(queue: TheQueue) -> Response:
    """200 while the database answers, else 503."""
    try:
        queue.reach()
    except MRQError as error:
        return JSONResponse({"status": "unreachable", "detail": str(error)}, 503)
    return JSONResponse({"status": "ok"})
