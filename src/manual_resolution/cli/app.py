"""The command `mrq`. Nothing heavy is imported before a command needs it, so that help answers at once."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from manual_resolution import __version__
from manual_resolution.cli import (
    alerts,
    approving,
    audit,
    db,
    deciding,
    demo,
    doctor,
    erasing,
    importing,
    init,
    looking,
    metrics,
    moving,
    operator,
    parameters,
    people,
    practice,
    process,
    producing,
    report,
    serve,
    shadow,
    spool,
    sweep,
    worker,
)
from manual_resolution.cli.face import exits
from manual_resolution.via import through


class Commands(TyperGroup):
    """The group of commands: help by panel, and one place where errors become a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with exits():
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, self.commands))
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in parameters.PANELS}
        for name, command in self.commands.items():
            summary = command.get_short_help_str(formatter.width - width - 6)
            panels.setdefault(str(getattr(command, "rich_help_panel", "")), []).append((name.ljust(width), summary))
        for panel, rows in panels.items():
            if rows:
                with formatter.section(panel):
                    formatter.write_dl(rows)


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 refused or found wrong, 2 wrong usage, 3 database or service not reached, "
    "4 outcome unknown, 5 waits for approval.",
)


def version(asked: bool) -> None:
    """Print the version and end."""
    if asked:
        print(f"mrq {__version__}")
        raise typer.Exit


@app.callback()
def mrq(
    asked: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The Manual Resolution Queue: what automation could not finish and a person must decide."""


for module in (
    demo,
    init,
    process,
    serve,
    deciding,
    approving,
    moving,
    looking,
    practice,
    shadow,
    operator,
    producing,
    importing,
    spool,
    sweep,
    worker,
    metrics,
    alerts,
    report,
    audit,
    erasing,
    people,
    doctor,
    db,
):
    module.register(app)


def main(command: str | None = None) -> None:
    """Run `mrq`, or one of its commands with this process's arguments."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w")  # noqa: SIM115  # none where the caller closed it
        stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, stream)
    through("cli")
    with exits():  # help, too, may be read by a program that goes away
        app([*([command] if command else []), *sys.argv[1:]], prog_name="mrq")


if __name__ == "__main__":
    main()
