"""One private PostgreSQL with full durability for all contenders, a database each."""

import os
from pathlib import Path

import psycopg
from psycopg import sql

from manual_resolution.embedded import EmbeddedPostgres

DEBIAN = Path("/usr/lib/postgresql/15/bin")
#: Everything that is not PostgreSQL's default. Durability is the default and is checked, not set.
SETTINGS = {
    "work_mem": "64MB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_connections": "100",
}
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


def start(folder: Path) -> EmbeddedPostgres:
    """The server, started with `SETTINGS` and a sixth of the memory (at most 4 GB) as shared buffers."""
    if "MRQ_PG_BIN" not in os.environ and (DEBIAN / "postgres").exists():
        os.environ["MRQ_PG_BIN"] = str(DEBIAN)
    server = EmbeddedPostgres(folder)
    server.start()
    with maintenance(server) as db:
        for name, value in (SETTINGS | {"shared_buffers": shared_buffers()}).items():
            db.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    server.stop()
    server.start()
    refuse_unless_durable(server)
    return server


def shared_buffers() -> str:
    """A sixth of this machine's memory, at most 4 GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(4096, memory // 6 // 2**20)}MB"


def settings_in_force(server: EmbeddedPostgres) -> dict[str, str]:
    """What the report names: durability, and what differs from the defaults."""
    names = [*DURABLE, "server_version", "shared_buffers", *SETTINGS]
    with maintenance(server) as db:
        return {name: str(db.execute("select current_setting(%s)", [name]).fetchone()[0]) for name in names}  # type: ignore[index]


def refuse_unless_durable(server: EmbeddedPostgres) -> None:
    """Figures of a server that may lose commits mean nothing here."""
    wrong = [name for name in DURABLE if settings_in_force(server)[name] != "on"]
    if wrong:
        raise SystemExit(f"The server is not durable: {', '.join(wrong)} is off.")


def new_database(server: EmbeddedPostgres, name: str) -> str:
    """The address of an empty database of this name."""
    with maintenance(server) as db:
        db.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        db.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return server.url(name)


def maintenance(server: EmbeddedPostgres) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to the server's own database."""
    return psycopg.connect(server.url("postgres"), autocommit=True)


def drop_databases(server: EmbeddedPostgres) -> None:
    """Give the room back; the server itself stays for the next run."""
    with maintenance(server) as db:
        names = db.execute(
            "select datname from pg_database where not datistemplate and datname not in ('postgres', 'mrq')"
        )
        for (name,) in names.fetchall():
            db.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(str(name))))
