"""`mrq init`: the files a service begins with."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import print_json

if TYPE_CHECKING:
    from manual_resolution.starting import Step

SAID = {"wrote": "wrote", "overwrote": "overwrote", "kept": "kept", "differs": "kept"}


def register(app: typer.Typer) -> None:
    """Add `mrq init`."""
    examples = given.example("mrq init", "mrq init --embedded trial")
    app.command("init", rich_help_panel=given.STARTING, epilog=examples)(init)


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Your service's folder.")] = Path(),
    embedded: Annotated[bool, typer.Option("--embedded", help="Choose the private PostgreSQL there.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that differ.")] = False,
    as_json: given.Json = False,
) -> None:
    """Begin in your own service. Writes entry points, a settings sample, a first item type with its test.

    A file that is there and differs is kept.
    """
    from manual_resolution import starting

    steps = list(starting.start(folder, embedded=embedded, force=force))
    if as_json:
        print_json([{"path": step.path, "did": step.did} for step in steps])
        return
    print("\n".join(lines(steps)))
    print("\n".join(["Next:", *(f"  {words}" for words in next_steps(folder, embedded))]))
    for name in starting.missing():
        print(f"Not yet: {starting.FACES}/{name} comes with the reports of a later version; run mrq init again then.")


def lines(steps: "Iterable[Step]") -> list[str]:
    """One line a file."""
    return [
        f"{SAID[step.did]:<9}  {step.path}{' (yours differs: --force overwrites it)' if step.did == 'differs' else ''}"
        for step in steps
    ]


def next_steps(folder: Path, embedded: bool) -> list[str]:
    """What to type now."""
    from manual_resolution.inert import inert

    steps = [] if folder.resolve() == Path.cwd() else [f"cd {inert(shlex.quote(str(folder)))}"]
    if not (folder / "mrq.env").exists():  # a copy would overwrite what they filled in
        steps += ["cp mrq.env.example mrq.env      # fill in what is yours"]
    steps += ["set -a; . ./mrq.env; set +a"]
    if not embedded:
        steps += ["mrq db migrate"]
    elif os.environ.get("DATABASE_URL"):
        steps += ["unset DATABASE_URL              # it goes before the private PostgreSQL"]
    steps += ["python -m pytest tests/test_invoice_not_sent.py", "mrq types"]
    return steps
