"""Deletes people not seen for two years, or who asked for it a month ago, with all they left. Weekly."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.errors import ForeignKeyViolation

if not __package__:  # run as a file: this package is beside us, `scripts` is in the project's root
    sys.path[:0] = [str(Path(__file__).resolve().parents[up]) for up in (1, 2)]

from manual_resolution import Priority
from meal_plan.cleanup import Counts, Database, arguments, connect, hold_facts, is_test_account
from scripts.manual_resolution.add_to_queue import add_to_queue

DUE = """
select id, email, created_at, last_seen_at, deletion_requested_at from users
where deleted_at is null
  and (last_seen_at <= %(now)s - interval '2 years' or deletion_requested_at <= %(now)s - interval '30 days')
order by id"""

HOLD = """
select h.id as hold_id, h.reason as hold_reason, h.placed_by, h.placed_at, h.keep_until,
       h.resource_type, h.resource_id, p.pdf_url
from retention_holds h
left join meal_plans p on h.resource_type = 'meal_plan' and p.id = h.resource_id
where h.released_at is null
  and (p.user_id = %(user)s or (h.resource_type, h.resource_id) = ('user', %(user)s))
order by h.keep_until nulls first, h.id limit 1"""


@dataclass(frozen=True)
class Obstacle:
    """The row that could not be deleted, and PostgreSQL's error."""

    resource_type: str
    resource_id: int
    error: ForeignKeyViolation


def run(db: Database, now: datetime) -> Counts:
    """Who is under a hold stays; a person is asked where the hold has no date, and again when that has come."""
    counts = Counts()
    for user in db.execute(DUE, {"now": now}).fetchall():
        if hold := db.execute(HOLD, {"user": user["id"]}).fetchone():
            if hold["keep_until"] is None or hold["keep_until"] <= now:
                ask_about_the_hold(user, hold, now)
                counts.queued.append(user["id"])
        elif obstacle := purge(db, user["id"]):
            leave_to_a_person(user, obstacle, now)
            counts.queued.append(user["id"])
        else:
            counts.deleted.append(user["id"])
    return counts


def purge(db: Database, user_id: int) -> Obstacle | None:
    """All of it or nothing; None: done."""
    row = "user", user_id
    try:
        with db.transaction():
            db.execute("delete from meal_plans where user_id = %s", (user_id,))
            for quiz in db.execute("select id from quiz_responses where user_id = %s", (user_id,)).fetchall():
                row = "quiz_response", quiz["id"]
                db.execute("delete from quiz_responses where id = %s", (quiz["id"],))
            row = "user", user_id
            db.execute("delete from users where id = %s", (user_id,))
    except ForeignKeyViolation as error:
        return Obstacle(*row, error)
    return None


def ask_about_the_hold(user: dict[str, Any], hold: dict[str, Any], now: datetime) -> None:
    add_to_queue(
        item_type="retention_exception",
        resource_type=hold["resource_type"],
        resource_id=hold["resource_id"],
        priority=priority(user),
        reason=f"A retention hold keeps user #{user['id']} from being purged: {hold['hold_reason']}",
        context=hold_facts(hold) | {"pdf_url": hold["pdf_url"], "user_id": user["id"]},
        occurred_at=now,
        producer="purge_inactive_users.py",
    )


def leave_to_a_person(user: dict[str, Any], obstacle: Obstacle, now: datetime) -> None:
    """The row in the way is the item's; the next run deletes the rest."""
    told, row = obstacle.error.diag, f"{obstacle.resource_type} #{obstacle.resource_id}"
    add_to_queue(
        item_type="foreign_key_violation",
        resource_type=obstacle.resource_type,
        resource_id=obstacle.resource_id,
        priority=priority(user),
        reason=f"User #{user['id']} cannot be purged: {told.table_name} still refers to {row}",
        context={
            "referencing_table": told.table_name,
            "constraint": told.constraint_name,
            "detail": told.message_detail,
            "user_id": user["id"],
            "last_seen_at": user["last_seen_at"],
        },
        occurred_at=now,
        producer="purge_inactive_users.py",
    )


def priority(user: dict[str, Any]) -> Priority:
    """A request for deletion that is not honoured is a compliance matter."""
    if user["deletion_requested_at"] is not None:
        return "critical"
    return "low" if is_test_account(user["email"]) else "medium"


def main() -> None:
    wanted = arguments(__doc__).parse_args()
    with connect(wanted.database) as db:
        print(run(db, datetime.now(UTC)))


if __name__ == "__main__":
    main()
