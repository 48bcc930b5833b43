"""Adding: one open item per failure, with the right deadline (design, Adding)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manual_resolution import InvalidInput, InvalidType, Queue, Settings
from manual_resolution.intake import fingerprint

HOUR = timedelta(hours=1)


def hours(item: Any) -> float:
    """From happening to deadline."""
    return float((item.sla_deadline - item.created_at) / HOUR)


def withdraw_from(queue: Queue, resource_id: int, reason: str = "it succeeded", **more: Any) -> Any:
    return queue.withdraw("x", "thing", resource_id, reason, **more)


def test_an_item_has_what_was_told(queue: Queue, tell: Any) -> None:
    """A new item holds what the producer told, pending, unowned, and told once."""
    added = tell(
        12345,
        item_type="pdf_deletion_failed",
        resource_type="meal_plan",
        reason="503",
        context={"n": [1, None]},
    )
    item = queue.get(added.id)
    assert (added.repeated, added.spooled, added.occurrences) == (False, False, 1)
    assert (item.item_type, item.resource_type, item.resource_id, item.resource_key) == (
        "pdf_deletion_failed", "meal_plan", 12345, None,
    )  # fmt: skip
    assert (item.priority, item.reason, item.context) == ("medium", "503", {"n": [1, None]})
    assert (item.status, item.assigned_to, item.occurrences, item.version) == ("pending", None, 1, 1)


@pytest.mark.parametrize(("priority", "sla"), [("critical", 4), ("high", 24), ("medium", 168), ("low", 720)])
def test_the_priority_gives_the_deadline(queue: Queue, tell: Any, priority: str, sla: float) -> None:
    """Without `sla_hours` the deadline is the priority's own, from the moment it happened."""
    assert hours(queue.get(tell(priority=priority).id)) == sla


def test_the_settings_give_the_deadline(new_queue: Any, tell: Any) -> None:
    """`MRQ_SLA_*` moves the deadline of what is added under them."""
    queue = new_queue(sla_high=36.5)
    assert hours(queue.get(tell(priority="high", queue=queue).id)) == 36.5


@pytest.mark.parametrize(("sla_hours", "sla"), [(24, 24), (0.5, 0.5), (Decimal("1.25"), 1.25), (8784, 8784)])
def test_sla_hours_overrides_for_one_item(queue: Queue, tell: Any, sla_hours: Any, sla: float) -> None:
    """`sla_hours` is the item's own time to its deadline, whatever its priority."""
    item = queue.get(tell(sla_hours=sla_hours).id)
    assert (hours(item), item.sla_seconds) == (sla, sla * 3600)


def test_the_deadline_counts_from_when_it_happened(queue: Queue, tell: Any) -> None:
    """`occurred_at` backdates the item and its deadline; the offset it is told in does not matter."""
    happened = datetime.now(UTC) - timedelta(days=10)
    item = queue.get(tell(occurred_at=happened.astimezone()).id)
    assert item.created_at == happened
    assert item.sla_deadline == happened + timedelta(days=7)
    assert item.is_overdue


def test_nothing_happens_in_the_future(queue: Queue, tell: Any) -> None:
    """An `occurred_at` in the future becomes now, on the database's clock."""
    item = queue.get(tell(occurred_at=datetime.now(UTC) + timedelta(days=2)).id)
    assert item.created_at <= item.read_at
    assert hours(item) == 168


def test_a_repeat_counts(queue: Queue, tell: Any) -> None:
    """The same failure told again is one item with a counter: no event, no version, its first words."""
    first = tell(reason="first", context={"n": 1})
    again = [tell(reason=f"again {n}", context={"n": n}) for n in (2, 3)]
    item = queue.get(first.id)
    assert [(a.id, a.repeated, a.occurrences) for a in again] == [(first.id, True, 2), (first.id, True, 3)]
    assert (item.occurrences, item.version, item.reason, item.context) == (3, 1, "first", {"n": 1})
    assert [event.verb for event in queue.history(first.id)] == ["add"]


def test_every_report_is_kept(tell: Any, db: Any) -> None:
    """Each repeat's reason is kept, and its context among the first and the last twenty."""
    for n in range(1, 61):
        tell(reason=f"r{n}", context={"n": n})
    rows = db.execute("select n, reason, context from mrq_occurrence order by n").fetchall()
    assert [row[0] for row in rows] == list(range(1, 61))
    assert [row[1] for row in rows[1:]] == [f"r{n}" for n in range(2, 61)]
    kept = [row[0] for row in rows if row[2] is not None]
    assert set(range(2, 21)) | set(range(41, 61)) <= set(kept)


@pytest.mark.parametrize(
    ("first", "again", "priority", "moves"),
    [
        ("low", "critical", "critical", True), ("medium", "high", "high", True), ("low", "low", "low", False),
        ("critical", "low", "critical", False), ("high", "medium", "high", False),
        ("medium", "medium", "medium", False),
    ],
)  # fmt: skip
def test_a_repeat_may_raise_the_priority(
    queue: Queue, tell: Any, first: str, again: str, priority: str, moves: bool
) -> None:
    """A higher priority on a repeat raises the item's, in one event; a lower one changes nothing."""
    item = queue.get(tell(priority=first).id)
    tell(priority=again)
    after = queue.get(item.id)
    assert after.priority == priority
    assert (after.sla_deadline < item.sla_deadline) == moves
    assert [event.verb for event in queue.history(item.id)] == ["add"] + ["priority"] * moves


def test_a_raise_counts_the_new_sla_from_now(queue: Queue, tell: Any, clock: Any) -> None:
    """Raised, the deadline is now and the new SLA, where that is earlier."""
    item = queue.get(tell(priority="low").id)
    clock.forward(hours=100)
    tell(priority="high")
    moved = queue.get(item.id).sla_deadline - item.sla_deadline
    assert abs(moved - (124 - 720) * HOUR) < timedelta(minutes=1)


def test_a_raise_never_moves_the_deadline_later(queue: Queue, tell: Any, clock: Any) -> None:
    """Raised shortly before its deadline, an item keeps it."""
    item = queue.get(tell(priority="medium").id)
    clock.forward(hours=167)
    tell(priority="high")
    tell(priority="critical", sla_hours=300)
    after = queue.get(item.id)
    assert (after.priority, after.sla_deadline) == ("critical", item.sla_deadline)


def test_a_raised_item_breaches_by_its_new_sla(queue: Queue, tell: Any, clock: Any) -> None:
    """An item raised to critical reaches level 2 a quarter of four hours late, not of a month."""
    item = tell(priority="low").id
    tell(priority="critical")
    clock.forward(hours=5, minutes=1)
    queue.sweep()
    assert queue.get(item).escalation_level == 2


def test_a_repeat_does_not_disturb_its_owner(queue: Queue, tell: Any) -> None:
    """A repeat changes neither owner nor lease of an item that somebody works on."""
    item = tell().id
    owned = queue.claim(item, "alice")
    tell(priority="critical")
    after = queue.get(item)
    assert (after.status, after.assigned_to, after.lease_until) == ("assigned", "alice", owned.lease_until)


def test_a_repeat_does_not_wake_a_deferred_item(queue: Queue, tell: Any) -> None:
    """A repeat leaves a deferral as it is; the item is counted, not served."""
    item = tell().id
    queue.defer(item, "alice", "later", span=timedelta(hours=3))
    assert tell().id == item
    assert queue.get(item).held == "deferred"


def test_a_dedup_key_says_what_is_the_same(queue: Queue, tell: Any) -> None:
    """With `dedup_key` two resources are one failure; without it, or with another type, they are not."""
    one = tell(1, dedup_key="blob outage")
    assert tell(2, dedup_key="blob outage").id == one.id
    assert (
        len(
            {
                one.id,
                tell(1).id,
                tell(1, item_type="y", dedup_key="blob outage").id,
                tell(1, dedup_key="other").id,
            }
        )
        == 4
    )


@pytest.mark.parametrize("key", ["k" * 4000, "❄" * 1000, "a\nb", '","', "%s"])
def test_a_dedup_key_may_be_anything(tell: Any, key: str) -> None:
    """A dedup key of any length and any characters works: it is stored hashed."""
    assert tell(1, dedup_key=key).id == tell(2, dedup_key=key).id
    assert tell(1, dedup_key=key + "x").id != tell(1, dedup_key=key).id


def test_what_has_no_number_has_a_key(queue: Queue, tell: Any) -> None:
    """`resource_key` names a resource without a number; it is another failure than the number's."""
    item = queue.get(tell(None, resource_key="plans/7.pdf").id)
    assert (item.resource_id, item.resource_key, item.resource) == (None, "plans/7.pdf", "thing plans/7.pdf")
    assert tell(None, resource_key="plans/7.pdf").id == item.id
    assert len({item.id, tell(7).id, tell(None, resource_key="7").id}) == 3


def test_a_later_failure_makes_a_new_item(queue: Queue, tell: Any) -> None:
    """What fails again after it was resolved is a new item; the resolved one stays as it is."""
    first = tell().id
    withdraw_from(queue, 1)
    again = tell()
    assert (again.id != first, again.repeated) == (True, False)
    assert queue.get(first).status == "resolved"


@pytest.mark.parametrize("how", ["add", "add_many", "within"])
def test_a_late_report_reopens_nothing(queue: Queue, tell: Any, db: Any, how: str) -> None:
    """A failure from before the last resolution, told late, is kept with the resolved item and opens none."""
    before = datetime.now(UTC)
    first = tell().id
    withdraw_from(queue, 1)
    told: dict[str, Any] = {
        "item_type": "x", "resource_type": "thing", "resource_id": 1, "priority": "high", "reason": "late",
        "occurred_at": before,
    }  # fmt: skip
    if how == "add_many":
        from manual_resolution.intake import intake

        (late,) = queue.add_many([intake(**told)])
    else:
        late = queue.add(**told, connection=db if how == "within" else None)
    assert (late.id, late.repeated) == (first, True)
    assert queue.list() == []
    assert db.execute(
        "select count(*) from mrq_occurrence where reason = 'late' and item_id = %s", [first]
    ).fetchone() == (1,)
    assert tell(occurred_at=datetime.now(UTC)).id != first


def test_a_late_report_counts_on_the_open_item(queue: Queue, tell: Any) -> None:
    """Where the failure is open again, a late report counts there."""
    before = datetime.now(UTC)
    tell()
    withdraw_from(queue, 1)
    again = tell().id
    assert tell(occurred_at=before).id == again
    assert queue.get(again).occurrences == 2


@pytest.mark.parametrize("item_type", ["nobody_taught_this", "a", "z" * 50])
def test_unknown_types_are_accepted(queue: Queue, tell: Any, item_type: str) -> None:
    """An item type without a workflow is taken in, without context too, and gets the generic options."""
    case = queue.examine(tell(item_type=item_type).id)
    assert [offer.option.key for offer in case.offers] == ["escalate", "defer"]
    assert not case.known


@pytest.mark.parametrize(
    ("facts", "error", "named"),
    [
        ({"priority": "urgent"}, InvalidInput, "priority"), ({"reason": " "}, InvalidInput, "reason"),
        ({"sla_hours": -5}, InvalidInput, "sla_hours"), ({"sla_hours": "24"}, InvalidType, "sla_hours"),
        ({"context": {"a": [1, {"b": "\0"}]}}, InvalidInput, "context.a[1].b"),
        ({"context": [1]}, InvalidType, "context"),
        ({"resource_id": 0}, InvalidInput, "resource_id"),
        ({"resource_id": "12"}, InvalidType, "resource_id"),
        ({"occurred_at": datetime(2026, 1, 1)}, InvalidInput, "occurred_at"),  # noqa: DTZ001
        ({"item_type": "a b"}, InvalidInput, "item_type"), ({"dedup_key": ""}, InvalidInput, "dedup_key"),
        ({"context": {"a": float("nan")}}, InvalidInput, "context.a"),
        ({"resource_id": 2**63}, InvalidInput, "resource_id"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_named(queue: Queue, tell: Any, facts: Any, error: type, named: str) -> None:
    """A wrong value raises a ValueError or TypeError that names it, and leaves no half of an item."""
    with pytest.raises(error) as refused:
        tell(**facts)
    assert refused.value.parameter == named
    assert isinstance(refused.value, ValueError | TypeError)
    assert queue.list() == []


ANY_STORABLE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
#: Pieces of what error messages are made of.
PIECES = st.sampled_from(
    [
        "GET https://Blob.example/a(1)?b=c",
        "user@example.com",
        "#7",
        "#12345",
        "id=4711",
        "deadbeef",
        "DEADBEEF01",
        "2026-01-02",
        "ServiceUnavailable:",
        " ",
        "\n",
        "é",
        "İ",
        "ẞ",
        "K",
        "(",
        "[",
        "]",
        "'",
        "://",
        "a://",
        "1234",
        "x1y2",
        "\u00a0",
        "\u3000",
        "😀",
    ]
)
CAUSE = st.one_of(ANY_STORABLE, st.lists(PIECES | ANY_STORABLE, max_size=12).map("".join))


@given(causes=st.lists(st.tuples(CAUSE, st.none() | CAUSE | st.integers()), min_size=50, max_size=120))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_fingerprint_is_the_same_in_sql(db: Any, causes: list[tuple[str, Any]]) -> None:
    """Library and plain SQL give equal causes equal fingerprints, whatever the text."""
    contexts = [None if error is None else {"last_error": error} for _, error in causes]
    in_sql = db.execute(
        "select mrq_fingerprint('x', r, c::jsonb)"
        " from unnest(%s::text[], %s::text[]) with ordinality told (r, c, n) order by n",
        [
            [reason for reason, _ in causes],
            [None if c is None else psycopg.types.json.json.dumps(c) for c in contexts],
        ],
    ).fetchall()
    ours = [fingerprint("x", reason, context) for (reason, _), context in zip(causes, contexts, strict=True)]
    assert [row[0] for row in in_sql] == ours


def test_the_fingerprint_of_an_add_is_that_of_sql(queue: Queue, tell: Any, db: Any) -> None:
    """An item added by the library carries the fingerprint that plain SQL would have given it."""
    item = queue.get(
        tell(reason="503 for plan #7", context={"last_error": "Timeout at 2026-01-02T03:04:05Z for a@b.c"}).id
    )
    assert db.execute("select mrq_fingerprint(item_type, reason, context) from manual_resolution_queue").fetchone() == (
        item.fingerprint,
    )


# ------------------------------------------------------------------ many at once


def many(queue: Queue, *failures: dict[str, Any]) -> list[Any]:
    from manual_resolution.intake import intake

    default = {"item_type": "x", "resource_type": "thing", "priority": "medium", "reason": "r"}
    return list(queue.add_many(intake(**(default | failure)) for failure in failures))


def test_a_batch_folds_equal_failures(queue: Queue, tell: Any) -> None:
    """A batch makes one item of equal failures, counts what was open, and answers in the order given."""
    standing = tell(3).id
    answers = many(queue, *({"resource_id": n} for n in (1, 2, 1, 3, 1)))
    one, two = answers[0].id, answers[1].id
    assert [a.id for a in answers] == [one, two, one, standing, one]
    assert [(a.repeated, a.occurrences) for a in answers] == [
        (False, 1),
        (False, 1),
        (True, 2),
        (True, 2),
        (True, 3),
    ]
    assert {item.id: item.occurrences for item in queue.list()} == {one: 3, two: 1, standing: 2}


def test_a_batch_takes_the_highest_priority(queue: Queue, tell: Any) -> None:
    """Equal failures of a batch have the highest of their priorities, new or open already."""
    standing = tell(2, priority="low").id
    one, *_ = many(
        queue, {"resource_id": 1, "priority": "low"}, {"resource_id": 1, "priority": "critical"},
        {"resource_id": 2, "priority": "high"},
    )  # fmt: skip
    new = queue.get(one.id)
    assert (new.priority, queue.get(standing).priority) == ("critical", "high")
    assert hours(new) == 4, "the deadline of that priority"


def test_a_batch_is_all_or_nothing(queue: Queue) -> None:
    """One wrong failure, wherever in the batch, and nothing is added."""
    with pytest.raises(InvalidInput, match="priority"):
        many(queue, *({"resource_id": n} for n in range(1, 500)), {"resource_id": 500, "priority": "urgent"})
    assert queue.list() == []


def test_a_batch_may_be_empty(queue: Queue) -> None:
    """A night without failures adds nothing and answers nothing."""
    assert many(queue) == []


# ------------------------------------------------------------------ plain SQL


def test_plain_sql_is_completed(db: Any, queue: Queue) -> None:
    """An INSERT of the specification's required columns gets deadline, keys and event as an add does."""
    db.execute(
        "insert into manual_resolution_queue"
        " (item_type, resource_type, resource_id, priority, reason, context)"
        " values ('x', 'thing', 1, 'high', 'it failed', '{\"last_error\": \"boom 1234\"}')"
    )
    (item,) = queue.list()
    assert (item.status, hours(item), item.sla_seconds) == ("pending", 24, 24 * 3600)
    assert item.fingerprint == fingerprint("x", "it failed", {"last_error": "boom 1234"})
    (event,) = queue.history(item.id)
    assert (event.verb, event.actor, event.actor_kind) == ("add", db.info.user, "sql")


def test_library_and_sql_agree_on_what_is_the_same(db: Any, queue: Queue, tell: Any) -> None:
    """A library's add of what plain SQL inserted is a repeat of that item."""
    db.execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_key, priority, reason)"
        " values ('x', 'thing', 'k', 'low', 'it failed')"
    )
    assert tell(None, resource_key="k").repeated
    assert queue.list()[0].occurrences == 2


@pytest.mark.parametrize(
    ("columns", "values", "expected"),
    [
        ("created_at", "now() + interval '1 day'", 168), ("created_at", "now() - interval '1 day'", 168),
        ("sla_deadline", "now() + interval '10 hours'", 10), ("sla_seconds", "7200", 2),
        ("created_at", "null", 168),
    ],
)  # fmt: skip
def test_plain_sql_may_say_more(db: Any, queue: Queue, columns: str, values: str, expected: float) -> None:
    """What an INSERT says of its time is kept, but nothing happens in the future."""
    db.execute(
        f"insert into manual_resolution_queue"  # noqa: S608
        f" (item_type, resource_type, resource_id, priority, reason, {columns})"
        f" values ('x', 'thing', 1, 'medium', 'r', {values})".encode()
    )
    (item,) = queue.list()
    assert round(hours(item), 2) == expected
    assert item.created_at <= item.read_at


def test_plain_sql_takes_the_hours_of_the_environment(fresh_database_url: str, connect: Any) -> None:
    """`mrq db migrate` tells the database the hours that plain SQL's items get."""
    from manual_resolution.store.migrate import migrate

    assert migrate(fresh_database_url, Settings(sla_critical=2, sla_high=2.5)) == []
    db = connect(fresh_database_url)
    db.execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)"
        " values ('x', 'thing', 1, 'high', 'r')"
    )
    assert db.execute("select sla_seconds from manual_resolution_queue").fetchone() == (9000,)


@pytest.mark.parametrize(
    "columns",
    [
        {"priority": "urgent"}, {"resource_id": None}, {"resource_key": "both"}, {"reason": "  "},
        {"context": "[1]"},
        {"context": "null"}, {"sla_deadline": "2000-01-01"}, {"sla_deadline": "infinity"},
        {"created_at": "-infinity"},
        {"sla_seconds": 0}, {"sla_seconds": 2**62}, {"escalated_at": "2026-01-01"}, {"assigned_to": "alice"},
        {"resolution": "x"}, {"resolved_at": "2026-01-01"}, {"held": "deferred"}, {"position": 1},
        {"context": '{"a":' * 40 + "1" + "}" * 40}, {"item_type": "x" * 51},
    ],
    ids=str,
)  # fmt: skip
def test_plain_sql_cannot_add_what_makes_no_sense(db: Any, queue: Queue, columns: dict[str, Any]) -> None:
    """An INSERT that breaks a rule is refused and leaves neither item nor event."""
    row = {
        "item_type": "x",
        "resource_type": "thing",
        "resource_id": 1,
        "priority": "low",
        "reason": "r",
    } | columns
    names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with pytest.raises(psycopg.Error):
        db.execute(f"insert into manual_resolution_queue ({names}) values ({places})".encode(), row)  # noqa: S608
    assert queue.list() == []
    assert db.execute("select count(*) from mrq_event").fetchone() == (0,)


# ------------------------------------------------------------------ withdrawing


def test_withdraw_resolves_what_nobody_holds(queue: Queue, tell: Any) -> None:
    """A producer that succeeded resolves the unowned item in its own name."""
    item = tell().id
    found = withdraw_from(queue, 1, "deleted on the second night", producer="cleanup.py")
    assert found is not None and found.id == item
    assert (found.status, found.resolution, found.succeeded_at is None) == (
        "resolved", "Withdrawn: deleted on the second night", False,
    )  # fmt: skip
    event = queue.history(item)[-1]
    assert (event.verb, event.actor, event.actor_kind) == ("withdraw", "producer:cleanup.py", "producer")


@pytest.mark.parametrize("status", ["escalated", "deferred"])
def test_withdraw_resolves_what_waits(queue: Queue, tell: Any, status: str) -> None:
    """Escalated and deferred items are unowned too: withdrawing resolves them."""
    item = tell().id
    if status == "escalated":
        queue.escalate(item, "alice", "dunno", to="engineering")
    else:
        queue.defer(item, "alice", "later", span=timedelta(hours=1))
    withdraw_from(queue, 1)
    after = queue.get(item)
    assert (after.status, after.held) == ("resolved", None)


def test_withdraw_marks_what_somebody_holds(queue: Queue, tell: Any) -> None:
    """An owned item stays its owner's and says since when it has succeeded."""
    item = tell().id
    queue.claim(item, "alice")
    withdraw_from(queue, 1)
    after = queue.get(item)
    assert (after.status, after.assigned_to, after.resolution) == ("assigned", "alice", None)
    assert after.succeeded_at is not None


def test_withdrawing_twice_is_harmless(queue: Queue, tell: Any) -> None:
    """A second withdrawal finds nothing to do, for an unowned item and for an owned one."""
    unowned, owned = tell(1).id, tell(2).id
    queue.claim(owned, "alice")
    for resource in (1, 2):
        assert withdraw_from(queue, resource) is not None
        assert withdraw_from(queue, resource) is None
    assert [len(queue.history(item)) for item in (unowned, owned)] == [2, 3]
    assert withdraw_from(queue, 99) is None


def test_what_its_owner_gave_back_is_withdrawn(queue: Queue, tell: Any) -> None:
    """Told of a success while owned and given back since, an item is resolved by the next successful run."""
    item = tell().id
    queue.claim(item, "alice")
    withdraw_from(queue, 1)
    queue.release(item, "alice")
    withdraw_from(queue, 1)
    assert queue.get(item).status == "resolved"


def test_a_batchs_error_names_the_failure(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with one failure of a batch is raised with its number and its parameter; nothing is added."""
    from manual_resolution import InvalidInput, InvalidType, add_many

    monkeypatch.setenv("DATABASE_URL", database_url)
    fine = {"item_type": "x", "resource_type": "y", "resource_id": 1, "priority": "low", "reason": "r"}
    for wrong, named in (
        ({**fine, "priority": "x"}, r"failures\[1\]\.priority"),
        ({"prio": 1}, r"failures\[1\]: prio"),
    ):
        with pytest.raises(InvalidInput, match=named):
            add_many([fine, wrong])
    for failures in ([fine, 1], None):
        with pytest.raises(InvalidType, match="failures"):
            add_many(failures)  # type: ignore[arg-type]
