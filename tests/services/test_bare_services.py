"""Bare services take MRQ in by the patch that the documentation shows, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from manual_resolution import Queue

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/start/own-service.md"

#: A request as the service's users send it, through its own test client.
FASTAPI = "from fastapi.testclient import TestClient; import app; TestClient(app.app).delete('/plans/7/pdf')"
DJANGO = "import conftest; from django.test import Client; Client().delete('/plans/7/pdf')"
OWN_TESTS = """
import sys, pytest
sys.exit(pytest.main(["-q", "-W", "error", "-p", "no:cacheprovider", "-p", "manual_resolution.pytest_plugin"]))
"""


def shown_patch(path: str) -> str:
    """The change of this file that the page shows."""
    (found,) = re.findall(
        rf"^```diff\n--- {path}\n\+\+\+ {path}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    return str(found)


def apply(patch: str, path: Path) -> int:
    """Change the file as the patch says; how many lines that are."""
    text = path.read_text()
    for hunk in re.split(r"^@@.*\n", patch, flags=re.MULTILINE)[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(old) == 1, f"{path.name} has not exactly once:\n{old}"
        text = text.replace(old, new)
    path.write_text(text)
    return sum(line[0] in "+-" for line in patch.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "changed", "request_it", "reason"),
    [
        ("fastapi_app", "app.py", FASTAPI, "ConnectionError: 503 Service Unavailable"),
        ("django_app", "shop/views.py", DJANGO, "Storage: 503 Service Unavailable"),
    ],
    ids=["fastapi", "django"],
)
def test_the_first_item_within_twelve_changed_lines(
    service: str, changed: str, request_it: str, reason: str, tmp_path: Path, database_url: str
) -> None:
    """The shown patch, twelve changed lines at most, turns a failing request into an item in the service's database;
    the service's own tests pass, with a queue of their own beside it. Slow: FastAPI and Django are imported anew.
    """
    home = shutil.copytree(HERE / service, tmp_path / service)
    assert apply(shown_patch(changed), home / changed) <= 12
    done = subprocess.run(
        [sys.executable, "-c", request_it + OWN_TESTS],
        env=os.environ | {
            "DATABASE_URL": database_url,
            "MRQ_TEST_DATABASE_URL": database_url,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        cwd=home, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    queue = Queue(database_url)
    told = [(item.item_type, item.resource_id, item.reason, item.occurrences) for item in queue.list()]
    queue.close()
    assert told == [("pdf_deletion_failed", 7, reason, 1)]
