"""What was decided, for an auditor: one line a decision, as JSON or CSV, read and written as a stream."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, TextIO

from manual_resolution.errors import InvalidInput
from manual_resolution.item import iso
from manual_resolution.masking import mask_of
from manual_resolution.registry import Registry
from manual_resolution.store import exporting as store
from manual_resolution.store.connection import Database, hold_still
from manual_resolution.store.exporting import Decided

Format = Literal["jsonl", "csv"]
FORMATS: Final[tuple[Format, ...]] = ("jsonl", "csv")
PATIENCE: Final = 6 * 3600.0

#: What a spreadsheet takes for the beginning of a formula, wide forms and an apostrophe with it.
FORMULA: Final = re.compile("[=+\\-@\t\r\n'＝＋－＠]")

COLUMNS: Final = (
    "at", "item_id", "entry", "decision", "option", "values", "outcome", "justification", "justification_source",
    "decided_by", "approved_by", "denied_by", "confirmed_by", "actor_kind", "via", "checks", "plan", "attempt",
    "attempt_state", "attempt_started_at", "attempt_ended_at", "escalated_to", "deferred_until", "priority",
    "item_type", "resource_type", "resource_id", "resource_key", "created_at", "sla_deadline", "erased",
)  # fmt: skip


@dataclass(slots=True)
class Exported:
    """How much was written."""

    decisions: int = 0
    items: int = 0


def export(
    database: Database,
    workflows: Registry,
    first: date,
    last: date,
    format: Format,
    out: TextIO,
    *,
    progress: Callable[[int, int], object] | None = None,
) -> Exported:
    """Write each decision of these whole days (UTC, both included) to `out`, oldest first; personal facts are masked.

    Raises `InvalidInput` for a last day before the first. `progress` is told decisions done and in all.
    """
    if last < first:
        raise InvalidInput("to", last.isoformat(), f"a day from {first.isoformat()} on")
    done, write = Exported(), writer(format, out)
    with database.transaction(PATIENCE) as db:
        hold_still(db)
        total, done.items = store.count(db, first, last)
        for found in store.decisions(db, first, last):
            write(decision(found, workflows))
            done.decisions += 1
            if progress and done.decisions % 500 == 0:
                progress(done.decisions, total)
    return done


def writer(format: Format, out: TextIO) -> Callable[[dict[str, Any]], object]:
    """What writes one decision; a CSV's first line, with the columns' names, is written at once."""
    if format == "jsonl":
        return lambda row: out.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    return lambda row: rows.writerow([cell(row[name]) for name in COLUMNS])


def cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet takes for a formula: such a text gets an apostrophe before it."""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def decision(found: Decided, workflows: Registry) -> dict[str, Any]:
    """One decision by `COLUMNS`."""
    private, tried = found.private or {}, found.attempt or {}
    metadata = private.get("resolution_metadata") or {}
    seen = private.get("shown") if isinstance(private.get("shown"), dict) else tried.get("seen") or private.get("seen")
    mask = mask_of(workflows.of(found.item_type), found.context, private.get("context"))
    withdrawn = private.get("reason") if found.verb == "withdraw" else None  # elsewhere it is the item's own
    said = {
        "option": private.get("option") or metadata.get("option") or tried.get("option"),
        "values": private.get("values") or metadata.get("values") or tried.get("values") or None,
        "outcome": private.get("resolution") or private.get("outcome") or private.get("changed") or withdrawn,
        "justification": first_of("justification", private, metadata, tried) or private.get("note"),
        "checks": metadata.get("checks") or (seen or {}).get("checks"),
        "plan": (seen or {}).get("plan"),
        "resource_key": found.resource_key,
    }
    facts = {
        "at": iso(found.at),
        "item_id": found.item_id,
        "entry": found.seq,
        "decision": found.verb,
        "justification_source": metadata.get("justification_source"),
        "decided_by": metadata.get("decided_by") or private.get("proposer") or tried.get("actor") or found.actor,
        "approved_by": metadata.get("approved_by") or (found.actor if found.verb == "approve" else None),
        "denied_by": found.actor if found.verb == "deny" else None,
        "confirmed_by": metadata.get("confirmed_by") or (found.actor if found.verb == "confirm" else None),
        "actor_kind": found.actor_kind,
        "via": found.via,
        "attempt": tried.get("n"),
        "attempt_state": tried.get("state"),
        "attempt_started_at": utc(tried.get("started_at")),
        "attempt_ended_at": utc(tried.get("ended_at")),
        "escalated_to": found.data.get("escalated_to"),
        "deferred_until": utc(found.data.get("deferred_until")),
        "priority": found.data.get("priority"),
        "item_type": found.item_type,
        "resource_type": found.resource_type,
        "resource_id": found.resource_id,
        "created_at": iso(found.created_at),
        "sla_deadline": utc(found.data.get("sla_deadline")),
        "erased": found.erased,
    }
    told = facts | {name: mask.value(value) for name, value in said.items()}
    return {name: told[name] for name in COLUMNS}


def first_of(name: str, *places: dict[str, Any]) -> Any:
    """The first of these values that says something."""
    return next((place[name] for place in places if place.get(name)), None)


def utc(text: str | None) -> str | None:
    """A time as PostgreSQL's JSON has it, in UTC where it names no zone, as `2026-01-02T15:00:00Z`."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return iso(at if at.tzinfo else at.replace(tzinfo=UTC))
