"""Failures out of a file: checked as a whole, then added in batches; a run that broke off goes on where it was."""

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from manual_resolution.context import parse_context
from manual_resolution.errors import InvalidInput, InvalidType, Refused, Unreachable
from manual_resolution.intake import Intake, instant, intake, item_id
from manual_resolution.records import Fault, Record, Source

if TYPE_CHECKING:
    from manual_resolution.queue import Queue

#: The columns there may be: what `add_to_queue` takes; `created_at` is another name of `occurred_at`.
COLUMNS: Final = (
    "item_type", "resource_type", "resource_id", "resource_key", "priority", "reason", "context", "sla_hours",
    "dedup_key", "occurred_at", "created_at", "producer",
)  # fmt: skip
NEEDED: Final = ("item_type", "resource_type", "priority", "reason")
BATCH: Final = 1000
PRODUCER: Final = "import"

_HOURS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")

Progress = Callable[[int, int | None], None]


@dataclass(slots=True)
class Checked:
    """What a file holds: how many records, what kinds; how many are faulty, and the first of those."""

    records: int = 0
    faulty: int = 0
    faults: list[Fault] = field(default_factory=list)
    by_type: dict[str, int] = field(default_factory=dict)
    by_priority: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Imported:
    """What importing came to: new items, failures that were open already, and what an earlier run had recorded."""

    new: int = 0
    repeated: int = 0
    before: int = 0

    @property
    def records(self) -> int:
        """All of them."""
        return self.new + self.repeated + self.before


def check(source: Source, *, shown: int = 20, progress: Progress | None = None) -> Checked:
    """Read the whole file and check every record as an add would; the first `shown` faults are kept. Needs no database.

    `progress` is told the records read.
    """
    found = Checked()
    with closing(_intakes(source, PRODUCER)) as intakes:
        for checked in intakes:
            found.records += 1
            if isinstance(checked, Fault):
                found.faulty += 1
                if len(found.faults) < shown:
                    found.faults.append(checked)
            else:
                found.by_type[checked.item_type] = found.by_type.get(checked.item_type, 0) + 1
                found.by_priority[checked.priority] = found.by_priority.get(checked.priority, 0) + 1
            if progress and found.records % BATCH == 0:
                progress(found.records, None)
    return found


def load(
    queue: "Queue", source: Source, records: int, *, producer: str = PRODUCER, progress: Progress | None = None
) -> Imported:
    """Add the file's `records`, a transaction for each 1000. Each is added once, however often this is run.

    Raises `Unreachable` or `Refused`, which say how many are in the queue by then: run again, it goes on from there.
    """
    done = Imported()
    name = int.from_bytes(source.digest()[:16]) & ~0xFFFFFFFF  # with the line's number behind it: who it is
    with closing(_intakes(source, producer, name)) as intakes:
        try:
            while batch := _batch(intakes):
                for added in queue.add_once(batch):
                    if added is None:
                        done.before += 1
                    elif added.repeated:
                        done.repeated += 1
                    else:
                        done.new += 1
                if progress:
                    progress(done.records, records)
        except (Unreachable, Refused) as error:
            so_far = f"{done.records:,} of {records:,} records are in the queue: run it again, it goes on from there."
            raise type(error)(f"{error} {so_far}") from error
    return done


def _batch(intakes: Iterator[Intake | Fault]) -> list[Intake]:
    batch = []
    for checked in islice(intakes, BATCH):
        if isinstance(checked, Fault):
            raise Refused(f"The file was changed while it was read: {checked}")
        batch.append(checked)
    return batch


def _intakes(source: Source, producer: str, name: int = 0) -> Generator[Intake | Fault]:
    with closing(source.read(COLUMNS, NEEDED)) as records:
        for record in records:
            yield record if isinstance(record, Fault) else _intake(record, source.format, producer, name)


def _intake(record: Record, format: str, producer: str, name: int) -> Intake | Fault:
    try:
        values: dict[str, Any] = {"item_type": None, "resource_type": None, "producer": producer} | _read(
            record.values, format
        )
        return intake(**values, add_id=UUID(int=name | record.line))
    except (InvalidInput, InvalidType) as error:
        return Fault(record.line, str(error))


def _read(values: dict[str, Any], format: str) -> dict[str, Any]:
    """A record's values as `intake` takes them; what CSV can only say as text is read strictly."""
    if "created_at" in values:
        if "occurred_at" in values:
            raise InvalidInput("created_at", values["created_at"], "only one of occurred_at and created_at")
        values["occurred_at"] = values.pop("created_at")
    if isinstance(values.get("occurred_at"), str):
        values["occurred_at"] = instant(values["occurred_at"], "occurred_at")
    if format == "csv":
        for column, read in (("resource_id", _number), ("sla_hours", _hours), ("context", parse_context)):
            if column in values:
                values[column] = read(values[column])
    return values


def _number(text: str) -> int:
    return item_id(text, "resource_id")


def _hours(text: str) -> float:
    if not _HOURS.fullmatch(text):
        raise InvalidInput("sla_hours", text, "a number of hours, such as 24 or 0.5")
    return float(text)
