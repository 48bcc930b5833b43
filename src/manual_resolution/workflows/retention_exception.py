"""Item type `retention_exception`: a regulatory hold prevents a deletion (specification).

A hold ends only by its release. Its date says when somebody is asked again, so setting one can cost nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, cast

from psycopg import Connection
from psycopg.rows import class_row

from manual_resolution import (
    Answer,
    Call,
    InvalidInput,
    Item,
    NotPossible,
    Outcome,
    Plan,
    Recommendation,
    Resolved,
    Touch,
    Workflow,
    done,
    fails,
    passes,
    recommend,
    resolved,
    shown,
    unknown,
)
from manual_resolution.workflows._plans_pdf import (
    blob_service,
    forget_pdf,
    looked,
    plans_pdf,
    probe,
    rows_to_touch,
    why_left,
)

Answers = Mapping[str, Answer]
Db = Connection[Any]
LONGEST = timedelta(days=30 * 365)  # longer than any retention period we know of: a typing error


@dataclass(frozen=True, kw_only=True)
class KeptByHold:
    """What the cleanup script recorded of the hold, and of what it keeps."""

    hold_id: int
    hold_reason: str = shown("Hold")
    placed_by: str = shown("Placed by")
    placed_at: str | None = shown("Placed", default=None)
    keep_until: str | None = shown("Keep until", brief=lambda date: date or "no date", default=None)
    pdf_url: str | None = shown("PDF URL", brief=lambda url: url or "none", default=None)


@dataclass(frozen=True)
class Until:
    """From when on somebody is to be asked again."""

    until: date = shown("Keep until (a date such as 2027-06-30)")  # noqa: RUF009  # dates do not change


workflow = Workflow(
    "retention_exception",
    context=KeptByHold,
    recommended="Ask who placed the hold: keep it until a date, or release it and delete",
)
workflow.advise("Ask who placed the hold whether it still stands, and name the answer as your reason.")


class Hold(NamedTuple):
    """A row of `retention_holds`."""

    id: int
    resource_type: str
    resource_id: int
    placed_by: str
    keep_until: datetime | None
    released_at: datetime | None


def facts(item: Item) -> KeptByHold:
    """The item's context, typed."""
    return cast(KeptByHold, item.context)


def url_of(item: Item) -> str:
    """The PDF's address as it was recorded; empty where there is none."""
    return str(facts(item).pdf_url or "")


# ------------------------------------------------------------------ the holds


def holds(item: Item, db: Db) -> list[Hold]:
    """Every hold on the item's resource, or on the user whose meal plan it is."""
    with db.cursor(row_factory=class_row(Hold)) as cursor:
        return cursor.execute(
            """select id, resource_type, resource_id, placed_by, keep_until, released_at
                 from retention_holds
                where (resource_type, resource_id) = (%(type)s, %(id)s)
                   or %(type)s = 'meal_plan' and resource_type = 'user'
                      and resource_id = (select user_id from meal_plans where id = %(id)s)
                order by id""",
            {"type": item.resource_type, "id": item.resource_id},
        ).fetchall()


@workflow.keeps
def under_hold(item: Item, db: Db) -> str | None:
    """Nothing about a resource under a hold is erased, whatever the item's type."""
    if db.execute("select to_regclass('retention_holds')").fetchone() == (None,):
        return None
    standing = [hold for hold in holds(item, db) if not hold.released_at]
    return f"hold #{standing[0].id} of {standing[0].placed_by} stands" if standing else None


def hold_of(item: Item, db: Db) -> Hold | None:
    """The hold the item is about: the recorded one, if it is on the item's very resource."""
    return next((hold for hold in holds(item, db) if is_the_items(hold, item)), None)


def open_hold(item: Item, db: Db) -> Hold | None:
    """The item's hold, unless it was released."""
    hold = hold_of(item, db)
    return hold if hold and not hold.released_at else None


def no_hold(item: Item) -> str:
    """Said where the recorded hold is none, or another resource's."""
    return f"There is no hold of the recorded number on {item.resource}"


def is_the_items(hold: Hold, item: Item) -> bool:
    """Whether it is the hold that was recorded; a number of another resource's hold is not believed."""
    on_it = (hold.resource_type, hold.resource_id) == (item.resource_type, item.resource_id)
    return on_it and type(facts(item).hold_id) is int and hold.id == facts(item).hold_id


def ending(hold: Hold, at: datetime) -> str:
    """Until when it is in force."""
    if hold.keep_until is None:
        return "without an end"
    day = hold.keep_until.astimezone(UTC).date()
    return f"until {day}" if hold.keep_until > at else f"and its date, {day}, has passed"


# ------------------------------------------------------------------ checks


@workflow.check("Its hold is in force")
def hold_in_force(item: Item, db: Db) -> Answer:
    hold = hold_of(item, db)
    if hold is None:
        return fails(no_hold(item))
    if hold.released_at:
        return fails(f"Hold #{hold.id} was released on {hold.released_at.astimezone(UTC).date()}", hold=hold.id)
    until = hold.keep_until and hold.keep_until.astimezone(UTC).isoformat()
    is_over = hold.keep_until is not None and hold.keep_until <= item.read_at
    said = f"Hold #{hold.id} of {hold.placed_by} is in force {ending(hold, item.read_at)}"
    return passes(said, hold=hold.id, placed_by=hold.placed_by, keep_until=until, is_over=is_over)


@workflow.check("No other hold keeps it")
def no_other_hold(item: Item, db: Db) -> Answer:
    others = [hold for hold in holds(item, db) if not hold.released_at and not is_the_items(hold, item)]
    if not others:
        return passes("No other hold keeps it")
    told = (f"#{hold.id} of {hold.placed_by} on {hold.resource_type} #{hold.resource_id}" for hold in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return fails(f"Another hold keeps it: {', '.join(told)}{more}", holds=[hold.id for hold in others])


@workflow.check("Hold and PDF are the ones recorded")
def as_recorded(item: Item, db: Db) -> Answer:
    """What the outside call deletes is what the context names: so it must be the plan's own."""
    if hold_of(item, db) is None:
        return fails(no_hold(item))
    now = plans_pdf(item, db) if item.resource_type == "meal_plan" else None
    if (now or "") != url_of(item):
        return fails(f"{item.resource} has {'another PDF than the one recorded' if now else 'no PDF any more'}")
    return passes(f"{item.resource} has {'the PDF recorded' if now else 'no PDF to delete'}")


@workflow.check("The PDF is still there", outside=True)
def pdf_is_there(item: Item) -> Answer:
    if not url_of(item):
        return passes("There is no PDF to look for")
    at_service = looked(url_of(item), item.read_at)
    answer = {"done": fails, "not_done": passes, "unclear": unknown}[at_service.state]
    return answer(at_service.sentence)


# ------------------------------------------------------------------ what speaks for which option


@workflow.factor
def released(answers: Answers) -> Recommendation | None:
    hold = answers["hold_in_force"]
    if hold.verdict == "fail" and "hold" in hold.facts and answers["pdf_is_there"].verdict != "unknown":
        return recommend("release_and_delete", f"{hold.sentence}: nothing keeps it any more.")
    return None


@workflow.factor
def is_over(answers: Answers) -> Recommendation | None:
    hold = answers["hold_in_force"]
    if hold.facts.get("is_over") and answers["pdf_is_there"].verdict != "unknown":
        return recommend("release_and_delete", "The hold's date has passed, and only a release ends it.")
    return None


# ------------------------------------------------------------------ options


keep_until = workflow.option(
    "keep_until", "Keep until a date", effect="database", requires=["hold_in_force"], values=Until, override=False
)


@keep_until.run
def prolong(item: Item, db: Db, values: Until) -> Resolved:
    """A nearer date than the hold has would not keep it longer: that is for two persons."""
    until, hold = midnight(item, values), open_hold(item, db)
    changed = db.execute(
        """update retention_holds set keep_until = %s
            where id = %s and released_at is null and coalesce(keep_until < %s, true)""",
        [until, hold and hold.id, until],
    ).rowcount
    if changed != 1:
        why = f"it is in force {ending(hold, item.read_at)}" if hold else "it is not in force any more"
        raise NotPossible(f"Not possible: the hold cannot be kept until {values.until}: {why}. Nothing was done.")
    return resolved(f"Kept until {values.until}", result=f"Kept until {values.until} (1 row of retention_holds)")


@keep_until.plan
def plan_keep(item: Item, db: Db, values: Until) -> Plan:
    return touching(open_hold(item, db), f"set keep_until = {midnight(item, values):%Y-%m-%d}")


def midnight(item: Item, values: Until) -> datetime:
    """The beginning of the day, UTC; raises `InvalidInput` for a day that is not to come, or beyond all reason."""
    today = item.read_at.astimezone(UTC).date()
    if not today < values.until <= today + LONGEST:
        allowed = f"a date after today, {today}, and within 30 years"
        raise InvalidInput("until", values.until.isoformat(), allowed)
    return datetime(values.until.year, values.until.month, values.until.day, tzinfo=UTC)


release = workflow.option(
    "release_and_delete",
    "Release the hold and delete the PDF",
    effect="external",
    requires=["as_recorded", "no_other_hold"],
    action="Deleting the PDF",
    approvals=1,
    override=False,
)


@release.call
def delete_pdf(item: Item) -> Outcome:
    return blob_service("delete", url_of(item)) if url_of(item) else done("there was no PDF to delete")


@release.probe
def is_it_gone(item: Item) -> Outcome:
    return probe(url_of(item)) if url_of(item) else done("there was no PDF to delete")


@release.then
def release_hold(item: Item, db: Db, outcome: Outcome) -> Resolved:
    """The hold is released once nothing is left of what it kept: a failed deletion releases nothing."""
    hold = open_hold(item, db)
    gone = db.execute(
        "update retention_holds set released_at = now() where id = %s and released_at is null", [hold and hold.id]
    ).rowcount
    hold_said = "Hold released" if gone else "The hold was released before"
    return resolved(f"{hold_said}, {pdf_said(item, db, outcome)}")


def pdf_said(item: Item, db: Db, outcome: Outcome) -> str:
    """What became of the PDF, and of the plan's row."""
    if not url_of(item):
        return "there was no PDF to delete"
    left = "" if forget_pdf(item, url_of(item), db) else f"; {why_left(item, db)}"
    if outcome.evidence.get("already_gone"):
        return f"PDF was already gone{left}"
    if outcome.evidence.get("probed"):
        return f"PDF gone, as the blob service said after a deletion without an answer{left}"
    return f"PDF deleted{left}"


@release.plan
def plan_release(item: Item, db: Db) -> Plan:
    url, hold = url_of(item), touching(open_hold(item, db), "set released_at = now()")
    if not url:
        return hold
    return Plan(hold.touches + rows_to_touch(item, url, db), (Call("Vercel Blob", "delete", url),))


def touching(hold: Hold | None, change: str) -> Plan:
    """A plan of the hold's own row."""
    return Plan((Touch("retention_holds", hold.id, change),) if hold else ())


workflow.escalate("Escalate")
workflow.defer("Defer for 24 hours", hours=24)
