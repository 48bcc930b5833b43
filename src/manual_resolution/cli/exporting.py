"""`mrq audit export`: every decision of some days, for an auditor."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Annotated, TextIO

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import open_queue
from manual_resolution.cli.progress import progress
from manual_resolution.errors import InvalidInput
from manual_resolution.worded import counted


def formats(incomplete: str) -> list[str]:
    """The formats, for completion."""
    from manual_resolution.exporting import FORMATS

    return [one for one in FORMATS if one.startswith(incomplete)]


def export(
    from_: Annotated[str, given.option("--from", metavar="DAY", help="The first day, such as 2026-10-01; UTC.")],
    to: Annotated[str, given.option("--to", metavar="DAY", help="The last day, included.")],
    format: Annotated[
        str, given.option("--format", metavar="FORMAT", help="jsonl or csv.", completion=formats)
    ] = "jsonl",
    output: Annotated[
        str | None, given.option("-o", "--output", metavar="FILE", help="Write here, whole or not at all.")
    ] = None,
) -> None:
    """Write every decision of these days: what, why, by whom, seen on which checks. Personal facts are masked.

    In CSV a text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    from manual_resolution import exporting, intake
    from manual_resolution.inert import inert

    first, last = intake.day(from_, "from"), intake.day(to, "to")
    chosen = next((one for one in exporting.FORMATS if one == format), None)
    if chosen is None:
        raise InvalidInput("format", format, f"one of {', '.join(exporting.FORMATS)}")
    with closing(open_queue()) as queue, written(output) as out, progress("Exporting") as advance:
        done = exporting.export(queue.database, queue.workflows, first, last, chosen, out, progress=advance)
    told = f"{counted(done.decisions, 'decision')} on {counted(done.items, 'item')}, {first} to {last} UTC"
    print(f"{told}, in {inert(output)}." if output else f"{told}.", file=sys.stderr)


@contextmanager
def written(file: str | None) -> Iterator[TextIO]:
    """Standard output, or a file that only its owner may read and that takes its name once it is whole.

    A pipe or a device is written to, never replaced; behind a link, what it leads to is replaced.
    """
    if file is None:
        yield sys.stdout
        return
    file = os.path.realpath(file)
    if os.path.isdir(file):
        raise InvalidInput("output", file, "a file, not a folder")
    if os.path.exists(file) and not os.path.isfile(file):
        with open(file, "w", encoding="utf-8", newline="") as out:
            yield out
        return
    try:
        made, partial = tempfile.mkstemp(prefix=f".{os.path.basename(file)}.", dir=os.path.dirname(file) or ".")
    except OSError as error:
        raise InvalidInput("output", file, f"a file in a folder that can be written ({error.strerror})") from None
    try:
        with open(made, "w", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(partial, file)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(partial)
        raise
