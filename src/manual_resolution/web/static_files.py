"""What browsers load beside pages: a few small files, read once, kept compressed in memory."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response

from manual_resolution.web.rendering import HERE

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class File:
    """One file's content, plain and compressed."""

    kind: str
    plain: bytes
    packed: bytes


@cache
def files() -> dict[str, File]:
    """All files by their path below `static/`."""
    return dict(_read(HERE / "static"))


def _read(folder: Path) -> Iterator[tuple[str, File]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in TYPES and path.is_file():
            plain = path.read_bytes()
            yield path.relative_to(folder).as_posix(), File(TYPES[path.suffix], plain, gzip.compress(plain, 9, mtime=0))


@router.get("/static/{name:path}")
async def static(name: str, request: Request) -> Response:
    """One file; for ever where its address names its content."""
    if (file := files().get(name)) is None:
        raise HTTPException(404)
    kept = "public, max-age=31536000, immutable" if "v" in request.query_params else "no-cache"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, media_type=file.kind, headers=headers | {"Content-Encoding": "gzip"})
    return Response(file.plain, media_type=file.kind, headers=headers)
