"""The history: one event for each change, by whichever client, append-only (design, Events)."""

from typing import Any

import psycopg
import pytest


def history(db: Any, item: int) -> list[dict[str, Any]]:
    cursor = db.cursor(row_factory=psycopg.rows.dict_row)
    return list(cursor.execute("select * from mrq_event where item_id = %s order by seq", [item]).fetchall())


@pytest.mark.parametrize(
    ("change", "verb"),
    [
        ("status = 'assigned', assigned_to = 'bob'", "claim"),
        ("held = 'deferred', deferred_until = now() + interval '1 day'", "defer"),
        ("status = 'escalated', escalated_at = now()", "escalate"),
        ("status = 'resolved'", "resolve"),
        ("priority = 'high'", "priority"),
        ("reason = 'in other words'", "edit"),
        ("context = '{\"a\": 1}'", "edit"),
        ("sla_deadline = sla_deadline - interval '1 hour'", "edit"),
        ("escalated_to = 'engineering'", "edit"),
        ("succeeded_at = now()", "edit"),
    ],
)
def test_every_change_by_sql_leaves_one_event(db: Any, make_item: Any, update: Any, change: str, verb: str) -> None:
    """A foreign client's change is one event with a telling verb, under the SQL user's name."""
    item = make_item()
    update(change, item)
    added, changed = history(db, item)
    user = db.info.user
    assert (added["verb"], changed["verb"], changed["seq"]) == ("add", verb, 2)
    assert [(e["actor"], e["actor_kind"], e["via"]) for e in (added, changed)] == [(user, "sql", f"psql:{user}")] * 2


def test_a_foreign_update_never_inherits_the_last_actor(db: Any, make_item: Any, update: Any) -> None:
    """After a move in alice's name, plain SQL is recorded under the SQL user's name, not hers."""
    item = make_item()
    update(
        "status = 'assigned', assigned_to = 'alice', changed_by = 'alice', changed_how = 'claim',"
        " changed_for = version + 1, changed_note = '{\"kind\": \"person\", \"via\": \"lib\"}'", item,
    )  # fmt: skip
    update("priority = 'high'", item)
    assert [e["actor"] for e in history(db, item)] == [db.info.user, "alice", db.info.user]


@pytest.mark.parametrize(
    "bookkeeping",
    [
        "lease_until = now() + interval '1 hour'",
        "occurrences = occurrences + 1",
        "next_level_at = now()",
        "last_occurred_at = now()",
        "version = 99",
    ],
)
def test_bookkeeping_leaves_no_event(db: Any, make_item: Any, update: Any, bookkeeping: str) -> None:
    """A lease renewed or an occurrence counted writes neither an event nor a version."""
    item = make_item("assigned")
    update(bookkeeping, item)
    assert len(history(db, item)) == 2
    assert db.execute("select version from manual_resolution_queue").fetchone() == (2,)


def test_a_statement_over_many_items_leaves_one_event_each(db: Any, make_item: Any) -> None:
    """A bulk UPDATE is in the history of each item it changed, and of no other."""
    items = [make_item(priority=priority) for priority in ("low", "low", "high")]
    db.execute("update manual_resolution_queue set priority = 'medium' where priority = 'low'")
    assert [len(history(db, item)) for item in items] == [2, 2, 1]


def test_the_version_counts_the_events(db: Any, make_item: Any, update: Any) -> None:
    """`version` is the number of an item's events, so that a cut tail shows."""
    item = make_item("escalated")
    update("priority = 'high'", item)
    update("lease_until = null", item)
    assert db.execute(
        "select version, (select count(*) from mrq_event where item_id = id) from manual_resolution_queue"
    ).fetchone() == (3, 3)


def test_what_is_personal_is_kept_apart(db: Any, make_item: Any, update: Any) -> None:
    """Reason, context and resolution are in `private`; `data` holds facts about the item alone."""
    item = make_item(reason="alice's plan", context=psycopg.types.json.Jsonb({"email": "a@example.com"}))
    update("status = 'resolved', resolution = 'told a@example.com'", item)
    added, ended = history(db, item)
    assert added["private"] | {"dedup_key": "", "fingerprint": ""} == {
        "reason": "alice's plan", "context": {"email": "a@example.com"},
        "resource_key": None, "dedup_key": "", "fingerprint": "",
    }  # fmt: skip
    assert ended["private"]["resolution"] == "told a@example.com"
    assert "a@example.com" not in str([added["data"], ended["data"]])


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'mallory'", "at = now()", "verb = 'claim'", "seq = 9", "data = '{}'", "hash = '\\x00'",
        "salt = null",
        "private = null", "private = '{}', salt = null", "private = null, salt = null, actor = 'x'",
        "private = null, salt = null, private_hash = null",
    ],
)  # fmt: skip
def test_an_event_never_changes(db: Any, make_item: Any, change: str) -> None:
    """An UPDATE of an event is refused, whatever it would change."""
    make_item()
    with pytest.raises(psycopg.Error) as refused:
        db.execute(f"update mrq_event set {change}".encode())  # noqa: S608
    assert refused.value.sqlstate in ("MRQ05", "23514")


def test_erasure_takes_what_is_private_and_leaves_the_chain(db: Any, make_item: Any) -> None:
    """Setting `private` and `salt` to null is the one update an event allows; its hashes stay."""
    item = make_item()
    before = history(db, item)[0]
    db.execute("update mrq_event set private = null, salt = null")
    after = history(db, item)[0]
    assert (after["private"], after["salt"]) == (None, None)
    assert (after["private_hash"], after["hash"]) == (before["private_hash"], before["hash"])


def test_the_chain_holds(db: Any, make_item: Any, update: Any) -> None:
    """Each event's hash follows from the one before it, from what it says, and from what was private."""
    item = make_item("escalated")
    update("status = 'assigned', assigned_to = 'zoë'", item)
    update("status = 'resolved', resolution = '完了'", item)
    broken = db.execute(
        """select e.seq from mrq_event e left join mrq_event p on p.item_id = e.item_id and p.seq = e.seq - 1
            where e.hash <> mrq_event_hash(p.hash, e.format, e.item_id, e.seq, e.at, e.actor, e.actor_kind,
                                           e.via, e.verb, e.data, e.private_hash)
               or e.private_hash <> mrq_private_hash(e.salt, e.private)"""
    ).fetchall()
    assert broken == []
    assert len({e["hash"] for e in history(db, item)}) == 4


def test_the_chain_is_the_same_in_every_session(db: Any, make_item: Any, update: Any) -> None:
    """Time zone, date style and float format of a session change no hash."""
    item = make_item(resource_id=1)
    db.execute("set timezone = 'Asia/Kathmandu'")
    db.execute("set datestyle = 'German'")
    db.execute("set extra_float_digits = -15")
    db.execute("set bytea_output = 'escape'")
    update("position = 0.1234567890123456, position_by = 'dora'", item)
    db.execute("reset all")
    assert db.execute(
        """select bool_and(e.hash = mrq_event_hash(p.hash, e.format, e.item_id, e.seq, e.at, e.actor,
                                                   e.actor_kind, e.via, e.verb, e.data, e.private_hash))
             from mrq_event e left join mrq_event p on p.item_id = e.item_id and p.seq = e.seq - 1"""
    ).fetchone() == (True,)
    assert history(db, item)[1]["data"]["sla_deadline"].startswith("20")


@pytest.mark.parametrize(
    "change",
    [
        "occurred_at = now()",
        "item_id = 99",
        "add_id = gen_random_uuid()",
        "reason = 'another'",
        "context = '{\"b\": 2}'",
        "n = 99",
        "counted = false",
    ],
)
def test_an_occurrence_never_changes(db: Any, make_item: Any, change: str) -> None:
    """What a producer told is never rewritten."""
    db.execute(
        "insert into mrq_occurrence (item_id, n, occurred_at, reason, context)"
        " values (%s, 2, now(), 'r', '{\"a\": 1}')",
        [make_item()],
    )
    with pytest.raises(psycopg.Error) as refused:
        db.execute(f"update mrq_occurrence set {change}".encode())  # noqa: S608
    assert refused.value.sqlstate == "MRQ05"


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'mallory'",
        "option = 'other'",
        "key = gen_random_uuid()",
        "n = 7",
        "state = 'started'",
        "state = 'unknown'",
    ],
)
def test_an_attempt_that_ended_is_final(db: Any, make_item: Any, change: str) -> None:
    """Who tried what, and how it ended, is never rewritten."""
    db.execute(
        "insert into mrq_attempt (item_id, n, state, option, actor, via, started_at, deadline)"
        " values (%s, 1, 'started', 'retry', 'alice', 'lib', now(), now())", [make_item("assigned")],
    )  # fmt: skip
    db.execute("update mrq_attempt set state = 'succeeded', outcome = 'deleted'")
    with pytest.raises(psycopg.Error):
        db.execute(f"update mrq_attempt set {change}".encode())  # noqa: S608


def test_one_open_attempt_for_each_item(db: Any, make_item: Any) -> None:
    """An item has at most one attempt that is scheduled, started or unknown."""
    item = make_item("assigned")
    start = (
        "insert into mrq_attempt (item_id, n, state, option, actor, via, started_at, deadline)"
        " values (%s, %s, 'started', 'retry', 'alice', 'lib', now(), now())"
    )
    db.execute(start, [item, 1])
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute(start, [item, 2])
    db.execute("update mrq_attempt set state = 'unknown'")
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute(start, [item, 2])
    db.execute("update mrq_attempt set state = 'confirmed_not_done'")
    db.execute(start, [item, 2])
