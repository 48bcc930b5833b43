"""Schemathesis over the whole OpenAPI: whatever is sent, no 5xx and nothing that the documentation does not say."""

import os
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from manual_resolution import Queue, Settings
from manual_resolution.people import People
from manual_resolution.registry import Registry
from manual_resolution.web.api.app import MOVED, create_api
from manual_resolution.web.app import create_app
from tests.api.conftest import FAILURE, ROOT, letter
from tests.cli.personal_world import workflow as complaint
from tests.cli.small_world import workflow as parcel

HERE = Path(__file__).parent
#: Random cases for each operation, beside examples and edges; a file that keeps what Schemathesis says.
EXAMPLES, SAVED = os.environ.get("MRQ_EXAMPLES"), os.environ.get("MRQ_SCHEMA_SAVED")
#: The suite asks the same each time: only who asks for more cases asks for new ones.
SAME = () if EXAMPLES else ("--seed", "20261")


class Answered:
    """The application, and how often each of the API's operations answered with which status."""

    def __init__(self, app: FastAPI) -> None:
        self.app, self.statuses = app, defaultdict[str, Counter[int]](Counter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.start" and "route" in scope:
                self.statuses[scope["route"].name.rstrip("_")][message["status"]] += 1
            await send(message)

        await self.app(scope, receive, count)


@dataclass(frozen=True)
class Served:
    """A running server: the API's address, the tokens of two who may do everything, and what it answered."""

    url: str
    tokens: dict[str, str]
    answered: Answered


@pytest.fixture
def served(database_url: str) -> Iterator[Served]:
    """A server with two who may do everything."""
    registry = Registry(
        [("tests.cli.small_world", parcel), ("tests.cli.personal_world", complaint), ("tests.api.conftest", letter)]
    )
    settings = Settings(writes_per_minute=1_000_000, metrics_file=os.devnull)
    queue = Queue(database_url, settings=settings, workflows=registry)
    people = People(queue.database, settings)
    people.add(ROOT, "root", ["admin"])
    roles = ["operator", "approver", "service", "viewer", "admin"]
    for name in ("omni", "other"):
        people.add(ROOT, name, roles)
    with queue.database.connection() as db:  # so that nothing random ends it
        db.execute("select setval(pg_get_serial_sequence('mrq_token', 'id'), 1000000000)")
    for number in range(1, 40):
        queue.add(
            *[FAILURE[name] for name in ("item_type", "resource_type")], number, "medium", "stuck", {"place": "x"}
        )
    create_api(queue, people, settings).openapi()  # made once: a busy machine may need seconds for it
    answered = Answered(create_app(queue))
    server = uvicorn.Server(uvicorn.Config(answered, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        pass
    port = server.servers[0].sockets[0].getsockname()[1]
    tokens = {name: people.add_token(ROOT, name, "all", roles)[1] for name in ("omni", "other")}
    yield Served(f"http://127.0.0.1:{port}/api/v1", tokens, answered)
    server.should_exit = True
    thread.join(5)
    queue.close()


def run(served: Served, folder: Path, *options: str) -> None:
    """Run it, and show what it says where it found something; each operation must have succeeded, too."""
    command = [
        Path(sys.executable).parent / "schemathesis", "--config-file", HERE / "schemathesis.toml",
        "run", f"{served.url}/openapi.json", "-H", f"Authorization: Bearer {served.tokens['omni']}", "--checks", "all",
        "--no-color", "--continue-on-failure", "--suppress-health-check", "all",
        "--request-timeout", "120", *SAME, *options,
    ]  # fmt: skip
    known = {f"FUZZ_{name.upper()}": token for name, token in served.tokens.items()} | {"FUZZ_URL": served.url}
    hooks = {"SCHEMATHESIS_HOOKS": str(HERE / "fuzz_hooks.py"), "PYTHONHASHSEED": "0" if SAME else "random"}
    ended = subprocess.run(
        command, cwd=folder, env=os.environ | hooks | known, capture_output=True, text=True, check=False
    )
    if SAVED:
        Path(SAVED).write_text(ended.stdout + ended.stderr + table(served.answered.statuses))
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr
    never = [name for name in MOVED if not any(200 <= status < 300 for status in served.answered.statuses[name])]
    assert never == [], table(served.answered.statuses)


def table(statuses: dict[str, Counter[int]]) -> str:
    """A line for each operation."""
    return "".join(f"{name:<14} {dict(sorted(found.items()))}\n" for name, found in sorted(statuses.items()))


@pytest.mark.slow
@pytest.mark.skipif(not EXAMPLES, reason="many minutes of ever new cases: MRQ_EXAMPLES=300 asks for them")
def test_whatever_is_sent(served: Served, tmp_path: Path) -> None:
    """All checks over all operations: examples, edges, random ones, chains along the links. Slow: many minutes."""
    run(served, tmp_path, "--max-examples", EXAMPLES or "3")


def test_the_examples_and_some_more(served: Served, tmp_path: Path) -> None:
    """All checks with the documentation's own examples and a random case for each operation."""
    run(served, tmp_path, "--max-examples", "1", "--phases", "examples,fuzzing", "--no-shrink")
