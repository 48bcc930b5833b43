"""What every handler may ask for by its type: the queue, the settings, an item's number, a form as it was typed."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from manual_resolution import intake
from manual_resolution.errors import InvalidInput, NotFound
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


async def item_id(number: str) -> int:
    """An item's number out of an address; raises `NotFound` for what is none."""
    try:
        return intake.item_id(number)
    except (InvalidInput, TypeError):
        raise NotFound("There is no such item.") from None


async def typed(request: Request) -> dict[str, str]:
    """The form's fields as they were typed, line ends as `\\n`; of fields with one name the last, files not at all."""
    form = await request.form(max_files=0)
    return {name: text.replace("\r\n", "\n") for name, text in form.items() if not isinstance(text, UploadFile)}


TheQueue = Annotated[Queue, Depends(the_queue)]
TheSettings = Annotated[Settings, Depends(the_settings)]
Number = Annotated[int, Depends(item_id)]
Form = Annotated[dict[str, str], Depends(typed)]
