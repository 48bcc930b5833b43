"""Schemathesis over the whole OpenAPI: whatever is sent, no 5xx and nothing that the documentation does not say."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from manual_resolution import Queue, Settings
from manual_resolution.people import People
from manual_resolution.registry import Registry
from manual_resolution.web.app import create_app
from tests.api.conftest import FAILURE, ROOT, letter
from tests.cli.small_world import workflow as parcel

HERE = Path(__file__).parent
#: Random cases for each operation, beside examples and edges; a file that keeps what Schemathesis says.
EXAMPLES, SAVED = os.environ.get("MRQ_EXAMPLES"), os.environ.get("MRQ_SCHEMA_SAVED")
#: The suite asks the same each time: only who asks for more cases asks for new ones.
SAME = () if EXAMPLES else ("--seed", "20261")


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    """A server with one who may do everything, and a token of theirs in its address's place for a password."""
    registry = Registry([("tests.cli.small_world", parcel), ("tests.api.conftest", letter)])
    settings = Settings(writes_per_minute=1_000_000, metrics_file=os.devnull)
    queue = Queue(database_url, settings=settings, workflows=registry)
    people = People(queue.database, settings)
    people.add(ROOT, "root", ["admin"])
    roles = ["operator", "approver", "service", "viewer", "admin"]
    people.add(ROOT, "omni", roles)
    with queue.database.connection() as db:  # so that nothing random ends it
        db.execute("select setval(pg_get_serial_sequence('mrq_token', 'id'), 1000000000)")
    for number in range(1, 40):
        queue.add(
            *[FAILURE[name] for name in ("item_type", "resource_type")], number, "medium", "stuck", {"place": "x"}
        )
    server = uvicorn.Server(uvicorn.Config(create_app(queue), port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        pass
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port} {people.add_token(ROOT, 'omni', 'all', roles)[1]}"
    server.should_exit = True
    thread.join(5)
    queue.close()


def run(address: str, folder: Path, *options: str) -> None:
    """Run it, and show what it says where it found something."""
    url, token = address.split()
    command = [
        Path(sys.executable).parent / "schemathesis", "--config-file", HERE / "schemathesis.toml",
        "run", f"{url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {token}", "--checks", "all",
        "--no-color", "--continue-on-failure", "--suppress-health-check", "all", *SAME, *options,
    ]  # fmt: skip
    hooks = os.environ | {
        "SCHEMATHESIS_HOOKS": str(HERE / "fuzz_hooks.py"),
        "PYTHONHASHSEED": "0" if SAME else "random",
    }
    ended = subprocess.run(command, cwd=folder, env=hooks, capture_output=True, text=True, check=False)
    if SAVED:
        Path(SAVED).write_text(ended.stdout + ended.stderr)
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr


@pytest.mark.slow
def test_whatever_is_sent(address: str, tmp_path: Path) -> None:
    """All checks over all operations: examples, edges, random ones, chains along the links. Slow: minutes."""
    run(address, tmp_path, "--max-examples", EXAMPLES or "10")


def test_the_examples_and_some_more(address: str, tmp_path: Path) -> None:
    """All checks with the documentation's own examples and a random case for each operation."""
    run(address, tmp_path, "--max-examples", "1", "--phases", "examples,fuzzing", "--no-shrink")
