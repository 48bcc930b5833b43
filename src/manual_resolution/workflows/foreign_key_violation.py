"""Item type `foreign_key_violation`: a cleanup was stopped by an unexpected reference (specification).

The item's resource is the row to delete: its type names the table, or the table's singular; its id or key is the
primary key's value. Nothing in the context decides what is touched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

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
    unknown,
)
from manual_resolution.workflows import _foreign_keys as catalog
from manual_resolution.workflows._foreign_keys import MOST, Reach, Reference, Table

Answers = Mapping[str, Answer]
Db = Connection[Any]


@dataclass(frozen=True, kw_only=True)
class BlockedDeletion:
    """What the cleanup script recorded of PostgreSQL's error; for the person only."""

    referencing_table: str = shown("Referred to by")
    constraint: str = shown("Constraint")
    detail: str | None = shown("PostgreSQL said", default=None)


workflow = Workflow(
    "foreign_key_violation",
    context=BlockedDeletion,
    recommended="Find out who still uses the row, then retry, or detach what refers to it",
)
workflow.advise("An unexpected reference may mean that somebody still uses the row: ask who owns the referring table.")


@dataclass(frozen=True)
class Found:
    """What the database says of the item's row: its table, and what deleting it reaches; None where there is none."""

    table: Table | None
    reach: Reach | None


def found(item: Item, db: Db) -> Found:
    """Searched once for each time the item is read; what was found while deciding is locked until the end."""
    value = item.resource_id if item.resource_id is not None else item.resource_key
    return _found(item.resource_type, str(value), item.read_at, db)


@lru_cache(maxsize=1)
def _found(name: str, value: str, read_at: object, db: Db) -> Found:
    table = catalog.table_named(db, name)
    row = catalog.row_of(db, table, value) if table else None
    return Found(table, catalog.reach_of(db, row) if row else None)


# ------------------------------------------------------------------ checks


@workflow.check("The row is still there")
def still_there(item: Item, db: Db) -> Answer:
    now = found(item, db)
    if now.table is None:
        return unknown(f"There is no table named {item.resource_type}, in the singular or the plural")
    if now.reach is None:
        return fails(f"{item.resource} is gone already")
    return passes(f"{item.resource} is still in {now.table.shown}")


@workflow.check("Nothing forbids its deletion")
def nothing_forbids(item: Item, db: Db) -> Answer:
    now = found(item, db)
    if now.table is None:
        return unknown("It is not known where to look for references")
    if now.reach is None:
        return passes(f"Nothing is left to delete of {item.resource}")
    if now.reach.blocking:
        return fails(in_words(now.reach), references=facts_of(now.reach.blocking))
    if now.reach.size > MOST:
        return fails(f"Not one by one: {now.reach.obstacle}")
    return passes(in_words(now.reach), with_it=[str(row) for row in now.reach.gone])


@workflow.check("What refers to it can be detached")
def can_be_detached(item: Item, db: Db) -> Answer:
    reach = found(item, db).reach
    if reach is None:
        return unknown("There is no row to detach anything from")
    if reach.obstacle:
        return fails(f"It cannot be detached from here: {reach.obstacle}")
    columns = sorted({str(reference.by) for reference in reach.blocking})
    return passes(f"{' and '.join(columns)} can be set to null" if columns else "There is nothing to detach")


def in_words(reach: Reach) -> str:
    """`2 rows refer to quiz_responses #67105: meal_plans #1, #2 (by quiz_response_id)`, and what goes with it."""
    going = f"; {counted(len(reach.gone))} would go with it (on delete cascade)" if reach.gone else ""
    emptied = f"; {counted(len(reach.emptied))} would be detached by the database" if reach.emptied else ""
    if not reach.blocking:
        return f"Nothing forbids deleting {reach.root}{going}{emptied}"
    number = len(reach.blocking)
    rows = counted(number) if number <= MOST else f"More than {MOST} rows"
    by = "; ".join(by_column(reach.blocking))
    return f"{rows} refer{'s' if number == 1 else ''} to {reach.root}: {by}{going}{emptied}"


def by_column(references: Sequence[Reference]) -> list[str]:
    """`meal_plans #1, #2, #3 and 4 more (by quiz_response_id)`, for each foreign key."""
    keys = list(dict.fromkeys(reference.by for reference in references))
    return [told(key, [str(one.row.number) for one in references if one.by == key]) for key in keys]


def told(key: catalog.ForeignKey, numbers: Sequence[str]) -> str:
    more = f" and {len(numbers) - 3} more" if len(numbers) > 3 else ""
    rows = ", ".join(f"#{number}" for number in numbers[:3])
    return f"{key.table.shown} {rows}{more} (by {', '.join(key.columns)})"


def facts_of(references: Sequence[Reference]) -> list[str]:
    """What a decision is bound to: every row that refers to it, and by which column."""
    return [f"{reference.row} by {', '.join(reference.by.columns)}" for reference in references]


def counted(number: int) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} row{'' if number == 1 else 's'}"


# ------------------------------------------------------------------ what speaks for which option


@workflow.factor
def gone(answers: Answers) -> Recommendation | None:
    if answers["still_there"].verdict == "fail":
        return recommend("retry", "The row is gone already; this puts it on record.")
    return None


@workflow.factor
def no_longer_referred_to(answers: Answers) -> Recommendation | None:
    if answers["nothing_forbids"].verdict == "pass":
        return recommend("retry", "Nothing forbids the deletion any more.")
    return None


@workflow.factor
def beyond_operators(answers: Answers) -> Recommendation | None:
    """Somebody must say what becomes of rows that cannot do without it."""
    if answers["can_be_detached"].verdict == "fail":
        return recommend("escalate", f"{answers['can_be_detached'].sentence}.")
    return None


# ------------------------------------------------------------------ options


retry = workflow.option("retry", "Retry the deletion", effect="database", requires=["nothing_forbids"], override=False)


@retry.run
def delete_it(item: Item, db: Db) -> Resolved:
    reach = found(item, db).reach
    if reach is None:
        return resolved(f"{item.resource} was gone already; nothing was done")
    deleted = delete_row(item, reach, db)
    return resolved(
        f"Deleted {item.resource}; nothing forbade it any more", result=f"Deleted {item.resource} ({deleted})"
    )


@retry.plan
def plan_retry(item: Item, db: Db) -> Plan:
    reach = found(item, db).reach
    return Plan(deletion(reach) if reach else ())


detach = workflow.option(
    "detach_and_delete",
    "Detach what refers to it, then delete it",
    effect="database",
    requires=["still_there", "can_be_detached"],
    approvals=1,
    override=False,
)


@detach.run
def detach_and_delete(item: Item, db: Db) -> Resolved:
    reach = found(item, db).reach
    if reach is None:
        raise NotPossible(f"Not possible: {item.resource} is gone already. Nothing was done.")
    for reference in reach.blocking:
        only_one(catalog.detach(db, reference), str(reference.row))
    deleted = delete_row(item, reach, db)
    return resolved(
        f"Deleted {item.resource}, detached {counted(len(reach.blocking))} that referred to it",
        result=f"Deleted {item.resource} ({detached(reach)}{deleted})",
    )


@detach.plan
def plan_detach(item: Item, db: Db) -> Plan:
    reach = found(item, db).reach
    if reach is None:
        return Plan()
    return Plan(
        tuple(touch(one, f"set {', '.join(one.by.columns)} = NULL") for one in reach.blocking) + deletion(reach)
    )


def deletion(reach: Reach) -> tuple[Touch, ...]:
    """The row itself, and what the database's own rules do with others."""
    with_it = (Touch(row.table.shown, row.number, "delete with it (on delete cascade)") for row in reach.gone)
    emptied = (touch(one, f"detach {', '.join(one.by.columns)} ({one.by.rule})") for one in reach.emptied)
    return (*emptied, *with_it, Touch(reach.root.table.shown, reach.root.number, "delete"))


def touch(reference: Reference, change: str) -> Touch:
    return Touch(reference.row.table.shown, reference.row.number, change)


def delete_row(item: Item, reach: Reach, db: Db) -> str:
    """Delete it; `1 row of quiz_responses deleted`, and what went with it."""
    only_one(catalog.delete(db, reach.root), item.resource)
    with_it = f", {counted(len(reach.gone))} with it" if reach.gone else ""
    return f"1 row of {reach.root.table.shown} deleted{with_it}"


def detached(reach: Reach) -> str:
    """`2 rows of meal_plans detached, `; empty where nothing was."""
    tables = [reference.row.table.shown for reference in reach.blocking]
    return "".join(f"{counted(tables.count(name))} of {name} detached, " for name in dict.fromkeys(tables))


def only_one(rows: int, what: str) -> None:
    """A trigger or a rule of the host's may have kept the row: then nothing is done at all."""
    if rows != 1:
        raise NotPossible(f"Not possible: {what} could not be changed. Nothing was done.")


workflow.escalate("Escalate")
workflow.defer("Defer for 24 hours", hours=24)
