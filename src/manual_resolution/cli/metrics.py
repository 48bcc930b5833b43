"""`mrq metrics`: the queue's metrics, once (specification, Monitoring)."""

import os
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import open_queue
from manual_resolution.errors import InvalidInput

FORMATS = ("json", "prometheus")


def formats(incomplete: str) -> list[str]:
    """The formats."""
    return given.among(FORMATS, incomplete)


Format = Annotated[str, given.option("--format", metavar="FORMAT", help=" or ".join(FORMATS), completion=formats)]
Output = Annotated[str | None, typer.Option("-o", "--output", metavar="FILE", help="Write a file, as a whole.")]


def register(app: typer.Typer) -> None:
    """Add `mrq metrics`."""
    file = "mrq metrics --format prometheus -o /srv/textfiles/mrq.prom"
    examples = given.example("mrq metrics", file)
    app.command("metrics", rich_help_panel=given.LOOKING_AFTER, epilog=examples)(metrics)


def metrics(form: Format = "json", output: Output = None, as_json: given.Json = False) -> None:
    """Print the queue's metrics: one JSON line, or Prometheus' text.

    JSON is what it prints unless told otherwise. With --output a file is replaced as a whole, so that who reads it
    never finds half of it.
    """
    if form not in FORMATS:
        raise InvalidInput("format", form, " or ".join(FORMATS))
    if as_json and form != "json":
        raise InvalidInput("format", form, "json, where --json is given")
    from manual_resolution.inert import inert_json
    from manual_resolution.metrics import prometheus

    with closing(open_queue()) as queue:
        text = prometheus(queue.database) if form == "prometheus" else inert_json(queue.depth()) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        replace(Path(output), text)


def replace(file: Path, text: str) -> None:
    """Write a file beside the other, then put it in its place; a pipe or a device is written to."""
    if file.exists() and not file.is_file():
        file.write_text(text, encoding="utf-8")
        return
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as beside:
            beside.write(text)
        os.chmod(name, 0o644)
        os.replace(name, file)
    except OSError:
        os.unlink(name)
        raise
