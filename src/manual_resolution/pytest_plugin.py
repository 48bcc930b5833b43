"""pytest's fixture `mrq_queue`, for the tests of services that use MRQ.

pytest loads this in every run where MRQ is installed, so everything heavy is imported by who asks for the fixture.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from manual_resolution.queue import Queue
    from manual_resolution.store.own_schema import OwnSchema

#: What a person may set for the tests too; every other setting of MRQ has its default there.
KEPT = ("MRQ_PG_BIN", "MRQ_TEST_DATABASE_URL")


@pytest.fixture(scope="session")
def _mrq_schema(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[OwnSchema]":
    from contextlib import ExitStack

    from manual_resolution.embedded import EmbeddedPostgres
    from manual_resolution.errors import MRQError
    from manual_resolution.run_folder import run_folder
    from manual_resolution.store.own_schema import OwnSchema

    with ExitStack() as stack:
        try:
            if not (address := os.environ.get("MRQ_TEST_DATABASE_URL")):
                folder = stack.enter_context(run_folder(_of_all_workers(tmp_path_factory), "mrq-pytest"))
                server = stack.enter_context(EmbeddedPostgres(folder / "postgres", durable=False))
                address = server.url()
            schema = stack.enter_context(OwnSchema(address))
        except MRQError as error:
            pytest.fail(f"mrq_queue has no PostgreSQL: {error} (MRQ_TEST_DATABASE_URL names another.)", pytrace=False)
        yield schema


def _of_all_workers(factory: pytest.TempPathFactory) -> Path:
    """The run's temporary folder; a worker of pytest-xdist has its own inside."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture
def mrq_workflows() -> Sequence[str]:
    """The modules whose item types `mrq_queue` knows: `MRQ_WORKFLOWS`, else MRQ's own. Override it for others."""
    from manual_resolution.settings import Settings, names

    chosen = os.environ.get("MRQ_WORKFLOWS")
    return names(chosen) if chosen else Settings().workflows


@pytest.fixture
def mrq_queue(
    _mrq_schema: "OwnSchema", mrq_workflows: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Queue]":
    """An empty queue on a real, private PostgreSQL; `add_to_queue` and `mrq` lead to it while the test runs.

    `DATABASE_URL`, every other setting and every token of MRQ's are out of the environment meanwhile.
    """
    from manual_resolution.demo import is_ours
    from manual_resolution.queue import Queue

    _mrq_schema.empty()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if is_ours(name)]:
            if name not in KEPT and not name.startswith("PG"):  # a test server may be reached by PGPASSWORD
                patch.delenv(name)
        patch.setenv("DATABASE_URL", _mrq_schema.url)
        patch.setenv("MRQ_WORKFLOWS", ",".join(mrq_workflows))
        patch.setenv("MRQ_SPOOL_DIR", str(tmp_path_factory.mktemp("mrq") / "spool"))  # never the developer's own
        queue = Queue.from_env()
        yield queue
        queue.close()
