"""`connection=` with what SQLAlchemy and Django call a connection (design, Adding: in your transaction)."""

import sqlite3
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from manual_resolution import InvalidInput, InvalidType, Queue, Unreachable, add_to_queue

FAILURE = ("x", "thing", 1, "low", "it failed")


class GivenUp(Exception):
    """What makes a host roll back."""


def count(connect: Any) -> tuple[int, ...]:
    """Items, events, occurrences."""
    tables = ("manual_resolution_queue", "mrq_event", "mrq_occurrence")
    return tuple(connect().execute(f"select count(*) from {table}").fetchone()[0] for table in tables)  # noqa: S608


# ------------------------------------------------------------------ the host's transaction


def test_the_item_commits_with_the_host(host: Any, queue: Queue) -> None:
    """What a host adds is there with its commit and not before, its context whole."""
    context = {"url": "https://example.com/ü", "tried": [1, 2.5, None]}
    with host() as (connection, _):
        added = add_to_queue(*FAILURE, context, connection=connection)
        assert queue.list() == []
    assert [(item.id, item.context) for item in queue.list()] == [(added.id, context)]


def test_a_rolled_back_host_leaves_nothing(host: Any, connect: Any, queue: Queue) -> None:
    """A host that rolls back leaves no item, event or occurrence, of a first report or of a repeat."""
    standing = queue.add(*FAILURE)
    before = count(connect)
    with pytest.raises(GivenUp), host() as (connection, _):
        assert add_to_queue(*FAILURE, connection=connection).id == standing.id
        assert not add_to_queue("x", "thing", 2, "low", "it failed", connection=connection).repeated
        raise GivenUp
    assert count(connect) == before


def test_a_repeat_writes_only_its_occurrence(host: Any, connect: Any, queue: Queue) -> None:
    """A repeat inside a host's transaction locks nothing: an operator claims the item meanwhile."""
    standing = queue.add(*FAILURE)
    with host() as (connection, _):
        assert add_to_queue(*FAILURE, connection=connection).repeated
        assert queue.next("alice").id == standing.id
    assert count(connect) == (1, 2, 2), "one item, added and claimed, told twice"
    queue.wake(every=0)
    assert queue.get(standing.id).occurrences == 2


def test_what_is_refused_costs_only_the_add(host: Any, connect: Any, queue: Queue) -> None:
    """A value or a database that refuses raises, spools nothing, and the host's own work goes on and commits."""
    other = connect(autocommit=False)
    with host() as (connection, execute):
        execute("create table host_work as select 1 as n")
        with pytest.raises(InvalidInput):
            add_to_queue("x", "thing", 1, "urgent", "it failed", connection=connection)
        add_to_queue(*FAILURE, connection=other)
        execute("set local statement_timeout = '100ms'")
        with pytest.raises(Unreachable, match="busy"):
            add_to_queue(*FAILURE, connection=connection)
        other.rollback()
        assert not add_to_queue(*FAILURE, connection=connection).repeated
    assert connect().execute("select n from host_work").fetchone() == (1,)
    assert len(queue.list()) == 1


def test_a_late_report_is_kept_with_the_resolved(host: Any, queue: Queue) -> None:
    """What happened before the last resolution of the same thing reopens nothing, through any host's connection."""
    resolved = queue.add(*FAILURE)
    happened = queue.get(resolved.id).created_at
    queue.withdraw("x", "thing", 1, "it succeeded")
    with host() as (connection, _):
        assert add_to_queue(*FAILURE, connection=connection, occurred_at=happened).id == resolved.id
    assert queue.list() == []


# ------------------------------------------------------------------ each framework's own ways


def test_sqlalchemy_commits_what_only_the_queue_wrote(engine: Any, queue: Queue) -> None:
    """`connection.commit()` commits an add that was the transaction's first and only statement."""
    with engine.connect() as connection:
        add_to_queue(*FAILURE, connection=connection)
        assert queue.list() == []
        connection.commit()
    assert len(queue.list()) == 1


def test_sqlalchemy_without_a_commit_keeps_nothing(engine: Any, queue: Queue) -> None:
    """A connection that is closed uncommitted takes the item with it, and returns to the pool clean."""
    with engine.connect() as connection:
        add_to_queue(*FAILURE, connection=connection)
    assert queue.list() == []
    with engine.begin() as connection:
        add_to_queue(*FAILURE, connection=connection)
    assert len(queue.list()) == 1


def test_a_session_within_its_savepoint(engine: Any, queue: Queue) -> None:
    """What is added inside a session's nested transaction goes when that is rolled back, and only that."""
    from sqlalchemy.orm import Session

    with Session(engine) as session:
        kept = add_to_queue(*FAILURE, connection=session)
        with pytest.raises(GivenUp), session.begin_nested():
            add_to_queue("x", "thing", 2, "low", "it failed", connection=session)
            raise GivenUp
        session.commit()
    assert [item.id for item in queue.list()] == [kept.id]


def test_a_scoped_session_serves(engine: Any, queue: Queue) -> None:
    """A session that is kept for each thread, as web frameworks keep it, is taken too."""
    from sqlalchemy.orm import scoped_session, sessionmaker

    sessions = scoped_session(sessionmaker(engine))
    add_to_queue(*FAILURE, connection=sessions)
    sessions.commit()
    sessions.remove()
    assert len(queue.list()) == 1


def test_django_outside_atomic_stands_by_itself(django_connection: Any, queue: Queue) -> None:
    """In Django's autocommit, on a connection that was not opened yet, an add is a transaction of its own."""
    assert django_connection.connection is None
    add_to_queue(*FAILURE, connection=django_connection)
    assert len(queue.list()) == 1


def test_django_runs_on_commit_after_the_add(django_connection: Any, queue: Queue) -> None:
    """Django's own hooks and savepoints work around an add."""
    from django.db.transaction import atomic, on_commit

    seen: list[int] = []
    with atomic():
        on_commit(lambda: seen.append(len(queue.list())))
        kept = add_to_queue(*FAILURE, connection=django_connection)
        with pytest.raises(GivenUp), atomic():
            add_to_queue("x", "thing", 2, "low", "it failed", connection=django_connection)
            raise GivenUp
    assert seen == [1]
    assert [item.id for item in queue.list()] == [kept.id]


def test_the_tables_come_by_a_django_migration(django_connection: Any, database_url: str, connect: Any) -> None:
    """`mrq db migrate --sql`, kept as one of the host's migrations, makes the tables in Django's test database too;
    MRQ's own command then finds them applied.
    """
    from django.db.migrations import RunSQL
    from django.db.migrations.state import ProjectState
    from django.db.transaction import atomic

    from manual_resolution.cli.app import app

    connect().execute("drop schema public cascade; create schema public")
    printed = CliRunner().invoke(app, ["db", "migrate", "--sql"], env={"DATABASE_URL": database_url}).output
    with django_connection.schema_editor(atomic=False) as editor:
        RunSQL(printed).database_forwards("shop", editor, ProjectState(), ProjectState())
    with atomic():
        assert not add_to_queue(*FAILURE, connection=django_connection).repeated
    done = CliRunner().invoke(app, ["db", "migrate"], env={"DATABASE_URL": database_url})
    assert done.output.startswith("Up to date"), done.output


# ------------------------------------------------------------------ what is no connection of ours


def refused(connection: Any) -> str:
    """What a caller is told of this connection."""
    with pytest.raises(InvalidType) as error:
        add_to_queue(*FAILURE, connection=connection)
    assert error.value.parameter == "connection"
    return error.value.allowed


@pytest.mark.parametrize("given", ["postgresql://x", 5, object()], ids=["text", "number", "object"])
def test_what_is_no_connection_is_refused(given: Any) -> None:
    """Anything that holds no connection is refused by name, with what is allowed."""
    assert refused(given).endswith("or SQLAlchemy's or Django's over one")


def test_another_driver_is_named() -> None:
    """A connection of another driver is refused, and the driver under a framework's is named."""
    from sqlalchemy import create_engine

    with sqlite3.connect(":memory:") as plain:
        assert "over" not in refused(plain).removesuffix("over one")
    plain.close()
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        assert refused(connection).endswith("; this one is over sqlite3")
    engine.dispose()


def test_asynchronous_connections_are_refused(engine: Any) -> None:
    """psycopg's and SQLAlchemy's asynchronous connections are refused at once, with nothing left un-awaited."""
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

    asynchronous: AsyncEngine = create_async_engine(engine.url)
    for connection in (AsyncSession(asynchronous), AsyncConnection(asynchronous)):
        assert "not asynchronous" in refused(connection)
    with pytest.raises(InvalidType):
        add_to_queue(*FAILURE, connection=psycopg.AsyncConnection)
