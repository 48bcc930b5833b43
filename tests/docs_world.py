"""The world the documentation speaks of: the sample application's tables, a blob store, items #42 to #47."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import psycopg
import pytest
from meal_plan.blob_stand_in import BlobStandIn

from manual_resolution import OutcomeUnknown, Queue, Settings

ALICE = "alice@example.com"
FIRST = 42  # the specification's number for its first example
REASON = "Vercel Blob API returned 503 after 3 retry attempts"


@contextmanager
def documented_world(url: str, patch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """For as long, the environment names this world's database, blob store and operator."""
    with psycopg.connect(url, autocommit=True) as db, BlobStandIn() as blob:
        for name, value in (blob.environment | {"DATABASE_URL": url, "MRQ_OPERATOR": ALICE, "MRQ_CALL_TIMEOUT": "2"}).items():
            patch.setenv(name, value)
        _host_tables(db, blob)
        db.execute("select setval(pg_get_serial_sequence('manual_resolution_queue', 'id'), %s, false)", [FIRST])
        _items(url, blob)
        yield db


def _host_tables(db: psycopg.Connection, blob: BlobStandIn) -> None:
    db.execute(files("meal_plan").joinpath("schema.sql").read_bytes())
    db.execute("insert into users (id, email, name) values (604, 'lena.novak@example.com', 'Lena'), (871, 'ada@example.com', 'Ada')")
    db.execute("insert into quiz_responses (id, email, created_at) values (67890, 'gone@example.com', now() - interval '9 days')")
    db.execute("insert into email_blacklist (id, email, reason) values (12, 'jonas.weber@example.com', 'three failed payments')")
    for plan in (11204, 12345, 12346):
        path = f"plans/{plan}-Xy7.pdf"
        blob.seed([(path, 48_213)])
        db.execute("insert into meal_plans (id, user_id, pdf_url) values (%s, 871, %s)", [plan, blob.url_of(path)])


def _items(url: str, blob: BlobStandIn) -> None:
    now = datetime.now(UTC)
    queue = Queue(url, settings=Settings.from_env())

    def failed_deletion(plan: int, **ago: float) -> int:
        context = {"pdf_url": blob.url_of(f"plans/{plan}-Xy7.pdf"), "pdf_generated_at": "2026-10-01T12:00:00Z", "retry_count": 3,
                   "last_error": "ServiceUnavailable: Blob service temporarily unavailable"}
        return queue.add("pdf_deletion_failed", "meal_plan", plan, "medium", REASON, context, occurred_at=now - timedelta(**ago)).id

    failed_deletion(12345, days=3)
    queue.add("quiz_orphaned", "quiz_response", 67890, "high", "Its user was deleted",
              {"email": "gone@example.com", "created_at": "2026-10-01T12:00:00Z", "foreign_key_references": []})
    queue.add("blacklist_disputed", "email_blacklist", 12, "medium", "Appeal by mail",
              {"email": "jonas.weber@example.com", "blacklist_reason": "three failed payments",
               "appeal_message": "My card had expired.", "payment_history": []})
    _lose_the_answer(queue, blob, failed_deletion(12346, hours=2))
    queue.add("retention_exception", "meal_plan", 11020, "medium", "Under a retention hold", {"hold_id": 7})
    failed_deletion(11204, days=8)
    queue.close()


def _lose_the_answer(queue: Queue, blob: BlobStandIn, item_id: int) -> None:
    """The blob service takes a deletion and never answers, nor says afterwards whether it is done."""
    blob.next("reset-after", method="POST")
    queue.execution.step = lambda name: blob.next("503", times=None, method="GET") if name == "called" else None
    with pytest.raises(OutcomeUnknown):
        queue.resolve(item_id, "retry", "the service is back", ALICE)
    blob.heal()
