"""Telling who waits that something has arrived: after the transaction that added it, never a caller's (design, Live).

Who listens holds a lock all the while, and an add learns in its own statement whether anybody does: who adds alone
makes no further round trip where nobody would hear it. Of adds at the same time each but one takes another for a
listener, and tells.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from time import monotonic
from typing import Final

import psycopg

from manual_resolution.errors import Unreachable
from manual_resolution.store.connection import Database, Db, open_within, told

#: Seconds for which a process that told a database is silent. All that it adds meanwhile is committed when they end:
#: who looks again a little later than that after being told finds it.
SILENCE: Final = 0.02

#: In an add: whether anybody listens. Who comes to listen waits for the adds under way, and looks after that.
HEARD: Final = "not pg_try_advisory_xact_lock(7377007)"

_told: dict[tuple[bytes, ...], float] = {}


def tell(db: Db) -> None:
    """Tell whoever listens that something has arrived and is committed, unless this process just did."""
    place, now = (db.pgconn.host, db.pgconn.port, db.pgconn.db), monotonic()
    if now - _told.get(place, 0.0) >= SILENCE:
        _told[place] = now
        with suppress(psycopg.Error, Unreachable):  # it was added: who waits looks by itself
            db.execute("notify mrq_arrived")


@contextmanager
def listening(database: Database) -> Iterator[Callable[[float], bool] | None]:
    """What waits for a number of seconds and says whether anything arrived; None behind a pooler, where none can.

    Raises `Unreachable` when the connection is lost.
    """
    with told(), closing(open_within(database.url, database.timeout)) as db:
        row = db.execute("select pg_backend_pid()").fetchone()
        if row != (db.info.backend_pid,):  # this session's server is another's in a moment, and would tell them
            yield None
            return
        db.execute("listen mrq_arrived")
        db.execute("select pg_advisory_lock_shared(7377007)")
        yield lambda seconds: any(True for _ in db.notifies(timeout=seconds, stop_after=1))
