"""`mrq audit`: a history that was tampered with is found and named; an honest one never is."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from manual_resolution import NotFound, Queue, Settings, audit
from manual_resolution.cli.app import app

Connect = Callable[..., psycopg.Connection[Any]]
Run = Callable[..., Result]
ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """A queue on the test's database."""
    queue = Queue(database_url, settings=Settings(workflows=()))
    yield queue
    queue.close()


@pytest.fixture
def root(connect: Connect) -> psycopg.Connection[Any]:
    """A superuser for whom no trigger fires."""
    return connect(options="-c session_replication_role=replica")


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("verify", "--json")`: `mrq audit verify --json` on the test's database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return lambda *words: CliRunner().invoke(app, ["audit", *words])


def add(queue: Queue, number: int = 1, priority: str = "medium") -> int:
    """One item."""
    return queue.add("pdf_deletion_failed", "meal_plan", number, priority, "Blob API: 503", {"retry_count": 3}).id


def claimed(queue: Queue, number: int = 1) -> int:
    """An item with five entries: add, claim, note, amend, release."""
    item = add(queue, number)
    queue.claim(item, ALICE)
    queue.note(item, ALICE, "Called Vercel")
    queue.amend(item, ALICE, {"retry_count": 4}, "One more since")
    queue.release(item, ALICE)
    return item


def whole_life(queue: Queue, connect: Connect, clock: Any) -> None:
    """Items through every move there is, by library and by plain SQL."""
    first, second, third, fourth, fifth = (add(queue, n, "low") for n in range(1, 6))
    queue.claim(first, ALICE)
    queue.extend(first, ALICE)
    queue.hand_over(first, ALICE, BOB, "Yours")
    queue.take_over(first, ALICE, "Bob is away")
    queue.decline(first, ALICE, "Not mine to judge")
    queue.set_priority(first, BOB, "high", "User waits")
    queue.escalate(first, BOB, "Not clear", to="engineering")
    queue.claim(second, ALICE)
    queue.note(second, ALICE, "Zoë sagt: ’äh‘ \U0001f600")
    queue.amend(second, ALICE, {"a": 1.50, "b": [None, True]}, "Corrected")
    queue.defer(second, ALICE, "Until tomorrow", span=timedelta(hours=24))
    queue.claim(third, ALICE)
    add(queue, 3, "critical")
    add(queue, 3, "critical")
    queue.withdraw("pdf_deletion_failed", "meal_plan", 5, "Succeeded", producer="nightly")
    queue.withdraw("pdf_deletion_failed", "meal_plan", 2, "Succeeded", producer="nightly")
    with connect() as db:
        runbook = "update manual_resolution_queue set {} where id = %s"
        db.execute(runbook.format("status = 'resolved', resolution = 'By hand', resolution_metadata = '{\"a\": 1}'"), [fourth])
        db.execute("update manual_resolution_queue set reason = 'Clearer', position = 1.5, position_by = 'x' where id = %s", [first])
        db.execute("insert into manual_resolution_queue (item_type, resource_type, resource_key, priority, reason)"
                   " values ('quiz_orphaned', 'quiz', 'k', 'low', 'By SQL')")
        db.execute("update manual_resolution_queue set occurrences = occurrences + 1 where status <> 'resolved'")
        with connect(autocommit=False) as caller:
            queue.add("pdf_deletion_failed", "meal_plan", 1, "critical", "Again", connection=caller)
            caller.commit()
    queue.reopen(fourth, BOB, "It was not")
    assert queue.get(fifth).status == "resolved"
    clock.forward(hours=5000)
    queue.wake(every=0)
    queue.sweep()
    clock.forward(hours=5000)
    queue.sweep()


# ------------------------------------------------------------------ honest


def test_an_honest_history_is_whole(queue: Queue, connect: Connect, clock: Any, run: Run) -> None:
    """Every move there is, by library, plain SQL, a caller's transaction, wake and sweep, leaves a history that is whole."""
    whole_life(queue, connect, clock)
    verdict = audit.verify(queue.database)
    assert verdict.named == []
    assert (verdict.items, verdict.is_whole) == (7, True)
    shown = run("verify")
    assert shown.stdout == f"{verdict.events} events of 7 items: chain whole. Head {verdict.head[:4]}…{verdict.head[-2:]}.\n"
    assert shown.exit_code == 0


def test_an_empty_queue_is_whole(run: Run) -> None:
    """Nothing is whole too, and has a head."""
    assert run("verify").stdout.startswith("0 events of 0 items: chain whole. Head ")


def test_erasure_leaves_the_chain_whole(queue: Queue, connect: Connect, run: Run) -> None:
    """Erasing what is private in some or all entries leaves the history whole, and the count says so."""
    item = claimed(queue)
    db = connect()
    db.execute("update mrq_event set private = null, salt = null where item_id = %s and seq >= 3", [item])
    assert "5 events of 1 item, 2 of them erased: chain whole." in run("verify").stdout
    db.execute("update mrq_event set private = null, salt = null where item_id = %s", [item])
    assert "chain whole" in run("verify").stdout


def test_the_head_is_one_line_that_only_changes_with_the_history(queue: Queue, run: Run) -> None:
    """`mrq audit head` says the same until something is recorded, and the same as verify."""
    claimed(queue)
    words = run("head").stdout.split()
    assert (words[0], len(words[1]), words[2:4]) == ("HEAD", 64, ["items=1", "events=5"])
    assert json.loads(run("head", "--json").stdout)["head"] == words[1] == audit.verify(queue.database).head
    add(queue, 1)  # a repeat is bookkeeping
    assert run("head").stdout.split()[1] == words[1]
    queue.note(1, ALICE, "More")
    assert run("head").stdout.split()[1] != words[1]


def test_only_the_items_asked_for_are_verified(queue: Queue, root: psycopg.Connection[Any], run: Run) -> None:
    """With ids only these are looked at; an id that never was is refused in one sentence."""
    claimed(queue, 1)
    claimed(queue, 2)
    root.execute("update mrq_event set actor = 'mallory' where item_id = 2 and seq = 2")
    assert run("verify", "1").stdout == "5 events of 1 item: chain whole.\n"
    assert run("verify", "1", "2").exit_code == 1
    refused = run("verify", "99")
    assert (refused.exit_code, refused.stderr) == (1, "There is no item #99.\n")
    with pytest.raises(NotFound, match="#99"):
        audit.verify(queue.database, [1, 99])


# ------------------------------------------------------------------ tampered with

ENTRY_TWO = "where item_id = 1 and seq = 2"
FORGED = (
    "insert into mrq_event (item_id, seq, at, actor, actor_kind, via, verb, data, hash)"
    " select item_id, {seq}, at, 'mallory', actor_kind, via, 'note', data, sha256('x') from mrq_event " + ENTRY_TWO
)


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        ("update mrq_event set data = data || '{\"priority\": \"low\"}' " + ENTRY_TWO, "Item #1, entry 2 (claim): altered"),
        ("update mrq_event set actor = 'mallory' " + ENTRY_TWO, "Item #1, entry 2 (claim): altered"),
        ("update mrq_event set actor_kind = 'machine' " + ENTRY_TWO, "Item #1, entry 2 (claim): altered"),
        ("update mrq_event set via = 'cli:bob@host' " + ENTRY_TWO, "Item #1, entry 2 (claim): altered"),
        ("update mrq_event set at = at - interval '1 microsecond' " + ENTRY_TWO, "Item #1, entry 2 (claim): altered"),
        ("update mrq_event set verb = 'take-over' " + ENTRY_TWO, "Item #1, entry 2 (take-over): altered"),
        ("update mrq_event set format = 2 " + ENTRY_TWO, "Item #1, entry 2 (claim): altered"),
        ("update mrq_event set hash = sha256('x') " + ENTRY_TWO, "Item #1, entry 2 (claim): altered"),
        ("update mrq_event set actor = E'\\x1b[2J' where item_id = 1 and seq = 1", "Item #1, entry 1 (add): altered"),
        ("update mrq_event set private = private || '{\"note\": \"x\"}' where seq = 3", "Item #1, entry 3 (note): altered: its private part"),
        ("update mrq_event set salt = salt || 'x' where seq = 3", "Item #1, entry 3 (note): altered: its private part"),
        ("update mrq_event set private = null, salt = null, private_hash = null where seq = 3", "Item #1, entry 3 (note): altered"),
        ("delete from mrq_event where seq = 1", "Item #1, entry 1: missing"),
        ("delete from mrq_event where seq = 3", "Item #1, entry 3: missing"),
        ("delete from mrq_event where seq >= 4", "Item #1, entry 4: missing"),
        ("delete from mrq_event", "Item #1, entry 1: missing"),
        ("delete from mrq_event where seq = 3; update mrq_event set seq = seq - 1 where seq > 3",
         "Item #1, entry 3 (amend): altered"),
        ("update mrq_event set seq = -seq where seq in (2, 3); update mrq_event set seq = 5 + seq where seq < 0",
         "Item #1, entry 2 (note): reordered: it was written as entry 3"),
        (FORGED.format(seq=6), "Item #1, entry 6 (note): altered"),
        (FORGED.format(seq=0), "Item #1, entry 1: added"),
        ("update manual_resolution_queue set status = 'assigned', assigned_to = 'mallory', assigned_at = now()",
         "Item #1: its row was altered after entry 5 (release): assigned_at, assigned_to, status"),
        ("update manual_resolution_queue set reason = 'Fine'", "Item #1: its row was altered after entry 5 (release): reason"),
        ("update manual_resolution_queue set context = null", "Item #1: its row was altered after entry 5 (release): context"),
        ("update manual_resolution_queue set item_type = 'x', resource_id = 2",
         "Item #1: its row was altered after entry 5 (release): item_type, resource_id"),
        ("update manual_resolution_queue set sla_deadline = sla_deadline + interval '1 day', priority = 'low'",
         "Item #1: its row was altered after entry 5 (release): priority, sla_deadline"),
        ("update manual_resolution_queue set created_at = created_at - interval '1 day'",
         "Item #1: its row was altered after entry 5 (release): created_at"),
        ("update manual_resolution_queue set version = 6", "Item #1, entry 6: missing"),
        ("update manual_resolution_queue set version = 4", "Item #1, entry 5 (release): added"),
        ("delete from manual_resolution_queue", "Item #1: its row is missing, its history is there"),
    ],
)
def test_a_superusers_edit_is_found_and_named(
    queue: Queue, root: psycopg.Connection[Any], run: Run, edit: str, finding: str
) -> None:
    """Whatever a superuser alters, removes, swaps or forges, past all triggers, is named with its item and entry."""
    claimed(queue)
    root.execute(edit.encode())
    shown = run("verify")
    assert shown.stdout == finding + "\n"
    assert shown.stderr == "The history is not whole: 1 of 1 item found wrong.\n"
    assert shown.exit_code == 1


@pytest.mark.parametrize(
    ("edit", "columns"),
    [
        ("status = 'pending', resolved_at = null, resolution = null, resolution_metadata = null, assigned_to = null,"
         " assigned_at = null", "assigned_at, assigned_to, resolution, resolution_metadata, resolved_at, status"),
        ("resolution = 'Not so'", "resolution"),
        ("resolution_metadata = '{}'", "resolution_metadata"),
        ("resolution = null", "resolution"),
        ("assigned_to = 'bob'", "assigned_to"),
        ("resolved_at = resolved_at - interval '1 day'", "resolved_at"),
    ],
)
def test_an_edited_outcome_is_found_and_named(
    queue: Queue, connect: Connect, root: psycopg.Connection[Any], run: Run, edit: str, columns: str
) -> None:
    """A resolved row that a superuser edits no longer fits its history, and the columns are named."""
    item = add(queue)
    queue.claim(item, ALICE)
    runbook = "update manual_resolution_queue set status = 'resolved', resolution = 'Gone', resolution_metadata = '{\"by\": 1}'"
    connect().execute(runbook)
    root.execute(f"update manual_resolution_queue set {edit}".encode())
    assert run("verify").stdout == f"Item #1: its row was altered after entry 3 (resolve): {columns}\n"


def test_replaced_functions_do_not_hide_an_edit(queue: Queue, connect: Connect, root: psycopg.Connection[Any]) -> None:
    """Verifying calls none of the database's own functions: replacing them hides nothing."""
    claimed(queue)
    root.execute("update manual_resolution_queue set reason = 'Fine'")
    root.execute("update mrq_event set actor = 'mallory' where seq = 4")
    connect().execute(
        "create or replace function mrq_facts(q manual_resolution_queue) returns jsonb language sql stable parallel safe"
        " as $$ select data from mrq_event where item_id = q.id order by seq desc limit 1 $$;"
        " create or replace function mrq_event_hash(previous bytea, format smallint, item_id bigint, seq bigint,"
        " at timestamptz, actor text, actor_kind text, via text, verb text, data jsonb, private_hash bytea) returns bytea"
        " language sql stable parallel safe as $$ select ''::bytea $$"
    )
    assert [str(f) for f in audit.verify(queue.database).named] == ["Item #1, entry 4 (amend): altered"]


def test_one_finding_an_item_and_twenty_in_all(queue: Queue, root: psycopg.Connection[Any], run: Run) -> None:
    """Of each item the first finding is named, of all items twenty, the rest counted."""
    for number in range(1, 26):
        claimed(queue, number)
    root.execute("update mrq_event set actor = 'mallory' where seq in (2, 4)")
    lines = run("verify").stdout.splitlines()
    assert lines[:2] == ["Item #1, entry 2 (claim): altered", "Item #2, entry 2 (claim): altered"]
    assert lines[20:] == ["… and 5 more items."]
    found = json.loads(run("verify", "--json").stdout)
    assert (found["whole"], found["found"], len(found["findings"])) == (False, 25, 20)
    assert found["findings"][0] == {
        "item_id": 1, "entry": 2, "verb": "claim", "kind": "altered", "sentence": "Item #1, entry 2 (claim): altered"
    }


@pytest.mark.parametrize("words", [["verify", "--help"], ["head", "--help"]])
def test_help_has_an_example(run: Run, words: list[str]) -> None:
    """The help of each command shows how it is typed."""
    assert "  mrq audit" in run(*words).stdout
