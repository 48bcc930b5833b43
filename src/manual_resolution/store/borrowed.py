"""A caller's own connection: psycopg's, found inside what their framework calls a connection."""

from inspect import iscoroutinefunction, ismethod
from typing import Any

from psycopg import Connection

from manual_resolution.errors import InvalidType
from manual_resolution.store.connection import Db

ALLOWED = "a psycopg 3 connection that is not asynchronous, or SQLAlchemy's or Django's over one"


def driver_connection(given: Any) -> Db:
    """The psycopg 3 connection inside what a caller gave, of which their framework knows that it is in use.

    Takes psycopg's own, SQLAlchemy's `Connection` and `Session`, Django's `connection`. Raises `InvalidType` else.
    """
    inner = given
    for _ in range(4):  # at most: SQLAlchemy's session, its connection, the pooled one, the driver's
        if isinstance(inner, Connection):
            return inner
        inner = _inside(inner)
    over = "" if inner is given else f"; this one is over {type(inner).__module__.partition('.')[0]}"
    raise InvalidType("connection", given, ALLOWED + over)


def _inside(outer: Any) -> Any:
    """What a wrapper holds; itself when it is none."""
    if type(outer).__module__.startswith("sqlalchemy.ext.asyncio"):
        return outer
    if hasattr(outer, "ensure_connection"):  # Django's, which connects at the first query
        outer.ensure_connection()
    if hasattr(outer, "exec_driver_sql") and not outer.in_transaction():
        outer.begin()  # SQLAlchemy commits only what it has seen begin
    for name in ("driver_connection", "connection"):
        found = getattr(outer, name, None)
        if ismethod(found) and not iscoroutinefunction(found):
            return found()  # a session's
        if found is not None and not ismethod(found):
            return found
    return outer
