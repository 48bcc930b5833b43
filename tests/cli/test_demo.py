"""The demo as a newcomer meets it: made once for all tests of a run, then a copy for each."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pexpect
import psycopg
import pytest
from psycopg import sql

from manual_resolution import Refused, Unreachable
from manual_resolution import demo as worlds
from manual_resolution.embedded import EmbeddedPostgres
from tests import processes

ROOT = Path(__file__).parents[2]
MRQ = (sys.executable, "-m", "manual_resolution.cli.app")
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "MRQ_PG_BIN") if name in os.environ}
ENVIRONMENT |= {"LANG": "C.UTF-8", "TERM": "dumb"}

CONSOLE = "/admin/manual-resolution-queue"

Run = Callable[..., processes.Ended]

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def mrq(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [*MRQ, *map(str, words)],
        env=ENVIRONMENT | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="session")
def first_run(run_folder: Path) -> tuple[Path, str]:
    """A finished demo that nobody uses, and what making it printed."""
    folder, said = run_folder / "demo", run_folder / "demo.txt"
    with (run_folder / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            ended = mrq("demo", "--no-input", "--dir", folder)
            assert ended.returncode == 0, ended.stderr
            said.write_text(ended.stdout)
    return folder, said.read_text()


@pytest.fixture
def demo(first_run: tuple[Path, str], run_folder: Path) -> Iterator[Path]:
    """The folder of a demo for this test alone, with its PostgreSQL kept running."""
    folder = run_folder / f"demo-{os.getpid()}"
    shutil.copytree(first_run[0], folder)
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    yield folder
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run(demo: Path) -> Run:
    """`run("list")`: a command on the demo, as `./mrq` calls it."""
    return lambda *words: processes.run(*words, environment=ENVIRONMENT | {"MRQ_DEMO": str(demo)})


def test_the_demo_prints_fifteen_items(first_run: tuple[Path, str]) -> None:
    """Seven nights leave 15 items: 1 critical, 2 high, 10 medium, 2 low, one past its deadline."""
    said = first_run[1]
    assert "Meal-plan application: 1,180 plans, 940 quiz responses, 611 users, 7 days\n" in said
    assert "  cleanup_expired_pdfs.py       204 deleted, 8 need a person\n" in said
    past = "1 is past its deadline: Slack and e-mail were told.\n"
    assert f"15 items wait: 1 critical, 2 high, 10 medium, 2 low. {past}" in said
    table = [line for line in said.splitlines() if line[:1].isdigit()][1:]
    assert len(table) == 15 and sum("overdue by" in line for line in table) == 1


def test_the_alert_of_the_breach_is_shown_as_it_arrived(first_run: tuple[Path, str]) -> None:
    """With nothing configured, the breach's alert stands there as Slack got it, and is kept in the demo's folder."""
    folder, said = first_run
    alerts = folder / "alerts"
    _, _, rest = said.partition(f"In Slack (a stand-in; all alerts are in {alerts}):\n")
    title, facts, reason, action, how = (line.removeprefix("  | ") for line in rest.splitlines()[:5])
    assert title.startswith("SLA breach: item #1 (medium, ") and title.endswith(" h over)")
    assert facts.startswith("Type: pdf_deletion_failed · Priority: medium · Deadline: ")
    assert reason == "Reason: Vercel Blob API returned 503 after 3 retry attempts"
    assert action == "What to do: Check Vercel status page, retry deletion, or mark as permanently failed"
    assert how == "mrq show 1"
    posted = [json.loads(line)["text"] for line in (alerts / "slack.jsonl").read_text().splitlines()]
    assert title in posted and "Critical: item #17 arrived" in posted
    assert f"Subject: [MRQ] {title}" in (alerts / "0001.eml").read_text()


def test_later_commands_reach_the_stand_ins_too(run: Run) -> None:
    """A sweep and a test of the alerts work on the demo whenever they are called."""
    assert (run("sweep").code, run("alerts", "test").code) == (0, 0)
    states = [message["state"] for message in json.loads(run("alerts", "list", "--json").out)]
    assert set(states) == {"sent"} and len(states) > 4


@pytest.mark.slow
def test_it_prints_json_and_stays_as_it_was_left(demo: Path) -> None:
    """--json prints an array and nothing else; running it again changes nothing."""
    first, second = (mrq("demo", "--json", "--dir", demo) for _ in range(2))
    items = json.loads(first.stdout)
    assert Counter(item["priority"] for item in items) == {"critical": 1, "high": 2, "medium": 10, "low": 2}
    assert [item["id"] for item in json.loads(second.stdout)] == [item["id"] for item in items]
    assert [item["version"] for item in json.loads(second.stdout)] == [item["version"] for item in items]


def test_the_session_of_the_first_ten_minutes(demo: Path, run: Run) -> None:
    """The critical PDF is deleted, the quiz refuses its deletion and is given to its user; the console is open, too."""
    child = pexpect.spawn(
        MRQ[0],
        [*MRQ[1:], "demo", "--dir", str(demo)],
        env=ENVIRONMENT,
        cwd=str(ROOT),
        timeout=60,
        encoding="utf-8",
        dimensions=(50, 200),
    )
    child.delaybeforesend = None
    child.expect(r"Console: (http://127.0.0.1:\d+/)\?token=(\S+)  opens once, for 5 minutes\r\n")
    opened = httpx2.get(f"{child.match[1]}?token={child.match[2]}", timeout=60)
    assert (opened.status_code, opened.next_request and opened.next_request.url.path) == (303, CONSOLE)
    said = ""
    for prompt, answer in (
        ("Your choice [1-4]: ", "1"),
        ("Why? ", "Blob API is back, user asked for erasure"),
        ("Your choice [1-4]: ", "1"),
        ("Your choice [1-4]: ", "2"),
        ("User [604]: ", ""),
        ("Why? ", "Same e-mail, she signed up a day later"),
        ("Your choice [1-4]: ", "q"),
    ):
        child.expect_exact(prompt)
        said += child.before + prompt
        child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    said = (said + child.before).replace("\r\n", "\n")
    assert child.exitstatus == 0, said
    for part in (
        "You are demo@example.com. ? lists the keys · q quits",
        "1 of 10 · due in 1 h ",
        "(CRITICAL priority, age: 2 hours)\nType: pdf_deletion_failed\nResource: meal_plan #12345\n",
        "Result: ✓ PDF deleted successfully\n",
        "2 of 10 · due in 3 h ",
        "(HIGH priority, age: 20 hours)\nType: quiz_orphaned\nResource: quiz_response #67890\n",
        "Not possible: meal_plan #11873 refers to quiz_response #67890. Nothing was done.\n",
        "Result: ✓ Associated with user #604 (1 row of quiz_responses)\n",
        "3 of 10 · ",
        "2 resolved, 0 failed, 0 unknown, nothing held by you. 13 wait. Time per item: ",
    ):
        assert part in said, part
    assert len(json.loads(run("list", "--json").out)) == 13


def test_other_commands_work_on_the_demo(run: Run) -> None:
    """A resolve that needs the blob service, a list, a history: each its own process, on the demo."""
    items = json.loads(run("list", "--json", "--type", "pdf_deletion_failed").out)
    number = next(item["id"] for item in items if item["resource_id"] == 12345)
    ended = run("resolve", number, "--option", "retry", "-m", "it is back", "--as", "demo@example.com")
    assert ended.out.startswith("Result: ✓ PDF deleted successfully\n"), ended.err
    assert "resolve    demo@example.com" in run("history", number).out


def test_two_persons_release_a_hold(run: Run) -> None:
    """Proposed with its plan, refused to its proposer, approved by another: as in the first ten minutes."""
    [number, _] = [item["id"] for item in json.loads(run("list", "--json", "--type", "retention_exception").out)]
    release = "resolve", number, "--option", "release_and_delete"
    planned = run(*release, "--dry-run").out
    assert [planned.count(part) for part in (": retention_holds #", ": meal_plans #", " at Vercel Blob: ")] == [1, 1, 1]
    assert run(*release, "-m", "Case 2026-118 closed by legal").code == 5
    assert run("approve", number).err == f"You proposed #{number} yourself: another person must approve it.\n"
    ended = run("approve", number, "--as", "bob@example.com")
    assert ended.out.startswith("Result: ✓ Hold released, PDF deleted\n"), ended.err
    assert "approved by bob@example.com" in ended.out


@pytest.mark.slow
def test_a_live_database_and_real_tokens_are_left_alone(
    demo: Path, database_url: str, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """With DATABASE_URL set to a server in use, the demo reads and writes its own, and says so. Slow: a whole demo."""
    before = everything(connect())
    real = {
        "DATABASE_URL": database_url,
        "BLOB_READ_WRITE_TOKEN": "vercel_blob_rw_real_secret",
        "PGHOST": "nowhere",
    }
    ended = mrq("demo", "--no-input", "--dir", demo, **real, MRQ_TEAM="nobody", VERCEL_BLOB_API_URL="https://real")
    assert (
        "DATABASE_URL and real tokens are ignored here; --as lets you speak for anybody (MRQ_TRUST_AS=1).\n"
        in ended.stdout
    )
    assert "15 items wait" in ended.stdout and ended.returncode == 0
    assert everything(connect()) == before


def everything(db: psycopg.Connection[Any]) -> dict[str, Any]:
    """The server's databases, this one's catalogue and all rows."""
    others = "select oid, datname from pg_database where datname !~ '^(fresh|mrq)_' order by oid"  # tests'
    found = {"databases": db.execute(others).fetchall()}
    for catalogue in ("pg_class", "pg_attribute", "pg_proc", "pg_trigger", "pg_constraint"):
        query = sql.SQL("select count(*), max(xmin::text::bigint) from {}").format(sql.Identifier(catalogue))
        found[catalogue] = db.execute(query).fetchall()
    for (table,) in db.execute("select tablename from pg_tables where schemaname = 'public'").fetchall():
        found[table] = db.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(table))).fetchall()
    return found


def test_a_folder_that_is_no_demos_is_neither_used_nor_removed(tmp_path: Path) -> None:
    """A folder with something else in it, or a file: one sentence, nothing touched."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(Refused, match=r"is no demo's folder: nothing was removed\.$"):
        worlds.reset(tmp_path)
    with pytest.raises(Refused, match=r"is there already and is no demo's: choose another folder with --dir\.$"):
        worlds.enter(tmp_path)
    for place in ("thesis.txt", "thesis.txt/demo"):
        with pytest.raises(Unreachable, match=r"thesis\.txt.* \(Not a directory\): choose a folder with --dir\.$"):
            worlds.enter(tmp_path / place)
    assert mrq("demo", "--reset", "--dir", tmp_path).returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demo_in_use_is_not_removed(demo: Path) -> None:
    """--reset while another process uses the demo removes nothing."""
    with pytest.raises(Refused, match="Another mrq uses this demo just now: end it first"):
        worlds.reset(demo)
    with psycopg.connect(EmbeddedPostgres(demo / "postgres").url()) as db:
        assert db.execute("select count(*) from manual_resolution_queue").fetchone() == (16,)


@pytest.mark.slow
@pytest.mark.parametrize("why", ["reset", "cut short"])
def test_it_starts_anew_when_asked_and_after_a_start_that_was_cut_short(
    tmp_path: Path, run_folder: Path, why: str
) -> None:
    """--reset makes the week anew; so does the next start after one that never came to its end."""
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "this-is-an-mrq-demo").touch()
    if why == "reset":
        assert mrq("demo", "--no-input", "--dir", folder).returncode == 0
        mrq("next", "--as", "demo@example.com", MRQ_DEMO=str(folder))
    else:
        with EmbeddedPostgres(folder / "postgres"):
            pass
        (folder / "world.json").write_text('{"now": "2026-')
    ended = mrq("demo", "--no-input", "--dir", folder, *(["--reset"] if why == "reset" else []))
    assert "15 items wait: 1 critical, 2 high, 10 medium, 2 low." in ended.stdout
    assert "assigned" not in ended.stdout


@pytest.mark.slow
def test_ctrl_c_in_the_demo_ends_it_in_order(demo: Path, run: Run) -> None:
    """Ctrl-C reaches the whole terminal, yet the private PostgreSQL lives until the item is given back."""
    child = pexpect.spawn(MRQ[0], [*MRQ[1:], "demo", "--dir", str(demo)], env=ENVIRONMENT, cwd=str(ROOT), timeout=60)
    child.expect_exact("Your choice [1-4]: ")
    child.sendintr()
    child.expect_exact("nothing held by you. 15 wait.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "assigned" not in run("list").out
