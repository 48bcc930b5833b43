"""Seven nights of the sample application: its scripts run at their moments, and what fails, fails for real.

The faults are the blob stand-in's, the foreign-key errors PostgreSQL's. Nothing is queued by hand.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import unquote, urlsplit

from . import (
    appeals_inbox,
    cleanup_expired_pdfs,
    cleanup_orphaned_quizzes,
    purge_inactive_users,
    review_before_deletion,
)
from .blob_stand_in import BlobStandIn
from .cleanup import Counts, Database, connect
from .data import (
    APPEAL,
    APPELLANT,
    BAD_GATEWAY,
    ERASED_PLAN,
    HEALED,
    LIMITED,
    LOST_REPLY,
    SLOW_TO_HEAL,
    TOTALS,
)
from .moments import NIGHTS, first_run, hourly_run, last_mail, night

Progress = Callable[[str, int, int, str], None]
TRIES = cleanup_expired_pdfs.TRIES


class Week:
    """What the scripts did so far, each id counted once, and whom to tell."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.deleted: dict[str, set[int]] = {script: set() for script in TOTALS}
        self.queued: dict[str, set[int]] = {script: set() for script in TOTALS}

    def add(self, script: str, counts: Counts) -> None:
        self.deleted[script].update(counts.deleted)
        self.queued[script].update(counts.queued)
        self.queued[script] -= self.deleted[script]
        if self.progress:
            self.progress(script, self.done(script), TOTALS[script], self.summary(script))

    def done(self, script: str) -> int:
        return len(self.deleted[script] | self.queued[script])

    def summary(self, script: str) -> str:
        """`204 deleted, 8 need a person`."""
        queued = len(self.queued[script])
        people = f"{queued} {'needs' if queued == 1 else 'need'} a person"
        return f"{len(self.deleted[script])} deleted, {people}" if self.deleted[script] else people


def seven_nights(
    database_url: str, blob: BlobStandIn, *, now: datetime, progress: Progress | None = None
) -> dict[str, dict[str, int]]:
    """Runs the scripts over the data of `populate(…, now)`; {script: {done, deleted, queued}}.

    `progress(script, done, total, summary)` is called after each run. Afterwards 15 items are open, one is
    withdrawn.
    """
    week = Week(progress)
    with queue_at(database_url), blob.session(), connect(database_url) as db:
        delete_pdfs(week, db, blob, first_run(now), {SLOW_TO_HEAL: "503"})
        for number in range(1, NIGHTS + 1):
            moment = night(number, now)
            delete_pdfs(week, db, blob, moment, faults_of(number))
            week.add("cleanup_orphaned_quizzes.py", cleanup_orphaned_quizzes.run(db, moment))
            if number == 3:
                week.add("purge_inactive_users.py", purge_inactive_users.run(db, moment))
            week.add("review_before_deletion.py", review_before_deletion.run(db, moment))
        delete_pdfs(week, db, blob, hourly_run(now), {ERASED_PLAN: "503"}, requests_only=True)
        letter = {"email": APPELLANT, "message": APPEAL}
        week.add("appeals_inbox.py", appeals_inbox.run(db, [letter], last_mail(now)))
    return {
        script: {
            "done": week.done(script),
            "deleted": len(week.deleted[script]),
            "queued": len(week.queued[script]),
        }
        for script in TOTALS
    }


def faults_of(number: int) -> dict[int, str]:
    """What the blob service answers in a night, by plan."""
    if number == NIGHTS:
        return {LOST_REPLY: "reset-after", LIMITED: "429", BAD_GATEWAY: "502-html"}
    return {1: {SLOW_TO_HEAL: "503", HEALED: "503"}, 2: {SLOW_TO_HEAL: "503"}}.get(number, {})


def delete_pdfs(
    week: Week,
    db: Database,
    blob: BlobStandIn,
    moment: datetime,
    faults: dict[int, str],
    requests_only: bool = False,
) -> None:
    for plan_id, reply in faults.items():
        blob.script_for(pathname(db, plan_id), reply, times=TRIES)
    counts = cleanup_expired_pdfs.run(db, blob.store_id, moment, requests_only=requests_only, pause=0)
    week.add("cleanup_expired_pdfs.py", counts)


def pathname(db: Database, plan_id: int) -> str:
    row = db.execute("select pdf_url from meal_plans where id = %s", (plan_id,)).fetchone()
    assert row is not None
    return unquote(urlsplit(row["pdf_url"]).path.removeprefix("/"))


@contextmanager
def queue_at(database_url: str) -> Iterator[None]:
    """For as long, `add_to_queue` adds in this database, as in a script started with DATABASE_URL."""
    before = os.environ.get("DATABASE_URL")
    os.environ["DATABASE_URL"] = database_url
    try:
        yield
    finally:
        if before is None:
            del os.environ["DATABASE_URL"]
        else:
            os.environ["DATABASE_URL"] = before
