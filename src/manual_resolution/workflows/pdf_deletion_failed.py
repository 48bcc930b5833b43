"""Item type `pdf_deletion_failed`: a meal plan's PDF that Vercel Blob did not delete (specification)."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from psycopg import Connection

from manual_resolution import (
    Answer,
    Call,
    Item,
    NotPossible,
    Outcome,
    Plan,
    Recommendation,
    Resolved,
    Workflow,
    fails,
    passes,
    recommend,
    resolved,
    shown,
    unknown,
)
from manual_resolution.workflows._plans_pdf import blob_service, forget_pdf, looked, probe, rows_to_touch, why_left

Answers = Mapping[str, Answer]
Db = Connection[Any]
STATUS, STATUS_TOLD = re.compile(r"([45][0-9]{2})\b"), re.compile(r"returned ([45][0-9]{2})\b")
PERSISTENT = timedelta(days=3)
ERROR_NAMES = {"NotFound": 404, "RateLimited": 429, "InternalServerError": 500, "ServiceUnavailable": 503}


@dataclass(frozen=True, kw_only=True)
class FailedDeletion:
    """What the cleanup script recorded."""

    pdf_url: str = shown("PDF URL")
    pdf_generated_at: str | None = shown("Generated", default=None)
    last_error: str = shown("Last error", brief=lambda error: str(error).partition(": ")[0])
    retry_count: int
    status: int | None = None


workflow = Workflow(
    "pdf_deletion_failed",
    context=FailedDeletion,
    recommended="Check Vercel status page, retry deletion, or mark as permanently failed",
)
workflow.advise("Check the Vercel status page for ongoing incidents.")


def facts(item: Item) -> FailedDeletion:
    """The item's context, typed."""
    return cast(FailedDeletion, item.context)


def url_of(item: Item) -> str:
    """The PDF's address as it was recorded: empty where there is none, and nobody has checked it yet."""
    return str(facts(item).pdf_url or "")


# ------------------------------------------------------------------ checks


@workflow.check("The PDF is still there", outside=True)
def pdf_is_there(item: Item) -> Answer:
    found = looked(url_of(item), item.read_at)
    if found.state == "done":
        return fails(found.sentence)
    if found.state == "not_done":
        return passes(found.sentence, size=found.evidence["size"])
    return unknown(found.sentence, foreign=found.evidence.get("foreign", False))


@workflow.check("The blob service answers", outside=True)
def service_answers(item: Item) -> Answer:
    found = looked(url_of(item), item.read_at)
    if found.state != "unclear":
        return passes(f"The blob service answers{last_time(item)}")
    if "asked" in found.evidence:
        return unknown("The blob service was not asked")
    return fails(found.sentence, status=found.evidence.get("status"))


def last_time(item: Item) -> str:
    """`; the last 503 was 2 hours ago`, where the error is known."""
    status, ago = status_then(item), item.read_at - item.last_occurred_at
    return f"; the last {status} was {in_words(ago)} ago" if status else ""


def status_then(item: Item) -> int | None:
    """The HTTP status the script met, as far as it was recorded."""
    seen = facts(item)
    if isinstance(seen.status, int):
        return seen.status
    name = str(seen.last_error or "").partition(":")[0].strip()
    number = STATUS.match(name) or STATUS_TOLD.search(item.reason)
    return ERROR_NAMES.get(name) or (int(number[1]) if number else None)


def in_words(span: timedelta) -> str:
    """`2 hours`: whole units, rounded down."""
    seconds = max(0, span.total_seconds())
    units = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}
    unit = next((name for name, length in units.items() if seconds >= length), "second")
    number = int(seconds // units[unit])
    return f"{number} {unit}{'' if number == 1 else 's'}"


# ------------------------------------------------------------------ what speaks for which option


@workflow.factor
def already_gone(answers: Answers) -> Recommendation | None:
    if answers["pdf_is_there"].verdict == "fail":
        return recommend("retry", "The PDF is already gone; this updates the database.")
    return None


@workflow.factor
def beyond_operators(answers: Answers) -> Recommendation | None:
    """No retry changes an address that is not ours, a token that was revoked, a store that was suspended."""
    if answers["pdf_is_there"].facts.get("foreign"):
        return recommend("escalate", "MRQ must not delete at this URL.")
    if (status := answers["service_answers"].facts.get("status")) in (400, 401, 403):
        return recommend("escalate", f"The blob service refuses us ({status}); waiting does not change that.")
    return None


@workflow.factor
def limited(item: Item, attempts: Sequence[Any]) -> Recommendation | None:
    """The service said how long to wait, and that time is not over."""
    if not attempts or attempts[-1].state != "failed":
        return None
    wait = timedelta(seconds=min((attempts[-1].evidence or {}).get("retry_after") or 0, 86_400))
    minutes = math.ceil((attempts[-1].ended_at + wait - item.read_at).total_seconds() / 60)
    if minutes < 1:
        return None
    return recommend("defer", "The blob service asked to wait that long.", span=f"{minutes}m")


@workflow.factor
def persistent(item: Item, attempts: Sequence[Any]) -> Recommendation | None:
    """Specification: if persistent (more than 3 days), escalate."""
    by_hand = any(attempt.state in ("failed", "confirmed_not_done") for attempt in attempts)
    by_itself = item.last_occurred_at - item.created_at > PERSISTENT
    if by_itself or (by_hand and item.age > PERSISTENT):
        return recommend("escalate", "It has been failing for more than 3 days.")
    return None


@workflow.factor
def wait_an_hour(item: Item, answers: Answers, attempts: Sequence[Any]) -> Recommendation | None:
    """Specification: if the error is a 503, retry after 1 hour."""
    status, since = last_failure(item, attempts)
    if answers["service_answers"].verdict == "fail":
        return recommend("defer", "The blob service does not answer as it should now.", span="1h")
    if is_trouble(status) and since < timedelta(hours=1):
        return recommend("defer", f"The error was a {status}, less than an hour ago.", span="1h")
    return None


@workflow.factor
def answers_again(item: Item, answers: Answers, attempts: Sequence[Any]) -> Recommendation | None:
    status, since = last_failure(item, attempts)
    if not all(answers[key].verdict == "pass" for key in ("pdf_is_there", "service_answers")):
        return None
    if is_trouble(status) and since >= timedelta(hours=1):
        return recommend("retry", f"The error was a {status} and more than an hour has passed.")
    return recommend("retry", "The PDF is still there and the blob service answers.")


def last_failure(item: Item, attempts: Sequence[Any]) -> tuple[int | None, timedelta]:
    """Status and age of the last failure, the script's or an operator's."""
    for attempt in reversed(attempts):
        if attempt.ended_at and attempt.ended_at > item.last_occurred_at:
            return (attempt.evidence or {}).get("status"), item.read_at - attempt.ended_at
    return status_then(item), item.read_at - item.last_occurred_at


def is_trouble(status: int | None) -> bool:
    """A fault of the service's own, which passes."""
    return status is not None and 500 <= status <= 599


# ------------------------------------------------------------------ options


retry = workflow.option("retry", "Retry deletion now", effect="external", action="Retrying PDF deletion")


@retry.call
def delete_pdf(item: Item) -> Outcome:
    return blob_service("delete", url_of(item))


@retry.probe
def is_it_gone(item: Item) -> Outcome:
    return probe(url_of(item))


@retry.then
def record_deletion(item: Item, db: Db, outcome: Outcome) -> Resolved:
    left = "" if forget_pdf(item, url_of(item), db) else f"; {why_left(item, db)}"
    if outcome.evidence.get("already_gone"):
        known = f"PDF was already gone{left or '; database updated'}"
        return resolved(known, result=f"PDF was already gone{left}")
    if outcome.evidence.get("probed"):
        return resolved(f"PDF gone, as the blob service said after a retry without an answer{left}")
    known = f"Manual retry successful after Vercel API recovery{left}"
    return resolved(known, result=f"PDF deleted successfully{left}")


@retry.plan
def plan_retry(item: Item, db: Db) -> Plan:
    return Plan(rows_to_touch(item, url_of(item), db), (Call("Vercel Blob", "delete", url_of(item)),))


mark_failed = workflow.option("mark_failed", "Mark as permanently failed (update DB only)", effect="database")


@mark_failed.run
def give_pdf_up(item: Item, db: Db) -> Resolved:
    if not forget_pdf(item, url_of(item), db):
        raise NotPossible(f"Not possible: {why_left(item, db)}. Nothing was done.")
    return resolved(
        "Marked as permanently failed; database updated, the PDF was not deleted",
        result="Marked as permanently failed (1 row of meal_plans)",
    )


@mark_failed.plan
def plan_mark_failed(item: Item, db: Db) -> Plan:
    return Plan(rows_to_touch(item, url_of(item), db))


workflow.escalate("Escalate to engineering", team="engineering")
workflow.defer("Defer for 24 hours", hours=24)
