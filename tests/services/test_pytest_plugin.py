"""The fixture `mrq_queue` in other people's test runs: each here is a pytest of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from manual_resolution import Queue

FENCED = re.DOTALL | re.MULTILINE
Run = Callable[..., subprocess.CompletedProcess[str]]

TESTS = """
import os
import pytest
from manual_resolution import add_to_queue

@pytest.mark.parametrize("number", range(6))
def test_each_begins_empty(mrq_queue, number):
    assert mrq_queue.list() == []
    assert add_to_queue("x", "thing", 1 + number, "low", "it failed").id == 1
    mrq_queue.escalate(1, "alice@example.com", "who knows")
    assert [event.verb for event in mrq_queue.history(1)] == ["add", "escalate"]

def test_nothing_real_is_near(mrq_queue):
    assert not {"BLOB_READ_WRITE_TOKEN", "MRQ_OPERATOR"} & set(os.environ)
    assert "example.com" not in os.environ["DATABASE_URL"]
    assert mrq_queue.settings.sla_low == 720

def test_the_environment_is_back():
    assert os.environ["MRQ_OPERATOR"] == "bob@example.com"
    assert os.environ["DATABASE_URL"] == "postgresql://db.example.com/production"
"""
MORE_TESTS = """
import sys, types
from manual_resolution import Workflow

module = sys.modules["billing_queue"] = types.ModuleType("billing_queue")
module.workflow = Workflow("payment_unmatched")
module.workflow.escalate("Ask accounting", team="accounting")

@pytest.fixture
def mrq_workflows():
    return ["billing_queue"]

def test_the_hosts_item_types_are_known(mrq_queue):
    case = mrq_queue.examine(mrq_queue.add("payment_unmatched", "payment", 7, "low", "no invoice").id)
    assert case.offers[0].option.label == "Ask accounting"

def test_the_hosts_tables_are_in_reach(mrq_queue):
    with mrq_queue.database.connection() as db:
        assert db.execute("select id from invoices").fetchone() == (7,)
"""
REAL = {
    "DATABASE_URL": "postgresql://db.example.com/production",
    "BLOB_READ_WRITE_TOKEN": "vercel_blob_rw_abc1_x",
    "MRQ_OPERATOR": "bob@example.com",
    "MRQ_SLA_LOW": "800",
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run(tests, "-n2", NAME=value)`: pytest over one file of tests, warnings as errors."""

    def run(tests: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_host.py").write_text(tests)
        plugins = ["-p", "no:cacheprovider", "-p", "manual_resolution.pytest_plugin", *arguments]
        # It is no worker of this run: it would share a PostgreSQL with the others.
        alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "pytest", "-q", *plugins],
            env=alone | environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # others are slow to load
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


@pytest.mark.slow
def test_each_test_has_an_empty_queue_of_its_own(run: Run) -> None:
    """With nothing installed or set, two workers of pytest-xdist share a PostgreSQL, and no rows.

    Slow: three pytests and a server; the same tests run below on a server that is there.
    What the environment names of real databases, tokens and settings is out of it for the test, and then back.
    """
    done = run(TESTS, "-p", "xdist", "-n2", **REAL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a way to be somebody else")
def test_root_needs_no_user_namespaces(run: Run) -> None:
    """As root in a container without `unshare`, the private PostgreSQL runs as nobody. Slow: a server of its own."""
    done = run("def test_it(mrq_queue):\n    assert mrq_queue.list() == []\n", PATH="/nowhere")
    assert "1 passed" in done.stdout, done.stdout


def test_a_test_server_of_ones_own(run: Run, fresh_database_url: str) -> None:
    """`MRQ_TEST_DATABASE_URL` is worked on in a schema that is gone afterwards; a queue that stands there is not seen.

    Its role needs no more than to create schemas. The host's tables in `public` and its own item types are in reach.
    """
    with psycopg.connect(fresh_database_url, autocommit=True) as db:
        db.execute("drop role if exists mrq_ci")
        db.execute("create role mrq_ci login")
        try:
            db.execute(f"grant create on database {db.info.dbname} to mrq_ci")
            db.execute("create table invoices as select 7 as id")
            db.execute("grant select on invoices to mrq_ci")
            standing = Queue(fresh_database_url)
            standing.add("x", "thing", 1, "low", "it failed")
            address = f"{fresh_database_url}&options=-crole%3Dmrq_ci"
            done = run(TESTS + MORE_TESTS, MRQ_TEST_DATABASE_URL=address, **REAL)
            assert done.returncode == 0, done.stdout + done.stderr
            assert [item.occurrences for item in standing.list()] == [1]
            standing.close()
            assert db.execute("select from pg_namespace where nspname like 'mrq%'").fetchall() == []
        finally:
            db.execute("drop owned by mrq_ci")
            db.execute("drop role mrq_ci")


def test_what_the_page_shows_passes(run: Run, tmp_path: Path, database_url: str) -> None:
    """The tests that docs/extend/testing.md shows pass, on the item type that docs/extend shows."""
    item_types = re.findall(r"<!-- file: billing_queue.py -->\n+```python\n(.*?)^```$", page("README.md"), FENCED)
    (tmp_path / "billing_queue.py").write_text(item_types[-1])
    tests = re.findall(r"^```python\n(.*?)^```$", page("testing.md"), FENCED)
    done = run("\n".join(tests), MRQ_TEST_DATABASE_URL=database_url)
    assert "2 passed" in done.stdout, done.stdout


def page(name: str) -> str:
    return (Path(__file__).parents[2] / "docs/extend" / name).read_text()


def test_who_does_not_ask_pays_nothing(request: pytest.FixtureRequest) -> None:
    """pytest finds the plugin by itself, and loading it loads neither the driver nor the queue."""
    assert request.config.pluginmanager.has_plugin("manual_resolution")
    program = (
        "import sys, manual_resolution.pytest_plugin; print({'psycopg', 'manual_resolution.queue'} & {*sys.modules})"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"


@pytest.mark.slow
def test_without_a_postgresql_it_says_so(run: Run, tmp_path: Path) -> None:
    """Where no PostgreSQL can be had, each test that asks fails with a sentence, not a traceback. Slow: a pytest."""
    done = run("def test_it(mrq_queue):\n    pass\n", MRQ_PG_BIN=str(tmp_path))
    assert "mrq_queue has no PostgreSQL: MRQ_PG_BIN = " in done.stdout
    assert "MRQ_TEST_DATABASE_URL" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_forgotten_transaction_is_named(database_url: str, connect: Any) -> None:
    """A test that leaves a transaction open over the queue's tables makes the next one fail with a sentence."""
    from manual_resolution import Unreachable
    from manual_resolution.store.own_schema import OwnSchema

    with OwnSchema(database_url) as schema:
        forgotten = connect(schema.url, autocommit=False)
        forgotten.execute("select from manual_resolution_queue")
        with pytest.raises(Unreachable, match="earlier test still holds"):
            schema.empty()
        forgotten.rollback()
        schema.empty()


def test_an_address_keeps_its_options(database_url: str) -> None:
    """An address's own options stay in force beside the search path, in a URL and in a connection string."""
    from psycopg.conninfo import make_conninfo

    from manual_resolution.store.own_schema import with_path

    own = f"{database_url}&options=-cwork_mem%3D5MB"
    for address in (own, make_conninfo(own)):
        with psycopg.connect(with_path(address, "pg_temp,public")) as db:
            shown = [db.execute(f"show {name}").fetchone()[0] for name in ("work_mem", "search_path")]
            assert shown == ["5MB", "pg_temp,public"]
