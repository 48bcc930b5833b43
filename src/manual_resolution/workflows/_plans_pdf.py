"""A meal plan's PDF, as the item types that delete one share it: at the blob service, and in the plan's row."""

from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from psycopg import Connection

from manual_resolution import Item, Outcome, Touch, done, not_done, unclear

Db = Connection[Any]
NO_PACKAGE = "The package of Vercel Blob is missing: pip install 'manual-resolution-queue[vercel]'"


# ------------------------------------------------------------------ the blob service


def blob_service(act: Literal["look", "delete"], url: object) -> Outcome:
    """Ask the service; its package is loaded only now."""
    try:
        from manual_resolution.workflows import _vercel_blob as service
    except ModuleNotFoundError:
        return unclear(NO_PACKAGE, asked=False) if act == "look" else not_done(NO_PACKAGE)
    return service.look(url) if act == "look" else service.delete(url)


@lru_cache(maxsize=1)
def looked(url: str, read_at: datetime) -> Outcome:
    """One question for all checks: asked once for each time the item is read."""
    return blob_service("look", url)


def probe(url: str) -> Outcome:
    """Whether an earlier deletion took effect."""
    found = blob_service("look", url)
    if found.state == "done":
        return done("the PDF is gone", probed=True)
    return not_done("the PDF is still there", **found.evidence) if found.state == "not_done" else found


# ------------------------------------------------------------------ the plan's row


def plans_pdf(item: Item, db: Db) -> str | None:
    """The URL the meal plan has now; None for no PDF, or no such plan."""
    row = db.execute("select pdf_url from meal_plans where id = %s", [item.resource_id]).fetchone()
    return row[0] if row else None


def forget_pdf(item: Item, url: str, db: Db) -> int:
    """The specification's update, for the URL the item is about and no other; the number of rows."""
    return db.execute(
        "update meal_plans set pdf_url = null, pdf_deleted_at = now() where id = %s and pdf_url = %s",
        [item.resource_id, url],
    ).rowcount


def rows_to_touch(item: Item, url: str, db: Db) -> tuple[Touch, ...]:
    """The plan's row, where it still has this PDF."""
    if item.resource_id is None or plans_pdf(item, db) != url:
        return ()
    return (Touch("meal_plans", item.resource_id, "set pdf_url = NULL, pdf_deleted_at = now()"),)


def why_left(item: Item, db: Db) -> str:
    """Why the plan's row was not updated."""
    if plans_pdf(item, db):
        return f"{item.resource} has another PDF now, which was left"
    return f"{item.resource} has no PDF any more"
