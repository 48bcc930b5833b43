"""Deletes quiz responses that are a week old and belong to nobody."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.errors import ForeignKeyViolation

if not __package__:  # run as a file: this package is beside us, `scripts` is in the project's root
    sys.path[:0] = [str(Path(__file__).resolve().parents[up]) for up in (1, 2)]

from meal_plan.cleanup import Counts, Database, arguments, connect, is_test_account
from scripts.manual_resolution.add_to_queue import add_to_queue

ORPHANS = """
select q.id, q.user_id, q.email, q.created_at, same_email.id as same_email,
       array(select 'meal_plan #' || p.id from meal_plans p where p.quiz_response_id = q.id) as used_by
from quiz_responses q
left join users owner on owner.id = q.user_id
left join users same_email on same_email.email = q.email
where owner.id is null and q.created_at <= %(now)s - interval '7 days'
order by q.id"""


def run(db: Database, now: datetime) -> Counts:
    counts = Counts()
    for quiz in db.execute(ORPHANS, {"now": now}).fetchall():
        obstacle = delete_quiz(db, quiz)
        if obstacle is None:
            counts.deleted.append(quiz["id"])
        else:
            leave_to_a_person(quiz, obstacle, now)
            counts.queued.append(quiz["id"])
    return counts


def delete_quiz(db: Database, quiz: dict[str, Any]) -> str | None:
    """None: deleted; else what stands in the way."""
    if quiz["same_email"] is not None:
        return f"Quiz response without a user blocks user #{quiz['same_email']}, who has the same e-mail"
    try:
        db.execute("delete from quiz_responses where id = %s", (quiz["id"],))
    except ForeignKeyViolation as error:
        return f"Quiz response without a user cannot be deleted: {error.diag.table_name} refers to it"
    return None


def leave_to_a_person(quiz: dict[str, Any], obstacle: str, now: datetime) -> None:
    add_to_queue(
        item_type="quiz_orphaned",
        resource_type="quiz_response",
        resource_id=quiz["id"],
        priority="low" if is_test_account(quiz["email"]) else "high",
        reason=obstacle,
        context={
            "quiz_response_id": quiz["id"],
            "user_id": quiz["user_id"] or quiz["same_email"],
            "created_at": quiz["created_at"],
            "foreign_key_references": quiz["used_by"],
            "email": quiz["email"],
        },
        occurred_at=now,
        producer="cleanup_orphaned_quizzes.py",
    )


def main() -> None:
    wanted = arguments(__doc__).parse_args()
    with connect(wanted.database) as db:
        print(run(db, datetime.now(UTC)))


if __name__ == "__main__":
    main()
