"""`mrq db`: migrating, seeing whether it is needed, and a shell that shows no password."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from manual_resolution import Queue
from manual_resolution.cli.db import by_environment
from manual_resolution.store.migrate import migrations

Run = Callable[..., Any]
NAMES = [f"{migration.number:04} {migration.name}" for migration in migrations()]
ALL = f"{len(NAMES)} migration{'' if len(NAMES) == 1 else 's'}"

#: Writes down how it was called and what it was told by the environment.
FAKE_PSQL = """#!/bin/sh
"exec" "{python}" "$0" "$@"
import json, os, sys
told = {{name: value for name, value in os.environ.items() if name.startswith("PG")}}
json.dump({{"words": sys.argv[1:], "told": told}}, open({record!r}, "w"))
sys.exit(7)
"""


@pytest.fixture
def empty_url(server: Any) -> Iterator[str]:
    """A database with nothing in it, for this test alone."""
    name = f"empty_{os.getpid()}"
    made = sql.Identifier(name)
    with psycopg.connect(server.url("postgres"), autocommit=True) as db:
        db.execute(sql.SQL("create database {}").format(made))
        yield server.url(name)
        db.execute(sql.SQL("drop database {} with (force)").format(made))


def test_migrating_applies_once_and_says_what(mrq: Run, empty_url: str) -> None:
    """The first `mrq db migrate` names what it applied, the second that nothing was left to do."""
    assert mrq("db", "migrate", DATABASE_URL=empty_url).out.splitlines() == [f"Applied {n}." for n in NAMES]
    assert mrq("db", "migrate", DATABASE_URL=empty_url).out == f"Up to date ({ALL}).\n"
    told = mrq("db", "migrate", "--json", DATABASE_URL=empty_url).json
    assert told == {"applied": [], "migrations": len(NAMES), "adoption": None, "dry_run": False}


def test_words_of_an_older_database_are_written_anew(mrq: Run, empty_url: str) -> None:
    """A database at migration 5 with rows and words is migrated and searched; the version before still writes."""
    with psycopg.connect(empty_url, autocommit=True) as db:
        for migration in migrations()[:5]:
            db.execute(migration.sql.encode())
        db.execute("create table mrq_migration (number integer primary key, name text not null, checksum text not null,"
                   " applied_at timestamptz not null default clock_timestamp())")  # fmt: skip
        with db.cursor() as cursor:
            cursor.executemany(
                "insert into mrq_migration (number, name, checksum) values (%s, %s, %s)",
                [(one.number, one.name, one.checksum) for one in migrations()[:5]],
            )
        add = """insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)
                 select 'x', 'thing', n, 'low', 'shelf ' || n from generate_series(1, 3000) n"""
        db.execute(add)
        say = """insert into mrq_search (item_id, version, said)
                 select id, 1, 'shelf ' || resource_id from manual_resolution_queue"""
        db.execute(say)
        assert mrq("db", "migrate", DATABASE_URL=empty_url).out.startswith(f"Applied {NAMES[5]}.")
        judged = json.loads(mrq("doctor", "--json", DATABASE_URL=empty_url, MRQ_ALERTS="none").out)
        wrong = {one["name"] for one in judged["checks"] if one["result"] == "wrong"}
        assert wrong <= {"fsync", "full_page_writes"}  # what a server for tests leaves out
        db.execute(say + " where id < 4 on conflict do nothing")
        found = mrq("list", "--text", "shelf 1234", DATABASE_URL=empty_url)
        assert "Not every item" in found.err
        with closing(Queue(empty_url)) as queue:
            while not queue.searching.keep()[1]:
                pass
        found = mrq("list", "--text", "shelf 1234", "--json", DATABASE_URL=empty_url).json
        assert [item["resource_id"] for item in found] == [1234]


def test_migrating_tells_the_database_the_hours_in_force(mrq: Run, empty_url: str) -> None:
    """Producers with plain SQL get the SLA hours of the environment that migrated."""
    mrq("db", "migrate", DATABASE_URL=empty_url, MRQ_SLA_HIGH="12")
    with psycopg.connect(empty_url) as db:
        assert db.execute("select value from mrq_setting where name = 'sla_high'").fetchone() == ("12",)


def test_status_says_what_is_pending(mrq: Run, empty_url: str) -> None:
    """`mrq db status` ends with 1 until everything is applied, then with 0."""
    before = mrq("db", "status", DATABASE_URL=empty_url)
    assert (before.code, before.out.splitlines()) == (1, [f"{name}  pending" for name in NAMES])
    assert "pending: run mrq db migrate." in before.err
    assert json.loads(mrq("db", "status", "--json", DATABASE_URL=empty_url).out)[0]["state"] == "pending"
    mrq("db", "migrate", DATABASE_URL=empty_url)
    after = mrq("db", "status", DATABASE_URL=empty_url)
    assert (after.code, after.out.splitlines()) == (0, [f"{name}  applied" for name in NAMES])


def test_what_sql_prints_can_be_applied_by_hand(mrq: Run, empty_url: str) -> None:
    """`--sql` changes nothing and prints what psql can apply; doctor then finds nothing missing."""
    printed = mrq("db", "migrate", "--sql", DATABASE_URL=empty_url).out
    assert mrq("db", "status", DATABASE_URL=empty_url).code == 1
    with psycopg.connect(empty_url, autocommit=True) as db:
        db.execute(printed.encode())
    assert mrq("db", "status", DATABASE_URL=empty_url).code == 0
    assert mrq("db", "migrate", "--sql", DATABASE_URL=empty_url).out == ""
    wrong = [c["name"] for c in json.loads(mrq("doctor", "--json", DATABASE_URL=empty_url).out)["checks"]
             if c["result"] == "wrong"]  # fmt: skip
    assert set(wrong) <= {"fsync", "full_page_writes", "channels"}


def test_a_database_of_another_build_is_refused(mrq: Run, empty_url: str) -> None:
    """A migration that was applied with another text stops both commands, in one sentence."""
    mrq("db", "migrate", DATABASE_URL=empty_url)
    with psycopg.connect(empty_url, autocommit=True) as db:
        db.execute("update mrq_migration set checksum = 'x' where number = 1")
    for word in ("migrate", "status"):
        ended = mrq("db", word, DATABASE_URL=empty_url)
        assert (ended.code, ended.err.count("\n")) == (1, 1)
        assert "another text" in ended.err


def test_without_a_database_it_says_what_to_set(mrq: Run) -> None:
    """No address, or one that does not answer, ends with 3 and one sentence."""
    assert "export DATABASE_URL=" in mrq("db", "status", DATABASE_URL=None).err
    gone = mrq("db", "migrate", DATABASE_URL="postgresql://mrq:hunter2@127.0.0.1:1/none")
    assert (gone.code, gone.err.count("\n"), "hunter2" in gone.err) == (3, 1, False)


# ------------------------------------------------------------------ the shell


@pytest.fixture
def fake_psql(tmp_path: Path) -> Path:
    """A program of the name psql, in a folder of its own, and the file it writes to."""
    program, record = tmp_path / "bin" / "psql", tmp_path / "record.json"
    program.parent.mkdir()
    program.write_text(FAKE_PSQL.format(python=sys.executable, record=str(record)))
    program.chmod(0o755)
    return program


def test_the_shell_gets_the_address_by_the_environment(
    mrq_process: Run, environment: dict[str, str], fake_psql: Path
) -> None:
    """psql is told the address by PG* variables, so no list of processes shows it; its exit code counts."""
    secret = "postgresql://ann:hunter2@db.example.com:6543/orders?sslmode=require&keepalives=0"
    environment |= {"PATH": str(fake_psql.parent), "DATABASE_URL": secret}
    ended = mrq_process("db", "shell", "--", "-c", "select 1")
    told = json.loads((fake_psql.parents[1] / "record.json").read_text())
    assert ended.code == 7
    assert told["words"] == ["keepalives=0", "-c", "select 1"]
    assert told["told"] == {
        "PGUSER": "ann",
        "PGPASSWORD": "hunter2",
        "PGHOST": "db.example.com",
        "PGPORT": "6543",
        "PGDATABASE": "orders",
        "PGSSLMODE": "require",
    }


def test_the_shell_reaches_the_database(mrq_process: Run, environment: dict[str, str], server: Any) -> None:
    """With the psql beside the server of this run, a statement passed through is answered."""
    if not (server.binaries / "psql").exists():
        pytest.skip("this server has no psql beside it")
    environment["PATH"] = str(server.binaries)
    ended = mrq_process("db", "shell", "--", "-XAtc", "select count(*) from mrq_event")
    assert (ended.code, ended.out) == (0, "0\n")


def test_without_psql_it_says_what_to_install(mrq: Run, tmp_path: Path) -> None:
    """Where there is no psql, one sentence says what to install."""
    ended = mrq("db", "shell", PATH=str(tmp_path), MRQ_PG_BIN=str(tmp_path))
    assert ended.code == 3
    assert ended.err == "There is no psql on PATH: install PostgreSQL's client (Debian: postgresql-client).\n"


@pytest.mark.parametrize(
    "address", ["host=/tmp dbname='a b' password='x y'", "postgresql:///a%20b?host=/tmp&password=x%20y"]
)
def test_both_forms_of_an_address_are_understood(address: str) -> None:
    """A libpq connection string means the same as an address."""
    named, rest = by_environment(address)
    assert named == {"PGHOST": "/tmp", "PGDATABASE": "a b", "PGPASSWORD": "x y"}
    assert rest == []
