"""Other queues on PostgreSQL, by their own public calls, in their own tables."""

import asyncio
import json
import logging
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import psycopg
from pgqueuer.db import AsyncpgDriver, PsycopgDriver
from pgqueuer.models import Job as PgQueuerJob
from pgqueuer.queries import EntrypointExecutionParameter, Queries
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.jobs import Job, Status
from psycopg.types.json import Jsonb

from bench.contender import AsyncWorker, Contender, Worker
from bench.things import ITEM_TYPE, REASON, context

logging.getLogger("procrastinate").setLevel(logging.ERROR)


def told(number: int) -> dict[str, Any]:
    """The same facts as job arguments."""
    return {"resource_id": number, "reason": REASON, "context": context(number)}


# ------------------------------------------------------------------ procrastinate


class Procrastinate(Contender):
    """procrastinate, its blocking connector; with `queueing_lock` one waiting job per resource."""

    def __init__(self, address: str, *, unique: bool = False) -> None:
        self.address, self.unique = address, unique
        self.name = "procrastinate, queueing_lock" if unique else "procrastinate"

    def prepare(self) -> None:
        with App(connector=SyncPsycopgConnector(conninfo=self.address)).open() as app:
            app.schema_manager.apply_schema()

    def empty(self) -> None:
        with self.connect() as db:
            db.execute("truncate procrastinate_jobs, procrastinate_events, procrastinate_workers cascade")

    def fill(self, amount: int, *, elsewhere: int = 0) -> None:
        with self.connect(options="-c session_replication_role=replica") as db, db.transaction():
            db.execute(
                "insert into procrastinate_jobs (queue_name, task_name, priority, args)"
                " select 'default', %s, n %% 3, %s from generate_series(1, %s) n",
                [ITEM_TYPE, Jsonb(told(1)), amount],
            )
            db.execute(
                "insert into procrastinate_events (job_id, type)"
                " select id, 'deferred'::procrastinate_job_event_type from procrastinate_jobs"
            )
        self.settle()

    def client(self) -> "ProcrastinateAdder":
        return ProcrastinateAdder(self.address, self.unique)

    def worker(self) -> "ProcrastinateWorker":
        """Claiming exists only on the asynchronous connector."""
        return ProcrastinateWorker(self.address)


class ProcrastinateAdder(Worker):
    def __init__(self, address: str, unique: bool) -> None:
        self.app = App(connector=SyncPsycopgConnector(conninfo=address, min_size=1, max_size=1))
        self.app.open()
        self.unique = unique
        self.task = self.app.task(name=ITEM_TYPE)(told)

    def add(self, number: int) -> None:
        lock = str(number) if self.unique else None
        self.task.configure(queueing_lock=lock).defer(**told(number))

    def add_many(self, failures: Sequence[dict[str, Any]]) -> int:
        numbers = [f["resource_id"] for f in failures]
        if not self.unique:
            return len(self.task.batch_defer(*[told(number) for number in numbers]))
        jobs = [
            Job(
                queue="default",
                lock=None,
                queueing_lock=str(number),
                task_name=ITEM_TYPE,
                task_kwargs=told(number),
            )
            for number in numbers
        ]
        return len(self.app.job_manager.batch_defer_jobs(jobs))


class ProcrastinateWorker(AsyncWorker):
    def __init__(self, address: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.app = App(connector=PsycopgConnector(conninfo=address, min_size=1, max_size=1))
        self.loop.run_until_complete(self.app.open_async())
        self.id = self.loop.run_until_complete(self.app.job_manager.register_worker())

    async def claim(self) -> Job | None:
        return await self.app.job_manager.fetch_job(queues=None, worker_id=self.id)

    async def resolve(self, claimed: Job) -> None:
        await self.app.job_manager.finish_job(claimed, status=Status.SUCCEEDED, delete_job=False)


# ------------------------------------------------------------------ pgqueuer


class PgQueuer(Contender):
    """pgqueuer over psycopg or asyncpg; `unique` gives each job a dedupe key and skips repeats."""

    def __init__(self, address: str, driver: str, *, unique: bool = True) -> None:
        self.address, self.driver, self.unique = address, driver, unique
        self.name = f"pgqueuer, {driver}" + (", dedupe_key" if unique else "")

    def prepare(self) -> None:
        async def install() -> None:
            queries = Queries(AsyncpgDriver(await asyncpg.connect(self.address)))
            await queries.install()
            await queries.optimize_autovacuum()

        asyncio.run(install())

    def empty(self) -> None:
        with self.connect() as db:
            db.execute("truncate pgqueuer, pgqueuer_log")

    def fill(self, amount: int, *, elsewhere: int = 0) -> None:
        with self.connect(options="-c session_replication_role=replica") as db, db.transaction():
            db.execute(
                "insert into pgqueuer (priority, created, updated, heartbeat, execute_after, status,"
                " entrypoint, payload) select n %% 3, now(), now(), now(), now(), 'queued', %s, %s"
                " from generate_series(1, %s) n",
                [ITEM_TYPE, json.dumps(told(1)).encode(), amount],
            )
            db.execute(
                "insert into pgqueuer_log (job_id, status, entrypoint, priority)"
                " select id, status, entrypoint, priority from pgqueuer"
            )
        self.settle()

    def client(self) -> "PgQueuerWorker":
        return PgQueuerWorker(self)

    async def open(self) -> AsyncpgDriver | PsycopgDriver:
        """A connection of its own."""
        if self.driver == "asyncpg":
            return AsyncpgDriver(await asyncpg.connect(self.address))
        return PsycopgDriver(await psycopg.AsyncConnection.connect(self.address, autocommit=True))


class PgQueuerWorker(AsyncWorker):
    def __init__(self, contender: PgQueuer) -> None:
        self.loop = asyncio.new_event_loop()
        self.queries = Queries(self.loop.run_until_complete(contender.open()))
        self.unique = contender.unique
        self.id = uuid.uuid4()

    async def add(self, number: int) -> None:
        dedupe_key = str(number) if self.unique else None
        payload = json.dumps(told(number)).encode()
        await self.queries.enqueue(
            ITEM_TYPE, payload, 0, dedupe_key=dedupe_key, on_conflict="skip" if self.unique else "raise"
        )

    async def add_many(self, failures: Sequence[dict[str, Any]]) -> int:
        numbers, amount = [f["resource_id"] for f in failures], len(failures)
        return len(
            await self.queries.enqueue(  # type: ignore[call-overload]
                [ITEM_TYPE] * amount,
                [json.dumps(told(number)).encode() for number in numbers],
                [0] * amount,
                dedupe_key=[str(number) for number in numbers] if self.unique else None,
                on_conflict="skip" if self.unique else "raise",
            )
        )

    async def claim(self) -> PgQueuerJob | None:
        parameters = {ITEM_TYPE: EntrypointExecutionParameter(0)}
        jobs = await self.queries.dequeue(1, parameters, self.id, None, timedelta(seconds=30))  # type: ignore[arg-type]
        return jobs[0] if jobs else None

    async def resolve(self, claimed: PgQueuerJob) -> None:
        await self.queries.log_jobs([(claimed, "successful", None)])
