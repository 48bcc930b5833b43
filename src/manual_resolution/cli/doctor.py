"""`mrq doctor`: is everything that guards the queue in place?"""

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import exit_code, print_json
from manual_resolution.errors import MRQError, SettingsError

if TYPE_CHECKING:
    from manual_resolution.doctor import Check


def register(app: typer.Typer) -> None:
    """Add `mrq doctor`."""
    examples = given.example("mrq doctor", "mrq doctor | grep -v ^ok", "mrq doctor --deep --json")
    app.command("doctor", rich_help_panel=given.LOOKING_AFTER, epilog=examples)(doctor)


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Look at every row, too: minutes for millions.")] = False,
    as_json: given.Json = False,
) -> None:
    """Check by name every guard of the queue, and say what is wrong.

    Settings, workflows, server, triggers, constraints, indexes, rights, clock, what is overdue, alerts that
    did not arrive, parts that stopped working; with --deep
    whether every row is as the guards should have kept it. Exit code 0 when nothing is wrong (notes may
    remain), 1 when something is, 2 for wrong settings, 3 without a database.
    """
    found: list[Check] = []
    codes = {0}
    for check, code in checks(deep):
        found.append(check)
        codes.add(code)
        if not as_json:
            print(check, flush=True)
    wrong, notes = (sum(check.result == result for check in found) for result in ("wrong", "note"))
    if as_json:
        print_json({"ok": not wrong, "checks": [asdict(check) for check in found]})
    else:
        print(f"{len(found)} checked: {wrong} wrong, {notes} to note.")
    sys.exit(max(codes))


def checks(deep: bool = False) -> "Iterator[tuple[Check, int]]":
    """Each check, and the exit code it asks for."""
    from manual_resolution import doctor
    from manual_resolution.cli.db import address, chosen_settings

    environ = dict(os.environ)
    try:
        settings = chosen_settings()
    except SettingsError as error:
        yield from ((doctor.Check("wrong", "settings", problem), 2) for problem in error.problems)
        return
    yield from coded(doctor.of_settings(settings, environ))
    yield from coded(doctor.of_channels(settings))
    yield from coded(doctor.of_workflows(settings))
    yield from coded(doctor.of_spool(settings))
    try:
        url = address(settings)
    except MRQError as error:
        yield doctor.Check("wrong", "database", str(error)), exit_code(error)
    else:
        yield from coded(doctor.of_database(url, settings, deep))


def coded(found: "Iterator[Check]") -> "Iterator[tuple[Check, int]]":
    """1 for what is wrong, 3 where that is the database itself."""
    for check in found:
        yield check, 0 if check.result != "wrong" else 3 if check.name == "database" else 1
