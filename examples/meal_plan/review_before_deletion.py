"""Asks before it is too late: PDFs that expire within a day although they are under a retention hold."""

import sys
from datetime import UTC, datetime
from pathlib import Path

if not __package__:  # run as a file: this package is beside us, `scripts` is in the project's root
    sys.path[:0] = [str(Path(__file__).resolve().parents[up]) for up in (1, 2)]

from meal_plan.cleanup import Counts, Database, arguments, connect, hold_facts
from scripts.manual_resolution.add_to_queue import add_to_queue

EXPIRING_UNDER_A_HOLD = """
select p.id, p.user_id, p.pdf_url, p.pdf_expires_at,
       h.id as hold_id, h.reason as hold_reason, h.placed_by, h.placed_at, h.keep_until
from meal_plans p
join retention_holds h on (h.resource_type, h.resource_id) = ('meal_plan', p.id) and h.released_at is null
where p.pdf_url is not null and p.pdf_expires_at > %(now)s and p.pdf_expires_at <= %(now)s + interval '1 day'
  and (h.keep_until is null or h.keep_until <= %(now)s)
order by p.id"""


def run(db: Database, now: datetime) -> Counts:
    """Deletes nothing: cleanup_expired_pdfs.py passes over what is under a hold."""
    counts = Counts()
    for plan in db.execute(EXPIRING_UNDER_A_HOLD, {"now": now}).fetchall():
        add_to_queue(
            item_type="retention_exception",
            resource_type="meal_plan",
            resource_id=plan["id"],
            priority="medium",
            reason=f"The PDF expires within a day and is under a retention hold: {plan['hold_reason']}",
            context=hold_facts(plan)
            | {
                "pdf_url": plan["pdf_url"],
                "pdf_expires_at": plan["pdf_expires_at"],
                "user_id": plan["user_id"],
            },
            occurred_at=now,
            producer="review_before_deletion.py",
        )
        counts.queued.append(plan["id"])
    return counts


def main() -> None:
    wanted = arguments(__doc__).parse_args()
    with connect(wanted.database) as db:
        print(run(db, datetime.now(UTC)))


if __name__ == "__main__":
    main()
