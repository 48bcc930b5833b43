"""How long a fresh interpreter takes to import something, or a command to print its help."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from bench.cases import Measured
from bench.clients import Timed
from bench.machine import wait_for_quiet

PYTHON = sys.executable
COMMANDS = Path(PYTHON).parent
STARTS: dict[str, Sequence[str]] = {
    "python -c pass": (PYTHON, "-c", "pass"),
    "import manual_resolution": (PYTHON, "-c", "import manual_resolution"),
    "from manual_resolution import add_to_queue": (
        PYTHON,
        "-c",
        "from manual_resolution import add_to_queue",
    ),
    "import procrastinate": (PYTHON, "-c", "import procrastinate"),
    "import pgqueuer": (PYTHON, "-c", "import pgqueuer"),
    "mrq --help": (str(COMMANDS / "mrq"), "--help"),
    "procrastinate --help": (str(COMMANDS / "procrastinate"), "--help"),
    "pgq --help": (str(COMMANDS / "pgq"), "--help"),
}


def starts(times: int, wait: float) -> Iterator[Measured]:
    """Each command `times` times, side by side; only those that are installed."""
    found = {name: command for name, command in STARTS.items() if Path(command[0]).exists()}
    for command in found.values():
        took(command)  # bytecode and the disk's cache
    for _ in range(times):
        busy = wait_for_quiet(wait / times)
        for name, command in found.items():
            seconds = took(command)
            yield Measured("import", "start", name, Timed(1 / seconds, seconds, seconds, 1), busy)


def took(command: Sequence[str]) -> float:
    """Seconds of one run."""
    begun = perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=COMMANDS, env=environment)
    return perf_counter() - begun


def median_seconds(measured: Sequence[Measured], name: str) -> float | None:
    """The median start of one command, in seconds; None where it was not measured."""
    seconds = [one.timed.p50 for one in measured if one.subject == "import" and one.contender == name]
    return statistics.median(seconds) if seconds else None
