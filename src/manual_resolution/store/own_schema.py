"""A schema of one's own on somebody's test server: taken by one process, emptied between tests, dropped at the end."""

from itertools import count
from types import TracebackType
from typing import Final, LiteralString, Self
from urllib.parse import quote

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import LockNotAvailable

from manual_resolution.errors import Unreachable
from manual_resolution.store.connection import open_within, told
from manual_resolution.store.migrate import migrate

LOCK: Final = 7_377_002  # any number but the migrations'
HELD: Final = "A connection from an earlier test still holds the queue's tables: close it, or end its transaction."

TABLES: Final = r"""
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relkind = 'r' and (c.relname = 'manual_resolution_queue' or c.relname like 'mrq\_%%')
   and c.relname not in ('mrq_migration', 'mrq_setting')"""


class OwnSchema:
    """MRQ's tables in a new schema `mrq_test_N`, whatever else is in the database; `url` leads to it, `public` behind.

    Each process takes the first N that no other holds, so any number of test runs share a server. Needs a role that
    may create schemas. Raises `Unreachable` or `Refused`.
    """

    def __init__(self, url: str) -> None:
        with told():
            self._db = open_within(url, 10)
            self.name = self._take()
            self._db.execute("set client_min_messages = warning")
            self._drop()
            self._db.execute(sql.SQL("create schema {}").format(sql.Identifier(self.name)))
            migrate(with_path(url, self.name))  # a queue in `public` is not seen, so not taken for this one
            self.url = with_path(url, f"{self.name},public")
            self._tables = [name for (name,) in self._db.execute(TABLES, [self.name]).fetchall()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: type[BaseException] | BaseException | TracebackType | None) -> None:
        with told(), self._db:
            self._drop()

    def empty(self) -> None:
        """Take every row out of MRQ's tables, ids from 1 again. History refuses that, so its guards stand aside."""
        try:
            with self._db.transaction():
                self._db.execute("set local lock_timeout = '2s'")
                self._each("alter table {} disable trigger user")
                names = sql.SQL(", ").join(sql.Identifier(self.name, table) for table in self._tables)
                self._db.execute(sql.SQL("truncate {} restart identity cascade").format(names))
                self._each("alter table {} enable trigger user")
        except LockNotAvailable as error:
            raise Unreachable(HELD) from error

    def _each(self, statement: LiteralString) -> None:
        each = (sql.SQL(statement).format(sql.Identifier(self.name, table)) for table in self._tables)
        self._db.execute(sql.SQL(";").join(each))

    def _take(self) -> str:
        for number in count(1):
            if self._db.execute("select pg_try_advisory_lock(%s, %s)", [LOCK, number]).fetchone() == (True,):
                return f"mrq_test_{number}"
        raise AssertionError

    def _drop(self) -> None:
        self._db.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(self.name)))


def with_path(url: str, schemas: str) -> str:
    """The same address with this search path; what was a URL stays one."""
    options = f"{conninfo_to_dict(url).get('options') or ''} -csearch_path={schemas}".strip()
    if "://" not in url:
        return make_conninfo(url, options=options)
    return f"{url}{'&' if '?' in url else '?'}options={quote(options, safe='')}"  # the last `options` counts
