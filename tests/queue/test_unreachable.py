"""The database is not there: said soon, plainly, and without its password (design, Adding)."""

import os
import select
import signal
import socket
import socketserver
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import psycopg
import pytest

from manual_resolution import Queue, Unreachable
from manual_resolution.store.connection import Database, translated

SECRET = "hunter2"


@pytest.fixture
def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def frozen_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def refused_within(queue: Queue, seconds: float, connection: Any = None, tries: int = 1) -> str:
    """Why. The quickest of `tries` counts: a busy machine may keep any single one waiting."""
    took = []
    while not took or (min(took) >= seconds and len(took) < tries):
        began = time.monotonic()
        with pytest.raises(Unreachable) as refused:
            queue.add("x", "thing", 1, "low", "it failed", connection=connection)
        took.append(time.monotonic() - began)
    assert min(took) < seconds
    return str(refused.value)


def test_nobody_listens(new_queue: Any, closed_port: int) -> None:
    """Where nobody listens, an add raises Unreachable at once, in one sentence without the password."""
    sentence = refused_within(new_queue(url=f"postgresql://u:{SECRET}@127.0.0.1:{closed_port}/d"), 1, tries=5)
    assert "refused" in sentence and "\n" not in sentence and SECRET not in sentence


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.1,127.0.0.1"])
@pytest.mark.parametrize("add_timeout", [0.3, 1.0])
def test_a_frozen_server(new_queue: Any, frozen_port: int, host: str, add_timeout: float) -> None:
    """A server that never answers costs an add MRQ_ADD_TIMEOUT, however many addresses it has."""
    port = ",".join([str(frozen_port)] * (host.count(",") + 1))
    queue = new_queue(url=f"postgresql://u:{SECRET}@{host}:{port}/d", add_timeout=add_timeout)
    sentence = refused_within(queue, add_timeout + 0.5, tries=5)
    assert sentence == "The database did not answer in time."


def test_a_server_that_freezes_later(database_url: str, new_queue: Any, connect: Any) -> None:
    """A server process that stops answering on a kept connection costs an add MRQ_ADD_TIMEOUT, no more."""
    queue = new_queue(add_timeout=1.0)
    queue.add("x", "thing", 1, "low", "it failed")
    with getattr(queue, "producer", queue).database.connection() as kept:
        backend = kept.info.backend_pid
    os.kill(backend, signal.SIGSTOP)
    try:
        refused_within(queue, 1.0 + 3)
    finally:
        os.kill(backend, signal.SIGCONT)
    queue.add("x", "thing", 2, "low", "it failed")


def test_a_lock_that_does_not_come(new_queue: Any, db: Any) -> None:
    """An add that gives up waiting for a lock has done nothing, also after the lock is free."""
    queue = new_queue(add_timeout=1.0)
    queue.add("x", "thing", 1, "low", "it failed")
    db.execute("begin")
    db.execute("select from manual_resolution_queue for update")
    refused_within(queue, 1.0 + 3)
    until_idle(db)
    db.execute("rollback")
    assert queue.add("x", "thing", 1, "low", "it failed").occurrences == 2


def until_idle(db: Any) -> None:
    """Until no other session waits for a lock; a busy machine may take its time to cancel."""
    ends = time.monotonic() + 10
    while db.execute(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    ).fetchone():
        assert time.monotonic() < ends


def test_a_kept_connection_that_broke(queue: Queue, db: Any) -> None:
    """A connection that the server ended between two adds costs nothing: the second is recorded, once."""
    for n in range(1, 4):
        queue.add("x", "thing", n, "low", "it failed")
        db.execute(
            """select pg_terminate_backend(pid, 5000) from pg_stat_activity
                where application_name like 'mrq:%' and datname = current_database()"""
        )
    again = queue.add("x", "thing", 3, "low", "it failed")
    assert (again.repeated, again.occurrences) == (True, 2)
    assert len(queue.list()) == 3


def test_a_connection_that_breaks_while_it_is_used(queue: Queue, db: Any) -> None:
    """A connection that the server ends while somebody works on it is reported and replaced."""
    with pytest.raises(Unreachable, match="not reached"), queue.database.connection() as kept:
        db.execute("select pg_terminate_backend(%s, 5000)", [kept.info.backend_pid])
        kept.execute("select 1")
    assert queue.list() == []


def test_no_schema(server: Any, new_queue: Any) -> None:
    """A database without the queue's tables is told apart, and the sentence names the command."""
    queue = new_queue(url=server.url("postgres"))
    for ask in (
        lambda: queue.add("x", "thing", 1, "low", "r"),
        queue.list,
        lambda: queue.next("a"),
        queue.depth,
    ):
        with pytest.raises(Unreachable, match="mrq db migrate"):
            ask()


def test_no_such_database(server: Any, new_queue: Any) -> None:
    """A database that does not exist is named by the server's own words, in one sentence."""
    assert "nowhere" in refused_within(new_queue(url=server.url("nowhere")), 2)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@127.0.0.1:notaport/d", f"postgresql://u:{SECRET}@127.0.0.1/d?unknown={SECRET}",
        f"host=127.0.0.1 password='{SECRET}", f"postgresql://u:{SECRET}@[::1/d", f"postgresql://u:{SECRET}%zz@h/d",
        f"postgresql://u:{SECRET}@no-such-host.invalid/d", f"{SECRET}", f"host=/nowhere password={SECRET}",
    ],
)  # fmt: skip
def test_a_wrong_address_never_shows_its_password(new_queue: Any, url: str) -> None:
    """An address that is none, or leads nowhere, is refused in one sentence without any password."""
    sentence = refused_within(new_queue(url=url, add_timeout=0.5), 1, tries=5)
    assert SECRET not in sentence and "\n" not in sentence


def test_a_wrong_password_is_not_shown(server: Any, new_queue: Any) -> None:
    """An address whose user does not exist is refused without its password, cause included."""
    url = server.url("postgres")
    queue = new_queue(url=psycopg.conninfo.make_conninfo(url, user="nobody_here", password=SECRET))
    with pytest.raises(Unreachable) as refused:
        queue.list()
    error: BaseException | None = refused.value
    while error:
        assert SECRET not in str(error)
        error = error.__cause__


def test_a_mistake_in_a_statement_is_not_taken_for_an_address(database_url: str) -> None:
    """A statement that the driver refuses is not blamed on DATABASE_URL."""
    with pytest.raises(Exception, match="placeholders") as refused, Database(database_url).connection() as db:
        db.execute("select %s, %s", [1])
    assert "DATABASE_URL" not in str(refused.value)
    assert "DATABASE_URL" not in str(translated(psycopg.ProgrammingError("odd")))


READ_ONLY = "default_transaction_read_only=on"


def test_a_standby_is_told_apart(database_url: str, new_queue: Any) -> None:
    """A read-only server is refused as such, and nothing is added."""
    sentence = refused_within(new_queue(url=psycopg.conninfo.make_conninfo(database_url, options=f"-c {READ_ONLY}")), 1)
    assert "read-only" in sentence


LIGHT = """
import sys
import manual_resolution
from manual_resolution import add_to_queue, withdraw, add_many, Priority, Added
assert callable(add_to_queue)
heavy = {"psycopg", "pydantic", "typer", "rich", "vercel", "vercel_blob", "httpx", "requests", "asyncio"}
print(sorted(heavy & sys.modules.keys()))
"""
ADDING = """
import os, sys
os.environ["DATABASE_URL"] = sys.argv[1]
from scripts.manual_resolution.add_to_queue import add_to_queue
add_to_queue("pdf_deletion_failed", "meal_plan", 1, "low", "it failed")
heavy = {"pydantic", "typer", "rich", "vercel", "vercel_blob", "httpx", "requests", "fastapi", "jinja2"}
print(sorted(heavy & sys.modules.keys()))
print([name for name in sys.modules if name.startswith("manual_resolution.workflows")])
"""


@pytest.mark.parametrize(("program", "printed"), [(LIGHT, "[]"), (ADDING, "[]\n[]")], ids=["importing", "adding"])
def test_the_core_is_light(database_url: str, program: str, printed: str, pytestconfig: pytest.Config) -> None:
    """Importing the package loads no driver, adding no terminal, web or service library and no workflow."""
    run = subprocess.run(
        [sys.executable, "-c", program, database_url],
        capture_output=True, text=True, check=False, cwd=pytestconfig.rootpath,
    )  # fmt: skip
    assert (run.stdout.strip(), run.stderr) == (printed, "")


@pytest.fixture
def lossy(database_url: str) -> Iterator[Any]:
    """A way to the database that can lose one answer: `lossy.loses = True`, `lossy.url`."""
    info = psycopg.conninfo.conninfo_to_dict(database_url)
    socket_file = f"{info['host']}/.s.PGSQL.{info.get('port') or 5432}"

    class Way(socketserver.ThreadingTCPServer):
        daemon_threads, loses, lost = True, False, 0

        def finish_request(self, client: Any, _: Any) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(socket_file)
                while True:
                    for ready in select.select([client, server], [], [])[0]:
                        data = ready.recv(65536)
                        if data and ready is server and self.loses:
                            self.loses, self.lost = False, self.lost + 1
                            data = b""
                        if not data:
                            return
                        (server if ready is client else client).sendall(data)

    with Way(("127.0.0.1", 0), socketserver.BaseRequestHandler) as way:
        way.url = psycopg.conninfo.make_conninfo(database_url, host="127.0.0.1", port=way.server_address[1])  # type: ignore[attr-defined]
        Thread(target=way.serve_forever, args=(0.01,), daemon=True).start()
        yield way
        way.shutdown()


@pytest.mark.parametrize("again", [False, True], ids=["first", "repeat"])
def test_an_answer_that_was_lost(lossy: Any, new_queue: Any, queue: Queue, again: bool) -> None:
    """An add that was recorded while its answer was lost is found again by its id, and not counted twice."""
    through = new_queue(url=lossy.url)
    through.add("x", "thing", 1, "low", "it failed")
    lossy.loses = True
    added = through.add("x", "thing", 1 if again else 2, "low", "it failed")
    assert (lossy.lost, added.repeated, added.occurrences) == (1, again, 1 + again)
    assert sorted(item.occurrences for item in queue.list()) == ([2] if again else [1, 1])


def test_a_commit_whose_answer_was_lost(lossy: Any, new_queue: Any, queue: Queue) -> None:
    """A batch whose connection breaks says so; it is there whole or not at all."""
    from manual_resolution.intake import intake

    through = new_queue(url=lossy.url)
    through.list()
    lossy.loses = True
    with pytest.raises(Unreachable):
        through.add_many(intake("x", "thing", n, "low", "r") for n in range(1, 11))
    assert len(queue.list()) in (0, 10)
