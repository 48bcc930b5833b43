"""MRQ, by its public names only."""

import os
from collections.abc import Sequence
from typing import Any

from bench.contender import Contender, Worker
from bench.things import BY, failure, fill_tables
from manual_resolution import Item, Queue, add_many, add_to_queue
from manual_resolution.store.migrate import migrate


class Tables(Contender):
    """MRQ's tables, whoever writes to them."""

    def __init__(self, address: str) -> None:
        self.address = address

    def prepare(self) -> None:
        migrate(self.address)

    def empty(self) -> None:
        with self.connect(options="-c session_replication_role=replica") as db:
            db.execute(
                "truncate manual_resolution_queue, mrq_event, mrq_occurrence, mrq_attempt, mrq_proposal, mrq_review,"
                " mrq_rollup_open, mrq_rollup_day, mrq_rollup_span, mrq_rollup_delta"
            )

    def fill(self, amount: int, *, elsewhere: int = 0) -> None:
        with self.connect(options="-c session_replication_role=replica") as db:
            fill_tables(db, amount, elsewhere)
        self.settle()


class Mrq(Tables):
    """The product as its users have it: validation, history and dedup on."""

    name = "MRQ"

    def client(self) -> "MrqWorker":
        return MrqWorker(self.address)


class WithoutSums(Mrq):
    """The same without the report's sums: what keeping them costs."""

    name = "MRQ, no sums"

    def prepare(self) -> None:
        super().prepare()
        with self.connect() as db:
            for trigger in ("mrq_rollup_added", "mrq_rollup_moved"):
                db.execute(f"alter table manual_resolution_queue disable trigger {trigger}".encode())


class MrqWorker(Worker):
    def __init__(self, address: str) -> None:
        os.environ |= {"DATABASE_URL": address, "MRQ_WORKFLOWS": "bench.workflow", "MRQ_PRODUCER": "bench"}
        self.queue = Queue.from_env()
        self.held: Item | None = None

    def add(self, number: int) -> None:
        add_to_queue(**failure(number))

    def add_many(self, failures: Sequence[dict[str, Any]]) -> int:
        return len(add_many(failures))

    def claim(self) -> Item | None:
        return self.queue.next(BY)

    def resolve(self, claimed: Item) -> None:
        self.queue.resolve(claimed, "nothing", "Looked at it", BY)

    def resolved_and_claimed(self) -> bool:
        """Resolve what is held and take the next in one call; the first time only claims."""
        if self.held is None:
            self.held = self.claim()
        else:
            _, self.held = self.queue.resolve_and_next(self.held, "nothing", "Looked at it", BY)
        return self.held is not None
