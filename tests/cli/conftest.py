"""`mrq(...)`: a command run as a person runs it, against the test's database."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.commands import invoke


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON; that it did what was asked is taken for granted."""
        assert self.code == 0, self.err
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def environment(database_url: str, as_role: Callable[[str, str], str]) -> dict[str, str]:
    """What a person has exported: the test's database, a name, the item type of `small_world`."""
    return {
        "DATABASE_URL": as_role(database_url, "operator"),
        "MRQ_OPERATOR": "alice@example.com",
        "MRQ_WORKFLOWS": "tests.cli.small_world",
        "COLUMNS": "100",
    }


@pytest.fixture
def mrq(environment: dict[str, str]) -> Run:
    """`mrq("show", 1)` within this process; `DATABASE_URL=None` unsets a variable."""

    def run(*words: object, input: str | bytes | None = None, **env: str | None) -> Ended:
        ended = invoke(list(map(str, words)), input=input, env={**environment, **env})
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def mrq_process(environment: dict[str, str]) -> Run:
    """The same as a process of its own: arguments as raw bytes, real pipes and files."""

    def run(*words: str | bytes, input: bytes = b"", **more: Any) -> Ended:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        ended = subprocess.run(
            [sys.executable, "-m", "manual_resolution.cli.app", *words],
            input=input, env=os.environ | environment, timeout=60, check=False, **pipes | more,
        )  # fmt: skip
        return Ended(ended.returncode, (ended.stdout or b"").decode(), (ended.stderr or b"").decode())

    return run


@pytest.fixture
def add(mrq: Run) -> Callable[..., int]:
    """`add(7, priority="high")`: the id of an item added by command."""

    def one(
        number: int,
        *,
        type: str = "parcel_stuck",
        priority: str = "medium",
        reason: str = "stuck",
        **context: str,
    ) -> int:
        facts = json.dumps({"place": "shelf/4"} | context)
        words = ["--type", type, "--resource", f"parcel:{number}", "--priority", priority, "--reason", reason]
        return int(mrq("add", *words, "--context", facts, "--json").json["id"])

    return one
