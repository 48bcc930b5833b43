"""Failures that the database did not take: kept in files, brought in once (design, Adding)."""

import logging
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from manual_resolution import (
    InvalidInput,
    NotKept,
    Queue,
    Unreachable,
    add_many,
    add_to_queue,
    withdraw,
)
from manual_resolution.intake import intake
from manual_resolution.spool import Spool
from manual_resolution.spooling import replay


@pytest.fixture
def named(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test's database, named by the environment."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return database_url


@pytest.fixture
def queue(named: str) -> Iterator[Queue]:
    """The environment's queue."""
    found = Queue.from_env()
    yield found
    found.close()


@pytest.fixture
def db(named: str, connect: Callable[..., psycopg.Connection[Any]]) -> psycopg.Connection[Any]:
    """A foreign client's connection to it."""
    return connect(named)


@pytest.fixture
def spool(spool_folder: Path) -> Spool:
    """The test's spool, as any process sees it."""
    return Spool(str(spool_folder), 1e9)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An add that takes its time over what is spooled, so that a busy machine brings all of it in."""
    monkeypatch.setattr("manual_resolution.spooling.REPLAYING", 10.0)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that lost its DATABASE_URL."""
    monkeypatch.delenv("DATABASE_URL", raising=False)


def fail(number: int, **facts: Any) -> Any:
    """One failure of thing `number`."""
    told = {"item_type": "x", "resource_type": "thing", "priority": "low", "reason": "it failed"} | facts
    return add_to_queue(resource_id=number, **told)


def bring_in(queue: Queue, spool: Spool, **how: Any) -> Any:
    """A replay of everything, as `mrq spool replay` does it."""
    return replay(queue, spool, everything=True, **how)


# ------------------------------------------------------------------ what goes to the spool


def test_without_an_address(away: None, spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    """A script that lost DATABASE_URL keeps its failure in the spool, and its log says so and what to set."""
    added = fail(7, context={"at": datetime(2026, 10, 1, tzinfo=UTC)})
    assert (added.id, added.spooled, added.repeated) == (None, True, False)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("manual_resolution", logging.WARNING)
    assert "DATABASE_URL" in record.getMessage() and "x of thing #7" in record.getMessage()
    [entry] = spool.entries()
    assert (entry.state, entry.count) == ("waiting", 1)


def test_what_is_wrong_is_not_spooled(away: None, spool: Spool) -> None:
    """A wrong parameter raises, database or not; nothing of it is kept, nor of a batch it is part of."""
    with pytest.raises(InvalidInput, match="priority"):
        fail(1, priority="urgent")
    with pytest.raises(InvalidInput, match=r"failures\[1\]\.priority"):
        add_many(
            {"item_type": "x", "resource_type": "t", "resource_id": 1, "priority": p, "reason": "r"}
            for p in ("low", "no")
        )
    assert spool.entries() == []


def test_a_callers_connection_never_spools(named: str, spool: Spool, connect: Any) -> None:
    """With `connection=` a failing database raises: what belongs to a transaction is not kept aside from it."""
    closed = connect(named)
    closed.close()
    with pytest.raises(Unreachable):
        fail(1, connection=closed)
    assert spool.entries() == []


def test_files_are_private(away: None, spool: Spool) -> None:
    """The folder is its owner's alone, and so is every file in it."""
    fail(1)
    add_many([{"item_type": "x", "resource_type": "t", "resource_id": 1, "priority": "low", "reason": "r"}] * 501)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in spool.folder.rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (spool.folder, *spool.folder.glob("*.batch"))}
    assert (modes, folders) == ({0o600}, {0o700})


# ------------------------------------------------------------------ how it comes back


def test_it_comes_back_as_it_was(queue: Queue, spool: Spool, monkeypatch: pytest.MonkeyPatch, db: Any) -> None:
    """A replayed failure is what it was: facts, key, producer, way, and the time it truly happened."""
    address = os.environ["DATABASE_URL"]
    monkeypatch.delenv("DATABASE_URL")
    before = datetime.now(UTC)
    context = {"größe": 1.5, "deep": [{"n": 2**60}], "text": "\u2028 \\ \x7f"}
    fail(7, context=context, sla_hours=5, dedup_key="k", producer="nightly.py")
    after = datetime.now(UTC)
    monkeypatch.setenv("DATABASE_URL", address)
    assert bring_in(queue, spool).recorded == 1
    [item] = queue.list()
    assert (item.item_type, item.resource_type, item.resource_id, item.priority) == ("x", "thing", 7, "low")
    assert (item.reason, item.context, item.sla_seconds) == ("it failed", context, 5 * 3600)
    assert before <= item.created_at <= after and item.sla_deadline == item.created_at + timedelta(hours=5)
    [event] = queue.history(item.id)
    assert event.actor == "nightly.py" and event.via.startswith("lib:")
    assert spool.entries() == []


def test_the_next_add_brings_it_in(
    queue: Queue, spool: Spool, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next successful add of any process brings in what waits, oldest first, and counts nothing twice."""
    address = os.environ["DATABASE_URL"]
    monkeypatch.delenv("DATABASE_URL")
    for number in (1, 2, 3, 2):
        assert fail(number).spooled
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("MRQ_ADD_TIMEOUT", "10")
    assert not fail(9).spooled
    assert [item.resource_id for item in sorted(queue.list(), key=lambda item: item.id)] == [9, 1, 2, 3]
    assert {item.resource_id: item.occurrences for item in queue.list()} == {9: 1, 1: 1, 2: 2, 3: 1}
    assert spool.entries() == []


def test_a_withdrawal_finds_what_waits(
    queue: Queue, spool: Spool, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What still waits in the spool is withdrawn too: it has succeeded meanwhile."""
    address = os.environ["DATABASE_URL"]
    monkeypatch.delenv("DATABASE_URL")
    fail(1)
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("MRQ_ADD_TIMEOUT", "10")
    found = withdraw("x", "thing", 1)
    assert found is not None and found.status == "resolved" and queue.list() == []


def test_a_batch_waits_whole(queue: Queue, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch goes to the spool as one, more than a file of it too, and comes back folded."""
    address = os.environ["DATABASE_URL"]
    monkeypatch.delenv("DATABASE_URL")
    batch = [
        {"item_type": "x", "resource_type": "t", "priority": "low", "reason": "r", "resource_id": n % 700 + 1}
        for n in range(1200)
    ]
    answers = add_many(batch, producer="night.py")
    assert len(answers) == 1200 and {(one.id, one.spooled) for one in answers} == {(None, True)}
    assert [entry.count for entry in spool.entries()] == [100] * 12
    monkeypatch.setenv("DATABASE_URL", address)
    assert (came_to := bring_in(queue, spool)).recorded == 1200 and came_to.left == 0
    found = queue.list(limit=2000)
    assert {item.resource_id for item in found} == set(range(1, 701))
    assert sum(item.occurrences for item in found) == 1200
    assert os.listdir(spool.folder) == [".lock"]


def test_an_old_report_reopens_nothing(queue: Queue, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited while the same failure was resolved is kept with that item, and opens nothing new."""
    fail(1)
    [item] = queue.list()
    address = os.environ["DATABASE_URL"]
    monkeypatch.delenv("DATABASE_URL")
    fail(1)
    monkeypatch.setenv("DATABASE_URL", address)
    queue.withdraw("x", "thing", 1, "done")
    assert bring_in(queue, spool).recorded == 1
    assert queue.list() == [] and queue.get(item.id).status == "resolved"


def test_every_entry_is_recorded_once(queue: Queue, spool: Spool, monkeypatch: pytest.MonkeyPatch, db: Any) -> None:
    """An entry that is replayed again, as after a kill between commit and removal, changes nothing."""
    address = os.environ["DATABASE_URL"]
    monkeypatch.delenv("DATABASE_URL")
    fail(1)
    add_many(
        [
            {"item_type": "x", "resource_type": "t", "resource_id": n, "priority": "low", "reason": "r"}
            for n in (1, 2, 2)
        ]
    )
    monkeypatch.setenv("DATABASE_URL", address)
    kept = {entry.path: entry.path.read_bytes() for entry in spool.entries()}
    bring_in(queue, spool)
    before = db.execute("select id, occurrences, version from manual_resolution_queue order by id").fetchall()
    for path, content in kept.items():
        path.write_bytes(content)
    came_to = bring_in(queue, spool)
    assert (came_to.recorded, came_to.known) == (0, 4)
    assert db.execute("select id, occurrences, version from manual_resolution_queue order by id").fetchall() == before


def test_another_databases_failures_stay(
    queue: Queue, spool: Spool, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was meant for another database is not brought into this one unless somebody says so."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/other")
    assert fail(1).spooled
    assert b"hunter2" not in spool.entries()[0].path.read_bytes()
    monkeypatch.setenv("DATABASE_URL", named)
    assert not fail(2).spooled
    assert (came_to := bring_in(queue, spool)).elsewhere == 1 and came_to.recorded == 0
    assert bring_in(queue, spool, anywhere=True).recorded == 1
    assert len(queue.list()) == 2


def test_an_answer_that_was_lost(queue: Queue, spool: Spool, named: str, db: Any) -> None:
    """A failure that was recorded although its caller was told otherwise is not recorded again from the spool."""
    told = intake("x", "thing", 1, "low", "r", add_id=uuid4(), occurred_at=datetime.now(UTC))
    queue.tell(told)
    spool.keep([told], queue.database.place, "lib:x@y")
    came_to = bring_in(queue, spool)
    assert (came_to.recorded, came_to.known, queue.list()[0].occurrences) == (0, 1, 1)


# ------------------------------------------------------------------ the database, in trouble


@pytest.fixture
def frozen_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


def spooled_within(seconds: float, call: Callable[[], Any]) -> None:
    """The call ends in the spool, and within its limit."""
    began = time.monotonic()
    assert call().spooled
    assert time.monotonic() - began < seconds


def test_a_database_that_never_answers(frozen_port: int, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing costs an add, or a batch, MRQ_ADD_TIMEOUT."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u@127.0.0.1:{frozen_port}/d")
    monkeypatch.setenv("MRQ_ADD_TIMEOUT", "0.3")
    spooled_within(3, lambda: fail(1))
    batch = [{"item_type": "x", "resource_type": "t", "resource_id": 1, "priority": "low", "reason": "r"}]
    spooled_within(3, lambda: add_many(batch)[0])
    assert [entry.count for entry in spool.entries()] == [1, 1]


def test_a_lock_that_does_not_come(queue: Queue, spool: Spool, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An add that waits for a lock in vain is spooled within its limit and recorded once when the lock is free."""
    monkeypatch.setenv("MRQ_ADD_TIMEOUT", "1")
    monkeypatch.setenv("MRQ_SPOOL_DIR", str(spool.folder / "a"))  # so that the queue is read anew from the environment
    fail(1)
    db.execute("begin")
    db.execute("lock manual_resolution_queue")
    spooled_within(4, lambda: fail(1))
    spooled_within(
        4,
        lambda: add_many(
            [{"item_type": "x", "resource_type": "thing", "resource_id": 1, "priority": "low", "reason": "r"}]
        )[0],
    )
    db.execute("rollback")
    bring_in(queue, Spool(os.environ["MRQ_SPOOL_DIR"], 1e9))
    assert [item.occurrences for item in queue.list()] == [3]


@pytest.mark.parametrize("trouble", ["read-only", "no schema", "no such database", "no such host"])
def test_a_database_in_trouble(
    trouble: str, named: str, server: Any, spool: Spool, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby, a database without the queue, one that is not there, a name that leads nowhere: all are spooled."""
    url = {
        "read-only": psycopg.conninfo.make_conninfo(named, options="-c default_transaction_read_only=on"),
        "no schema": server.url("postgres"),
        "no such database": server.url("nowhere"),
        "no such host": "postgresql://u@no-such-host.invalid/d",
    }[trouble]
    monkeypatch.setenv("DATABASE_URL", url)
    spooled_within(3, lambda: fail(1))
    spooled_within(
        3,
        lambda: add_many(
            [{"item_type": "x", "resource_type": "t", "resource_id": 2, "priority": "low", "reason": "r"}]
        )[0],
    )
    assert bring_in(queue, spool, anywhere=True).recorded == 2


def test_a_database_that_is_gone_and_back(
    tmp_path: Path, spool: Spool, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is stopped under a running script costs it nothing; started again, all is there once."""
    from manual_resolution.embedded import EmbeddedPostgres
    from manual_resolution.store.migrate import migrate

    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        url = server.start()
        migrate(url)
        monkeypatch.setenv("DATABASE_URL", url)
        assert not fail(1).spooled
        stop_fast(tmp_path / "pg")
        spooled_within(2, lambda: fail(1))
        spooled_within(2, lambda: fail(2))
        server.start()
        monkeypatch.setenv("MRQ_ADD_TIMEOUT", "10")
        assert not fail(3).spooled
        with psycopg.connect(url) as db:
            rows = db.execute("select resource_id, occurrences from manual_resolution_queue order by 1").fetchall()
        assert rows == [(1, 2), (2, 1), (3, 1)]


def stop_fast(root: Path) -> None:
    """Stop the server under everybody who is connected."""
    process = int((root / "pg" / "postmaster.pid").read_text().split()[0])
    os.kill(process, signal.SIGINT)
    ends = time.monotonic() + 30
    while (root / "pg" / "postmaster.pid").exists():
        assert time.monotonic() < ends


# ------------------------------------------------------------------ the spool, in trouble


def test_neither_queue_nor_spool(
    away: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the spool fails too, the caller gets the failure back whole in the error, and stderr names it."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("MRQ_SPOOL_DIR", str(tmp_path / "file" / "spool"))
    with pytest.raises(NotKept, match="neither the queue nor the spool") as lost:
        fail(7, context={"email": "lena@example.com"}, sla_hours=5)
    [arguments] = lost.value.failures
    assert arguments["context"] == {"email": "lena@example.com"} and arguments["resource_id"] == 7
    err = capsys.readouterr().err
    assert "x of thing #7" in err and "lena" not in err and err.count("\n") == 1
    monkeypatch.setenv("MRQ_SPOOL_DIR", str(tmp_path / "spool"))
    assert add_to_queue(**arguments).spooled


def test_a_full_disk(away: None, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no more is an error with the failure in it, and leaves no half file."""
    fail(1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(NotKept, match="File too large"):
            fail(2, context={"text": "x" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert len(os.listdir(spool.folder)) == 1


def test_the_spool_has_a_limit(away: None, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond MRQ_SPOOL_MAX_MB nothing more is kept, and the error says so."""
    monkeypatch.setenv("MRQ_SPOOL_MAX_MB", "1")
    for number in range(1, 5):
        fail(number, context={"text": "x" * 240_000})
    with pytest.raises(NotKept, match="MRQ_SPOOL_MAX_MB"):
        fail(5, context={"text": "x" * 240_000})
    assert len(spool.entries()) == 4


def test_a_folder_open_to_all(away: None, spool: Spool) -> None:
    """A folder that everybody may write is refused: anybody could put failures there, or take them away."""
    spool.folder.mkdir(parents=True)
    spool.folder.chmod(0o777)
    with pytest.raises(NotKept, match="chmod o-w"):
        fail(1)


@pytest.mark.parametrize("harm", ["cut", "flipped", "emptied", "garbled"])
def test_a_damaged_file_is_set_aside(harm: str, queue: Queue, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is torn or altered is set aside and named; the rest of its file and of the spool comes in."""
    address = os.environ["DATABASE_URL"]
    monkeypatch.delenv("DATABASE_URL")
    add_many(
        [
            {"item_type": "x", "resource_type": "thing", "resource_id": n, "priority": "low", "reason": "r"}
            for n in (1, 2)
        ]
    )
    fail(3)
    path = spool.entries()[0].path
    content = path.read_bytes()
    first, second = content.splitlines(keepends=True)
    path.write_bytes(
        {"cut": content[:-40], "flipped": first.replace(b'"reason": "r"', b'"reason": "q"') + second,
         "emptied": b"", "garbled": b"\0\xff\n" + second}[harm]
    )  # fmt: skip
    monkeypatch.setenv("DATABASE_URL", address)
    came_to = bring_in(queue, spool)
    [sentence] = came_to.damaged
    assert str(path) in sentence
    assert came_to.recorded == {"cut": 2, "flipped": 2, "emptied": 1, "garbled": 2}[harm]
    assert {item.resource_id for item in queue.list()} == {"cut": {1, 3}, "emptied": {3}}.get(harm, {2, 3})
    assert [entry.state for entry in spool.entries()] == ["damaged"]
    assert bring_in(queue, spool).recorded == 0


def test_what_the_database_refuses_is_set_aside(
    queue: Queue, spool: Spool, db: Any, fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure that the database refuses stands in nobody's way; a later replay by a person tries it again."""
    hostile, good = (intake("x", "thing", n, "low", "r", add_id=uuid4(), occurred_at=datetime.now(UTC)) for n in (1, 2))
    object.__setattr__(hostile, "context", '{"a": "\\u0000"}')
    spool.keep([hostile, good], None, "lib:x@y")
    came_to = bring_in(queue, spool)
    assert came_to.recorded == 1 and len(came_to.refused) == 1 and [item.resource_id for item in queue.list()] == [2]
    assert [entry.state for entry in spool.entries()] == ["refused"]
    assert fail(3).id and [entry.state for entry in spool.entries()] == ["refused"]
    assert len(bring_in(queue, spool).refused) == 1


def test_what_a_killed_process_left(queue: Queue, spool: Spool) -> None:
    """A file that was whole when its process died is brought in; a torn one is set aside and named."""
    for n in (1, 2):
        told = intake("x", "thing", n, "low", "r", add_id=uuid4(), occurred_at=datetime.now(UTC))
        path = spool.keep([told], None, "lib:x@y")
        left = path.rename(path.with_name(f".{path.name}.tmp"))
        if n == 2:
            left.write_bytes(left.read_bytes()[:50])
        os.utime(left, (time.time() - 3600,) * 2)
    came_to = bring_in(queue, spool)
    assert (came_to.recorded, len(came_to.damaged), queue.list()[0].resource_id) == (1, 1, 1)


def test_an_unfinished_file_of_a_living_process_is_left_alone(queue: Queue, spool: Spool) -> None:
    """What another process writes just now is not touched."""
    spool.folder.mkdir(parents=True)
    unfinished = spool.folder / ".x.spooled.tmp"
    unfinished.touch()
    bring_in(queue, spool)
    assert unfinished.exists()


def test_one_replay_at_a_time(queue: Queue, spool: Spool, away: None) -> None:
    """While a process replays the spool another leaves it alone, and an add is not kept waiting."""
    fail(1)
    with spool._alone() as mine:
        assert mine and bring_in(queue, spool) is None
    assert bring_in(queue, spool).recorded == 1


@pytest.mark.slow
def test_a_large_spool_keeps_no_add_waiting(queue: Queue, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An add spends a quarter of a second on the spool and no more; what is left waits for the next.

    Slow: 20 000 failures are spooled first.
    """
    address = os.environ["DATABASE_URL"]
    monkeypatch.delenv("DATABASE_URL")
    add_many(
        [
            {"item_type": "x", "resource_type": "t", "resource_id": n, "priority": "low", "reason": "r"}
            for n in range(1, 20_001)
        ]
    )
    monkeypatch.setenv("DATABASE_URL", address)
    began = time.monotonic()
    assert not fail(1).spooled
    assert time.monotonic() - began < 1.5
    assert len(spool.entries()) > 0


def test_an_empty_spool_costs_nothing(queue: Queue, spool: Spool) -> None:
    """An add that succeeds makes no folder and no file."""
    fail(1)
    assert not spool.folder.exists()
