"""What people do with an item besides deciding it (design, The database; The terminal)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from manual_resolution import (
    Actor,
    AlreadyResolved,
    InvalidInput,
    InvalidType,
    OwnedByAnother,
    Queue,
    Refused,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def item(tell: Any) -> int:
    """An item that nobody has touched."""
    return int(tell(priority="medium").id)


def verbs(queue: Queue, item: int) -> list[str]:
    return [event.verb for event in queue.history(item)]


def said(queue: Queue, item: int) -> dict[str, Any]:
    """What the last event keeps in private."""
    return dict(queue.history(item)[-1].private or {})


def test_release_gives_back(queue: Queue, item: int) -> None:
    """A released item waits again, unowned, and its former owner may be served it again."""
    queue.claim(item, "alice")
    released = queue.release(item, "alice", "going home")
    assert (released.status, released.assigned_to, released.assigned_at, released.lease_until) == (
        "pending", None, None, None,
    )  # fmt: skip
    assert said(queue, item) == {"note": "going home"}
    again = queue.next("alice")
    assert again is not None and again.id == item


def test_decline_keeps_the_reason(queue: Queue, item: int) -> None:
    """Declining needs a reason, and the history keeps it in private."""
    queue.claim(item, "alice")
    with pytest.raises(InvalidInput):
        queue.decline(item, "alice", " ")
    declined = queue.decline(item, "alice", "I know the customer")
    assert (declined.status, declined.declined_by) == ("pending", ["alice"])
    assert said(queue, item) == {"justification": "I know the customer"}


def test_hand_over_names_the_colleague(queue: Queue, item: int) -> None:
    """A handed-over item is the colleague's, with a fresh lease; the history says by whom and to whom."""
    queue.claim(item, "alice")
    handed = queue.hand_over(item, "alice", "bob", "he knows it")
    assert (handed.status, handed.assigned_to) == ("assigned", "bob")
    event = queue.history(item)[-1]
    assert (event.verb, event.actor, event.private) == (
        "hand-over",
        "alice",
        {"note": "he knows it", "to": "bob"},
    )
    with pytest.raises(OwnedByAnother):
        queue.release(item, "alice")


def test_take_over_needs_an_owner_and_a_reason(queue: Queue, item: int) -> None:
    """An item is taken over from somebody, with a reason; unowned and one's own are refused."""
    with pytest.raises(Refused, match="has no owner: claim it"):
        queue.take_over(item, "bob", "alice is away")
    queue.claim(item, "alice")
    with pytest.raises(InvalidInput):
        queue.take_over(item, "bob", "")
    taken = queue.take_over(item, "bob", "alice is away")
    assert (taken.assigned_to, said(queue, item)) == ("bob", {"justification": "alice is away"})
    with pytest.raises(Refused, match="yours already"):
        queue.take_over(item, "bob", "again")


def test_defer_puts_aside(queue: Queue, item: int) -> None:
    """A deferred item has a time, no owner, and is not served; its deadline stays."""
    deadline = queue.claim(item, "alice").sla_deadline
    deferred = queue.defer(item, "alice", "vendor answers tomorrow", span=24 * HOUR)
    assert (deferred.status, deferred.held, deferred.assigned_to) == ("pending", "deferred", None)
    assert deferred.deferred_until is not None
    assert abs(deferred.deferred_until - deferred.read_at - 24 * HOUR) < timedelta(seconds=5)
    assert deferred.sla_deadline == deadline
    assert queue.next("bob") is None


def test_defer_until_an_instant(queue: Queue, item: int) -> None:
    """An item may be put aside until an instant, and anew while it is put aside."""
    until = datetime.now(UTC).replace(microsecond=0) + 50 * HOUR
    assert queue.defer(item, "alice", "later", until=until).deferred_until == until
    assert queue.defer(item, "bob", "later still", until=until + HOUR).deferred_until == until + HOUR


@pytest.mark.parametrize(
    ("when", "error"),
    [
        ({}, InvalidInput), ({"span": HOUR, "until": datetime.now(UTC) + HOUR}, InvalidInput),
        ({"span": -HOUR}, InvalidInput), ({"span": timedelta(0)}, InvalidInput),
        ({"span": timedelta(days=367)}, InvalidInput),
        ({"span": "24h"}, InvalidType), ({"until": datetime.now(UTC) - HOUR}, InvalidInput),
        ({"until": "tomorrow"}, InvalidType),
        ({"until": datetime.now(UTC) + timedelta(days=400)}, InvalidInput),
        ({"until": datetime.now() + HOUR}, InvalidInput),  # noqa: DTZ005
    ],
    ids=["neither", "both", "negative", "zero", "a year", "text", "past", "word", "far", "naive"],
)  # fmt: skip
def test_defer_takes_a_time_to_come(queue: Queue, item: int, when: Any, error: type) -> None:
    """A deferral is from one minute to 366 days ahead; anything else is refused by name and does nothing."""
    with pytest.raises(error) as refused:
        queue.defer(item, "alice", "later", **when)
    assert refused.value.parameter in ("span", "until")
    assert verbs(queue, item) == ["add"]


def test_defer_keeps_an_escalation(queue: Queue, item: int) -> None:
    """A deferred item that was escalated stays so, with its first time and its team."""
    first = queue.escalate(item, "dora", "dunno", to="engineering").escalated_at
    queue.claim(item, "eve")
    deferred = queue.defer(item, "eve", "vendor", span=HOUR)
    assert (deferred.status, deferred.escalated_at, deferred.escalated_to) == (
        "escalated",
        first,
        "engineering",
    )


def test_escalate_passes_on(queue: Queue, item: int) -> None:
    """Escalated by its operator, an item is unowned, for the team, ends a deferral and raises no level."""
    queue.defer(item, "alice", "later", span=HOUR)
    passed = queue.escalate(item, "alice", "beyond me", to="engineering")
    assert (passed.status, passed.assigned_to, passed.escalated_to, passed.held, passed.deferred_until) == (
        "escalated", None, "engineering", None, None,
    )  # fmt: skip
    assert (passed.escalation_level, passed.escalated_at is None) == (0, False)
    assert passed.declined_by == ["alice"]


@pytest.mark.parametrize("team", ["Engineering", "", "a b", "1st", "x" * 51])
def test_a_team_must_be_a_name(queue: Queue, item: int, team: str) -> None:
    """What cannot be a team's name is refused, and names the parameter."""
    with pytest.raises(InvalidInput) as refused:
        queue.escalate(item, "alice", "beyond me", to=team)
    assert refused.value.parameter == "to"


@pytest.mark.parametrize("move", ["defer", "escalate"])
def test_only_its_owner_puts_it_aside(queue: Queue, item: int, move: str) -> None:
    """Another's item is neither deferred nor escalated; the refusal names the owner."""
    queue.claim(item, "alice")
    more = {"span": HOUR} if move == "defer" else {}
    with pytest.raises(OwnedByAnother, match="held by alice; take it over first"):
        getattr(queue, move)(item, "bob", "because", **more)


def test_priority_moves_the_deadline_earlier_only(queue: Queue, item: int) -> None:
    """A higher priority moves the deadline to now and its SLA, a lower one leaves it; anybody may."""
    before = queue.claim(item, "alice")
    raised = queue.set_priority(item, "bob", "critical", "a regulator asks")
    assert abs(raised.sla_deadline - raised.read_at - 4 * HOUR) < timedelta(seconds=5)
    assert raised.assigned_to == "alice"
    lowered = queue.set_priority(item, "bob", "low", "it was a mistake")
    assert (lowered.priority, lowered.sla_deadline) == ("low", raised.sla_deadline)
    assert before.sla_deadline > raised.sla_deadline


def test_priority_that_is_so_already_is_refused(queue: Queue, item: int) -> None:
    """Setting the priority an item has is refused in so many words, and writes nothing."""
    with pytest.raises(Refused, match=f"#{item} is medium already"):
        queue.set_priority(item, "bob", "medium", "sure?")
    with pytest.raises(InvalidInput, match="critical, high, medium, low"):
        queue.set_priority(item, "bob", "urgent", "sure?")
    assert verbs(queue, item) == ["add"]


def test_a_note_is_in_the_history(queue: Queue, item: int) -> None:
    """A note on anybody's open item is in its history, in private, and changes nothing else."""
    before = queue.claim(item, "alice")
    after = queue.note(item, "bob", "called the customer\nno answer")
    assert said(queue, item) == {"note": "called the customer\nno answer"}
    assert (after.version, after.assigned_to, after.lease_until) == (3, "alice", before.lease_until)


def test_amend_corrects_the_context(queue: Queue, tell: Any) -> None:
    """Amending merges into the context; before and after are in the history."""
    item = tell(context={"url": "a", "n": 1}).id
    amended = queue.amend(item, "alice", {"url": "b", "more": None}, "the URL was cut")
    assert amended.context == {"url": "b", "n": 1, "more": None}
    assert [event.private["context"] for event in queue.history(item) if event.private] == [
        {"url": "a", "n": 1}, amended.context,
    ]  # fmt: skip


@pytest.mark.parametrize("context", [5, [("a", 1)], "text", {"a": float("inf")}, {1: 2}, {"": 1}], ids=str)
def test_amend_takes_what_an_add_takes(queue: Queue, item: int, context: Any) -> None:
    """A context that an add would refuse is refused with its path."""
    with pytest.raises((InvalidType, InvalidInput), match="context"):
        queue.amend(item, "alice", context, "because")


def test_amend_works_on_an_item_without_context(queue: Queue, item: int) -> None:
    """An item that was added without context may get one."""
    assert queue.amend(item, "alice", {"a": 1}, "found out").context == {"a": 1}


def test_reopen_makes_a_new_item(queue: Queue, item: int) -> None:
    """Reopening leaves the resolved item and makes a new one that points back, with a deadline from now."""
    queue.withdraw("x", "thing", 1, "it succeeded")
    new = queue.reopen(item, "alice", "it did not")
    assert (new.id != item, new.reopened_from, new.status, new.occurrences) == (True, item, "pending", 1)
    assert new.sla_deadline - new.created_at == 168 * HOUR
    event = queue.history(new.id)[0]
    assert (event.verb, event.actor) == ("reopen", "alice")
    assert queue.get(item).status == "resolved"


def test_reopening_twice_names_the_open_one(queue: Queue, tell: Any, item: int) -> None:
    """A second reopening is refused and names the open item; so is one of an open item."""
    with pytest.raises(Refused, match=f"#{item} is pending, not resolved"):
        queue.reopen(item, "alice", "why not")
    queue.withdraw("x", "thing", 1, "it succeeded")
    new = queue.reopen(item, "alice", "it did not")
    with pytest.raises(Refused, match=f"open again already, as #{new.id}"):
        queue.reopen(item, "bob", "it did not")


@pytest.mark.parametrize(
    "move",
    [
        "note",
        "amend",
        "set_priority",
        "defer",
        "escalate",
        "release",
        "decline",
        "extend",
        "hand_over",
        "take_over",
    ],
)
def test_nothing_moves_what_is_resolved(queue: Queue, item: int, move: str) -> None:
    """On a resolved item every move is refused and says by whom it was resolved."""
    queue.withdraw("x", "thing", 1, "it succeeded", producer="night.py")
    arguments: dict[str, tuple[Any, ...]] = {
        "amend": ({"a": 1}, "j"),
        "set_priority": ("low", "j"),
        "release": (),
        "extend": (),
        "hand_over": ("bob",),
    }
    more = {"span": HOUR} if move == "defer" else {}
    with pytest.raises(AlreadyResolved, match=r"was resolved by producer:night[.]py"):
        getattr(queue, move)(item, "alice", *arguments.get(move, ("words",)), **more)


def test_resolved_by_sql_is_told_as_such(queue: Queue, item: int, db: Any) -> None:
    """Who comes after the runbook's UPDATE is not told that the owner resolved it."""
    queue.claim(item, "alice")
    db.execute("update manual_resolution_queue set status = 'resolved', resolved_at = now()")
    with pytest.raises(AlreadyResolved, match="resolved by SQL"):
        queue.release(item, "alice")


def test_an_actor_says_by_which_way_it_came(queue: Queue, item: int) -> None:
    """A move by an `Actor` is recorded with its kind and its way."""
    queue.claim(item, Actor("bot", "machine", "token:7"))
    event = queue.history(item)[-1]
    assert (event.actor, event.actor_kind, event.via) == ("bot", "machine", "token:7")


def test_every_move_by_the_library_says_where(queue: Queue, item: int) -> None:
    """A move by name comes from the library, with the operating system's user and host."""
    queue.claim(item, "alice")
    event = queue.history(item)[-1]
    assert event.actor_kind == "person"
    assert event.via.startswith("lib:") and "@" in event.via


# ------------------------------------------------------------------ lists


def test_each_row_is_in_exactly_one_view(queue: Queue, tell: Any, db: Any, clock: Any) -> None:
    """Served, deferred, waiting for an outcome, with an owner, or resolved: every row is in one view."""
    moves: list[Callable[[int], Any]] = [
        lambda i: None,
        lambda i: queue.claim(i, "alice"),
        lambda i: queue.escalate(i, "alice", "j"),
        lambda i: queue.escalate(i, "alice", "j", to="support"),
        lambda i: queue.defer(i, "alice", "j", span=50 * HOUR),
        lambda i: (queue.escalate(i, "alice", "j"), queue.defer(i, "bob", "j", span=50 * HOUR)),
        lambda i: (queue.claim(i, "alice"), queue.release(i, "alice")),
        lambda i: (queue.escalate(i, "alice", "j"), queue.claim(i, "bob")),
        lambda i: db.execute("update manual_resolution_queue set held = 'batch' where id = %s", [i]),
        lambda i: db.execute("update manual_resolution_queue set held = 'attempt' where id = %s", [i]),
        lambda i: queue.withdraw("x", "thing", queue.get(i).resource_id, "done"),
    ]
    for n, move in enumerate(moves, 1):
        move(tell(n, sla_hours=10 if n % 2 else 100).id)
    clock.forward(hours=20)
    queue.sweep()
    views = (
        "status in ('pending', 'escalated') and held is null", "status <> 'assigned' and held = 'deferred'",
        "status <> 'assigned' and held = 'attempt'", "status <> 'assigned' and held = 'batch'",
        "status = 'assigned'",
        "status = 'resolved'",
    )  # fmt: skip
    counted = " + ".join(f"(coalesce({view}, false))::int" for view in views)
    statement = f"select {counted}, count(*) from manual_resolution_queue group by 1"  # noqa: S608
    found = db.execute(statement.encode()).fetchall()
    assert found == [(1, len(moves))]
    assert len(queue.list()) == len(moves) - 1
    assert len(queue.list(resolved=True)) == len(moves)


BY_HAND = [
    "held = 'approval'",
    "held = 'deferred'", "deferred_until = now()", "held = 'lunch'", "hold_until = now()",
    "status = 'assigned'", "status = 'assigned', assigned_to = ' '", "assigned_to = 'alice'",
    "assigned_at = now()",
    "escalated_at = now()", "status = 'escalated'", "escalation_level = 1", "resolved_at = now()",
    "resolution = 'x'", "resolution_metadata = '{}'", "position = 'NaN', position_by = 'a'", "position = 1",
    "priority = 'critical', position = 1, position_by = 'a'", "occurrences = 0", "priority = 'urgent'",
    "reason = ' '",
    "context = '[]'", "context = 'null'", "sla_deadline = 'infinity'", "sla_deadline = created_at",
    "sla_seconds = 0",
    "held = 'deferred', deferred_until = 'infinity'", "status = 'resolved', resolved_at = 'infinity'",
    "status = 'resolved', resolved_at = '12000-01-01'", "status = 'resolved', resolution_metadata = '[1]'",
    "succeeded_at = '-infinity'", "next_level_at = '0044-03-15 BC'", "last_occurred_at = 'infinity'",
]  # fmt: skip


@pytest.mark.parametrize("facts", BY_HAND)
def test_facts_that_contradict_each_other_are_refused(db: Any, item: int, queue: Queue, facts: str) -> None:
    """The database refuses a row whose facts contradict its status, or that nobody could read back."""
    with pytest.raises(psycopg.Error) as refused:
        db.execute(f"update manual_resolution_queue set {facts}".encode())  # noqa: S608
    # PostgreSQL before 17 cannot even subtract from an infinite time: 22008.
    assert refused.value.sqlstate in ("23514", "22008")
    assert verbs(queue, item) == ["add"]


def test_rows_by_hand_stay_readable(db: Any, queue: Queue, tell: Any) -> None:
    """Rows by plain SQL at the limit of what the rules permit are listed, swept, claimed and laid out."""
    db.execute(
        """insert into manual_resolution_queue
               (item_type, resource_type, resource_id, resource_key, priority, reason, context,
                created_at, sla_deadline, sla_seconds)
           values
             (' ', '', -5, null, 'low', 'x', null, '1900-01-02', '1900-01-03', 40000000000),
             ('Ünicode/…', E'a\\nb', null, '', 'medium', repeat('x', 100000),
              '{"a": 1e5000, "b": -1e900, "": {}}', '1970-01-01', '2999-12-31', 1),
             ('d', 'd', 9223372036854775807, null, 'critical', 'x',
              (repeat('{"a":', 32) || '1' || repeat('}', 32))::jsonb,
              '2020-01-01', '2020-01-01 00:00:01', null),
             ('d', 'd', 1, null, 'high', 'x', '{"last_error": 5}', '2020-01-01', '2020-01-01 00:00:01', 1)"""
    )
    for position, by, priority in (("-infinity", "", "low"), ("1e308", "\x1b[2J", "medium")):
        db.execute(
            "update manual_resolution_queue set position = %s, position_by = %s where priority = %s",
            [position, by, priority],
        )
    assert len(queue.list()) == 4
    assert queue.sweep().escalated == 3
    assert queue.sweep().escalated == 0
    for listed in queue.list():
        assert queue.examine(listed.id).offers
        assert queue.history(listed.id)
        assert listed.as_json()
    assert {queue.next("alice").id for _ in range(4)} == {listed.id for listed in queue.list()}  # type: ignore[union-attr]
    assert queue.depth()["total_pending"] == 4


# ------------------------------------------------------------------ the generic options


def test_escalate_as_an_option(queue: Queue, item: int) -> None:
    """Choosing the generic escalation does the operator's move."""
    queue.resolve(item, "escalate", "beyond me", "alice", values={"to": "engineering"})
    assert (queue.get(item).status, queue.get(item).escalated_to) == ("escalated", "engineering")


def test_defer_as_an_option(queue: Queue, item: int) -> None:
    """Choosing the generic deferral puts the item aside for what was asked, 24 hours unless told."""
    for values, hours in (({}, 24), ({"span": "90m"}, 1.5)):
        queue.resolve(item, "defer", "later", "alice", values=values)
        deferred = queue.get(item)
        assert deferred.deferred_until is not None
        assert abs(deferred.deferred_until - deferred.read_at - hours * HOUR) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("option", "values", "named"),
    [
        ("defer", {"until": "x"}, "until"),
        ("escalate", {"team": "x"}, "team"),
        ("defer", {"span": "soon"}, "span"),
        ("nothing", {}, "option"),
    ],
)
def test_a_value_nobody_asked_for_is_refused(queue: Queue, item: int, option: str, values: Any, named: str) -> None:
    """An option, or a value of one, that does not exist is refused by name and does nothing."""
    with pytest.raises(InvalidInput) as refused:
        queue.resolve(item, option, "j", "alice", values=values)
    assert refused.value.parameter == named
    assert verbs(queue, item) == ["add"]


@pytest.mark.parametrize(
    "facts",
    [
        "sla_deadline = sla_deadline + interval '1 day'",
        "lease_until = now() + interval '2 days', status = 'assigned', assigned_to = 'alice'",
        "occurrences = 1",
        "last_occurred_at = '1990-01-01'",
    ],
)
def test_no_client_moves_a_deadline_later_or_holds_for_ever(db: Any, queue: Queue, facts: str) -> None:
    """A deadline never moves later, a lease never outlasts a day, what occurred stays counted: for psql too."""
    for _ in range(2):
        queue.add("pdf_deletion_failed", "meal_plan", 1, "medium", "503")
    with pytest.raises(psycopg.Error) as refused:
        db.execute(f"update manual_resolution_queue set {facts}".encode())  # noqa: S608
    assert refused.value.sqlstate == "MRQ03"
