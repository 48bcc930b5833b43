"""From the call that adds to the item in the hands of a consumer that waits: one process adds, one waits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event, Thread
from time import perf_counter, sleep
from typing import Any

import pgqueuer
from procrastinate import App, PsycopgConnector

from bench import clients
from bench.by_hand import ADD, ByHandWorker
from bench.clients import Timed
from bench.contender import Contender
from bench.mrq import MrqWorker
from bench.peers import PgQueuer, Procrastinate
from bench.things import BY, ITEM_TYPE
from manual_resolution.store.arrivals import listening
from manual_resolution.store.connection import Database

PAUSE = 0.05  # seconds between two adds: nobody of these is silent for so long
WARM_UP = 10

#: When each item was claimed, `perf_counter()`; its last argument is called once everything is open.
Consumer = Callable[[Any, int, Callable[[], None]], list[float]]


def woken(contender: Contender, times: int) -> Timed:
    """What passes between the call that adds an item and its claim by a consumer that waited for it."""
    open_adder, consumer = WAYS[contender.name]
    total = WARM_UP + times
    begun, claimed = clients.together(
        [partial(adding, partial(open_adder, contender), total), partial(consumer, contender, total)]
    )
    taken = sorted(end - start for start, end in zip(begun[WARM_UP:], claimed[WARM_UP:], strict=True))
    return Timed(len(taken) / sum(taken), clients.at(taken, 0.5), clients.at(taken, 0.99), len(taken))


def adding(open_adder: Callable[[], Any], total: int, ready: Callable[[], None]) -> list[float]:
    """When each add was called."""
    client = open_adder()
    ready()
    sleep(1)  # a worker of somebody else's says nowhere that it listens
    begun = []
    for number in range(1, total + 1):
        sleep(PAUSE)
        begun.append(perf_counter())
        answer = client.add(number)
        if client.loop:
            client.loop.run_until_complete(answer)
    return begun


# ------------------------------------------------------------------ who waits


def waiting_mrq(contender: Contender, total: int, ready: Callable[[], None]) -> list[float]:
    """MRQ's own wait."""
    queue, claimed = MrqWorker(contender.address).queue, []
    queue.next(BY, wait=0.5)  # listens from now on
    ready()
    while len(claimed) < total and queue.next(BY, wait=60):
        claimed.append(perf_counter())
    return claimed


def waiting_by_hand(contender: Contender, total: int, ready: Callable[[], None]) -> list[float]:
    """LISTEN, and a claim for each notification."""
    worker, db, claimed = ByHandWorker(contender), contender.connect(), []
    db.execute("listen bench_arrived")
    ready()
    while len(claimed) < total:
        if worker.claim() is None:
            list(db.notifies(timeout=60, stop_after=1))
        else:
            claimed.append(perf_counter())
    return claimed


class TellingWorker(ByHandWorker):
    """L that tells whoever listens in the commit that adds."""

    statement = ADD.replace("\ninsert into mrq_occurrence", ", recorded as (insert into mrq_occurrence") + (  # noqa: S608
        ") select pg_notify('bench_arrived', '') from recorded"
    )


class Claimed:
    """What a worker of another library notes in its jobs."""

    def __init__(self, total: int) -> None:
        self.total, self.at, self.all = total, list[float](), asyncio.Event()

    def note(self) -> None:
        """A job begins."""
        self.at.append(perf_counter())
        if len(self.at) == self.total:
            self.all.set()

    async def by(self, worker: Awaitable[None], ready: Callable[[], None]) -> list[float]:
        """Let the worker run until all are claimed."""
        running = asyncio.ensure_future(worker)
        ready()
        await self.all.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return self.at


def waiting_procrastinate(contender: Procrastinate, total: int, ready: Callable[[], None]) -> list[float]:
    """Its worker, which listens."""

    async def run() -> list[float]:
        claimed, app = Claimed(total), App(connector=PsycopgConnector(conninfo=contender.address))

        @app.task(name=ITEM_TYPE)
        async def told(**facts: Any) -> None:
            claimed.note()

        async with app.open_async():
            return await claimed.by(app.run_worker_async(install_signal_handlers=False), ready)

    return asyncio.run(run())


def waiting_pgqueuer(contender: PgQueuer, total: int, ready: Callable[[], None]) -> list[float]:
    """Its worker, which listens."""

    async def run() -> list[float]:
        claimed, worker = Claimed(total), pgqueuer.PgQueuer(await contender.open())

        @worker.entrypoint(ITEM_TYPE)
        async def told(job: Any) -> None:
            claimed.note()

        return await claimed.by(worker.run(), ready)

    return asyncio.run(run())


WAYS: dict[str, tuple[Callable[[Any], Any], Consumer]] = {
    "MRQ": (lambda contender: contender.client(), waiting_mrq),
    "L": (TellingWorker, waiting_by_hand),
    "procrastinate": (lambda contender: contender.client(), waiting_procrastinate),
    "pgqueuer, psycopg": (lambda contender: contender.client(), waiting_pgqueuer),
    "pgqueuer, asyncpg": (lambda contender: contender.client(), waiting_pgqueuer),
}


# ------------------------------------------------------------------ somebody listens while others add


@contextmanager
def listened(contender: Contender) -> Iterator[list[None]]:
    """A listener that is woken by adds; an entry for each time."""
    times, ready, over = list[None](), Event(), Event()

    def listen() -> None:
        with listening(Database(contender.address)) as hear:
            ready.set()
            while hear and not over.is_set():
                times.extend([None] * hear(0.2))

    thread = Thread(target=listen)
    thread.start()
    ready.wait()
    yield times
    over.set()
    thread.join()
