"""`mrq` within the test's own process, on the code path of the real one, its thirty commands built once a run."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.testing import CliRunner

from manual_resolution.cli.app import app
from manual_resolution.via import through

COMMAND = typer.main.get_command(app)


@dataclass(frozen=True)
class Told:
    """How a command ended and what it printed; `output` is both streams as they came."""

    exit_code: int
    stdout: str
    stderr: str
    output: str


def invoke(
    words: Sequence[str], *, input: str | bytes | None = None, env: Mapping[str, str | None] | None = None
) -> Told:
    """`invoke(["list", "--json"])`; a variable that is None is unset. An error that is none of ours is raised."""
    code: Any = 0
    with CliRunner().isolation(input=input, env=env) as streams:
        try:
            COMMAND(list(words), prog_name="mrq")
        except SystemExit as end:
            code = end.code or 0
        finally:
            through("lib")  # what a command says of its process is not the tests' business
            sys.stdout.flush()
            sys.stderr.flush()
        return Told(code, *(stream.getvalue().decode() for stream in streams))
