"""`mrq erase`: what is said of somebody is gone from every table, dump, spool and log; that it went is on record.

The short proof erases 12 subjects, the slow one 250; the long run `MRQ_SUBJECTS=1000 ./dev test -m slow tests/cli`.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from manual_resolution import Queue, Settings
from manual_resolution.embedded import EmbeddedPostgres
from manual_resolution.erasing import is_named
from manual_resolution.item import Actor
from manual_resolution.spool import Spool

pytestmark = pytest.mark.owner

SUBJECTS = int(os.environ.get("MRQ_SUBJECTS", "250"))
Run = Callable[..., Any]
Db = psycopg.Connection[Any]
ADA, JONAS = "ada.lovelace@example.com", "jonas.weber@example.com"
BY = Actor("alice@example.com", "person", "cli:test")
TABLES = (
    "manual_resolution_queue",
    "mrq_event",
    "mrq_occurrence",
    "mrq_attempt",
    "mrq_proposal",
    "mrq_review",
    "mrq_outbox",
)


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Two item types, a spool and a log of this test's own."""
    return environment | {
        "MRQ_WORKFLOWS": "tests.cli.personal_world,tests.cli.small_world",
        "MRQ_SPOOL_DIR": str(tmp_path / "spool"),
        "MRQ_METRICS_FILE": str(tmp_path / "metrics"),
    }


@pytest.fixture
def queue(environment: dict[str, str]) -> Iterator[Queue]:
    opened = Queue(environment["DATABASE_URL"], settings=Settings.from_env(environment))
    yield opened
    opened.close()


@pytest.fixture
def dump(server: EmbeddedPostgres, database_url: str, connect: Callable[..., Db]) -> Callable[[], str]:
    """`dump()`: all that a backup of the database would hold."""

    def made() -> str:
        told = "".join(copied(connect(), table) for table in TABLES)
        program = server.binaries / "pg_dump"
        if not program.exists():
            return told
        ended = subprocess.run([program, "--dbname", database_url], capture_output=True, check=True, timeout=120)
        return told + ended.stdout.decode()

    return made


def copied(db: Db, table: str) -> str:
    """A table as COPY writes it, beside what the planner remembers of it."""
    with db.cursor().copy(f"copy {table} to stdout".encode()) as copy:
        rows = b"".join(bytes(part) for part in copy).decode()
    remembered = db.execute("select array_agg(s::text) from pg_stats s where tablename = %s", [table]).fetchone()
    return rows + str(remembered)


def complain(queue: Queue, address: str, number: int, name: str = "") -> int:
    """A resolved item about somebody: their address in context, reason, notes, a repeat, an amendment, the outcome."""
    told = ("complaint", "order", number, "low", f'{address} says "no"')
    item = queue.add(*told, {"email": address, "name": name, "order": f"3\nfor {address}", "token": "t"}).id
    queue.add(*told, {"email": address.upper(), "order": "again"})
    queue.amend(item, BY, {"name": f"{name}!", "seen": [address]}, f"{address} called")
    queue.note(item, BY, f"wrote to {address}.")
    queue.resolve(item, "refund", f"{address} is right", BY)
    return item


def parcel(queue: Queue, address: str, key: str) -> int:
    """A resolved item of a type that declares nothing, named by an address, recalled by an outside call."""
    item = queue.add(
        "parcel_stuck", "parcel", priority="low", reason="stuck", context={"place": address}, resource_key=key
    ).id
    queue.resolve(item, "recall", f"told {address}", BY)
    return item


def test_nothing_of_somebody_is_left(mrq: Run, queue: Queue, dump: Callable[[], str]) -> None:
    """Address, names and hashes of somebody are gone from each table and a dump; others' facts and the chain stay."""
    hers = [complain(queue, ADA, 1, "Ada Lovelace"), parcel(queue, ADA, f"parcel of {ADA}")]
    complain(queue, JONAS, 2, "Jonas Weber")
    with queue.database.connection() as db:
        db.execute(
            "insert into mrq_outbox (item_id, kind, channel, incident, payload, state, ended_at)"
            " select id, 'breach', 'slack', 'i' || id, jsonb_build_object('reason', reason), 'sent', now()"
            " from manual_resolution_queue"
        )
    keys = [queue.get(item).dedup_key for item in hers]
    queue.searching.fill()
    before = dump().lower()
    assert "'lovelace'" in before  # among the words that are searched
    assert [key for key in keys if key not in before] == []
    assert all(said in before for said in (ADA, "ada lovelace", JONAS))
    ended = mrq("erase", "--subject", ADA, "-m", "request of 2026-10-01")
    assert ended.code == 0, ended
    queue.searching.fill()
    left = dump().lower()
    assert [said for said in (ADA, "ada.lovelace", "ada lovelace", "lovelace") if said in left] == []
    assert (JONAS in left, "jonas weber" in left) == (True, True)
    assert [key for key in keys if key in left] == []
    assert mrq("audit", "verify").code == 0
    assert mrq("show", 1).code == mrq("history", 1).code == mrq("history", 1, "--json").code == 0
    assert [queue.history(item)[-1].verb for item in hers] == ["erase", "erase"]


def test_the_certificate_tells_all_but_the_value(mrq: Run, queue: Queue) -> None:
    """Who, when, why, how many rows where, head before and after; the subject only as a salted hash."""
    complain(queue, ADA, 1)
    before = mrq("audit", "head", "--json").json["head"]
    made = mrq("erase", "--subject", ADA, "-m", "request", "--json").json
    assert "lovelace" not in json.dumps(made)
    (subject,) = made["subjects"]
    assert (subject["items"], subject["kept"], subject["left"]) == ([1], {}, [])
    assert subject["rows"] == {"manual_resolution_queue": 1, "mrq_event": 4, "mrq_occurrence": 1}
    assert (made["by"], made["why"], made["whole"], made["not_vacuumed"]) == ("alice@example.com", "request", True, [])
    assert (made["head_before"], made["head_after"]) == (before, mrq("audit", "head", "--json").json["head"])
    assert is_named(subject["subject"], f" {ADA.upper()}")
    assert not is_named(subject["subject"], JONAS)
    told = queue.history(1)[-1]
    assert (told.private or {})["certificate"] == made["certificate"]


def test_a_dry_run_counts_and_changes_nothing(mrq: Run, queue: Queue, dump: Callable[[], str]) -> None:
    """A dry run tells the same rows and leaves every table as it is."""
    complain(queue, ADA, 1)
    before = copied_all(queue)
    dry = mrq("erase", "--subject", ADA, "-m", "request", "--dry-run", "--json").json
    assert copied_all(queue) == before
    real = mrq("erase", "--subject", ADA, "-m", "request", "--json").json
    assert (dry["subjects"][0]["rows"], dry["dry_run"]) == (real["subjects"][0]["rows"], True)


def copied_all(queue: Queue) -> list[str]:
    """Every table's rows."""
    read = "select to_jsonb(t) from {} t order by 1"
    with queue.database.connection() as db:
        return [str(db.execute(read.format(table).encode()).fetchall()) for table in TABLES]


def test_open_items_are_listed_and_nothing_goes(mrq: Run, queue: Queue) -> None:
    """While one of a subject's items is open nothing of theirs is erased; --rest erases all but it."""
    complain(queue, ADA, 1)
    second = queue.add("complaint", "order", 2, "low", "again", {"email": ADA}).id
    before = copied_all(queue)
    ended = mrq("erase", "--subject", ADA, "-m", "request")
    assert ended.code == 1
    assert f"  kept: #{second}: it is pending: resolve or withdraw it first\n" in ended.out
    assert copied_all(queue) == before
    ended = mrq("erase", "--subject", ADA, "-m", "request", "--rest")
    assert (ended.code, "1 item erased" in ended.out) == (1, True)
    assert [ADA in str(queue.get(number).context) for number in (1, second)] == [False, True]


def test_what_a_workflow_keeps_is_not_erased(mrq: Run, queue: Queue, connect: Callable[..., Db]) -> None:
    """An item whose resource is under a hold is kept, whatever its type, and the hold is named."""
    complain(queue, ADA, 7)
    connect().execute(
        "create table retention_holds (id bigint, resource_type text, resource_id bigint, placed_by text,"
        " keep_until timestamptz, released_at timestamptz);"
        "create table meal_plans (id bigint, user_id bigint);"
        "insert into retention_holds values (3, 'order', 7, 'legal', null, null)"
    )
    known = {"MRQ_WORKFLOWS": "manual_resolution.workflows,tests.cli.personal_world"}
    ended = mrq("erase", "--subject", ADA, "-m", "request", **known)
    assert (ended.code, "kept: #1: hold #3 of legal stands" in ended.out) == (1, True)
    connect().execute("update retention_holds set released_at = now()")
    assert mrq("erase", "--subject", ADA, "-m", "request", **known).code == 0


def test_another_person_stays(mrq: Run, queue: Queue) -> None:
    """A value is found as a whole: an address that only ends or begins so is somebody else's and stays."""
    addresses = ("ann@example.com", "joann@example.com", "mary.ann@example.com")
    ann, joann, mary = (complain(queue, address, number) for number, address in enumerate(addresses, 1))
    made = mrq("erase", "--subject", "ann@example.com", "-m", "request", "--json").json
    assert (made["subjects"][0]["items"], made["subjects"][0]["left"]) == ([ann], [joann, mary])
    assert ["ann@example.com" in str(queue.get(item).context) for item in (ann, joann, mary)] == [False, True, True]


def test_by_resource_all_personal_facts_go(mrq: Run, queue: Queue) -> None:
    """Named by resource, an item loses every fact its workflow declares personal, and what says them elsewhere."""
    complain(queue, ADA, 604, "Ada Lovelace")
    assert mrq("erase", "--subject", "order:604", "-m", "request").code == 0
    assert ADA not in str(copied_all(queue)).lower()
    item = queue.get(1)
    assert (item.resource_id, item.context, item.reason) == (604, {}, "‹erased›")


def test_who_decided_stays(mrq: Run, queue: Queue) -> None:
    """The names of those who moved an item are no subject's: they answer for it, and stay."""
    complain(queue, ADA, 1)
    made = mrq("erase", "--subject", "alice@example.com", "-m", "request", "--json").json
    assert (made["subjects"][0]["items"], made["subjects"][0]["left"]) == ([], [1])
    assert (queue.get(1).resolution_metadata or {})["decided_by"] == "alice@example.com"


@pytest.mark.parametrize("words", [["--subject", "ab"], [], ["--subject", ADA, "-m", f"{ADA} asked"]])
def test_what_is_not_understood_is_told(mrq: Run, words: list[str]) -> None:
    """Too short a value, none, or a reason that says it: refused, and the reason is not repeated."""
    ended = mrq("erase", *(words if "-m" in words else [*words, "-m", "request"]))
    assert (ended.code, ended.out, ADA in ended.err) == (2, "", False)


def test_a_blank_subject_is_named_as_the_subject(mrq: Run) -> None:
    """`--subject "$UNSET"` is refused by that name, not as a note."""
    assert mrq("erase", "--subject", "", "-m", "request").err.startswith("subject = '' is not allowed")


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'other'", "context = '{\"email\": \"other\"}'", "context = context || '{\"a\": 1}'",
        "priority = 'high'",
        "resolution = 'other'", "resolution_metadata = '{\"decided_by\": \"mallory\"}'", "resource_key = 'other'",
        "assigned_to = 'mallory'", "resolved_at = now()", "dedup_key = 'other'", "status = 'pending'", "version = 99",
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["erase", "reveal"])
def test_sql_cannot_alter_by_erasing(queue: Queue, connect: Callable[..., Db], verb: str, change: str) -> None:
    """A client that calls its UPDATE of a resolved item an erasure can take facts away, and alter none."""
    complain(queue, ADA, 1)
    update = "update manual_resolution_queue set {}, changed_by = 'x', changed_how = '{}', changed_for = version + 1"
    with pytest.raises(psycopg.Error, match="resolved"):
        connect().execute(update.format(change, verb).encode())


def test_the_spool_is_looked_through(mrq: Run, queue: Queue, environment: dict[str, str]) -> None:
    """What waits in the spool must come in first; what was set aside there loses the subject's failures."""
    spool = Spool(environment["MRQ_SPOOL_DIR"], 1e6)
    for address, number in ((ADA, 1), (JONAS, 2)):
        away = Queue("postgresql://127.0.0.1:1/none", settings=Settings.from_env(environment))
        told = away_intake(address, number)
        spool.keep([told], None, "test")
        away.close()
    ended = mrq("erase", "--subject", ADA, "-m", "request")
    assert (ended.code, "kept: 1 failure waiting in the spool" in ended.out) == (1, True)
    for entry in spool.entries():
        entry.path.rename(entry.path.with_suffix(".refused"))
    ended = mrq("erase", "--subject", ADA, "-m", "request")
    assert (ended.code, "1 failure taken from what the spool had set aside" in ended.out) == (0, True)
    (left,) = spool.entries()
    assert spool.read(left)[0][0].intake.resource_id == 2


def away_intake(address: str, number: int) -> Any:
    """A failure as the spool keeps it."""
    from datetime import UTC, datetime
    from uuid import uuid4

    from manual_resolution.intake import intake

    context = {"email": address, "said": f'"{address}"'}
    return intake("complaint", "order", number, "low", "lost", context, occurred_at=datetime.now(UTC), add_id=uuid4())


def erase_many(mrq: Run, queue: Queue, dump: Callable[[], str], folder: Path, number: int) -> None:
    """Erase so many subjects at once and look for each of them everywhere."""
    subjects = [f"subject-{n:04}@example.com" for n in range(number)]
    for n, address in enumerate(subjects, 1):
        complain(queue, address, n)
    complain(queue, JONAS, number + 1)
    mrq("sweep")
    file = folder / "subjects"
    file.write_text("\n".join(subjects))
    made = mrq("erase", "--subject-file", file, "-m", "the account ended", "--json").json
    file.unlink()
    assert sum(len(one["items"]) for one in made["subjects"]) == number
    everywhere = dump() + "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert re.findall(r"subject-\d{4}", everywhere) == []
    assert JONAS in everywhere
    assert mrq("audit", "verify").code == 0


def test_many_at_once(mrq: Run, queue: Queue, dump: Callable[[], str], tmp_path: Path) -> None:
    """Twelve subjects erased by one command: no trace of any in a dump, the spool or a log."""
    erase_many(mrq, queue, dump, tmp_path, 12)


@pytest.mark.slow
def test_hundreds_at_once(mrq: Run, queue: Queue, dump: Callable[[], str], tmp_path: Path) -> None:
    """`MRQ_SUBJECTS` subjects erased by one command leave no trace; slow, for each has a failure resolved before."""
    erase_many(mrq, queue, dump, tmp_path, SUBJECTS)
