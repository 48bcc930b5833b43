"""One line of the spool: a failure with all that is needed to add it later, and a checksum of its own."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from manual_resolution.intake import Intake


@dataclass(frozen=True, slots=True)
class Kept:
    """What one line holds: a failure, the database it was meant for (None: none was named), the way it came."""

    intake: Intake
    database: str | None
    via: str


def line_of(kept: Kept) -> bytes:
    """One line of a file: the SHA-256 of what follows, and that as JSON in ASCII."""
    values = asdict(kept.intake) | {"spool": 1, "database": kept.database, "via": kept.via}
    text = json.dumps(values, default=_as_text).encode()
    return sha256(text).hexdigest().encode() + b" " + text + b"\n"


def kept_of(line: bytes) -> Kept:
    """What a line holds. Raises ValueError, TypeError or KeyError when it is not whole."""
    digest, _, text = line.partition(b" ")
    if sha256(text).hexdigest().encode() != digest:
        raise ValueError
    values = json.loads(text)
    facts = {one.name: values[one.name] for one in fields(Intake)}
    facts |= {"occurred_at": datetime.fromisoformat(facts["occurred_at"]), "add_id": UUID(facts["add_id"])}
    return Kept(Intake(**facts), values["database"], values["via"])


def whole(lines: Iterable[bytes]) -> list[Kept]:
    """What those of these lines hold that are whole."""
    found = []
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):
            found.append(kept_of(line))
    return found


def _as_text(value: UUID | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def arguments_of(intake: Intake) -> dict[str, Any]:
    """A failure as keyword arguments of `add_to_queue`, to try it again."""
    told = {
        name: getattr(intake, name)
        for name in (
            "item_type", "resource_type", "resource_id", "resource_key", "priority", "reason", "dedup_key",
            "occurred_at", "producer",
        )
    }  # fmt: skip
    told["context"] = None if intake.context is None else json.loads(intake.context)
    told["sla_hours"] = None if intake.sla_seconds is None else intake.sla_seconds / 3600
    return {name: value for name, value in told.items() if value is not None}
