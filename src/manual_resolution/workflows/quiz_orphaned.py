"""Item type `quiz_orphaned`: a quiz response that belongs to no user (specification)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation

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


def listed(values: object) -> str:
    """A list in one line."""
    return ("; ".join(map(str, values)) or "none") if isinstance(values, list) else str(values)


@dataclass(frozen=True, kw_only=True)
class OrphanedQuiz:
    """What the cleanup script recorded; the response's number is the item's resource."""

    email: str | None = shown("E-mail", default=None, personal=True)
    user_id: int | None = shown("User ID", default=None)
    created_at: str = shown("Created")
    foreign_key_references: Sequence[str] = shown("Foreign key references", brief=listed)


@dataclass(frozen=True)
class User:
    """Whose the quiz response is."""

    user: int = shown("User")


workflow = Workflow(
    "quiz_orphaned",
    context=OrphanedQuiz,
    recommended="Associate it with its user, or delete it where it has none",
)


def facts(item: Item) -> OrphanedQuiz:
    """The item's context, typed."""
    return cast(OrphanedQuiz, item.context)


def number_of(item: Item) -> int | None:
    """The quiz response's number; None where the item is about something else."""
    return item.resource_id if item.resource_type == "quiz_response" else None


# ------------------------------------------------------------------ checks


@workflow.check("Nothing refers to it")
def nothing_refers(item: Item, db: Db) -> Answer:
    rows = db.execute("select id from meal_plans where quiz_response_id = %s order by id", [number_of(item)]).fetchall()
    if not rows:
        return passes("Nothing refers to it")
    plans = [f"meal_plan #{id}" for (id,) in rows]
    more = f" and {len(plans) - 3} more" if len(plans) > 3 else ""
    verb = "refers" if len(plans) == 1 else "refer"
    return fails(f"{', '.join(plans[:3])}{more} {verb} to {item.resource}", meal_plans=[id for (id,) in rows])


@workflow.check("A user with its e-mail exists")
def user_exists(item: Item, db: Db) -> Answer:
    row = db.execute(
        """select u.id from users u
            where lower(u.email) = lower(coalesce((select email from quiz_responses where id = %s), %s))
            order by u.id limit 1""",
        [number_of(item), text(facts(item).email)],
    ).fetchone()
    if row:
        return passes(f"A user with its e-mail exists: user #{row[0]}", user_id=row[0])
    return fails("No user with its e-mail exists")


@workflow.check("It is still there and belongs to nobody")
def still_orphaned(item: Item, db: Db) -> Answer:
    row = db.execute(
        """select q.created_at::timestamptz, u.id
             from quiz_responses q left join users u on u.id = q.user_id where q.id = %s""",
        [number_of(item)],
    ).fetchone()
    if row is None:
        return fails(f"{item.resource} is gone, or is no quiz response")
    created_at, owner = row
    if owner is not None:
        return fails(f"{item.resource} belongs to user #{owner} now", user_id=owner)
    since = created_at.astimezone(UTC).isoformat()
    return passes("It is still there and belongs to nobody", created_at=since)


def text(value: object) -> str | None:
    """Recorded text; None for anything else."""
    return value if isinstance(value, str) else None


# ------------------------------------------------------------------ what speaks for which option


@workflow.factor
def the_user_exists(answers: Answers) -> Recommendation | None:
    """Specification: check if the user exists (if yes, associate)."""
    found = answers["user_exists"]
    if found.verdict == "pass":
        return recommend("associate", "The user exists.", user=found.facts["user_id"])
    return None


@workflow.factor
def recent(item: Item, answers: Answers) -> Recommendation | None:
    """Specification: if recent (less than 24 h), wait to see if the user completes the flow."""
    age = age_of(item, answers)
    if age is not None and age < timedelta(hours=24):
        return recommend("defer", "It is less than a day old: somebody may still complete the flow.", span="24h")
    return None


@workflow.factor
def safe_to_delete(item: Item, answers: Answers) -> Recommendation | None:
    """Specification: more than 7 days old, safe to delete."""
    age = age_of(item, answers)
    if age is not None and age > timedelta(days=7) and answers["nothing_refers"].verdict == "pass":
        return recommend("delete", "It is more than 7 days old and nothing refers to it.")
    return None


def age_of(item: Item, answers: Answers) -> timedelta | None:
    """Since the quiz was answered; None where it is not there."""
    created_at = answers["still_orphaned"].facts.get("created_at")
    return item.read_at - datetime.fromisoformat(created_at) if created_at else None


# ------------------------------------------------------------------ options


delete = workflow.option(
    "delete", "Delete immediately", effect="database", requires=["still_orphaned", "nothing_refers"]
)


@delete.run
def delete_quiz(item: Item, db: Db) -> Resolved:
    try:
        gone = db.execute("delete from quiz_responses where id = %s", [number_of(item)]).rowcount
    except ForeignKeyViolation as error:
        raise NotPossible(
            f"Not possible: {error.diag.table_name} refers to {item.resource}. Nothing was done."
        ) from error
    if gone != 1:
        raise NotPossible(f"Not possible: {item.resource} is gone already. Nothing was done.")
    return resolved(
        "Orphaned quiz response deleted (no FK references)",
        result=f"Deleted {item.resource} (1 row of quiz_responses)",
    )


@delete.plan
def plan_delete(item: Item) -> Plan:
    return touching(item, "delete")


associate = workflow.option(
    "associate", "Associate with user", effect="database", requires=["still_orphaned"], values=User
)


@associate.run
def give_to_user(item: Item, db: Db, values: User) -> Resolved:
    if not db.execute("select 1 from users where id = %s", [values.user]).fetchone():
        raise NotPossible(f"Not possible: there is no user #{values.user}. Nothing was done.")
    changed = db.execute(
        "update quiz_responses set user_id = %s where id = %s", [values.user, number_of(item)]
    ).rowcount
    if changed != 1:
        raise NotPossible(f"Not possible: {item.resource} is gone already. Nothing was done.")
    done = f"Associated with user #{values.user}"
    return resolved(done, result=f"{done} (1 row of quiz_responses)")


@associate.plan
def plan_associate(item: Item, values: User) -> Plan:
    return touching(item, f"set user_id = {values.user}")


def touching(item: Item, change: str) -> Plan:
    """A plan of the quiz response's own row."""
    number = number_of(item)
    return Plan(() if number is None else (Touch("quiz_responses", number, change),))


workflow.defer("Defer", hours=24)
workflow.escalate("Escalate")
