"""The specification's four tests (specification, Testing), on a real database."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from manual_resolution import Queue
from scripts.manual_resolution.add_to_queue import add_to_queue

HOUR = timedelta(hours=1)


@pytest.fixture
def db(
    fresh_database_url: str, connect: Callable[..., psycopg.Connection[Any]], monkeypatch: pytest.MonkeyPatch
) -> psycopg.Connection[Any]:
    """The database that DATABASE_URL names, with the application's own table in it."""
    monkeypatch.setenv("DATABASE_URL", fresh_database_url)
    db = connect(fresh_database_url, row_factory=psycopg.rows.dict_row)
    db.execute("create table meal_plans (id bigint primary key, pdf_url text, pdf_deleted_at timestamptz)")
    db.execute("insert into meal_plans values (12345, 'https://blob.vercel-storage.com/plans/12345.pdf')")
    return db


def stored(db: psycopg.Connection[Any], item_id: int) -> Any:
    return db.execute("select * from manual_resolution_queue where id = %s", [item_id]).fetchone()


def test_add_to_queue_creates_item(db: psycopg.Connection[Any]) -> None:
    """Adding item creates record with correct fields."""
    context = {
        "pdf_url": "https://blob.vercel-storage.com/...",
        "pdf_generated_at": "2023-10-01T12:00:00Z",
        "retry_count": 3,
        "last_error": "ServiceUnavailable: Blob service temporarily unavailable",
    }
    before = datetime.now(UTC)
    added = add_to_queue(
        item_type="pdf_deletion_failed",
        resource_type="meal_plan",
        resource_id=12345,
        priority="medium",
        reason="Vercel Blob API returned 503 after 3 retry attempts",
        context=context,
        sla_hours=24,
    )
    item = stored(db, added.id)
    expected = {
        "item_type": "pdf_deletion_failed", "resource_type": "meal_plan", "resource_id": 12345,
        "priority": "medium",
        "reason": "Vercel Blob API returned 503 after 3 retry attempts", "context": context,
        "status": "pending",
        "assigned_to": None, "assigned_at": None, "resolved_at": None, "resolution": None,
        "resolution_metadata": None, "escalated_at": None,
    }  # fmt: skip
    assert {name: item[name] for name in expected} == expected
    assert before <= item["created_at"] <= datetime.now(UTC)
    assert item["sla_deadline"] == item["created_at"] + 24 * HOUR


def test_priority_determines_sla_deadline(db: psycopg.Connection[Any]) -> None:
    """Critical items have 4h SLA, high 24h, etc."""
    hours = {"critical": 4, "high": 24, "medium": 7 * 24, "low": 30 * 24}
    for number, (priority, sla) in enumerate(hours.items(), 1):
        item = stored(db, add_to_queue("quiz_orphaned", "quiz_response", number, priority, "no such user").id)
        assert item["sla_deadline"] - item["created_at"] == sla * HOUR


def test_escalation_triggers_for_breached_items(db: psycopg.Connection[Any], clock: Any) -> None:
    """Items past SLA deadline are auto-escalated."""
    breached = add_to_queue("pdf_deletion_failed", "meal_plan", 1, "critical", "deletion request not honoured").id
    in_time = add_to_queue("pdf_deletion_failed", "meal_plan", 2, "high", "503").id
    clock.forward(hours=4, minutes=1)
    assert Queue(os.environ["DATABASE_URL"]).sweep().escalated == 1
    item = stored(db, breached)
    assert (item["status"], item["escalation_level"]) == ("escalated", 1)
    assert item["escalated_at"] > item["sla_deadline"]
    assert stored(db, in_time)["status"] == "pending"


def test_resolution_updates_status_and_timestamp(db: psycopg.Connection[Any]) -> None:
    """Resolving item sets status='resolved' and resolved_at."""
    context = {"pdf_url": "https://blob.vercel-storage.com/plans/12345.pdf", "last_error": "404 NotFound"}
    added = add_to_queue("pdf_deletion_failed", "meal_plan", 12345, "medium", "PDF not deleted", context)
    before = datetime.now(UTC)
    Queue(os.environ["DATABASE_URL"]).resolve(added.id, "mark_failed", "Gone since May", "alice@example.com")
    item = stored(db, added.id)
    assert (item["status"], item["assigned_to"]) == ("resolved", "alice@example.com")
    assert before <= item["resolved_at"] <= datetime.now(UTC)
    assert item["resolution"]
    assert item["resolution_metadata"]["justification"] == "Gone since May"
    plan = db.execute("select pdf_url, pdf_deleted_at is not null as told from meal_plans").fetchone()
    assert plan == {"pdf_url": None, "told": True}
