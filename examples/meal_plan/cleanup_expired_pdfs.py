"""Deletes the PDFs that have expired (nightly), and those of people who asked for erasure (hourly)."""

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vercel.blob import sync as blob

if not __package__:  # run as a file: this package is beside us, `scripts` is in the project's root
    sys.path[:0] = [str(Path(__file__).resolve().parents[up]) for up in (1, 2)]

from manual_resolution import withdraw
from meal_plan.cleanup import Counts, Database, arguments, connect, is_test_account
from scripts.manual_resolution.add_to_queue import add_to_queue

TRIES = 3
FAILING_RUNS = 3  # then a person has it; the script does not come back to it

DUE = """
select p.id, p.user_id, p.pdf_url, p.pdf_generated_at, p.pdf_deletion_failures,
       u.email, u.deletion_requested_at
from meal_plans p join users u on u.id = p.user_id
where p.pdf_url is not null and p.pdf_deletion_failures < %(failing_runs)s
  and (u.deletion_requested_at <= %(now)s or p.pdf_expires_at <= %(now)s and not %(requests_only)s)
  and not exists (select from retention_holds h where h.released_at is null
                  and (h.resource_type, h.resource_id) in (('meal_plan', p.id), ('user', u.id)))
order by p.id"""


@dataclass(frozen=True)
class Failure:
    """Why a PDF is still there. `tries` made; `status` of the last answer, None without one."""

    summary: str
    last_error: str
    tries: int = 0
    status: int | None = None
    temporary: bool = False


def run(db: Database, store: str, now: datetime, *, requests_only: bool = False, pause: float = 2.0) -> Counts:
    """`store`: our blob store's id; `requests_only`: not what expired; `pause`: seconds between tries."""
    counts = Counts()
    due = {"now": now, "failing_runs": FAILING_RUNS, "requests_only": requests_only}
    for plan in db.execute(DUE, due).fetchall():
        failure = delete_pdf(plan["pdf_url"], store, pause)
        if failure is None:
            forget_pdf(db, plan, now)
            counts.deleted.append(plan["id"])
        else:
            leave_to_a_person(db, plan, failure, now)
            counts.queued.append(plan["id"])
    return counts


def delete_pdf(url: str, store: str, pause: float) -> Failure | None:
    """Tries three times where trying again can help; None: the PDF is gone."""
    if not (urlsplit(url).hostname or "").startswith(f"{store.lower()}."):
        return Failure("PDF URL is not in our Vercel Blob store", f"ForeignStore: {urlsplit(url).hostname}")
    for tries in range(1, TRIES + 1):
        try:
            blob.delete_blob(url)
        except blob.BlobError as error:
            failure = described(error, tries)
            if not failure.temporary:
                return failure
            time.sleep(pause and max(pause, getattr(error, "retry_after", 0)))
        else:
            return None
    return failure


def described(error: blob.BlobError, tries: int) -> Failure:
    """The error in the words of the queue: `ServiceUnavailable: Blob service temporarily unavailable`."""
    temporary = isinstance(error, blob.BlobServiceNotAvailable | blob.BlobServiceRateLimited | blob.BlobUnknownError)
    code = error.code or ("bad_gateway" if error.status_code else "no_answer" if temporary else "bad_url")
    last_error = f"{code.title().replace('_', '')}: {str(error).removeprefix('Vercel Blob: ')}"
    if error.status_code:
        summary = f"Vercel Blob API returned {error.status_code} after {tries} retry attempts"
    elif temporary:
        summary = f"Vercel Blob API did not answer after {tries} retry attempts"
    else:
        summary = "PDF URL is not one Vercel Blob can delete"
    return Failure(summary, last_error, tries, error.status_code, temporary)


def forget_pdf(db: Database, plan: dict[str, Any], now: datetime) -> None:
    """First the queue, then our own table: whatever breaks in between, the next run does it again."""
    if plan["pdf_deletion_failures"]:
        reason = "PDF deleted by a later run"
        withdraw("pdf_deletion_failed", "meal_plan", plan["id"], reason, producer="cleanup_expired_pdfs.py")
    db.execute(
        "update meal_plans set pdf_url = null, pdf_deleted_at = %s, pdf_deletion_failures = 0 where id = %s",
        (now, plan["id"]),
    )


def leave_to_a_person(db: Database, plan: dict[str, Any], failure: Failure, now: datetime) -> None:
    """A PDF of somebody who asked for erasure is a compliance matter; one of a test account can wait."""
    requested = plan["deletion_requested_at"] is not None
    add_to_queue(
        item_type="pdf_deletion_failed",
        resource_type="meal_plan",
        resource_id=plan["id"],
        priority="critical" if requested else "low" if is_test_account(plan["email"]) else "medium",
        reason=failure.summary + (f" (GDPR request of user #{plan['user_id']})" if requested else ""),
        context={
            "pdf_url": plan["pdf_url"],
            "pdf_generated_at": f"{plan['pdf_generated_at']:%Y-%m-%dT%H:%M:%SZ}",
            "meal_plan_id": plan["id"],
            "retry_count": failure.tries,
            "last_error": failure.last_error,
            "status": failure.status,
        },
        occurred_at=now,
        producer="cleanup_expired_pdfs.py",
    )
    failing_runs = plan["pdf_deletion_failures"] + 1 if failure.temporary else FAILING_RUNS
    db.execute("update meal_plans set pdf_deletion_failures = %s where id = %s", (failing_runs, plan["id"]))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pause", type=float, default=2.0, metavar="SECONDS", help="between tries (2)")
    parser.add_argument("--requests-only", action="store_true", help="only for people who asked for erasure")
    wanted = parser.parse_args()
    store = os.environ["BLOB_READ_WRITE_TOKEN"].removeprefix("vercel_blob_rw_").partition("_")[0]
    with connect(wanted.database) as db:
        now = datetime.now(UTC)
        print(run(db, store, now, requests_only=wanted.requests_only, pause=wanted.pause))


if __name__ == "__main__":
    main()
