"""`mrq audit`: a history that was tampered with is found and named; an honest one never is."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from manual_resolution import NotFound, Queue, Settings, audit

Connect = Callable[..., psycopg.Connection[Any]]
Run = Callable[..., Any]
#: Slipped in by a superuser as the entry of this number.
FORGED = (
    "insert into mrq_event (item_id, seq, at, actor, actor_kind, via, verb, data, hash)"
    " select item_id, {}, at, 'mallory', actor_kind, via, 'note', data, sha256('x')"
    " from mrq_event where seq = 2"
)
LYING_FUNCTIONS = """
create or replace function mrq_facts(q manual_resolution_queue) returns jsonb
language sql stable parallel safe
as $$ select data from mrq_event where item_id = q.id order by seq desc limit 1 $$;
create or replace function mrq_event_hash(
  previous bytea, format smallint, item_id bigint, seq bigint, at timestamptz, actor text, actor_kind text,
  via text, verb text, data jsonb, private_hash bytea) returns bytea language sql stable parallel safe
as $$ select hash from mrq_event e where (e.item_id, e.seq) = (mrq_event_hash.item_id, mrq_event_hash.seq) $$;
"""
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
        edit = "update manual_resolution_queue set {} where id = {}"
        by_hand = "status = 'resolved', resolution = 'By hand', resolution_metadata = '{\"a\": 1}'"
        db.execute(edit.format(by_hand, fourth).encode())
        db.execute(edit.format("reason = 'Clearer', position = 1.5, position_by = 'x'", first).encode())
        db.execute(edit.format("occurrences = occurrences + 1", third).encode())
        db.execute(
            "insert into manual_resolution_queue (item_type, resource_type, resource_key, priority, reason)"
            " values ('quiz_orphaned', 'quiz', 'k', 'low', 'By SQL')"
        )
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


def test_an_honest_history_is_whole(queue: Queue, connect: Connect, clock: Any, mrq: Run) -> None:
    """Every move, by library, plain SQL, a caller's transaction, wake and sweep, leaves a whole history."""
    whole_life(queue, connect, clock)
    verdict = audit.verify(queue.database)
    assert verdict.named == []
    assert (verdict.items, verdict.is_whole) == (7, True)
    shown = mrq("audit", "verify")
    head = f"{verdict.head[:4]}…{verdict.head[-2:]}"
    assert shown.out == f"{verdict.events} events of 7 items: chain whole. Head {head}.\n"
    assert shown.code == 0


def test_an_empty_queue_is_whole(mrq: Run) -> None:
    """Nothing is whole too, and has a head."""
    assert mrq("audit", "verify").out.startswith("0 events of 0 items: chain whole. Head ")


def test_erasure_leaves_the_chain_whole(queue: Queue, connect: Connect, mrq: Run) -> None:
    """Erasing what is private in some or all entries leaves the history whole, and the count says so."""
    item = claimed(queue)
    db = connect()
    db.execute("update mrq_event set private = null, salt = null where item_id = %s and seq >= 3", [item])
    assert "5 events of 1 item, 2 of them erased: chain whole." in mrq("audit", "verify").out
    db.execute("update mrq_event set private = null, salt = null where item_id = %s", [item])
    assert "chain whole" in mrq("audit", "verify").out


def test_the_head_is_one_line_that_only_changes_with_the_history(queue: Queue, mrq: Run) -> None:
    """`mrq audit head` says the same until something is recorded, and the same as verify."""
    claimed(queue)
    words = mrq("audit", "head").out.split()
    assert (words[0], len(words[1]), words[2:4]) == ("HEAD", 64, ["items=1", "events=5"])
    assert mrq("audit", "head", "--json").json["head"] == words[1] == audit.verify(queue.database).head
    add(queue, 1)  # a repeat is bookkeeping
    assert mrq("audit", "head").out.split()[1] == words[1]
    queue.note(1, ALICE, "More")
    assert mrq("audit", "head").out.split()[1] != words[1]


def test_only_the_items_asked_for_are_verified(queue: Queue, root: psycopg.Connection[Any], mrq: Run) -> None:
    """With ids only these are looked at; an id that never was is refused in one sentence."""
    claimed(queue, 1)
    claimed(queue, 2)
    root.execute("update mrq_event set actor = 'mallory' where item_id = 2 and seq = 2")
    assert mrq("audit", "verify", "1").out == "5 events of 1 item: chain whole.\n"
    assert mrq("audit", "verify", "1", "2").code == 1
    refused = mrq("audit", "verify", "99")
    assert (refused.code, refused.err) == (1, "There is no item #99.\n")
    with pytest.raises(NotFound, match="#99"):
        audit.verify(queue.database, [1, 99])


# ------------------------------------------------------------------ tampered with


@pytest.mark.parametrize(
    "edit",
    [
        'data = data || \'{"priority": "low"}\'',
        "data = data - 'assigned_to'",
        "actor = 'mallory'",
        "actor = E'claim \\x1b[2J'",
        "actor_kind = 'machine'",
        "via = 'cli:bob@host'",
        "at = at - interval '1 microsecond'",
        "format = 2",
        "hash = sha256('x')",
        "private = '{}', salt = 'x', private_hash = sha256('x{}')",
    ],
)
def test_an_edited_entry_is_found_and_named(queue: Queue, root: psycopg.Connection[Any], mrq: Run, edit: str) -> None:
    """Whatever a superuser changes in an entry, past all triggers: its item and number are named; exit 1."""
    claimed(queue)
    root.execute(sql.SQL("update mrq_event set {} where seq = 2").format(sql.SQL(edit)))  # type: ignore[arg-type]
    found = mrq("audit", "verify")
    assert (found.out, found.code) == ("Item #1, entry 2 (claim): altered\n", 1)
    assert found.err == "The history is not whole: 1 of 1 item found wrong.\n"


@pytest.mark.parametrize(
    ("surgery", "finding"),
    [
        ("delete from mrq_event where seq = 1", "entry 1: missing"),
        ("delete from mrq_event where seq = 3", "entry 3: missing"),
        ("delete from mrq_event where seq >= 4", "entry 4: missing"),
        ("delete from mrq_event", "entry 1: missing"),
        (
            "delete from mrq_event where seq = 3; update mrq_event set seq = -seq where seq > 3;"
            " update mrq_event set seq = -seq - 1 where seq < 0",
            "entry 3 (amend): altered",
        ),
        (
            "update mrq_event set seq = -seq where seq in (2, 3); update mrq_event set seq = 5 + seq where seq < 0",
            "entry 2 (note): reordered: it was written as entry 3",
        ),
        (FORGED.format(6), "entry 6 (note): altered"),
        (FORGED.format(0), "entry 1: added"),
        (
            "; ".join(["update mrq_event set seq = seq + 5 where seq > 3", FORGED.format(4)]),
            "entry 4 (note): altered",
        ),
        (
            'update mrq_event set private = private || \'{"note": "x"}\' where seq = 3',
            "entry 3 (note): altered: its private part",
        ),
        (
            "update mrq_event set salt = salt || 'x' where seq = 3",
            "entry 3 (note): altered: its private part",
        ),
        (
            "update mrq_event set private = null, salt = null, private_hash = null where seq = 3",
            "entry 3 (note): altered",
        ),
        ("update manual_resolution_queue set version = 6", "entry 6: missing"),
        ("update manual_resolution_queue set version = 4", "entry 5 (release): added"),
    ],
)
def test_removed_swapped_and_forged_entries_are_found_and_named(
    queue: Queue, root: psycopg.Connection[Any], surgery: str, finding: str
) -> None:
    """An entry that is taken out, moved, swapped or slipped in is named, and so is a changed private part."""
    claimed(queue)
    root.execute(surgery.encode())
    assert list(map(str, audit.verify(queue.database).named)) == [f"Item #1, {finding}"]


def test_a_removed_row_is_found_and_named(queue: Queue, root: psycopg.Connection[Any]) -> None:
    """A history whose item is gone is named."""
    claimed(queue)
    root.execute("delete from manual_resolution_queue")
    (found,) = audit.verify(queue.database).named
    assert str(found) == "Item #1: its row is missing, its history is there"


def edit_row(root: psycopg.Connection[Any], edit: str) -> None:
    """What a superuser does to the items' rows."""
    root.execute(sql.SQL("update manual_resolution_queue set {}").format(sql.SQL(edit)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("edit", "columns"),
    [
        (
            "status = 'assigned', assigned_to = 'mallory', assigned_at = now()",
            "assigned_at, assigned_to, status",
        ),
        ("reason = 'Fine'", "reason"),
        ("context = null", "context"),
        ("item_type = 'x', resource_id = 2", "item_type, resource_id"),
        ("sla_deadline = sla_deadline + interval '1 day', priority = 'low'", "priority, sla_deadline"),
        ("created_at = created_at - interval '1 day'", "created_at"),
        ("escalation_level = 1, escalated_at = now(), status = 'escalated'",
         "escalated_at, escalation_level, status"),
        ("held = 'deferred', deferred_until = now()", "deferred_until, held"),
        ("position = 1, position_by = 'x'", "position"),
        ("declined_by = '{alice}', escalated_to = 'x'", "declined_by, escalated_to"),
        ("resolution = 'Done', status = 'resolved', resolved_at = now()", "resolution, resolved_at, status"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_new", [True, False])
def test_an_edited_row_is_found_and_named(
    queue: Queue, root: psycopg.Connection[Any], edit: str, columns: str, is_new: bool
) -> None:
    """A row that does not say what its history says is named with its columns, an item just added too."""
    last = "1 (add)" if is_new else "5 (release)"
    add(queue) if is_new else claimed(queue)
    edit_row(root, edit)
    (found,) = audit.verify(queue.database).named
    assert str(found) == f"Item #1: its row was altered after entry {last}: {columns}"


@pytest.mark.parametrize(
    ("edit", "columns"),
    [
        (
            "status = 'pending', resolved_at = null, resolution = null, resolution_metadata = null,"
            " assigned_to = null, assigned_at = null",
            "assigned_at, assigned_to, resolution, resolution_metadata, resolved_at, status",
        ),
        ("resolution = 'Not so'", "resolution"),
        ("resolution_metadata = '{}'", "resolution_metadata"),
        ("resolution = null", "resolution"),
        ("assigned_to = 'bob'", "assigned_to"),
        ("resolved_at = resolved_at - interval '1 day'", "resolved_at"),
    ],
)
def test_an_edited_outcome_is_found_and_named(
    queue: Queue, connect: Connect, root: psycopg.Connection[Any], edit: str, columns: str
) -> None:
    """A resolved row that a superuser edits no longer fits its history, and the columns are named."""
    queue.claim(add(queue), ALICE)
    outcome = "status = 'resolved', resolution = 'Gone', resolution_metadata = '{\"by\": 1}'"
    edit_row(connect(), outcome)
    edit_row(root, edit)
    (found,) = audit.verify(queue.database).named
    assert str(found) == f"Item #1: its row was altered after entry 3 (resolve): {columns}"


def test_replaced_functions_do_not_hide_an_edit(queue: Queue, connect: Connect, root: psycopg.Connection[Any]) -> None:
    """Verifying calls none of the database's own functions: replacing them hides nothing."""
    claimed(queue)
    root.execute("update manual_resolution_queue set reason = 'Fine'")
    root.execute("update mrq_event set actor = 'mallory' where seq = 4")
    connect().execute(LYING_FUNCTIONS)
    assert [str(f) for f in audit.verify(queue.database).named] == ["Item #1, entry 4 (amend): altered"]


def test_one_finding_an_item_and_twenty_in_all(queue: Queue, root: psycopg.Connection[Any], mrq: Run) -> None:
    """Of each item the first finding is named, of all items twenty, the rest counted."""
    for number in range(1, 26):
        claimed(queue, number)
    root.execute("update mrq_event set actor = 'mallory' where seq in (2, 4)")
    lines = mrq("audit", "verify").out.splitlines()
    assert lines[:2] == ["Item #1, entry 2 (claim): altered", "Item #2, entry 2 (claim): altered"]
    assert lines[20:] == ["… and 5 more items."]
    found = json.loads(mrq("audit", "verify", "--json").out)
    assert (found["whole"], found["found"], len(found["findings"])) == (False, 25, 20)
    assert found["findings"][0] == {
        "item_id": 1,
        "entry": 2,
        "verb": "claim",
        "kind": "altered",
        "sentence": "Item #1, entry 2 (claim): altered",
    }


@pytest.mark.parametrize("words", [["verify", "--help"], ["head", "--help"]])
def test_help_has_an_example(mrq: Run, words: list[str]) -> None:
    """The help of each command shows how it is typed."""
    assert "  mrq audit" in mrq("audit", *words).out
