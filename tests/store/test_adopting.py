"""`mrq db migrate` on a database where somebody made the table from the specification, and used it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from manual_resolution import Queue, Refused, audit
from manual_resolution.cli.app import app
from manual_resolution.recounting import what
from manual_resolution.store import aside, catalog
from manual_resolution.store.adopting import NotAdopted
from manual_resolution.store.migrate import bring_up_to_date, migrate

Db = psycopg.Connection[Any]

#: The specification's own statement, corrected only where PostgreSQL does not take it.
SPECIFIED = """
create table manual_resolution_queue (
  id SERIAL PRIMARY KEY,
  item_type VARCHAR(50) NOT NULL,
  resource_type VARCHAR(50) NOT NULL,
  resource_id INTEGER NOT NULL,
  priority VARCHAR(20) NOT NULL,
  reason TEXT NOT NULL,
  context JSONB,
  created_at TIMESTAMP NOT NULL DEFAULT NOW(),
  assigned_to VARCHAR(100),
  assigned_at TIMESTAMP,
  resolved_at TIMESTAMP,
  resolution TEXT,
  resolution_metadata JSONB,
  status VARCHAR(20) NOT NULL DEFAULT 'pending',
  escalated_at TIMESTAMP,
  sla_deadline TIMESTAMP
);
create index idx_mrq_status on manual_resolution_queue (status);
create index idx_mrq_priority on manual_resolution_queue (priority);
create index idx_mrq_created_at on manual_resolution_queue (created_at);
create index idx_mrq_sla_deadline on manual_resolution_queue (sla_deadline);
"""
#: 250 rows in each of the four statuses, every one as the specification would leave it.
THOUSAND = """
insert into manual_resolution_queue
  (item_type, resource_type, resource_id, priority, reason, context, created_at, assigned_to, assigned_at, resolved_at,
   resolution, resolution_metadata, status, escalated_at, sla_deadline)
select (array['pdf_deletion_failed', 'quiz_orphaned', 'blacklist_disputed'])[n % 3 + 1], 'thing', n,
       (array['low', 'medium', 'high', 'critical'])[n % 4 + 1], 'reason ' || n,
       case when n % 5 > 0 then jsonb_build_object('n', n, 'text', 'ü', 'list', array[n, 1]) end, made,
       case when state in ('assigned', 'resolved') then 'alice@example.com' end,
       case when state in ('assigned', 'resolved') then made + interval '1 hour' end,
       case when state = 'resolved' then made + interval '3 hours 0.123456 s' end,
       case when state = 'resolved' then 'done ' || n end,
       case when state = 'resolved' then '{"deleted_by": "alice@example.com"}'::jsonb end,
       state, case when state = 'escalated' then made + interval '2 hours' end, made + interval '24 hours'
  from (select n, timestamp '2026-01-02 15:00:00' + n * interval '61.5 minutes' as made,
               (array['pending', 'assigned', 'escalated', 'resolved'])[n / 250 + 1] as state
          from generate_series(0, 999) n) rows
"""
SAME = """
select id, item_type, resource_type, resource_id, priority, reason, context, created_at{z}, assigned_to, assigned_at{z},
       resolved_at{z}, resolution, resolution_metadata, status, escalated_at{z}, sla_deadline{z}
  from manual_resolution_queue order by id
"""


@pytest.fixture(scope="module")
def host_url(server: Any) -> Iterator[str]:
    """A database for the tests of this file, one after the other."""
    name = f"specified_{os.getpid()}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as db:
        db.execute(sql.SQL("create database {} strategy file_copy").format(sql.Identifier(name)))
        yield server.url(name)
        db.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def url(host_url: str) -> str:
    """The same with nothing in it but the specification's table."""
    with psycopg.connect(host_url, autocommit=True) as db:
        db.execute(f"drop schema public cascade; create schema public; {SPECIFIED}".encode())
    return host_url


@pytest.fixture
def db(url: str) -> Iterator[Db]:
    """Whoever made the table."""
    with psycopg.connect(url, autocommit=True) as db:
        yield db


@pytest.fixture
def put(db: Db) -> Callable[..., int]:
    """`put(status="assigned")`: the id of a row of the old table; what is not said is usual."""

    def put(**columns: Any) -> int:
        usual = {"item_type": "x", "resource_type": "thing", "priority": "low", "reason": "it failed",
                 "created_at": "2026-01-02 15:00", "sla_deadline": "2026-01-03 15:00"}  # fmt: skip
        row = usual | {"resource_id": put.count} | columns  # type: ignore[attr-defined]
        put.count += 1  # type: ignore[attr-defined]
        names = sql.SQL(", ").join(map(sql.Identifier, row))
        places = sql.SQL(", ").join(map(sql.Placeholder, row))
        made = db.execute(
            sql.SQL("insert into manual_resolution_queue ({}) values ({}) returning id").format(names, places), row
        ).fetchone()
        assert made is not None
        return int(made[0])

    put.count = 1  # type: ignore[attr-defined]
    return put


def rows(db: Db, zone: str = "") -> list[tuple[Any, ...]]:
    """What the specification's columns hold, times as UTC without a zone."""
    return db.execute(SAME.format(z=zone).encode()).fetchall()


def one(db: Db, item: int) -> dict[str, Any]:
    """A row of the queue, times in UTC."""
    db.execute("set timezone = 'UTC'")
    row = db.execute("select to_jsonb(q) from manual_resolution_queue q where id = %s", [item]).fetchone()
    assert row is not None
    return dict(row[0])


def is_whole(url: str) -> bool:
    """Whether the history is, and says what the rows say."""
    with closing(Queue(url)) as queue:
        verdict = audit.verify(queue.database)
    assert verdict.is_whole, [str(finding) for finding in verdict.named]
    return verdict.events >= verdict.items


# ------------------------------------------------------------------ every row is kept


def test_a_thousand_rows_keep_every_value_and_gain_a_first_event(url: str, db: Db) -> None:
    """1 000 rows in all four statuses: the same values, times taken as UTC, one event each, every chain whole."""
    db.execute(THOUSAND)
    before = rows(db)
    adoption = bring_up_to_date(url).adoption
    assert adoption is not None
    assert (adoption.rows, adoption.repairs, adoption.doubles, adoption.left_out) == (1000, [], [], [])
    assert adoption.by_status == dict.fromkeys(("pending", "assigned", "escalated", "resolved"), 250)
    assert rows(db, " at time zone 'UTC'") == before
    events = db.execute(
        "select count(*), count(distinct item_id), min(seq), max(seq), min(verb), max(verb) from mrq_event"
    )
    assert events.fetchone() == (1000, 1000, 1, 1, "adopt", "adopt")
    assert db.execute("select count(distinct item_id), min(n) from mrq_occurrence").fetchone() == (1000, 1)
    assert db.execute("select count(notice_at) from manual_resolution_queue").fetchone() == (1000,)
    assert is_whole(url)


def test_the_schema_is_the_one_of_a_fresh_install(url: str, db: Db, fresh_database_url: str) -> None:
    """After adopting, every column, constraint, index, trigger, function and sequence is as if nothing had been."""
    everything = """select relname, relkind, relpersistence, reloptions, relacl::text from pg_class
                     where relnamespace = 'public'::regnamespace order by 1"""
    order = """select attrelid::regclass::text, attname, attnum, attacl::text from pg_attribute
                where attrelid = 'manual_resolution_queue'::regclass and attnum > 0 order by 3"""
    db.execute(THOUSAND)
    migrate(url)
    with psycopg.connect(fresh_database_url) as fresh:
        fresh.execute("select 1")
        assert [str(t) for t in catalog.present(db)] == [str(t) for t in catalog.present(fresh)]
        assert catalog.present(db) == catalog.present(fresh)
        for statement in (everything, order):
            mine, theirs = db.execute(statement.encode()).fetchall(), fresh.execute(statement.encode()).fetchall()
            assert [row[:-1] for row in mine] == [row[:-1] for row in theirs]
    assert migrate(url) == []


def test_numbers_go_on_where_they_were(url: str, db: Db, put: Callable[..., int]) -> None:
    """The next item's number is past every one that was ever given out, those of deleted rows included."""
    put()
    db.execute("delete from manual_resolution_queue where id = %s", [put()])
    migrate(url)
    with closing(Queue(url)) as queue:
        assert queue.add("x", "thing", 99, "low", "it failed").id == 3


def test_adopted_rows_are_worked_on(url: str, db: Db, put: Callable[..., int]) -> None:
    """What was adopted is counted, claimed, released, swept, resolved and reopened like anything else."""
    pending, owned = put(), put(status="assigned", assigned_to="alice", assigned_at="2026-01-02 16:00")
    done = put(status="resolved", resolved_at="2026-01-02 17:00", resolution="by hand")
    migrate(url)
    with closing(Queue(url)) as queue:
        assert queue.add("x", "thing", 1, "low", "again").id == pending
        assert queue.sweep().escalated == 2
        assert queue.release(owned, "alice").status == "escalated"
        assert queue.claim(pending, "bob").assigned_to == "bob"
        assert queue.reopen(done, "bob", "it is back").reopened_from == done
    assert is_whole(url)


def test_an_owner_keeps_an_item_for_a_day(url: str, db: Db, put: Callable[..., int]) -> None:
    """An adopted owner's lease lasts a day from then: nobody loses their item to the migration."""
    item = put(status="assigned", assigned_to="alice", assigned_at="2026-01-02 16:00")
    migrate(url)
    left = "select lease_until - now() between '23 hours' and '25 hours' from manual_resolution_queue where id = %s"
    assert db.execute(left, [item]).fetchone() == (True,)


def test_times_are_read_in_the_zone_that_is_named(url: str, db: Db, put: Callable[..., int]) -> None:
    """`--time-zone` says where the old table's clocks stood, summer time included; a wrong name changes nothing."""
    winter, summer = put(), put(created_at="2026-07-02 15:00", sla_deadline="2026-07-03 15:00")
    ended = CliRunner().invoke(app, ["db", "migrate", "--time-zone", "Mars"], env={"DATABASE_URL": url})
    assert (ended.exit_code, "time_zone = 'Mars'" in ended.stderr) == (2, True)
    bring_up_to_date(url, time_zone="europe/berlin")
    assert one(db, winter)["created_at"].startswith("2026-01-02T14:00:00")
    assert one(db, summer)["created_at"].startswith("2026-07-02T13:00:00")


# ------------------------------------------------------------------ rows that contradict themselves

ODD: list[tuple[dict[str, Any], dict[str, Any]]] = [  # (the row as found, what of it differs afterwards)
    ({"status": "assigned", "assigned_at": "2026-01-02 16:00"}, {"status": "pending", "assigned_at": None}),
    ({"status": "assigned", "assigned_to": " "}, {"status": "pending", "assigned_to": None}),
    ({"status": "assigned", "escalated_at": "2026-01-02 16:00"}, {"status": "escalated"}),
    ({"status": "assigned", "assigned_to": "alice"}, {"assigned_at": "now"}),
    ({"status": "pending", "assigned_to": "alice"}, {"assigned_to": None}),
    ({"status": "pending", "escalated_at": "2026-01-02 16:00"}, {"status": "escalated"}),
    ({"status": "escalated"}, {"escalated_at": "now"}),
    (
        {"status": "escalated", "assigned_to": "alice", "escalated_at": "2026-01-02 16:00"},
        {"assigned_to": None},
    ),
    ({"status": "resolved"}, {"resolved_at": "now"}),
    ({"sla_deadline": None}, {"sla_deadline": "2026-02-01T15:00:00+00:00"}),
    ({"status": " Pending", "priority": "HIGH "}, {"status": "pending", "priority": "high"}),
    ({"reason": "  "}, {"reason": "No reason was recorded"}),
    ({"context": "[1, 2]"}, {"context": {"value": [1, 2]}}),
    (
        {"status": "resolved", "resolved_at": "2026-01-02 16:00", "resolution_metadata": '"by hand"'},
        {"resolution_metadata": {"value": "by hand"}},
    ),
]


def test_odd_rows_are_mended_by_the_stated_rules_and_listed(url: str, db: Db, put: Callable[..., int]) -> None:
    """Each kind of odd row is mended, every change is listed, and what it said before stays in its first event."""
    ids = [put(**row) for row, _ in ODD]
    adoption = bring_up_to_date(url).adoption
    assert adoption is not None
    (today,) = db.execute("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD')").fetchone() or ("",)
    for item, (row, differs) in zip(ids, ODD, strict=True):
        found = one(db, item)
        for column, value in differs.items():
            assert found[column] == value or (value == "now" and found[column].startswith(today)), (row, column)
        listed = {repair.column for repair in adoption.repairs if repair.id == item}
        kept = db.execute("select private -> 'was' from mrq_event where item_id = %s", [item]).fetchone()
        assert kept is not None
        assert listed == set(kept[0]) == set(differs)
    assert is_whole(url)


def test_a_failure_open_twice_is_kept_twice(url: str, db: Db, put: Callable[..., int]) -> None:
    """Two open rows for one failure both stay, listed; a repeat counts on the first, and resolving is apart."""
    put(resource_id=7, status="resolved", resolved_at="2026-01-02 16:00")
    first, second = put(resource_id=7), put(resource_id=7, status="escalated", escalated_at="2026-01-02 16:00")
    adoption = bring_up_to_date(url).adoption
    assert adoption is not None
    assert [(double.id, double.first) for double in adoption.doubles] == [(second, first)]
    with closing(Queue(url)) as queue:
        assert queue.add("x", "thing", 7, "low", "again").id == first
        assert queue.get(second).status == "escalated"
    assert is_whole(url)


GUESSES = [
    ({"status": "waiting"}, "status_is_known: status is 'waiting'"),
    ({"priority": "urgent"}, "priority_is_known: priority is 'urgent'"),
    ({"sla_deadline": "2026-01-01 15:00"}, "deadline_after_creation: sla_deadline is '2026-01-01T15:00:00+00:00'"),
    ({"resolved_at": "2026-01-02 16:00"}, "resolved_has_time: resolved_at is '2026-01-02T16:00:00+00:00'"),
    ({"resolution": "somebody did it"}, "resolution_when_resolved: resolution is 'somebody did it'"),
    ({"created_at": "infinity"}, "times_have_been: created_at is later than now"),
    ({"item_type": "x", "sla_deadline": "infinity"}, "deadline_is_finite: sla_deadline is 'infinity'"),
    ({"created_at": "2399-01-01", "sla_deadline": "2399-01-02"}, "times_have_been: created_at is later than now"),
]


def test_rows_that_need_a_guess_refuse_all_and_are_named(url: str, db: Db, put: Callable[..., int]) -> None:
    """Where a repair would be a guess nothing is adopted, every such row is named with its rule, nothing changed."""
    good = put()
    ids = [put(**row) for row, _ in GUESSES]
    before = str(db.execute("select array_agg(q::text order by id) from manual_resolution_queue q").fetchone())
    with pytest.raises(NotAdopted) as refused:
        migrate(url)
    said = {fault.id: [] for fault in refused.value.faults}
    for fault in refused.value.faults:
        said[fault.id].append(str(fault))
    assert good not in said
    for item, (_, sentence) in zip(ids, GUESSES, strict=True):
        assert any(f"#{item}: {sentence}" in line for line in said[item]), said[item]
    assert str(db.execute("select array_agg(q::text order by id) from manual_resolution_queue q").fetchone()) == before
    assert db.execute("select to_regclass('mrq_event'), to_regclass('mrq_migration')").fetchone() == (None, None)


def test_all_rules_that_a_row_breaks_are_named_at_once(url: str, put: Callable[..., int]) -> None:
    """Three things wrong with one row are three lines, so that one look and one UPDATE mend it."""
    item = put(status="waiting", priority="urgent", sla_deadline="2026-01-01 15:00", resolution="somebody did it")
    other = put(priority="asap", resolution="somebody did it")
    with pytest.raises(NotAdopted) as refused:
        migrate(url)
    found = [(fault.id, fault.rule) for fault in refused.value.faults]
    assert found == [
        (item, "status_is_known"), (item, "priority_is_known"), (item, "deadline_after_creation"),
        (other, "priority_is_known"), (other, "resolution_when_resolved"),
    ]  # fmt: skip


def test_the_history_says_what_was_mended(url: str, put: Callable[..., int]) -> None:
    """An adopted item's first event names each value that gave way; one that fitted says so."""
    odd, good = put(status=" Pending", priority="HIGH ", reason="  "), put()
    migrate(url)
    with closing(Queue(url)) as queue:
        assert [what(event) for event in queue.history(good)] == ["as it was"]
        [event] = queue.history(odd)
    told = what(event)
    assert told.startswith("mended: ") and "status was  Pending" in told and "priority was HIGH" in told


def test_a_row_without_a_resource_is_named(url: str, db: Db, put: Callable[..., int]) -> None:
    """A host that let resource_id be null is told which rows need one."""
    db.execute("alter table manual_resolution_queue alter resource_id drop not null")
    item = put(resource_id=None)
    with pytest.raises(NotAdopted, match="1 row needs") as refused:
        migrate(url)
    assert str(refused.value.faults[0]) == f"#{item}: one_resource: resource_id is nothing"


# ------------------------------------------------------------------ what stands around the table


def test_foreign_keys_and_grants_survive(url: str, db: Db, put: Callable[..., int]) -> None:
    """A host's table that refers to items refers to them still, and who could read and write the table can."""
    item = put()
    db.execute("create table ticket (item integer references manual_resolution_queue on delete cascade)")
    db.execute("insert into ticket values (%s)", [item])
    db.execute("grant select on manual_resolution_queue to public")
    migrate(url)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        db.execute("insert into ticket values (99)")
    rule = "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'ticket'::regclass"
    assert "REFERENCES manual_resolution_queue(id) ON DELETE CASCADE" in str(db.execute(rule).fetchone())
    assert db.execute("select has_table_privilege('pg_monitor', 'manual_resolution_queue', 'select')").fetchone() == (
        True,
    )


def test_what_would_be_lost_refuses_and_is_named(url: str, db: Db) -> None:
    """Views, triggers, rules, policies, own columns and other types are named together, and nothing is changed."""
    db.execute("""
      create view open_items as select id, status from manual_resolution_queue;
      create function noted() returns trigger language plpgsql as 'begin return new; end';
      create trigger noted before insert on manual_resolution_queue for each row execute function noted();
      create policy mine on manual_resolution_queue;
      alter table manual_resolution_queue add team text, alter reason type varchar(9), drop resolution_metadata,
        alter context type text
    """)
    with pytest.raises(Refused) as refused:
        migrate(url)
    for part in ("view open_items depends on", "trigger noted", "policy mine", "column team is not the specification",
                 "column resolution_metadata is missing", "column context is text, not json or jsonb"):  # fmt: skip
        assert part in str(refused.value)
    assert "reason" not in str(refused.value)
    assert db.execute("select * from open_items").fetchall() == []


def test_own_indexes_and_constraints_are_said_to_be_left_out(url: str, db: Db, put: Callable[..., int]) -> None:
    """An index or a constraint beyond the specification's has no place in the queue: it is left out, and named."""
    put()
    db.execute("create index by_type on manual_resolution_queue (item_type)")
    db.execute("alter table manual_resolution_queue add constraint known check (priority <> '')")
    adoption = bring_up_to_date(url).adoption
    assert adoption is not None
    assert [line.split(":")[0] for line in adoption.left_out] == ["constraint known", "index by_type"]


# ------------------------------------------------------------------ the command


def test_a_rehearsal_says_all_and_changes_nothing(url: str, db: Db, put: Callable[..., int]) -> None:
    """`--dry-run` says what would happen, in the words of the real run, which then says the same."""
    put(), put(status="escalated", escalated_at="2026-01-02 16:00", assigned_to="\x1b[2Jann"), put(resource_id=1)
    before = rows(db)

    def mrq(*words: str) -> Any:
        return CliRunner().invoke(app, ["db", *words], env={"DATABASE_URL": url})

    assert "It adopts the table there is, 3 rows; --dry-run says how." in mrq("status").stderr
    assert mrq("migrate", "--sql").exit_code == 1
    would = mrq("migrate", "--dry-run")
    assert would.exit_code == 0, would.stderr
    assert rows(db) == before
    assert "Would adopt manual_resolution_queue: 3 rows (2 pending, 1 escalated); times" in would.stdout
    assert "times without a zone are read as UTC." in would.stdout
    assert "  #2: assigned_to '\\x1b[2Jann' → nothing" in would.stdout
    assert "  #3: open for the same failure as #1, which counts the repeats" in would.stdout
    assert json.loads(mrq("migrate", "--dry-run", "--json").stdout)["adoption"]["doubles"] == [{"id": 3, "first": 1}]
    done = mrq("migrate").stdout
    assert done.replace("Adopted", "Would adopt").replace("Applied", "Would apply") == would.stdout
    assert mrq("status").exit_code == 0


def test_a_refusal_lists_its_rows_and_ends_with_one(url: str, put: Callable[..., int]) -> None:
    """The rows that need a decision are printed one a line, as text and as JSON; the exit code is 1."""
    put(priority="urgent"), put(status="?")
    ended = CliRunner().invoke(app, ["db", "migrate"], env={"DATABASE_URL": url})
    assert ended.exit_code == 1
    assert ended.stdout.splitlines() == [
        "#1: priority_is_known: priority is 'urgent'", "#2: status_is_known: status is '?'",
    ]  # fmt: skip
    assert ended.stderr == "Nothing was adopted: 2 rows need a decision of yours first, by UPDATE.\n"
    told = CliRunner().invoke(app, ["db", "migrate", "--json"], env={"DATABASE_URL": url})
    assert [fault["id"] for fault in json.loads(told.stdout)["faults"]] == [1, 2]


def test_the_columns_are_the_specifications() -> None:
    """What may be adopted has exactly the columns that the specification names."""
    names = [line.split()[0] for line in SPECIFIED.splitlines() if line.startswith("  ")]
    assert list(aside.COLUMNS) == names
