"""The sample application's data: one consistent set, the same every time, counted back from a given moment.

1,180 plans, 940 quiz responses, 611 users. Scripts handle most of it without anybody noticing; the cast below
is what they cannot finish.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, LiteralString

from psycopg import Connection, sql

from .blob_stand_in import BlobStandIn
from .moments import NIGHTS, hourly_run, night, runs

PLANS, QUIZZES, USERS = 1180, 940, 611
TOTALS = {  # what each script meets in the seven nights
    "cleanup_expired_pdfs.py": 212,
    "cleanup_orphaned_quizzes.py": 31,
    "purge_inactive_users.py": 46,
    "review_before_deletion.py": 1,
    "appeals_inbox.py": 1,
}

# The cast. Users:
SAME_EMAIL, BLOCKED, ERASED, HELD, REVIEWED, SHARING, PARTNER, TESTER = 604, 689, 871, 658, 517, 733, 734, 905
# Plans: those the PDF script fails on, each with the run that meets it first (see `runs`).
SLOW_TO_HEAL, HEALED, OLD_HOST, TWO_SLASHES, OTHER_STORE = 11204, 11311, 11402, 11518, 11640
LOST_REPLY, LIMITED, BAD_GATEWAY, ERASED_PLAN = 11755, 11802, 11930, 12345
FAILING = {
    SLOW_TO_HEAL: 0,
    HEALED: 1,
    OLD_HOST: 2,
    TWO_SLASHES: 5,
    OTHER_STORE: 6,
    LOST_REPLY: 7,
    LIMITED: 7,
    BAD_GATEWAY: 7,
    ERASED_PLAN: 8,
}
HELD_PLAN, REVIEWED_PLAN, LINKED_PLAN, PARTNER_PLAN, TEST_PLAN = 11020, 11742, 11873, 11991, 12210
# Quiz responses:
LINKED_QUIZ, BLOCKING_QUIZ, TEST_QUIZ, SHARED_QUIZ = 67890, 67951, 67533, 67105
# The person who appeals:
APPELLANT = "jonas.weber@example.com"
APPEAL = "My card had expired, that is why the payments failed. I have a new one. Please let me order again. Jonas"

FIRST = ("Ada", "Ben", "Carla", "Elif", "Farid", "Greta", "Hugo", "Ines", "Kemal", "Mara", "Nils", "Rosa")
LAST = (
    "Brandt",
    "Costa",
    "Demir",
    "Engel",
    "Garcia",
    "Haas",
    "Ivanov",
    "Keller",
    "Moreau",
    "Peters",
    "Rossi",
)
DIETS = ("vegetarian", "vegan", "pescatarian", "low carb", "no preference")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
PDF_LIFE = timedelta(days=90)

Row = dict[str, Any]


def populate(db: Connection[Any], blob: BlobStandIn, now: datetime) -> None:
    """Makes and fills the application's tables, in one transaction, and the blob store. Not twice."""
    sample = Sample(now, blob)
    with db.transaction():
        db.execute(files("meal_plan").joinpath("schema.sql").read_bytes())
        for table, rows in sample.tables().items():
            fill(db, table, rows)
    blob.seed(sample.blobs)


def fill(db: Connection[Any], table: LiteralString, rows: list[Row]) -> None:
    """COPY; all rows have the first one's keys, and the identity goes on behind the largest id."""
    columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    copying = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), columns)
    with db.cursor().copy(copying) as copy:
        for row in rows:
            copy.write_row(list(row.values()))
    db.execute("select setval(pg_get_serial_sequence(%s, 'id'), %s)", (table, max(row["id"] for row in rows)))


class Sample:
    """Rows by table, and `blobs`: (pathname, size in bytes)."""

    def __init__(self, now: datetime, blob: BlobStandIn) -> None:
        self.now, self.blob, self.dice = now, blob, random.Random(20)
        self.users: dict[int, Row] = {}
        self.quizzes: dict[int, Row] = {}
        self.plans: dict[int, Row] = {}
        self.blobs: list[tuple[str, int]] = []
        self.add_users()
        self.add_quizzes()
        self.add_plans()

    def tables(self) -> dict[LiteralString, list[Row]]:
        return {
            "users": list(self.users.values()),
            "quiz_responses": list(self.quizzes.values()),
            "meal_plans": list(self.plans.values()),
            "payments": numbered(self.payments()),
            "email_blacklist": numbered(self.blacklist()),
            "retention_holds": numbered(self.holds()),
        }

    def span(self, least: float, most: float) -> timedelta:
        """Between so many hours and so many, in whole seconds."""
        return timedelta(seconds=self.dice.randint(int(least * 3600), int(most * 3600)))

    def days_ago(self, least: float, most: float) -> datetime:
        return self.now - self.span(24 * least, 24 * most)

    def fresh_ids(self, first: int, last: int, cast: set[int]) -> Iterator[int]:
        ids = [id for id in range(first, last + 1) if id not in cast]
        return iter(self.dice.sample(ids, len(ids)))

    # Users

    def add_users(self) -> None:
        """Ids 301 to 911. 46 of them were last seen two years before the third night, when the purge runs."""
        ids = range(301, 301 + USERS)
        cast = {SAME_EMAIL, BLOCKED, ERASED, HELD, REVIEWED, SHARING, PARTNER, *range(TESTER, ids.stop)}
        others = [id for id in ids if id not in cast]
        idle = self.dice.sample(others, TOTALS["purge_inactive_users.py"] - 2)
        self.idle = sorted([HELD, SHARING, *idle])
        self.active = [id for id in others if id not in self.idle]
        for id in ids:
            self.users[id] = self.user(id)
        self.users[ERASED]["deletion_requested_at"] = hourly_run(self.now) - timedelta(minutes=34)
        self.users[SAME_EMAIL] |= {"name": "Lena Novak", "email": "lena.novak@example.com"}

    def user(self, id: int) -> Row:
        first, last = self.dice.choice(FIRST), self.dice.choice(LAST)
        host = "test.example.com" if id >= TESTER else "example.com"
        left = night(3, self.now) - timedelta(days=731) - self.span(1, 150)
        return {
            "id": id,
            "email": f"{first}.{last}{id}@{host}".lower(),
            "name": f"{first} {last}",
            "created_at": self.days_ago(800, 900),
            "last_seen_at": left if id in self.idle else self.days_ago(0, 19),
            "deletion_requested_at": None,
        }

    # Quiz responses

    def add_quizzes(self) -> None:
        """An orphan turns a week old in the day before the night that meets it; nine are too young still."""
        ids = self.fresh_ids(66_901, 68_100, {LINKED_QUIZ, BLOCKING_QUIZ, TEST_QUIZ, SHARED_QUIZ})
        self.add_quiz(LINKED_QUIZ, None, self.users[SAME_EMAIL]["email"], self.week_before(NIGHTS))
        self.users[SAME_EMAIL]["created_at"] = self.quizzes[LINKED_QUIZ]["created_at"] + timedelta(days=1)
        self.add_quiz(BLOCKING_QUIZ, None, self.users[BLOCKED]["email"], self.week_before(NIGHTS))
        self.add_quiz(TEST_QUIZ, None, "checkout-robot@test.example.com", self.week_before(NIGHTS))
        self.add_quiz(SHARED_QUIZ, SHARING, self.users[SHARING]["email"], self.days_ago(760, 795))
        for number in range(TOTALS["cleanup_orphaned_quizzes.py"] - 3):
            owner = self.dice.choice([None, None, self.dice.randint(90, 250)])  # 90 to 250: lost in an old import
            created_at = self.week_before(self.dice.randint(1, NIGHTS))
            self.add_quiz(next(ids), owner, f"guest{number}@example.net", created_at)
        for number in range(9):
            self.add_quiz(next(ids), None, f"visitor{number}@example.net", self.days_ago(0.1, 6))
        while len(self.quizzes) < QUIZZES:
            owner = self.dice.choice(self.active + self.idle)
            created_at = self.days_ago(760, 795) if owner in self.idle else self.days_ago(20, 790)
            self.add_quiz(next(ids), owner, self.users[owner]["email"], created_at)

    def week_before(self, number: int) -> datetime:
        return night(number, self.now) - timedelta(days=7) - self.span(1, 20)

    def add_quiz(self, id: int, user_id: int | None, email: str, created_at: datetime) -> None:
        kcal = 50 * self.dice.randint(30, 56)
        answers = {"diet": self.dice.choice(DIETS), "persons": self.dice.randint(1, 5), "kcal": kcal}
        self.quizzes[id] = {
            "id": id,
            "user_id": user_id,
            "email": email,
            "created_at": created_at,
            "answers": json.dumps(answers),
        }

    # Meal plans

    def add_plans(self) -> None:
        self.quizzes_of: dict[int | None, list[Row]] = defaultdict(list)
        for quiz in self.quizzes.values():
            self.quizzes_of[quiz["user_id"]].append(quiz)
        self.add_cast_of_plans()
        ids = self.fresh_ids(11_001, 12_400, set(self.plans))
        for _ in range(TOTALS["cleanup_expired_pdfs.py"] - len(FAILING)):
            self.add_plan(next(ids), self.dice.choice(self.active), self.before_run(self.dice.randint(0, NIGHTS)))
        for user_id in self.idle:
            for _ in range(self.dice.randint(1, 2)):
                self.add_plan(next(ids), user_id, self.days_ago(645, 665), gone=True)
        while len(self.plans) < PLANS:
            gone = self.dice.random() < 0.45
            expires = self.days_ago(10, 500) if gone else self.days_ago(-89, -2)
            self.add_plan(next(ids), self.dice.choice(self.active), expires, gone=gone)

    def add_cast_of_plans(self) -> None:
        new = self.now + PDF_LIFE - timedelta(days=5)
        for id, run in FAILING.items():
            self.add_plan(id, self.dice.choice(self.active), self.before_run(run))
        self.add_plan(ERASED_PLAN, ERASED, self.now + timedelta(days=37), name="12345-Xy7", size=48_213)
        self.add_plan(HELD_PLAN, HELD, new, name="11020-Qa2", created=self.days_ago(750, 755))
        self.add_plan(REVIEWED_PLAN, REVIEWED, night(4, self.now) + timedelta(hours=10))
        self.add_plan(LINKED_PLAN, SAME_EMAIL, new, quiz=LINKED_QUIZ)
        self.add_plan(PARTNER_PLAN, PARTNER, new, quiz=SHARED_QUIZ)
        self.add_plan(TEST_PLAN, TESTER, new, quiz=TEST_QUIZ)
        host, plan = f"{self.blob.store_id}.public.blob.vercel-storage.com", self.plans
        plan[OLD_HOST]["pdf_url"] = plan[OLD_HOST]["pdf_url"].replace(host, "blob.vercel-storage.com")
        plan[TWO_SLASHES]["pdf_url"] = plan[TWO_SLASHES]["pdf_url"].replace("/plans/", "/plans//")
        plan[OTHER_STORE]["pdf_url"] = plan[OTHER_STORE]["pdf_url"].replace(self.blob.store_id, "stag1ng0")
        plan[OTHER_STORE]["user_id"] = TESTER + 1

    def before_run(self, run: int) -> datetime:
        """A moment the run of this number is the first to find past."""
        return runs(self.now)[run] - self.span(0.2, 15)

    def add_plan(
        self,
        id: int,
        user_id: int,
        expires: datetime,
        *,
        gone: bool = False,
        quiz: int | None = None,
        name: str | None = None,
        size: int | None = None,
        created: datetime | None = None,
    ) -> None:
        """`gone`: the PDF was deleted at its time; else its blob is in the store."""
        pathname = f"plans/{name or f'{id}-' + ''.join(self.dice.choices(LETTERS, k=3))}.pdf"
        created = created or expires - PDF_LIFE
        answered = [quiz["id"] for quiz in self.quizzes_of[user_id] if quiz["created_at"] < created]
        self.plans[id] = {
            "id": id,
            "user_id": user_id,
            "quiz_response_id": quiz or (self.dice.choice(answered) if answered else None),
            "created_at": created,
            "pdf_url": None if gone else self.blob.url_of(pathname),
            "pdf_generated_at": created,
            "pdf_expires_at": expires,
            "pdf_deleted_at": expires + timedelta(hours=3) if gone else None,
        }
        if not gone:
            self.blobs.append((pathname, size or self.dice.randint(31_000, 96_000)))

    # The rest

    def payments(self) -> Iterator[Row]:
        for user_id in self.dice.choices(self.active, k=700):
            failed = self.dice.random() < 0.06
            yield payment(self.users[user_id]["email"], self.days_ago(1, 400), "insufficient_funds" if failed else None)
        yield payment(APPELLANT, self.now - timedelta(days=75))
        yield payment(APPELLANT, self.now - timedelta(days=45))
        for hours in (0, 24, 72):
            yield payment(APPELLANT, self.now - timedelta(days=15, hours=-hours), "expired_card")

    def blacklist(self) -> Iterator[Row]:
        for number in range(11):
            reason = self.dice.choice(["Chargeback", "Stolen card", "Many accounts from one address"])
            yield {
                "email": f"blocked{number}@example.org",
                "reason": reason,
                "created_at": self.days_ago(20, 300),
            }
        created_at = self.now - timedelta(days=12)
        yield {"email": APPELLANT, "reason": "3 failed payments within a week", "created_at": created_at}

    def holds(self) -> Iterator[Row]:
        yield hold(HELD_PLAN, "Case 2026-118", self.now - timedelta(days=80))
        yield hold(REVIEWED_PLAN, "Tax audit of the order", self.now - timedelta(days=50))
        released = self.now - timedelta(days=9)
        yield hold(LINKED_PLAN, "Refund dispute", self.now - timedelta(days=30)) | {"released_at": released}


def numbered(rows: Iterator[Row]) -> list[Row]:
    return [{"id": id} | row for id, row in enumerate(rows, start=1)]


def payment(email: str, at: datetime, failure: str | None = None) -> Row:
    return {
        "email": email,
        "amount_cents": 1990,
        "status": "failed" if failure else "succeeded",
        "failure_code": failure,
        "ip_country": "DE",
        "card_country": "DE",
        "created_at": at,
    }


def hold(plan_id: int, reason: str, at: datetime) -> Row:
    return {
        "resource_type": "meal_plan",
        "resource_id": plan_id,
        "reason": reason,
        "placed_by": "legal@example.com",
        "placed_at": at,
        "released_at": None,
    }
