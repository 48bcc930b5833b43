"""Adding inside the caller's own transaction (design, Adding: in your transaction)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from manual_resolution import InvalidInput, Queue, Unreachable, add_to_queue


@pytest.fixture
def caller(database_url: str, connect: Any) -> Any:
    """A producer's own connection, as psycopg makes it: not in autocommit."""
    return connect(database_url, autocommit=False)


@pytest.fixture
def impatient(db: Any) -> Iterator[None]:
    """Whoever connects from now on and waits for a lock longer than half a second fails."""
    name = psycopg.sql.Identifier(db.info.dbname)
    db.execute(psycopg.sql.SQL("alter database {} set lock_timeout = '500ms'").format(name))
    yield
    db.execute(psycopg.sql.SQL("alter database {} reset lock_timeout").format(name))


def count(db: Any) -> tuple[int, int, int]:
    """Items, events, occurrences."""
    tables = ("manual_resolution_queue", "mrq_event", "mrq_occurrence")
    one, two, three = (db.execute(f"select count(*) from {table}").fetchone()[0] for table in tables)  # noqa: S608
    return one, two, three


def test_a_rolled_back_transaction_leaves_nothing(caller: Any, tell: Any, db: Any) -> None:
    """What a caller adds and rolls back leaves no item, event or occurrence; a repeat is not counted."""
    standing = tell(1)
    tell(1, connection=caller, priority="critical")
    tell(2, connection=caller)
    caller.rollback()
    assert count(db) == (1, 1, 1)
    assert tell(1).occurrences == 2
    assert tell(1).id == standing.id


def test_a_committed_transaction_leaves_the_item(caller: Any, tell: Any, queue: Queue) -> None:
    """What a caller adds appears with their commit and not before."""
    added = tell(connection=caller)
    assert (added.repeated, queue.list()) == (False, [])
    caller.commit()
    assert [item.id for item in queue.list()] == [added.id]
    assert queue.history(added.id)[0].actor_kind == "producer"


def test_it_never_commits(caller: Any, tell: Any, db: Any) -> None:
    """On an idle connection outside autocommit the add begins the caller's transaction and leaves it open."""
    assert caller.info.transaction_status == TransactionStatus.IDLE
    tell(connection=caller)
    assert caller.info.transaction_status == TransactionStatus.INTRANS
    assert count(db) == (0, 0, 0)


def test_in_autocommit_it_stands_by_itself(db: Any, tell: Any, queue: Queue) -> None:
    """On an autocommit connection without a transaction the add is one of its own."""
    tell(connection=db)
    assert db.info.transaction_status == TransactionStatus.IDLE
    assert len(queue.list()) == 1


def test_an_error_leaves_the_transaction_usable(caller: Any, tell: Any, queue: Queue) -> None:
    """What the library refuses costs the caller nothing but the add: their work goes on."""
    caller.execute("create temp table mine (n integer)")
    caller.execute("insert into mine values (1)")
    with pytest.raises(InvalidInput):
        tell(connection=caller, priority="urgent")
    assert caller.execute("select n from mine").fetchone() == (1,)
    added = tell(14, connection=caller)
    caller.commit()
    assert [item.id for item in queue.list()] == [added.id]


def test_the_database_refusing_costs_only_the_add(caller: Any, tell: Any, db: Any, queue: Queue) -> None:
    """An error inside the add is rolled back to its savepoint."""
    caller.execute("create temp table mine as select 1 as n")
    caller.execute("set local statement_timeout = '200ms'")
    blocker = db
    blocker.execute("begin")
    blocker.execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)"
        " values ('x', 'thing', 1, 'low', 'r')"
    )
    with pytest.raises(Unreachable, match="busy"):
        tell(1, connection=caller)
    blocker.execute("rollback")
    assert caller.execute("select n from mine").fetchone() == (1,)
    assert not tell(1, connection=caller).repeated
    caller.commit()
    assert len(queue.list()) == 1


@pytest.mark.parametrize("first", [True, False], ids=["first", "repeat"])
def test_an_open_transaction_blocks_no_operator(
    caller: Any, tell: Any, new_queue: Any, impatient: None, first: bool
) -> None:
    """While a caller's add is not committed, operators claim, defer and resolve every item they can see."""
    standing, other = tell(1).id, tell(2).id
    tell(3 if first else 1, connection=caller, priority="critical")
    operators = new_queue()
    assert operators.next("alice").id == standing
    assert operators.next("bob").id == other
    operators.defer(standing, "alice", "later", span=timedelta(hours=1))
    operators.take_over(other, "alice", "bob left")
    assert operators.escalate(other, "alice", "dunno").status == "escalated"
    assert operators.set_priority(other, "dora", "high", "customers wait").priority == "high"
    assert operators.sweep().escalated == 0
    assert operators.withdraw("x", "thing", 1, "it succeeded").status == "resolved"
    caller.commit()


def test_a_repeat_writes_only_its_occurrence(caller: Any, tell: Any, db: Any, queue: Queue) -> None:
    """Inside a caller's transaction a repeat leaves the item alone; the counter follows after the commit."""
    item = tell(1).id
    assert tell(1, connection=caller, reason="again").id == item
    caller.commit()
    before = db.execute("select occurrences from manual_resolution_queue").fetchone()
    queue.wake(every=0)
    assert (before, queue.get(item).occurrences) == ((1,), 2)
    queue.wake(every=0)
    assert queue.get(item).occurrences == 2, "counted once"


def test_a_folded_repeat_raises_the_priority(caller: Any, tell: Any, queue: Queue, clock: Any) -> None:
    """A repeat with a higher priority raises the item when it is folded, in one event, as an add would."""
    item = queue.get(tell(1, priority="low").id)
    for priority in ("medium", "critical", "high"):
        tell(1, connection=caller, priority=priority)
    caller.commit()
    clock.forward(hours=1)
    queue.wake(every=0)
    after = queue.get(item.id)
    assert (after.priority, after.occurrences) == ("critical", 4)
    assert [event.verb for event in queue.history(item.id)] == ["add", "priority"]
    assert abs(after.sla_deadline - item.created_at - timedelta(hours=5)) < timedelta(minutes=1)


def test_folding_waits_for_nobody(caller: Any, tell: Any, db: Any, new_queue: Any) -> None:
    """An item that somebody holds locked is folded later; claims go on meanwhile."""
    locked, free = tell(1).id, tell(2).id
    tell(1, connection=caller)
    caller.commit()
    db.execute("begin")
    db.execute("select from manual_resolution_queue where id = %s for update", [locked])
    operators = new_queue()
    operators.database.timeout = 2
    assert operators.next("alice").id == free
    db.execute("rollback")
    operators.wake(every=0)
    assert operators.get(locked).occurrences == 2


def test_two_repeats_in_one_transaction(caller: Any, tell: Any, queue: Queue) -> None:
    """A first add and its repeat in one transaction are one item, told twice."""
    first, again = tell(connection=caller), tell(connection=caller)
    assert (first.id, first.repeated, again.repeated) == (again.id, False, True)
    caller.commit()
    queue.wake(every=0)
    assert queue.get(first.id).occurrences == 2


def test_any_rows_and_cursors_serve(database_url: str, connect: Any, tell: Any, queue: Queue) -> None:
    """A connection that makes dictionaries, or cursors with other placeholders, serves as well."""
    rows = connect(database_url, row_factory=psycopg.rows.dict_row)
    raw = connect(database_url, cursor_factory=psycopg.RawCursor)
    client = connect(database_url, cursor_factory=psycopg.ClientCursor)
    ids = {tell(connection=connection).id for connection in (rows, raw, client)}
    assert len(ids) == 1
    queue.wake(every=0)
    assert queue.list()[0].occurrences == 3


def test_a_callers_connection_needs_no_address(caller: Any, monkeypatch: pytest.MonkeyPatch, queue: Queue) -> None:
    """With `connection=` no DATABASE_URL is asked for."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    add_to_queue("x", "thing", 1, "low", "it failed", connection=caller)
    caller.commit()
    assert len(queue.list()) == 1
