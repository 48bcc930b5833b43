"""The console's pages, a file each: one route, one template. `ROUTERS` collects what they serve."""

from typing import Final

from fastapi import APIRouter

from manual_resolution.web.pages import (
    approvals,
    board,
    drafts,
    item,
    moving,
    next,
    own,
    people,
    queue,
    report,
    signing_in,
    unknown,
)

#: A page adds its router here, and a line in `rendering.NAVIGATION`; `item` is last, it takes any address.
ROUTERS: Final[tuple[APIRouter, ...]] = (
    signing_in.router,
    queue.router,
    next.router,
    approvals.router,
    unknown.router,
    board.router,
    drafts.router,
    report.router,
    people.router,
    own.router,
    moving.router,
    item.router,
)
