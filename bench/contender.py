"""What every contender offers, so that one case measures all of them."""

from collections.abc import Sequence
from typing import Any

import psycopg

from bench.clients import Client


class Contender:
    """One way to keep a queue in one database: `address` names it, `name` is what the tables call it."""

    name: str
    address: str

    def prepare(self) -> None:
        """Make the tables."""
        raise NotImplementedError

    def empty(self) -> None:
        """Take everything out of them."""
        raise NotImplementedError

    def fill(self, amount: int, *, elsewhere: int = 0) -> None:
        """Put in `amount` waiting items the fastest way, and `elsewhere` more for another team before."""
        raise NotImplementedError

    def client(self) -> Client:
        """A client of this process with an open connection."""
        raise NotImplementedError

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """A plain connection for preparing."""
        return psycopg.connect(self.address, autocommit=True, **options)

    def settle(self) -> None:
        """After a fill: statistics, hint bits and a checkpoint belong to nobody's case."""
        with self.connect() as db:
            db.execute("vacuum analyze")
            db.execute("checkpoint")


class Worker(Client):
    """A client that adds and works items off, one call after the other."""

    def add(self, number: int) -> Any:
        """Add one item."""
        raise NotImplementedError

    def add_many(self, failures: Sequence[dict[str, Any]]) -> Any:
        """Add a batch in one call."""
        raise NotImplementedError

    def claim(self) -> Any:
        """Claim the next item; None when there is none."""
        raise NotImplementedError

    def resolve(self, claimed: Any) -> Any:
        """Resolve what was claimed."""
        raise NotImplementedError

    def claimed(self) -> Any:
        """Claim the next item; False when there is none."""
        return self.claim() is not None

    def claimed_and_resolved(self) -> Any:
        """Claim the next item and resolve it, two calls; False when there is none."""
        item = self.claim()
        if item is None:
            return False
        self.resolve(item)
        return True


class AsyncWorker(Worker):
    """The same for a library whose calls are coroutines."""

    async def claimed(self) -> bool:
        return await self.claim() is not None

    async def claimed_and_resolved(self) -> bool:
        item = await self.claim()
        if item is None:
            return False
        await self.resolve(item)
        return True
