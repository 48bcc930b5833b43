"""An operator at a real terminal: the sample application in small, its blob store, `mrq` behind a pty."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from meal_plan.blob_stand_in import BlobStandIn
from psycopg.rows import dict_row

from manual_resolution import Item, Queue, Settings
from tests.processes import Terminal

PATH = "plans/12345-Xy7.pdf"
RETRIED = "Vercel Blob API returned 503 after 3 retry attempts"
UNAVAILABLE = "ServiceUnavailable: Blob service temporarily unavailable"


@dataclass
class Stage:
    """The application as tests speak of it."""

    db: psycopg.Connection[Any]
    blob: BlobStandIn
    queue: Queue
    environment: dict[str, str]
    opened: ExitStack

    def insert(self, table: str, **row: Any) -> int:
        columns, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
        statement = f"insert into {table} ({columns}) values ({places}) returning id"  # noqa: S608
        found = self.db.execute(statement, row).fetchone()
        assert found is not None
        return int(found["id"])

    def one(self, query: str, *values: Any) -> Any:
        """The first column of a query's only row; None without one."""
        row = self.db.execute(query, values).fetchone()
        return next(iter(row.values())) if row else None

    def failed_deletion(self, plan: int = 12345, path: str = PATH, *, stored: bool = True, **facts: Any) -> int:
        """A plan whose PDF the nightly script could not delete; the item's id."""
        url = self.blob.url_of(path)
        self.insert("meal_plans", id=plan, user_id=871, pdf_url=url)
        self.blob.seed([(path, 48_213)] if stored else [])
        context = {
            "pdf_url": url,
            "pdf_generated_at": "2023-10-01T12:00:00Z",
            "retry_count": 3,
            "last_error": UNAVAILABLE,
        } | facts.pop("context", {})
        facts = {"priority": "medium", "reason": RETRIED} | facts
        return self.queue.add("pdf_deletion_failed", "meal_plan", plan, context=context, **facts).id

    def parcel(self, number: int = 7, **facts: str) -> int:
        """A light item, whose world is its own context (tests/cli/small_world.py); the id."""
        self.environment["MRQ_WORKFLOWS"] = "tests.cli.small_world"
        context = {"place": "shelf", "there": "pass", **facts}
        return self.queue.add("parcel_stuck", "parcel", number, "high", "stuck", context).id

    def pdf_of(self, plan: int = 12345) -> tuple[str | None, bool]:
        """The plan's URL, and whether a date of deletion is there."""
        row = self.db.execute("select * from meal_plans where id = %s", [plan]).fetchone()
        assert row is not None
        return row["pdf_url"], row["pdf_deleted_at"] is not None

    def deletions(self, path: str = PATH) -> int:
        return len(self.blob.calls_to(path, "POST"))

    def item(self, item_id: int) -> Item:
        return self.queue.get(item_id)

    def verbs(self, item_id: int) -> list[str]:
        return [event.verb for event in self.queue.history(item_id)]

    def terminal(
        self, *words: str, command: tuple[str, ...] = (), columns: int = 200, **environment: str | None
    ) -> Terminal:
        """`mrq process` for alice; `NAME=None` takes a variable away. Only a `command` chooses its own encoding."""
        merged = self.environment | environment
        known = {name: value for name, value in merged.items() if value is not None}
        words = words if command else ("process", *words)
        terminal = Terminal(*words, environment=known, columns=columns, command=command)
        self.opened.callback(terminal.close)
        return terminal


@pytest.fixture
def stage(app_database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A user with a number the cast knows, an empty store, an empty queue."""
    with (
        psycopg.connect(app_database_url, autocommit=True, row_factory=dict_row) as db,
        BlobStandIn() as blob,
        ExitStack() as opened,
    ):
        settings = {
            "DATABASE_URL": app_database_url,
            "MRQ_OPERATOR": "alice@example.com",
            "MRQ_METRICS_FILE": str(tmp_path / "metrics.jsonl"),
            "MRQ_CALL_TIMEOUT": "5",
        }
        system = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = system | {"LANG": "C.UTF-8", "TERM": "dumb"} | settings | blob.environment
        queue = Queue(app_database_url, settings=Settings.from_env(settings | blob.environment))
        opened.callback(queue.close)
        made = Stage(db, blob, queue, environment, opened)
        made.insert("users", id=871, email="ada@example.com", name="Ada")
        yield made
