"""`mrq import`: failures out of a CSV or JSON Lines file."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue, print_json
from manual_resolution.cli.progress import progress
from manual_resolution.priority import PRIORITIES
from manual_resolution.worded import counted

if TYPE_CHECKING:
    from manual_resolution.importing import Checked, Imported

File = Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSON Lines; - is standard input.")]
Format = Annotated[
    str | None,
    given.option("--format", metavar="csv|jsonl", help="Else the file's name says it.", completion=given.formats),
]
Encoding = Annotated[
    str | None, given.option("--encoding", metavar="NAME", help="Else UTF-8, or UTF-16 with its mark.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the whole file, and add nothing.")]
Faults = Annotated[int, typer.Option(metavar="N", min=1, help="How many faulty lines are shown.")]


def register(app: typer.Typer) -> None:
    """Add `mrq import`."""
    examples = ("mrq import night.csv --dry-run", "mrq import night.csv", "zcat old.gz | mrq import - --format jsonl")
    app.command("import", rich_help_panel=given.ADDING, epilog=given.example(*examples))(import_file)


def import_file(
    file: File,
    format: Format = None,
    encoding: Encoding = None,
    dry_run: DryRun = False,
    faults: Faults = 20,
    producer: given.Producer = None,
    as_json: given.Json = False,
) -> None:
    """Add what a file holds, one failure a record. Nothing is added when one of them is faulty.

    Columns are what mrq add takes: item_type, resource_type, resource_id or resource_key, priority, reason, and where
    wanted context (JSON), sla_hours, dedup_key, occurred_at, producer. After a break run it again: it goes on there.
    """
    from manual_resolution import importing
    from manual_resolution.intake import intake
    from manual_resolution.producing import named
    from manual_resolution.records import Source

    who = intake("any", "any", 1, "low", "any", producer=producer or named() or importing.PRODUCER).producer
    with Source(file, format, encoding) as source:
        with progress("Checking") as advance:
            checked = importing.check(source, shown=faults, progress=advance)
        if checked.faulty or dry_run:
            print_json(outcome(checked, dry_run)) if as_json else print(told(checked))
        if checked.faulty:
            are = "1 record is" if checked.faulty == 1 else f"{checked.faulty:,} records are"
            fail(f"{are} faulty of {checked.records:,}: nothing was added.", 1)
        if dry_run:
            return
        with closing(open_queue()) as queue, progress("Importing") as advance:
            imported = importing.load(queue, source, checked.records, producer=who, progress=advance)
    print_json(outcome(checked, dry_run, imported)) if as_json else print(summary(imported))


def outcome(checked: "Checked", dry_run: bool, imported: "Imported | None" = None) -> dict[str, Any]:
    """What importing came to, JSON-ready."""
    from dataclasses import asdict

    return asdict(checked) | {"dry_run": dry_run, "imported": None if imported is None else asdict(imported)}


def told(checked: "Checked") -> str:
    """The faults a line each; where there are none, what the file holds."""
    from manual_resolution.inert import inert

    if checked.faulty:
        more = checked.faulty - len(checked.faults)
        return "\n".join(
            [*(inert(str(fault)) for fault in checked.faults), *([f"… and {more:,} more."] if more else [])]
        )
    kinds = [f"  {count:,} {name}" for name, count in sorted(checked.by_type.items())]
    priorities = ", ".join(f"{checked.by_priority[p]:,} {p}" for p in PRIORITIES if p in checked.by_priority)
    return "\n".join([f"{counted(checked.records, 'record')}, none faulty: {priorities or 'nothing to add'}.", *kinds])


def summary(imported: "Imported") -> str:
    """`1,000 records: 980 new items, 15 open already and counted, 5 added by an earlier run.`"""
    parts = [counted(imported.new, "new item")]
    if imported.repeated:
        parts.append(f"{imported.repeated:,} known already and counted")
    if imported.before:
        parts.append(f"{imported.before:,} added by an earlier run of this very file")
    return f"{counted(imported.records, 'record')}: {', '.join(parts)}."
