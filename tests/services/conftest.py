"""Services as other people build them: their frameworks' connections on the test's database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from manual_resolution import Queue

#: The bare services; their own tests run in a process of their own.
collect_ignore = ["fastapi_app", "django_app"]

#: `with host() as (connection, execute)`: one transaction of a host; an exception rolls it back.
Host = Callable[[], AbstractContextManager[tuple[Any, Callable[[str], Any]]]]


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """The queue as an operator sees it."""
    queue = Queue(database_url)
    yield queue
    queue.close()


@pytest.fixture
def engine(database_url: str) -> Iterator[Any]:
    """A host's SQLAlchemy engine."""
    from sqlalchemy import create_engine

    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    engine.dispose()


@pytest.fixture
def django_connection(database_url: str) -> Iterator[Any]:
    """`django.db.connection`, in a process that is a Django project from now on."""
    import django
    from django.conf import settings
    from django.db import connection, connections

    parts = conninfo_to_dict(database_url)
    if not settings.configured:
        names = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}
        database = {name: str(parts[part]) for name, part in names.items()}
        settings.configure(USE_TZ=True, DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **database}})
        django.setup()
    assert connection.settings_dict["NAME"] == parts["dbname"], "one database a worker"
    yield connection
    connections.close_all()


@pytest.fixture(params=["sqlalchemy-core", "sqlalchemy-session", "django"])
def host(request: pytest.FixtureRequest) -> Host:
    """A host's way to open a transaction, hand on its connection and run a statement of its own."""
    if request.param == "django":
        return django_host(request.getfixturevalue("django_connection"))
    engine = request.getfixturevalue("engine")
    return core_host(engine) if request.param == "sqlalchemy-core" else session_host(engine)


def core_host(engine: Any) -> Host:
    @contextmanager
    def transaction() -> Iterator[Any]:
        with engine.begin() as connection:
            yield connection, connection.exec_driver_sql

    return transaction


def session_host(engine: Any) -> Host:
    from sqlalchemy import text
    from sqlalchemy.orm import Session

    @contextmanager
    def transaction() -> Iterator[Any]:
        with Session(engine) as session, session.begin():
            yield session, lambda statement: session.execute(text(statement))

    return transaction


def django_host(connection: Any) -> Host:
    from django.db.transaction import atomic

    def execute(statement: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None

    @contextmanager
    def transaction() -> Iterator[Any]:
        with atomic():
            yield connection, execute

    return transaction
