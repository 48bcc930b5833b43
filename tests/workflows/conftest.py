"""A small sample application, its blob store and a queue, for tests of the workflows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from meal_plan.blob_stand_in import BlobStandIn
from psycopg.rows import dict_row

from manual_resolution import Actor, Item, Queue, Settings, WaitsForApproval

TABLES = ("users", "quiz_responses", "meal_plans", "payments", "email_blacklist", "retention_holds")
BOB = Actor("bob", via="test:bob")
PATH = "plans/12345-Xy7.pdf"

Rows = dict[tuple[str, int], dict[str, Any]]


@dataclass
class App:
    """The application as tests speak of it. Alice holds every item it adds."""

    db: psycopg.Connection[Any]
    blob: BlobStandIn
    queue: Queue

    def insert(self, table: str, **row: Any) -> int:
        columns, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
        found = self.db.execute(
            f"insert into {table} ({columns}) values ({places}) returning id",  # noqa: S608
            row,
        ).fetchone()
        assert found is not None
        return int(found["id"])

    def rows(self) -> Rows:
        """Every row of every table of the application."""
        return {
            (table, row["id"]): row
            for table in TABLES
            for row in self.db.execute(f"select * from {table}").fetchall()  # noqa: S608
        }

    def claimed(self, *thing: Any, **facts: Any) -> int:
        added, item = self.queue.add(*thing, **facts), self.queue.next(by="alice")
        assert item is not None and item.id == added.id
        return item.id

    def failed_deletion(self, *, url: object = None, priority: str = "medium", **facts: Any) -> int:
        context = {
            "pdf_url": self.blob.url_of(PATH) if url is None else url,
            "pdf_generated_at": "2026-10-01T12:00:00Z",
            "retry_count": 3,
            "last_error": "ServiceUnavailable: Blob service temporarily unavailable",
        }
        reason = "Vercel Blob API returned 503 after 3 retry attempts"
        context |= facts.pop("context", {})
        return self.claimed("pdf_deletion_failed", "meal_plan", 12345, priority, reason, context, **facts)

    def pdf_of(self, plan: int = 12345) -> tuple[str | None, bool]:
        """The plan's URL, and whether a date of deletion is there."""
        row = self.db.execute("select * from meal_plans where id = %s", [plan]).fetchone()
        assert row is not None
        return row["pdf_url"], row["pdf_deleted_at"] is not None

    def deletions(self) -> int:
        return sum(call.method == "POST" for call in self.blob.calls)

    def decide(self, item: int, option: str, **values: Any) -> tuple[Item, str]:
        """Look and decide, as a person does: bound to what was seen."""
        seen = self.queue.examine(item).seen(option, self.queue.plan(item, option, values))
        made = self.queue.resolve(item, option, "tested", "alice", values=values, seen=seen)
        return made.item, made.result

    def decide_by_two(self, item: int, option: str, **values: Any) -> tuple[Item, str]:
        """As `decide`, for an option that needs two persons."""
        with pytest.raises(WaitsForApproval):
            self.decide(item, option, **values)
        made = self.queue.approve(item, BOB)
        return made.item, made.result

    def refusal(self, item: int, option: str, **values: Any) -> str:
        """Why `option` is not possible, by its sentence."""
        with pytest.raises(Exception) as refused:
            self.decide(item, option, **values)
        return str(refused.value)


@pytest.fixture
def blob(monkeypatch: pytest.MonkeyPatch) -> Iterator[BlobStandIn]:
    """A blob store with two PDFs, which the environment names."""
    with BlobStandIn() as stand_in:
        monkeypatch.setenv("VERCEL_BLOB_API_URL", stand_in.api_url)
        monkeypatch.setenv("BLOB_READ_WRITE_TOKEN", stand_in.token)
        stand_in.seed([(PATH, 48_213), ("plans/other.pdf", 100)])
        yield stand_in


@pytest.fixture
def app(app_database_url: str, blob: BlobStandIn) -> Iterator[App]:
    """The application's tables, two plans whose PDFs are in the store, and a queue in the same database."""
    with psycopg.connect(app_database_url, autocommit=True, row_factory=dict_row) as db:
        queue = Queue(app_database_url, settings=Settings.from_env())
        application = App(db, blob, queue)
        user = application.insert("users", id=871, email="ada@example.com", name="Ada")
        application.insert("meal_plans", id=12345, user_id=user, pdf_url=blob.url_of(PATH))
        application.insert("meal_plans", id=12346, user_id=user, pdf_url=blob.url_of("plans/other.pdf"))
        yield application
        queue.close()


Differences = Callable[[Rows, Rows], set[tuple[str, int]]]


@pytest.fixture
def changed() -> Differences:
    """The (table, id) of every row that is not the same in two readings."""
    return lambda before, after: {key for key in before | after if before.get(key) != after.get(key)}
