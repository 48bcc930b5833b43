"""Databases for the tests: one private PostgreSQL per run, one database per worker, emptied before each test.

`DATABASE_URL`, every MRQ setting and every real token are ignored, so no test can reach a database or a
service that matters. Ask for `database_url` (fast, schema as migrated), for `app_database_url` (the same with the
sample application's tables), or for `fresh_database_url` when the test changes the schema or adds tables of its own.
"""

import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from psycopg import sql

from manual_resolution.embedded import EmbeddedPostgres
from manual_resolution.run_folder import run_folder as a_run_folder

KEPT = {"MRQ_PG_BIN", "MRQ_KILLS", "MRQ_TEST_ROLES", "MRQ_BROWSER", "MRQ_PICTURES", "MRQ_SIXTY"}
IGNORED = ("DATABASE_URL", "BLOB_READ_WRITE_TOKEN", "MRQ_", "VERCEL_", "PG", "HTTP_PROXY", "HTTPS_PROXY")
SPOOLS = itertools.count()
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")

Connect = Callable[..., psycopg.Connection[Any]]

# Set in some containers; each of the processes that the tests start would compile everything it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell that runs the tests in the background lets them, and so the commands they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_real_settings() -> Iterator[None]:
    """Takes what could lead to a real database, service or proxy out of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - KEPT:
            if name.upper().startswith(IGNORED):
                patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def spool_folder(
    no_real_settings: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The spool of this test alone; the folder is made when something goes there."""
    folder = tmp_path_factory.getbasetemp() / "spools" / str(next(SPOOLS))
    monkeypatch.setenv("MRQ_SPOOL_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder for all workers of this run; the last to leave stops the servers in it and removes it."""
    base = tmp_path_factory.getbasetemp()
    with a_run_folder(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base, "mrq-tests") as folder:
        yield folder


@pytest.fixture(scope="session")
def server(run_folder: Path, no_real_settings: None) -> Iterator[EmbeddedPostgres]:
    """The run's PostgreSQL, shared by all workers; nothing in it survives a crash of the machine."""
    with EmbeddedPostgres(run_folder / "postgres", durable=False) as shared:
        yield shared


@pytest.fixture(scope="session")
def template_database(server: EmbeddedPostgres) -> str:
    """The name of a migrated, empty database that nobody connects to."""
    return _template(server, "mrq_template", "template1", _migrated)


@pytest.fixture(scope="session")
def app_template(server: EmbeddedPostgres, template_database: str) -> str:
    """The same with the sample application's tables."""
    return _template(server, "app_template", template_database, _with_tables)


def _template(server: EmbeddedPostgres, name: str, of: str, prepare: Callable[[str], None]) -> str:
    """Made once a run, by the first who asks."""
    with _maintenance(server) as db:
        db.execute("select pg_advisory_lock(1)")
        if not db.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            _create(server, "mrq_unfinished", of)
            prepare(server.url("mrq_unfinished"))
            db.execute("alter database mrq_unfinished with allow_connections false")
            _terminate(db, "mrq_unfinished")
            db.execute(sql.SQL("alter database mrq_unfinished rename to {}").format(sql.Identifier(name)))
    return name


def _migrated(url: str) -> None:
    from manual_resolution.store.migrate import migrate

    migrate(url)
    if os.environ.get("MRQ_TEST_ROLES"):
        make_roles(url)


def _with_tables(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(files("meal_plan").joinpath("schema.sql").read_bytes())


#: The roles that `MRQ_TEST_ROLES=1` runs the queue's tests as, each with what `mrq db grants` gives it.
DUTIES = ("producer", "operator", "worker", "console")


def make_roles(url: str) -> None:
    """Make them; tables that a test adds are the host's, and the operator's options may touch them."""
    from manual_resolution.store.rights import grants

    with psycopg.connect(url, autocommit=True) as db:
        for duty in DUTIES:
            db.execute(f"create role mrq_{duty}".encode())
        for statement in grants(db, {f"mrq_{duty}": {duty} for duty in DUTIES}):
            db.execute(statement.encode())
        db.execute("alter default privileges in schema public grant all on tables to mrq_operator")


@pytest.fixture
def as_role(request: pytest.FixtureRequest) -> Callable[[str, str], str]:
    """`as_role(url, "worker")`: with `MRQ_TEST_ROLES` the same database for that role; without, the owner's URL.

    The owner's, too, in a test marked `owner`.
    """
    asked = os.environ.get("MRQ_TEST_ROLES") and not request.node.get_closest_marker("owner")
    return lambda url, duty: f"{url}&options=-crole%3Dmrq_{duty}" if asked else url


@pytest.fixture(scope="session")
def worker_database(server: EmbeddedPostgres, template_database: str) -> Iterator["WorkerDatabase"]:
    """What `database_url` hands out and resets."""
    with WorkerDatabase(server, template_database, f"mrq_{WORKER}") as database:
        yield database


@pytest.fixture
def database_url(worker_database: "WorkerDatabase") -> str:
    """The URL of this worker's database: schema as migrated, all tables empty, ids from 1."""
    worker_database.reset()
    return worker_database.url


@pytest.fixture(scope="session")
def app_database(server: EmbeddedPostgres, app_template: str) -> Iterator["WorkerDatabase"]:
    """What `app_database_url` hands out and resets."""
    with WorkerDatabase(server, app_template, f"app_{WORKER}") as database:
        yield database


@pytest.fixture
def app_database_url(app_database: "WorkerDatabase") -> str:
    """The same with the sample application's tables, empty too."""
    app_database.reset()
    return app_database.url


@pytest.fixture
def fresh_database_url(server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """The URL of a migrated database for this test alone, dropped afterwards."""
    name = f"fresh_{WORKER}"
    _create(server, name, template_database)
    yield server.url(name)
    with _maintenance(server) as db:
        db.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """`connect(url=None, **kwargs)`: a connection in autocommit, by default to the test's database."""
    with contextlib.ExitStack() as opened:

        def connect(url: str | None = None, **kwargs: Any) -> psycopg.Connection[Any]:
            kwargs = {"autocommit": True} | kwargs
            connection = psycopg.connect(url or _url_of(request), **kwargs)
            opened.callback(connection.close)
            return connection

        yield connect


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Iterator["Clock"]:
    """The clock of the test's database: `clock.forward(hours=5)`, `clock.back(minutes=1)`."""
    with psycopg.connect(_url_of(request), autocommit=True) as db:
        clock = Clock(db)
        yield clock
        clock.set(0)


@pytest.fixture
def faults() -> Callable[[psycopg.Connection[Any]], list[str]]:
    """`faults(db)`: what `mrq doctor --deep` finds wrong, which must be nothing whatever a test did."""
    from manual_resolution import Settings, doctor

    return lambda db: [str(check) for check in doctor.of_every_row(db, Settings()) if check.result != "ok"]


def _url_of(request: pytest.FixtureRequest) -> str:
    others = [name for name in ("fresh_database_url", "app_database_url") if name in request.fixturenames]
    return str(request.getfixturevalue(others[0] if others else "database_url"))


class Clock:
    """What `mrq_now()` answers, shifted against the real time for every connection of one database."""

    def __init__(self, db: psycopg.Connection[Any]) -> None:
        self.db, self.offset = db, 0.0
        row = db.execute("select pg_get_functiondef('mrq_now()'::regprocedure)").fetchone()
        self.definition: str = row[0] if row else ""
        assert "clock_timestamp()" in self.definition, "mrq_now() must be made of clock_timestamp()"

    def forward(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        self.set(self.offset + hours * 3600 + minutes * 60 + seconds)

    def back(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        self.forward(hours=-hours, minutes=-minutes, seconds=-seconds)

    def set(self, offset: float) -> None:
        """Shift by `offset` seconds against the real time."""
        self.offset = offset
        shifted = f"(clock_timestamp() + interval '{offset:f} seconds')" if offset else "clock_timestamp()"
        self.db.execute(self.definition.replace("clock_timestamp()", shifted).encode())


class WorkerDatabase:
    """One worker's copy of the template: emptied between tests, made anew when a test changed its schema."""

    def __init__(self, server: EmbeddedPostgres, template: str, name: str) -> None:
        self.server, self.template, self.name = server, template, name
        self.url = server.url(name)
        self.session: psycopg.Connection[Any] | None = None
        self.schema, self.settings = "", b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.session:
            self.session.close()

    def reset(self) -> None:
        with contextlib.suppress(psycopg.OperationalError):  # a test may have ended our session
            if self.session and self._schema() == self.schema:
                self._empty(self.session)
                return
        if self.session:
            self.session.close()
        _create(self.server, self.name, self.template)
        # Kept between tests, idle. The replica role does not fire the append-only triggers.
        self.session = psycopg.connect(
            self.url, autocommit=True, options="-c session_replication_role=replica -c lock_timeout=10s"
        )
        self.schema, self.settings = self._schema(), _copy_out(self.session, "mrq_setting")

    def _schema(self) -> str:
        assert self.session
        return str(self.session.execute(SCHEMA).fetchone())

    def _empty(self, db: psycopg.Connection[Any]) -> None:
        _terminate(db, self.name, but_idle=True)
        for name, is_large in db.execute(TABLES_IN_USE).fetchall():
            # TRUNCATE makes new files: slower than DELETE until there are thousands of rows.
            how = "truncate {} cascade" if is_large else "delete from {}"
            db.execute(sql.SQL(how).format(sql.Identifier(name)))
        db.execute(RESTART_SEQUENCES)
        if _copy_out(db, "mrq_setting") != self.settings:
            db.execute("truncate mrq_setting")
            with db.cursor().copy("copy mrq_setting from stdin") as copy:
                copy.write(self.settings)


TABLES_IN_USE = r"""
select relname, pg_relation_size(oid) > 1e6 from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
  and relname not in ('mrq_migration', 'mrq_setting')
"""

#: A sequence can have moved without a row: ids are taken before a conflict is found.
RESTART_SEQUENCES = r"""
select setval(seqrelid, seqstart, false) from pg_sequence
where seqrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
"""

#: Whatever a test may have created, changed, disabled or dropped; not what emptying and ANALYZE change.
SCHEMA = """
select md5(string_agg(part, ' ' order by part)) from (
    select concat('c', oid, relname, relkind, relowner, relacl, relrowsecurity, reloptions) from pg_class
    where oid >= 16384 and relpersistence <> 't' and relnamespace <> 'pg_toast'::regnamespace
    union all select concat('a', count(*), ':', sum(xmin::text::bigint)) from pg_attribute where attrelid in (
        select oid from pg_class where oid >= 16384 and relpersistence <> 't' and relkind <> 'i')
    union all select concat('p', oid, proname, proacl, md5(concat(prosrc, prosqlbody, proconfig)))
    from pg_proc where oid >= 16384
    union all select concat('t', oid, tgname, tgenabled, tgfoid) from pg_trigger
    union all select concat('k', count(*), ':', sum(xmin::text::bigint)) from pg_constraint
    union all select concat('i', indexrelid, indisvalid, indisready) from pg_index where indexrelid >= 16384
    union all select concat('d', oid, md5(adbin::text)) from pg_attrdef
    union all select concat('r', oid, md5(ev_action::text), ev_enabled) from pg_rewrite where oid >= 16384
    union all select concat('n', oid, nspname, nspacl) from pg_namespace where nspname !~ '^pg_(toast_)?temp'
    union all select concat('y', oid, typname) from pg_type
    where oid >= 16384 and typtype in ('e', 'd', 'c', 'r')
        and typrelid not in (select oid from pg_class where relpersistence = 't')
    union all select concat('e', oid, extname) from pg_extension
    union all select concat('s', setrole, setconfig) from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
) as parts (part)
"""


def _maintenance(server: EmbeddedPostgres) -> psycopg.Connection[Any]:
    return psycopg.connect(server.url("postgres"), autocommit=True)


def _create(server: EmbeddedPostgres, name: str, template: str) -> None:
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with _maintenance(server) as db:
        db.execute(sql.SQL("drop database if exists {name} with (force)").format(**names))
        db.execute(sql.SQL("create database {name} template {template} strategy file_copy").format(**names))


def _terminate(db: psycopg.Connection[Any], database: str, *, but_idle: bool = False) -> None:
    """End the sessions of `database`; with `but_idle` only those that could hold a lock."""
    db.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s "
        "and pid <> pg_backend_pid() and backend_type = 'client backend' and not (%s and state = 'idle')",
        [database, but_idle],
    )


def _copy_out(db: psycopg.Connection[Any], table: str) -> bytes:
    if not db.execute("select to_regclass(%s)", [table]).fetchone()[0]:  # type: ignore[index]
        return b""
    with db.cursor().copy(sql.SQL("copy {} to stdout").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(part) for part in copy)
