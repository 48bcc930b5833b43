"""`mrq serve` as a process: where it listens, whom it lets in, how it ends."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from manual_resolution.item import Actor
from manual_resolution.people import People
from manual_resolution.queue import Queue

CONSOLE = "/admin/manual-resolution-queue"


@contextmanager
def served(url: str, *words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the line it printed."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    child = subprocess.Popen(
        [sys.executable, "-m", "manual_resolution.cli.app", "serve", "--port", "0", *words],
        env=known | {"DATABASE_URL": url} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    try:
        yield child, child.stdout.readline()
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_link_opens_the_console_and_sigterm_ends_it(database_url: str, workers: str) -> None:
    """The printed link opens the console once, in one process or several; SIGTERM ends it at once with code 0."""
    with served(database_url, "--workers", workers) as (child, line):
        found = re.fullmatch(r"Console: (http://127\.0\.0\.1:\d+)(/\?token=\S+)  opens once, for 5 minutes\n", line)
        assert found, line
        with httpx2.Client(base_url=found[1], follow_redirects=True, timeout=30) as browser:
            assert "Nothing waits." in browser.get(found[2]).text
            assert browser.get("/healthz").json()["status"] == "ok"
            browser.cookies.clear()
            assert browser.get(found[2]).status_code == 401
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) in (0, -signal.SIGTERM)
        assert "Traceback" not in child.communicate()[1]


def test_with_people_there_is_no_link(database_url: str) -> None:
    """Once somebody has an account, people sign in: no link is printed."""
    queue = Queue(database_url)
    root = Actor("root@example.com", "person", "cli:root@box")
    People(queue.database, queue.settings).add(root, root.name, ["admin"])
    queue.close()
    with served(database_url) as (_, line):
        assert re.fullmatch(r"Console: http://127\.0\.0\.1:\d+/\n", line)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ("--host", "0.0.0.0"),
            2,
            "0.0.0.0 is beyond this machine, and nobody can sign in: `mrq user add NAME --role admin`",
        ),
        (("--host", "192.0.2.1"), 2, "192.0.2.1 is beyond this machine"),
        (("--port", "70000"), 2, "70000"),
        (("--workers", "0"), 2, "0"),
    ],
)
def test_what_is_not_opened(mrq: Any, words: tuple[str, ...], code: int, told: str) -> None:
    """Nothing is opened beyond this machine while nobody can sign in, nor where a word is wrong."""
    ended = mrq("serve", *words)
    assert ended.code == code
    assert told in ended.err
