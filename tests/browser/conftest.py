"""A real Chromium on a real `mrq serve` over a real database, and operators who use it.

Skipped where no Chromium is found, loudly; `MRQ_BROWSER=required` makes that a failure,
`MRQ_BROWSER=/path` chooses one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from meal_plan.blob_stand_in import BlobStandIn
from meal_plan.lessons import Class, Lesson
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from manual_resolution import Queue, Settings
from manual_resolution.item import Actor
from manual_resolution.people import People
from scripts.manual_resolution.add_to_queue import add_to_queue
from tests.browser.operator import Operator
from tests.conftest import WorkerDatabase
from tests.processes import ROOT

FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADMIN = Actor("root", "person", "cli:root@box")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this run."""
    asked = os.environ.get("MRQ_BROWSER", "")
    path = asked if "/" in asked else next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        sentence = (
            "NO CHROMIUM WAS FOUND: install it (Debian: apt-get install chromium), or set MRQ_BROWSER=/path/to/it"
        )
        if asked == "required":
            pytest.fail(sentence)
        pytest.skip(sentence)
    as_root = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *as_root])
        yield browser
        browser.close()


# ------------------------------------------------------------------ the console


@pytest.fixture(scope="session")
def blob() -> Iterator[BlobStandIn]:
    """The sample application's blob store, which its options really call."""
    with BlobStandIn() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def environment(app_database: WorkerDatabase, blob: BlobStandIn) -> dict[str, str]:
    """What `mrq` of this run is started with; beside the sample application's item types it knows the tests' own."""
    if app_database.session is None:
        app_database.reset()
    system = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return system | blob.environment | {
        "DATABASE_URL": app_database.url,
        "MRQ_WORKFLOWS": "manual_resolution.workflows,tests.parcels",
        "MRQ_WRITES_PER_MINUTE": "100000",
        "MRQ_CALL_TIMEOUT": "5",
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
    }  # fmt: skip


@pytest.fixture(scope="session")
def address(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `mrq serve` of this run is."""
    said = tmp_path_factory.mktemp("serve") / "stderr"
    command = [Path(sys.executable).with_name("mrq"), "serve", "--port", "0"]
    with said.open("w") as errors:
        serving = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
    with serving:
        assert serving.stdout
        told = serving.stdout.readline().split()
        try:
            assert told[:1] == ["Console:"], said.read_text()
            yield told[1].partition("/?")[0].rstrip("/")
        finally:
            serving.terminate()
            serving.wait(20)
    assert [line for line in said.read_text().splitlines() if not line.startswith('{"metric"')] == []


@pytest.fixture
def queue(app_database_url: str, environment: dict[str, str]) -> Iterator[Queue]:
    """The queue that the console serves, empty; what it is told here the console shows."""
    queue = Queue(app_database_url, settings=Settings.from_env(environment))
    yield queue
    queue.close()


@dataclass
class Application:
    """The sample application: its rows, its blob store, and the ten items its scripts left."""

    db: psycopg.Connection[Any]
    blob: BlobStandIn
    lessons: list[Lesson] = field(default_factory=list)

    def fails(self) -> None:
        """Its scripts fail: ten items of three types, #1 to #10, each with the option that is right."""
        self.lessons = list(Class(self.db, self.blob, datetime.now(UTC)).lessons())
        for lesson in self.lessons:
            add_to_queue(**lesson.item, connection=self.db, producer="practice")

    def one(self, query: str, *values: Any) -> Any:
        """The first column of a query's only row; None without one."""
        row = self.db.execute(query.encode(), values).fetchone()
        return row[0] if row else None


@pytest.fixture
def application(queue: Queue, app_database_url: str, blob: BlobStandIn) -> Iterator[Application]:
    """The sample application, empty."""
    blob.heal()
    blob.calls.clear()
    with psycopg.connect(app_database_url, autocommit=True) as db:
        yield Application(db, blob)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing a password takes a moment instead of a good while."""
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),))
        patch.setattr("manual_resolution.passwords.hasher", lambda: quick)
        yield


@pytest.fixture
def people(queue: Queue) -> People:
    """Who has an account: nobody yet."""
    return People(queue.database, queue.settings)


# ------------------------------------------------------------------ operators

Come = Callable[..., Operator]


@pytest.fixture
def operator(chromium: Browser, people: People, address: str) -> Iterator[Come]:
    """`operator("alice")`: somebody at a browser of their own, by the one-time link, or with `signs_in=False` not yet.

    `roles=("approver",)` gives them an account. What the page complains of fails the test.
    """
    complaints = list[str]()
    with ExitStack() as opened:

        def come(
            name: str,
            *,
            roles: tuple[str, ...] = (),
            signs_in: bool = True,
            ignore_complaints: bool = False,
            **given: Any,
        ) -> Operator:
            context = chromium.new_context(base_url=address, **given)
            opened.callback(context.close)
            context.set_default_timeout(10_000)
            page = context.new_page()
            if not ignore_complaints:
                page.on("pageerror", lambda error: complaints.append(str(error)))
                page.on("console", lambda said: complaints.append(said.text) if is_complaint(said) else None)
            who = Operator(page, name)
            if roles:
                has_account(people, name, roles)
                who.signs_in(PASSWORD)
            elif signs_in:
                page.goto(f"/?token={people.link(Actor(name, 'person', f'cli:{name}@box'))}")
            return who

        yield come
    assert complaints == []


def has_account(people: People, name: str, roles: tuple[str, ...]) -> None:
    """An admin first: from then on nobody without an account gets in."""
    if not people.are_kept():
        people.add(ADMIN, "root", ["admin"], PASSWORD)
    people.add(ADMIN, name, list(roles), PASSWORD)


def is_complaint(said: ConsoleMessage) -> bool:
    """Whether a page's console tells of something wrong; that a move was refused or nobody was reached is not."""
    return said.type == "error" and not any(one in said.text for one in ("Failed to load resource", "Failed to fetch"))


@pytest.fixture
def alice(operator: Come) -> Operator:
    """Alice at her browser."""
    return operator("alice")
