"""What changes, told to open pages within two seconds: each server process asks once a second what they show now.

A view that many browsers have open is asked once. Nothing is written for it by whoever adds or decides (design, Faces).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.datastructures import QueryParams

from manual_resolution import intake as strict
from manual_resolution.admission import limited
from manual_resolution.browsing import read_cursor
from manual_resolution.errors import MRQError, TooOften, Unreachable
from manual_resolution.item import Actor, Item
from manual_resolution.queue import Queue
from manual_resolution.recounting import verb_text
from manual_resolution.watching import Watching
from manual_resolution.web.addresses import CONSOLE, console
from manual_resolution.web.choosing import chosen_from
from manual_resolution.web.given import TheQueue
from manual_resolution.web.lanes import lanes_of
from manual_resolution.web.signed_in import Who, cookie_name

EVERY: Final = 1.0  # seconds between two polls
LOOKING: Final = 5.0  # seconds between two notes of who looks
PING: Final = 15.0  # seconds until a silent stream says that it lives
LONGEST: Final = 120.0  # seconds of a stream: a browser that went away unseen is not told for ever
END: Final = ""  # nothing more is told
MOST: Final = 1000  # streams of one process
ROWS: Final = 50  # of a list's page
TOLD: Final = 5  # changes of one item named at most

router = APIRouter(prefix=CONSOLE, include_in_schema=False)


def address_of(request: Request, view: str, shows: str, **more: object) -> str:
    """Where the page that answers this request is told what changes; `shows` is what it shows now."""
    given = request.query_params.multi_items()
    words = urlencode([("view", view), *more.items(), *given, ("shows", shows)])
    return f"{console(request)}/live?{words}"


def digest_of(items: Iterable[Item]) -> str:
    """What a list shows, in a few characters: which items, each at which version."""
    told = ";".join(f"{item.id}:{item.version}" for item in items)
    return sha256(told.encode()).hexdigest()[:16]


@dataclass(eq=False, slots=True)
class Watcher:
    """One open page: who has it open, what it shows, how it is told, and the session by which it is."""

    who: Actor
    shows: str
    item_id: int | None
    tell: Callable[[str, Any], None]
    end: Callable[[], None] = lambda: None
    session: str | None = None
    here: Sequence[str] | None = None


@dataclass(slots=True)
class View:
    """What several pages show alike, and who watches it."""

    look: Callable[[], str]
    watchers: set[Watcher] = field(default_factory=set)


class Live:
    """The poll of this process. Its thread runs while a page is open."""

    def __init__(self, queue: Queue, every: float = EVERY) -> None:
        self.queue, self.every, self.watching = queue, every, Watching(queue.database)
        self.views: dict[Hashable, View] = {}
        self.left: list[tuple[int, str]] = []
        self.count = 0
        self._lock, self._soon, self._looked = Lock(), Flag(), 0.0
        self._thread: Thread | None = None

    def refuse_if_full(self) -> None:
        """Raise `TooOften` where too many pages are open."""
        if self.count >= MOST:
            raise TooOften("Too many pages are open here: close some.", retry_after=60)

    def watch(self, key: Hashable, look: Callable[[], str], watcher: Watcher) -> None:
        """Tell this page what changes from now on."""
        with self._lock:
            self.count += 1
            self.views.setdefault(key, View(look)).watchers.add(watcher)
            self._looked = 0.0 if watcher.item_id else self._looked
            if self._thread is None:
                self._thread = Thread(target=self._run, daemon=True, name="mrq live")
                self._thread.start()
            self._soon.set()

    def unwatch(self, key: Hashable, watcher: Watcher) -> None:
        """The page was closed."""
        with self._lock:
            self.count -= 1
            view = self.views[key]
            view.watchers.discard(watcher)
            if not view.watchers:
                del self.views[key]
            if watcher.item_id is not None:
                self.left.append((watcher.item_id, watcher.who.name))
            self._soon.set()

    def _run(self) -> None:
        while True:
            begun = monotonic()
            with suppress(Unreachable):  # asked again in a second
                self.poll()
            with self._lock:
                if not self.views and not self.left:
                    self._thread = None
                    return
                self._soon.clear()
            took = monotonic() - begun
            self._soon.wait(max(self.every - took, min(took, self.every)))

    def poll(self) -> None:
        """Ask once what each view shows now, and tell those whose page shows something else."""
        with self._lock:
            views, left = [(view, list(view.watchers)) for view in self.views.values()], list(self.left)
        self._end_without_session([one for _, watchers in views for one in watchers if one.session])
        for view, watchers in views:
            now = answer(view.look)
            for watcher in watchers:
                if watcher.shows != now:
                    watcher.tell("changed", self.since(watcher))
                    watcher.shows = now
        self._tell_who_looks([one for _, watchers in views for one in watchers if one.item_id is not None], left)

    def _end_without_session(self, watchers: Sequence[Watcher]) -> None:
        """End what is told to whoever was signed out; whoever has other roles by now asks anew, as that."""
        if not watchers:
            return
        found = self.queue.people.by_sessions({one.session for one in watchers if one.session})
        for one in watchers:
            now = found.get(one.session or "")
            if now is None:
                one.tell("ended", [])
            if now != one.who:
                one.end()

    def since(self, watcher: Watcher) -> list[str]:
        """What happened to an item since the version that a page shows: `claim by bob`."""
        if watcher.item_id is None or not watcher.shows.isdigit():
            return []
        with suppress(MRQError):
            events = self.queue.history(watcher.item_id)
            later = [f"{verb_text(event)} by {event.actor}" for event in events if event.seq > int(watcher.shows)]
            return later[-TOLD:]
        return []

    def _tell_who_looks(self, watchers: list[Watcher], left: list[tuple[int, str]]) -> None:
        for item_id, name in left:
            self.watching.leave(item_id, name)
        with self._lock:
            self.left = self.left[len(left) :]
        ids = {one.item_id for one in watchers if one.item_id is not None}
        if not ids:
            return
        if left or monotonic() - self._looked >= LOOKING:
            self._looked = monotonic()
            self.watching.look((one.item_id, one.who.name) for one in watchers if one.item_id is not None)
        found = self.watching.lookers(ids)
        for one in watchers:
            here = [name for name in found.get(one.item_id or 0, ()) if name != one.who.name]
            if here != (one.here or []):
                one.tell("here", here)
            one.here = here


def answer(look: Callable[[], str]) -> str:
    """What a view shows; an error of ours is something to show too. Raises `Unreachable`."""
    try:
        return look()
    except Unreachable:
        raise
    except MRQError as error:
        return type(error).__name__


# ------------------------------------------------------------------ the stream


Look = tuple[Hashable, Callable[[], str], int | None]


def looks(queue: Queue, who: Actor, view: str, given: QueryParams) -> Look:
    """What a page shows, as a key that equal views share; how to look at it; the number where it is one item.

    Raises `InvalidInput`, and what `Queue.admit` raises.
    """
    if view == "item":
        item_id = strict.item_id(given.get("item", ""))
        queue.admit(who, "read", item_id)
        return ("item", item_id), lambda: str(queue.get(item_id).version), item_id
    chosen = limited(chosen_from(given, who), queue.admit(who, "read"))
    if view == "board":
        return ("board", chosen), lambda: digest_of(i for lane in lanes_of(queue, chosen) for i in lane.items), None
    after, before = given.get("after") or None, given.get("before") or None
    for name, text in (("after", after), ("before", before)):
        if text:
            read_cursor(text, name)

    def listed() -> str:
        return digest_of(queue.browse(chosen, after=after, before=before, limit=ROWS).items)

    return ("list", chosen, after, before), listed, None


@router.get("/live")
async def live(
    request: Request,
    queue: TheQueue,
    who: Who,
    view: Annotated[str, Query(pattern="^(list|item|board)$")],
    shows: Annotated[str, Query(max_length=64)] = "",
) -> StreamingResponse:
    """The stream of one open page: `changed` when it shows something old, `here` when others come and go."""
    key, look, item_id = await run_in_threadpool(looks, queue, who, view, request.query_params)
    loop, told = asyncio.get_running_loop(), asyncio.Queue[str]()

    def tell(kind: str, data: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(told.put_nowait, f"event: {kind}\ndata: {json.dumps(data)}\n\n")

    poll: Live = request.app.state.live
    poll.refuse_if_full()

    def close() -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(told.put_nowait, END)

    session = request.cookies.get(cookie_name(request))
    watcher = Watcher(who, shows, item_id, tell, close, session)
    stopping: asyncio.Event = getattr(request.app.state, "stopping", None) or asyncio.Event()
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    begin, end = (lambda: poll.watch(key, look, watcher)), (lambda: poll.unwatch(key, watcher))
    events = stream(told, stopping, begin, end)
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


async def stream(
    told: "asyncio.Queue[str]", stopping: asyncio.Event, begin: Callable[[], None], end: Callable[[], None]
) -> AsyncIterator[str]:
    """What is told, a sign of life where nothing is; ends with session and server, and after a while by itself."""
    ends = monotonic() + LONGEST
    stop = asyncio.ensure_future(stopping.wait())
    stop.add_done_callback(lambda _: told.put_nowait(": ends\n\n"))
    begin()
    try:
        yield "retry: 2000\n\n"
        while monotonic() < ends and not stop.done():
            try:
                said = await asyncio.wait_for(told.get(), PING)
            except TimeoutError:
                said = ": here\n\n"
            if said == END:
                return
            yield said
    finally:
        stop.cancel()
        end()
