"""What every handler may ask for by its type: the queue, the settings. Set once by `create_app`."""

from typing import Annotated

from fastapi import Depends, Request

from manual_resolution.queue import Queue
from manual_resolution.settings import Settings


async def the_queue(request: Request) -> Queue:
    """The queue this console shows."""
    queue: Queue = request.app.state.queue
    return queue


async def the_settings(request: Request) -> Settings:
    """The settings in force."""
    settings: Settings = request.app.state.settings
    return settings


TheQueue = Annotated[Queue, Depends(the_queue)]
TheSettings = Annotated[Settings, Depends(the_settings)]
