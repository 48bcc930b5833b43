"""Who listens for arrivals in a database, as tests see it who wait for somebody to wait."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import psycopg

#: Seconds; longer than anything here takes. Where it is reached, what was promised did not come.
LONG = 30.0


def listeners(db: psycopg.Connection[Any]) -> list[int]:
    """The sessions that listen."""
    locks = db.execute(
        "select pid from pg_locks where locktype = 'advisory' and objid = 7377007 and mode = 'ShareLock' and granted"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    return [pid for (pid,) in locks.fetchall()]


def until_nobody_listens(db: psycopg.Connection[Any]) -> None:
    """Return when those of an earlier test have left: they do within moments after they were closed."""
    until(lambda: not listeners(db))


def until(true: Callable[[], bool]) -> None:
    """Return as soon as it is so."""
    ends = monotonic() + LONG
    while not true():
        assert monotonic() < ends
