"""Connections: kept between calls, limited in time, with the driver's errors told once, at this boundary."""

import json
import os
import select
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from functools import cached_property
from time import monotonic
from typing import Any, Final

import psycopg
from psycopg import errors as pg
from psycopg.abc import RV, PQGen
from psycopg.types.json import set_json_loads

from manual_resolution.errors import MRQError, Refused, Unreachable

Db = psycopg.Connection[Any]

#: Seconds kept of every limit for telling the server to stop.
CANCELLING: Final = 0.2
SILENT: Final = "The database did not answer in time."
NO_ADDRESS: Final = "DATABASE_URL is not a PostgreSQL address (its text is not shown, it may hold a password)."


class LimitedConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends at `deadline` (monotonic seconds): a frozen server freezes no caller."""

    deadline: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        if self.deadline is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, max(0.01, self.deadline - monotonic()))
        except pg._WaitTimeout:
            with suppress(psycopg.Error):  # what waits for a lock must not act after its caller was told no
                self.cancel_safe(timeout=CANCELLING)
            self.close()
            raise Unreachable(SILENT) from None


def open_within(url: str, seconds: float) -> LimitedConnection:
    """Connect in at most `seconds`: in a thread, for a name server or a second address may be silent too."""
    answer: Future[LimitedConnection] = Future()
    threading.Thread(target=_open, args=(url, seconds, answer), daemon=True).start()
    try:
        return answer.result(max(0.01, seconds))
    except TimeoutError:
        if answer.cancel():
            raise Unreachable(SILENT) from None
        return answer.result()
    except psycopg.ProgrammingError:
        raise Unreachable(NO_ADDRESS) from None


def _open(url: str, seconds: float, answer: "Future[LimitedConnection]") -> None:
    with suppress(InvalidStateError):  # nobody waits any more
        try:
            db = LimitedConnection.connect(
                url, autocommit=True, connect_timeout=max(2, round(seconds)), application_name=f"mrq:{os.getpid()}"
            )
        except Exception as error:  # noqa: BLE001  # raised again where it is awaited
            answer.set_exception(error)
            return
        set_json_loads(read_json, db)
        try:
            answer.set_result(db)
        except InvalidStateError:
            db.close()


def give_until(db: Db, deadline: float) -> None:
    """Have a connection answer within the limit it has, then let its waits end at `deadline` (monotonic seconds)."""
    db.execute("select")
    if isinstance(db, LimitedConnection):
        db.deadline = deadline


def hold_still(db: Db) -> None:
    """See to it that all of a transaction sees one moment, and changes nothing."""
    db.execute("set transaction isolation level repeatable read, read only")


def check_now(db: Db) -> None:
    """Have the rules that wait for the transaction's end (as Django's foreign keys do) say now what they say of it."""
    db.execute("set constraints all immediate")


def read_json(stored: str | bytes) -> Any:
    """A stored JSON value; an integer too long for Python stays text: another client may have stored it."""
    return _JSON.decode(stored if isinstance(stored, str) else stored.decode())


_JSON: Final = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) <= 4000 else digits)


class Database:
    """One database and the connections kept to it. Safe in threads; a forked child opens its own.

    `read_only`: every transaction is one that PostgreSQL itself lets change nothing.
    """

    def __init__(self, url: str, *, timeout: float = 10.0, read_only: bool = False) -> None:
        self.url, self.timeout, self.read_only = url, timeout, read_only
        self._idle: deque[LimitedConnection] = deque()
        self._inherited: tuple[LimitedConnection, ...] = ()
        self._pid = os.getpid()
        weakref.finalize(self, close_all, self._idle, self._pid)

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[Db]:
        """An autocommit connection for one use, limited to `timeout` seconds in all, connecting included.

        Raises `Unreachable` when the database does not answer, `Refused` when one of its rules says no.
        """
        deadline = monotonic() + (self.timeout if timeout is None else timeout)
        with told():
            db = self._take() or open_within(self.url, min(self.timeout, deadline - monotonic()))
            db.deadline = deadline - min(CANCELLING, (deadline - monotonic()) / 4)
            if self.read_only:
                db.read_only = True
            try:
                yield db
            finally:
                self._give(db)

    @contextmanager
    def transaction(self, timeout: float | None = None) -> Iterator[Db]:
        """As `connection`, with everything inside one transaction."""
        with self.connection(timeout) as db, db.transaction():
            yield db

    @contextmanager
    def looking(self, timeout: float | None = None) -> Iterator[Db]:
        """As `transaction`, in which PostgreSQL itself lets nothing be changed."""
        with self.transaction(timeout) as db:
            db.execute("set transaction read only")
            yield db

    def reach(self, timeout: float) -> None:
        """Ask for nothing; raises `Unreachable` when no answer comes in `timeout` seconds."""
        with self.connection(timeout) as db:
            db.execute("select")

    @cached_property
    def place(self) -> str | None:
        """`host:port/database`, without user and password; None for an address that is none."""
        return place_of(self.url)

    def close(self) -> None:
        """Close the idle connections."""
        close_all(self._idle, self._pid)

    def _take(self) -> LimitedConnection | None:
        if self._pid != os.getpid():  # forked: the parent's connections are the parent's, kept here untouched
            self._inherited, self._idle, self._pid = tuple(self._idle), deque(), os.getpid()
            weakref.finalize(self, close_all, self._idle, self._pid)
        while self._idle:
            db = self._idle.pop()
            if is_alive(db):
                return db
            db.close()
        return None

    def _give(self, db: LimitedConnection) -> None:
        db.deadline = None
        if db.closed or db.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            db.close()
        elif self._pid == os.getpid():
            self._idle.append(db)


def place_of(url: str) -> str | None:
    """Where an address leads: `host:port/database`, what it leaves out as libpq fills it in."""
    try:
        given = [*psycopg.pq.Conninfo.get_defaults(), *psycopg.pq.Conninfo.parse(url.encode())]
    except psycopg.Error:
        return None
    found = {option.keyword: option.val.decode() for option in given if option.val is not None}
    name = found.get(b"dbname") or found.get(b"user") or ""
    return f"{found.get(b'host', '')}:{found.get(b'port', '')}/{name}"


def close_all(idle: deque[LimitedConnection], pid: int) -> None:
    """Close idle connections, in the process that opened them."""
    while idle and pid == os.getpid():
        idle.pop().close()


def is_alive(db: Db) -> bool:
    """Whether an idle connection is still open: a server that went away has left an end-of-file to read."""
    try:
        return not db.closed and not select.select([db.fileno()], [], [], 0)[0]
    except (OSError, ValueError, psycopg.OperationalError):
        return False


@contextmanager
def told() -> Iterator[None]:
    """Turn the driver's errors into ours, once. Our own pass through."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(error) from error


def translated(error: psycopg.Error) -> MRQError:
    """What a driver's error means to a caller, in one sentence without addresses or secrets."""
    message = error.diag.message_primary or ""
    match error:
        case _ if (error.sqlstate or "").startswith("MRQ"):
            return Refused(f"Refused by the database: {message}.")
        case pg.UndefinedTable() | pg.UndefinedFunction() | pg.UndefinedColumn() | pg.InvalidSchemaName() if (
            "mrq" in message or "manual_res" in message
        ):
            return Unreachable("This database has no queue of this version yet: run `mrq db migrate`.")
        case pg.IntegrityError():
            rule = error.diag.constraint_name or "a rule"
            return Refused(f"Refused by the database's rule {rule}: {message}.")
        case pg.InsufficientPrivilege():
            return Refused(f"This database role may not do that: {message}.")
        case pg.ReadOnlySqlTransaction():
            return Unreachable("The database is read-only (a standby?): nothing was done.")
        case pg.DiskFull():
            return Unreachable("The database's disk is full: nothing was done.")
        case pg.QueryCanceled() | pg.LockNotAvailable() | pg.DeadlockDetected() | pg.SerializationFailure():
            return Unreachable(f"The database is busy: {message}. Nothing was done; try again.")
        case pg.DataError():
            return Refused(f"The database does not take this value: {(message or reason_of(error)).rstrip('.')}.")
        case psycopg.OperationalError() | pg.AdminShutdown():
            return Unreachable(f"The database was not reached: {reason_of(error)}")
        case _:
            return Refused(f"The database refused: {message or reason_of(error)}".rstrip(".") + ".")


def reason_of(error: psycopg.Error) -> str:
    """The last telling line of a connection error, a full stop behind it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    chosen = next(
        (line for line in lines if "failed:" in line or "FATAL" in line), lines[0] if lines else "no reason given"
    )
    return chosen.rstrip(".") + "."
