"""The console's pages, a file each: one route, one template. `ROUTERS` collects what they serve."""

from typing import Final

from fastapi import APIRouter

#: In the order of the navigation; a page adds its router here, and a line in `rendering.NAVIGATION`.
ROUTERS: Final[tuple[APIRouter, ...]] = ()
