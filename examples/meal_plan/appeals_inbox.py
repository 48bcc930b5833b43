"""Brings appeals against the e-mail blacklist before a person: a JSON file each, `email` and `message`."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: this package is beside us, `scripts` is in the project's root
    sys.path[:0] = [str(Path(__file__).resolve().parents[up]) for up in (1, 2)]

from meal_plan.cleanup import Counts, Database, arguments, connect
from scripts.manual_resolution.add_to_queue import add_to_queue

PAYMENTS = """
select created_at, amount_cents, status, failure_code, ip_country, card_country
from payments where email = %s order by created_at"""


def run(db: Database, messages: Iterable[dict[str, str]], now: datetime) -> Counts:
    """An appeal of somebody who is not on the list needs nobody."""
    counts = Counts()
    for message in messages:
        query = "select id, email, reason from email_blacklist where lower(email) = lower(%s)"
        if entry := db.execute(query, (message["email"],)).fetchone():
            bring_before_a_person(db, entry, message["message"], now)
            counts.queued.append(entry["id"])
    return counts


def bring_before_a_person(db: Database, entry: dict[str, Any], appeal: str, now: datetime) -> None:
    payments = db.execute(PAYMENTS, (entry["email"],)).fetchall()
    add_to_queue(
        item_type="blacklist_disputed",
        resource_type="email_blacklist",
        resource_id=entry["id"],
        priority="medium",
        reason=f"User appeals blacklist entry: {entry['reason']}",
        context={
            "email": entry["email"],
            "blacklist_reason": entry["reason"],
            "appeal_message": appeal,
            "payment_history": payments,
            "fraud_indicators": fraud_indicators(payments),
        },
        occurred_at=now,
        producer="appeals_inbox.py",
    )


def fraud_indicators(payments: list[dict[str, Any]]) -> list[str]:
    """What in the payments looks like abuse, one sentence each."""
    found = []
    if any(paid["ip_country"] != paid["card_country"] for paid in payments):
        found.append("Paid from another country than the card's (VPN?)")
    failed = [paid["created_at"] for paid in payments if paid["status"] == "failed"]
    if any(third - first < timedelta(hours=1) for first, third in zip(failed, failed[2:], strict=False)):
        found.append("Three failed payments within an hour")
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("inbox", type=Path, help="folder of *.json files; each is renamed to *.done")
    wanted = parser.parse_args()
    with connect(wanted.database) as db:
        for letter in sorted(wanted.inbox.glob("*.json")):
            print(letter.name, run(db, [json.loads(letter.read_text())], datetime.now(UTC)))
            letter.rename(letter.with_suffix(".done"))


if __name__ == "__main__":
    main()
