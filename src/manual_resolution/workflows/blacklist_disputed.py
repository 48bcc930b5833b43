"""Item type `blacklist_disputed`: somebody appeals against the e-mail blacklist (specification)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from psycopg import Connection

from manual_resolution import (
    Answer,
    Item,
    NotPossible,
    Plan,
    Recommendation,
    Resolved,
    Touch,
    Workflow,
    fails,
    passes,
    recommend,
    resolved,
    shown,
)

Answers = Mapping[str, Answer]
Db = Connection[Any]
SEVERAL = 2  # failed payments


def summed_up(payments: object) -> str:
    """`5 payments: 2 succeeded, 3 failed`, where that is what was recorded."""
    if not isinstance(payments, list) or not all(isinstance(one, dict) for one in payments):
        return str(payments)
    found = [str(one.get("status")) for one in payments]
    counted = ", ".join(f"{found.count(status)} {status}" for status in sorted(set(found), reverse=True))
    return f"{len(found)} payment{'' if len(found) == 1 else 's'}{': ' if found else ''}{counted}"


def listed(values: object) -> str:
    """A list in one line."""
    return ("; ".join(map(str, values)) or "none") if isinstance(values, list) else str(values)


@dataclass(frozen=True, kw_only=True)
class Appeal:
    """What the appeals inbox recorded."""

    email: str = shown("E-mail", personal=True)
    blacklist_reason: str = shown("Blacklist reason")
    appeal_message: str = shown("Appeal")
    payment_history: Sequence[Mapping[str, Any]] = shown("Payment history", brief=summed_up)
    fraud_indicators: Sequence[str] = shown("Fraud indicators", brief=listed, default=())


workflow = Workflow(
    "blacklist_disputed", context=Appeal, recommended="Review the payment history, then remove or reject"
)
workflow.advise("Consult the support team for context.")


def facts(item: Item) -> Appeal:
    """The item's context, typed."""
    return cast(Appeal, item.context)


def email_of(item: Item) -> str:
    """The address in dispute, empty where none was recorded."""
    return facts(item).email if isinstance(facts(item).email, str) else ""


# ------------------------------------------------------------------ checks


@workflow.check("The address is still on the blacklist")
def still_listed(item: Item, db: Db) -> Answer:
    if entries := entries_of(item, db):
        return passes("The address is still on the blacklist", entries=entries)
    return fails("The address is not on the blacklist any more")


@workflow.check("Its payments speak for it")
def payments(item: Item, db: Db) -> Answer:
    """Fails on several failed payments with none that succeeded since."""
    row = db.execute(
        """select count(*) filter (where status = 'failed'), count(*) filter (where status = 'succeeded'),
                  coalesce(max(created_at) filter (where status = 'succeeded')
                           > max(created_at) filter (where status = 'failed'), false)
             from payments where lower(email) = lower(%s)""",
        [email_of(item)],
    ).fetchone()
    failed, succeeded, since = row or (0, 0, False)
    said = f"Its payments: {failed} failed, {succeeded} succeeded{', the last one since' if since else ''}"
    answer = fails if failed >= SEVERAL and not since else passes
    return answer(said, failed=failed, succeeded=succeeded, succeeded_since=since)


def entries_of(item: Item, db: Db) -> list[int]:
    """Numbers of the blacklist's rows for the address, however it is spelt."""
    found = db.execute("select id from email_blacklist where lower(email) = lower(%s) order by id", [email_of(item)])
    return [id for (id,) in found.fetchall()]


# ------------------------------------------------------------------ what speaks for which option


@workflow.factor
def several_failed(answers: Answers) -> Recommendation | None:
    """Specification: multiple failed payments = likely keep on the blacklist."""
    found = answers["payments"]
    if found.verdict == "fail":
        return recommend("reject", f"{found.facts['failed']} payments failed and none has succeeded since.")
    return None


@workflow.factor
def fraud(item: Item) -> Recommendation | None:
    """Specification: check for fraud indicators."""
    if facts(item).fraud_indicators:
        return recommend("reject", f"There are signs of fraud: {listed(facts(item).fraud_indicators)}.")
    return None


@workflow.factor
def paid_since(answers: Answers) -> Recommendation | None:
    """Specification: remove if the appeal is valid (a legitimate payment failure)."""
    if answers["payments"].facts.get("succeeded_since"):
        return recommend("remove", "A payment has succeeded since, and there is no sign of fraud.")
    return None


# ------------------------------------------------------------------ options


remove = workflow.option("remove", "Remove from blacklist", effect="database", requires=["still_listed"])


@remove.run
def remove_entries(item: Item, db: Db) -> Resolved:
    gone = db.execute("delete from email_blacklist where id = any(%s)", [entries_of(item, db)]).rowcount
    return resolved("Removed from the blacklist", result=f"Removed from the blacklist ({rows(gone)})")


@remove.plan
def plan_remove(item: Item, db: Db) -> Plan:
    return touching(item, db, "delete")


reject = workflow.option("reject", "Reject appeal", effect="database", requires=["still_listed"])


@reject.run
def reject_appeal(item: Item, db: Db) -> Resolved:
    changed = db.execute(
        "update email_blacklist set appeal_rejected_at = now() where id = any(%s)", [entries_of(item, db)]
    ).rowcount
    return resolved("Appeal rejected, the address stays on the blacklist", result=f"Appeal rejected ({rows(changed)})")


@reject.plan
def plan_reject(item: Item, db: Db) -> Plan:
    return touching(item, db, "set appeal_rejected_at = now()")


def touching(item: Item, db: Db, change: str) -> Plan:
    """A plan of the address's rows."""
    return Plan(tuple(Touch("email_blacklist", id, change) for id in entries_of(item, db)))


def rows(number: int) -> str:
    """`1 row of email_blacklist`; none is refused: somebody took the address off meanwhile."""
    if not number:
        raise NotPossible("Not possible: the address is not on the blacklist any more. Nothing was done.")
    return f"{number} row{'' if number == 1 else 's'} of email_blacklist"


workflow.escalate("Escalate to support", team="support")
workflow.defer("Defer for 24 hours", hours=24)
