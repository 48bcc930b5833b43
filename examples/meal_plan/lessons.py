"""Ten items of the sample application to practise on, each with the option that is right and why.

In two of them a machine cannot know better than a person, nor the person alone: there escalating is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from psycopg import Connection, sql

from scripts.manual_resolution.add_to_queue import add_to_queue

from .blob_stand_in import BlobStandIn

UNAVAILABLE = "ServiceUnavailable: Blob service temporarily unavailable"
RETRIED = "Vercel Blob API returned 503 after 3 retry attempts"
Db = Connection[Any]


@dataclass(frozen=True)
class Lesson:
    """One item: what to add, the `option` that is right, `why`, and its resolution where the option is not enough."""

    option: str
    why: str
    item: dict[str, Any] = field(repr=False)
    resolution: str | None = None


def prepare(db: Db, blob: BlobStandIn) -> list[Lesson]:
    """Make the application's tables and add the ten items to the queue in the same database, #1 to #10."""
    db.execute(files("meal_plan").joinpath("schema.sql").read_bytes())
    lessons = list(Class(db, blob, datetime.now(UTC)).lessons())
    for lesson in lessons:
        add_to_queue(**lesson.item, connection=db, producer="practice")
    return lessons


class Class:
    """Makes what the lessons are about: rows and blobs."""

    def __init__(self, db: Db, blob: BlobStandIn, now: datetime) -> None:
        self.db, self.blob, self.now = db, blob, now

    def lessons(self) -> Iterator[Lesson]:
        """In the order in which they are practised: low priority first."""
        self.insert("users", id=604, email="lena.novak@example.com", name="Lena Novak")
        self.insert("users", id=871, email="ada.costa@example.com", name="Ada Costa")
        yield from self.low()
        yield from self.medium()
        yield from self.urgent()

    def low(self) -> Iterator[Lesson]:
        yield Lesson(
            "delete",
            "Nobody has its e-mail, nothing refers to it, and after 7 days nobody completes the flow any more.",
            self.quiz(67533, "checkout-robot@test.example.com", days=9) | self.told("low", days=2),
        )
        yield Lesson(
            "retry",
            "Gone is what was wanted: retry records that it was gone and updates the plan. "
            "Marking it as failed would say that the PDF is still there.",
            self.pdf(12210, stored=False) | self.told("low", RETRIED, hours=30),
        )
        foreign = "https://stag1ng0.public.blob.vercel-storage.com/plans/11640-Jk3.pdf"
        yield Lesson(
            "escalate",
            "The URL is of another store: no retry helps, and marking it as failed would hide a PDF that somebody "
            "can still read. Engineering must find out how it came there.",
            self.pdf(11640, url=foreign, error="ForeignStore: stag1ng0.public.blob.vercel-storage.com", status=None)
            | self.told("low", "PDF URL is not in our Vercel Blob store", hours=20),
        )

    def medium(self) -> Iterator[Lesson]:
        yield Lesson(
            "associate",
            "A user with its e-mail exists, who signed up after the quiz: it is hers.",
            self.quiz(67890, "lena.novak@example.com", days=8) | self.told("medium", days=3),
            resolution="Associated with user #604",
        )
        yield from self.appeals()
        yield Lesson(
            "defer",
            "The service failed less than an hour ago: give it an hour, then try again.",
            self.pdf(11930) | self.told("medium", RETRIED, minutes=12),
        )

    def appeals(self) -> Iterator[Lesson]:
        paid, stolen, unclear = (f"{name}@example.com" for name in ("mira.peters", "ghost.rider", "karim.haas"))
        self.payments(paid, ("failed", 30), ("failed", 29), ("succeeded", 5))
        yield Lesson(
            "remove",
            "The address has paid since, and there is no sign of fraud: the appeal is right.",
            self.appeal(21, paid, "My card had expired. I have paid with the new one.") | self.told("medium", days=2),
        )
        self.payments(stolen, ("failed", 12), ("failed", 12), ("failed", 11))
        yield Lesson(
            "reject",
            "Several payments failed, none has succeeded since, and there are signs of fraud.",
            self.appeal(22, stolen, "Let me in!!!", ["VPN", "many retries", "cards of four countries"])
            | self.told("medium", days=1),
        )
        self.payments(unclear, ("succeeded", 90), ("failed", 20))
        yield Lesson(
            "escalate",
            "The record can neither confirm nor refute that the account was stolen. Support can ask; you would guess.",
            self.appeal(23, unclear, "Somebody took over my account in March. That was not me!")
            | self.told("medium", hours=9),
        )

    def urgent(self) -> Iterator[Lesson]:
        yield Lesson(
            "defer",
            "It is less than a day old: whoever answered it may still sign up. Deleting would lose their answers.",
            self.quiz(67951, "new.visitor@example.net", hours=5) | self.told("high", hours=4),
        )
        yield Lesson(
            "retry",
            "Somebody asked for erasure and the service answers again. Marked as failed, the PDF would stay public.",
            self.pdf(12345) | self.told("critical", f"{RETRIED} (GDPR request of user #871)", hours=2),
        )

    # What an item is about

    def quiz(self, id: int, email: str, **ago: float) -> dict[str, Any]:
        created_at = self.now - timedelta(**ago)
        self.insert("quiz_responses", id=id, email=email, created_at=created_at)
        facts = {"email": email, "created_at": f"{created_at:%Y-%m-%dT%H:%M:%SZ}", "foreign_key_references": []}
        return thing("quiz_orphaned", "quiz_response", id, facts)

    def pdf(
        self,
        plan: int,
        *,
        stored: bool = True,
        url: str | None = None,
        error: str = UNAVAILABLE,
        status: int | None = 503,
    ) -> dict[str, Any]:
        address = url or self.blob.url_of(f"plans/{plan}-Xy7.pdf")
        self.insert("meal_plans", id=plan, user_id=871, pdf_url=address)
        self.blob.seed([(f"plans/{plan}-Xy7.pdf", 48_213)] if stored and not url else [])
        facts = {"pdf_url": address, "retry_count": 3 if status else 0, "last_error": error, "status": status}
        return thing("pdf_deletion_failed", "meal_plan", plan, facts)

    def appeal(self, id: int, email: str, message: str, signs: list[str] | None = None) -> dict[str, Any]:
        reason = "3 failed payments within a week"
        self.insert("email_blacklist", id=id, email=email, reason=reason)
        rows = self.db.execute("select status from payments where email = %s order by created_at", [email]).fetchall()
        facts = {
            "email": email,
            "blacklist_reason": reason,
            "appeal_message": message,
            "payment_history": [{"status": status} for (status,) in rows],
            "fraud_indicators": signs or [],
        }
        return thing("blacklist_disputed", "email_blacklist", id, facts)

    def payments(self, email: str, *found: tuple[str, int]) -> None:
        for status, days in found:
            at = self.now - timedelta(days=days)
            self.insert("payments", email=email, amount_cents=1990, status=status, created_at=at)

    def told(self, priority: str, reason: str = "", **ago: float) -> dict[str, Any]:
        """How urgent it is, and when it came to the queue."""
        happened = {"priority": priority, "occurred_at": self.now - timedelta(**ago)}
        return happened | ({"reason": reason} if reason else {})

    def insert(self, table: str, **row: Any) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, row))
        places = sql.SQL(", ").join(map(sql.Placeholder, row))
        statement = sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier(table), columns, places)
        self.db.execute(statement, row)


REASONS = {"quiz_orphaned": "Quiz response without a user", "blacklist_disputed": "Appeal by e-mail"}


def thing(item_type: str, resource_type: str, number: int, facts: dict[str, Any]) -> dict[str, Any]:
    """What an item is about; a reason of its own may follow."""
    about = {"item_type": item_type, "resource_type": resource_type, "resource_id": number, "context": facts}
    return about | {"reason": REASONS.get(item_type, "")}
