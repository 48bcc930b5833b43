"""`mrq doctor`: take any guard away and it is named."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from manual_resolution import Queue, Settings, doctor
from manual_resolution.doctor import Check
from manual_resolution.store import beats, catalog, outbox
from manual_resolution.store.catalog import Thing
from manual_resolution.store.migrate import migrations
from tests.commands import Told, invoke

Db = psycopg.Connection[Any]
Connect = Callable[..., Db]
Run = Callable[..., Told]

SQL = "".join(migration.sql for migration in migrations())
TRIGGERS = re.findall(r"create trigger (\w+) .*?\bon (\w+)", SQL, re.DOTALL)
DROPPED = re.findall(r"drop index (\w+)", SQL)
CREATED = re.findall(r"create (?:unique )?index (\w+) on (\w+)", SQL)
INDEXES = sorted({one for one in CREATED if CREATED.count(one) > DROPPED.count(one[0])})
TABLES = re.findall(r"create table (\w+) \((.*?)\n\)", SQL, re.DOTALL)
CONSTRAINTS = [(name, table) for table, body in TABLES for name in re.findall(r"constraint (\w+)\s+check", body)]
FUNCTIONS = re.findall(r"create function (\w+)", SQL)
KEYS = [(f"{table}_pkey", table) for table, body in TABLES if "primary key" in body]
#: What only a server for tests leaves out.
NOT_DURABLE = {"fsync", "full_page_writes"}


@pytest.fixture
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("--json")`: `mrq doctor --json` on the test's database."""
    is_fresh = "fresh_database_url" in request.fixturenames
    url = request.getfixturevalue("fresh_database_url" if is_fresh else "database_url")
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("MRQ_ALERTS", "none")
    return lambda *words: invoke(["doctor", *words])


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """A queue on the test's database."""
    queue = Queue(database_url, settings=Settings(workflows=()))
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def superuser(worker_database: Any) -> Iterator[Db]:
    """One connection for all tests that undo what they did."""
    worker_database.reset()
    with psycopg.connect(worker_database.url, autocommit=True) as db:
        yield db


@pytest.fixture
def undone(superuser: Db) -> Iterator[Db]:
    """A superuser's connection in a transaction that is undone at the end."""
    with superuser.transaction(force_rollback=True):
        superuser.execute("set local allow_system_table_mods = on")
        yield superuser


@pytest.fixture(scope="session")
def shipped(server: Any, template_database: str) -> list[Thing]:
    """What MRQ ships, described once for all tests."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as db, db.transaction(force_rollback=True):
        for migration in migrations():
            db.execute(migration.sql)
        return catalog.shipped(db)


def wrong(checks: list[Check]) -> list[str]:
    """What is wrong, as it is printed."""
    return [str(check).removeprefix("WRONG ") for check in checks if check.result == "wrong"]


def take_away(db: Db, shipped: list[Thing], statement: str, *names: str) -> list[str]:
    """What doctor finds wrong after `statement`, with `names` put in."""
    db.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]
    return wrong(list(doctor.compared(shipped, catalog.present(db))))


# ------------------------------------------------------------------ each guard


def test_every_guard_is_looked_at(shipped: list[Thing]) -> None:
    """Every trigger, constraint, index and function of the migrations is among what doctor compares."""
    for kind, named in (
        ("trigger", TRIGGERS),
        ("index", INDEXES + KEYS),
        ("constraint", CONSTRAINTS + KEYS),
        ("function", [(name, "") for name in FUNCTIONS]),
    ):
        found = {(thing.name, thing.place) for thing in shipped if thing.kind == kind}
        assert set(named) <= found, kind
    assert min(map(len, (TRIGGERS, INDEXES, CONSTRAINTS, FUNCTIONS))) > 5
    generated = {thing.name for thing in shipped if thing.kind == "generated column"}
    assert generated == {"wake_at", "calm", "priority_rank"}


@pytest.mark.parametrize("duty", ["operator", "worker", "console"])
def test_looking_waits_for_nobody_and_needs_no_table(
    database_url: str, connect: Any, as_role: Any, shipped: list[Thing], duty: str
) -> None:
    """What is shipped is described without the real tables: no lock on them, no right to them, nothing counted anew."""
    holds = connect()
    holds.execute("begin")
    holds.execute("lock manual_resolution_queue in access exclusive mode")
    with psycopg.connect(as_role(database_url, duty), autocommit=True) as db:
        db.execute("set lock_timeout = '5s'")
        assert len(catalog.shipped(db)) == len(shipped)


def test_an_untouched_schema_has_nothing_wrong(undone: Db, shipped: list[Thing]) -> None:
    """On a schema as migrated no guard is named, so what follows finds what was taken away."""
    assert wrong(list(doctor.compared(shipped, catalog.present(undone)))) == []


@pytest.mark.parametrize(("name", "table"), TRIGGERS)
def test_a_trigger_taken_away_is_named(undone: Db, shipped: list[Thing], name: str, table: str) -> None:
    """Each trigger is named when it is disabled, fires only for replicas, does something else, or is gone."""
    thing = f"trigger {name} on {table}"
    for state in ("disable", "enable replica"):
        found = take_away(undone, shipped, f"alter table {{}} {state} trigger {{}}", table, name)
        assert found == [f"{thing}: it is disabled"]
    undone.execute("create function harmless() returns trigger language plpgsql as 'begin return new; end'")
    harmless = "create or replace trigger {} before update on {} for each row execute function harmless()"
    found = take_away(undone, shipped, harmless, name, table)
    assert found == [f"{thing}: it is not the one that MRQ ships"]
    assert take_away(undone, shipped, "drop trigger {} on {}", name, table) == [f"{thing}: it is missing"]


@pytest.mark.parametrize(("name", "table"), CONSTRAINTS)
def test_a_constraint_taken_away_is_named(undone: Db, shipped: list[Thing], name: str, table: str) -> None:
    """Each constraint is named when it is gone, was replaced by a weaker one, or was never validated."""
    thing = f"constraint {name} on {table}"
    found = take_away(undone, shipped, "alter table {} drop constraint {}", table, name)
    assert found == [f"{thing}: it is missing"]
    found = take_away(undone, shipped, "alter table {} add constraint {} check (true)", table, name)
    assert found == [f"{thing}: it is not the one that MRQ ships"]
    again = "alter table {0} drop constraint {1}; alter table {0} add constraint {1} check (true) not valid"
    found = take_away(undone, shipped, again, table, name)
    assert found == [f"{thing}: it is not validated"]


@pytest.mark.parametrize(("name", "table"), INDEXES)
def test_an_index_taken_away_is_named(undone: Db, shipped: list[Thing], name: str, table: str) -> None:
    """Each index is named when it is invalid, gone, or of other columns."""
    thing = f"index {name} on {table}"
    undone.execute("update pg_index set indisvalid = false where indexrelid = %s::regclass", [name])
    assert wrong(list(doctor.compared(shipped, catalog.present(undone)))) == [f"{thing}: it is not valid"]
    assert take_away(undone, shipped, "drop index {}", name) == [f"{thing}: it is missing"]
    found = take_away(undone, shipped, "create index {} on {} ((true))", name, table)
    assert found == [f"{thing}: it is not the one that MRQ ships"]


@pytest.mark.parametrize(("name", "table"), KEYS)
def test_a_primary_key_taken_away_is_named(undone: Db, shipped: list[Thing], name: str, table: str) -> None:
    """Each primary key is named with its index."""
    found = take_away(undone, shipped, "alter table {} drop constraint {} cascade", table, name)
    assert {f"constraint {name} on {table}: it is missing", f"index {name} on {table}: it is missing"} <= set(found)


@pytest.mark.parametrize("column", ["wake_at", "calm", "priority_rank"])
def test_a_generated_column_made_plain_is_named(undone: Db, shipped: list[Thing], column: str) -> None:
    """A generated column that became a plain one is named."""
    found = take_away(undone, shipped, "alter table manual_resolution_queue alter {} drop expression", column)
    assert found == [f"generated column {column} on manual_resolution_queue: it is missing"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_replaced_function_is_named(undone: Db, shipped: list[Thing], name: str) -> None:
    """A function with another body than the shipped one is named."""
    undone.execute("update pg_proc set prosrc = prosrc || ' ' where proname = %s", [name])
    found = wrong(list(doctor.compared(shipped, catalog.present(undone))))
    assert found == [f"function {name}: it is not the one that MRQ ships"]


def test_a_column_without_its_rule_and_a_foreign_trigger_are_named(undone: Db, shipped: list[Thing]) -> None:
    """A column that may be null is wrong; a trigger that is none of ours is noted."""
    assert take_away(undone, shipped, "alter table mrq_event alter actor drop not null") == [
        "column actor on mrq_event: it is not the one that MRQ ships"
    ]
    undone.execute("create function other() returns trigger language plpgsql as 'begin return new; end'")
    undone.execute("create trigger other before insert on mrq_event for each row execute function other()")
    found = [str(check) for check in doctor.compared(shipped, catalog.present(undone)) if check.result == "note"]
    assert found == ["note  trigger other on mrq_event: it is none of MRQ's"]


# ------------------------------------------------------------------ the command


def test_on_a_sound_database_every_guard_is_ok(run: Run) -> None:
    """Each guard gets its own line, and nothing is wrong but what the server for tests leaves out."""
    shown = run()
    lines = shown.stdout.splitlines()
    assert {line.split(":")[0].removeprefix("WRONG ") for line in lines if line.startswith("WRONG")} <= NOT_DURABLE
    assert "ok    trigger mrq_guard on manual_resolution_queue" in lines
    assert "ok    constraint attempt_state_is_known on mrq_attempt" in lines
    assert "ok    index mrq_wake on manual_resolution_queue" in lines
    assert re.fullmatch(r"\d{3} checked: \d wrong, \d to note\.", lines[-1])


def test_a_disabled_trigger_ends_the_command_with_1(run: Run, fresh_database_url: str, connect: Connect) -> None:
    """From the database to the exit code: what is disabled is printed and the command says 1."""
    connect().execute("alter table manual_resolution_queue disable trigger mrq_guard")
    shown = run()
    assert "WRONG trigger mrq_guard on manual_resolution_queue: it is disabled" in shown.stdout.splitlines()
    assert shown.exit_code == 1
    told = json.loads(run("--json").stdout)
    name = "trigger mrq_guard on manual_resolution_queue"
    assert {"result": "wrong", "name": name, "detail": "it is disabled"} in told["checks"]
    assert told["ok"] is False


def test_a_missing_function_is_named(run: Run, fresh_database_url: str, connect: Connect) -> None:
    """A function dropped with its triggers is named; nothing ends in a traceback."""
    connect().execute("drop function mrq_guard cascade")
    shown = run()
    assert "function mrq_guard() does not exist" in shown.stdout
    assert shown.exit_code == 1


def test_a_database_without_the_queue_is_told_to_migrate(run: Run, fresh_database_url: str, connect: Connect) -> None:
    """Before `mrq db migrate` the missing migration is what is wrong, and nothing else is tried."""
    connect().execute("drop table mrq_migration")
    shown = run()
    assert "WRONG migration 0001 manual_resolution_queue: it is not applied: run mrq db migrate" in shown.stdout
    assert "trigger" not in shown.stdout


def test_a_migration_of_another_build_is_wrong(run: Run, fresh_database_url: str, connect: Connect) -> None:
    """A migration that was applied with another text is named."""
    connect().execute("update mrq_migration set checksum = 'x'")
    assert "WRONG migrations: Migration 1 was applied with another text" in run().stdout


def test_settings_are_shown_with_their_source_and_without_secrets(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting says where it came from; an address or a token is never shown; a typo is noted."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://mrq:hunter2@127.0.0.1:1/none")
    monkeypatch.setenv("BLOB_READ_WRITE_TOKEN", "hunter2")
    monkeypatch.setenv("MRQ_SLA_HIGH", "12")
    monkeypatch.setenv("MRQ_SLA_CRITCAL", "3")
    shown = run()
    lines = shown.stdout.splitlines()
    assert "ok    setting DATABASE_URL: (set) (from DATABASE_URL)" in lines
    assert "ok    setting BLOB_READ_WRITE_TOKEN: (set) (from BLOB_READ_WRITE_TOKEN)" in lines
    assert "ok    setting MRQ_SLA_HIGH: 12 (from MRQ_SLA_HIGH)" in lines
    assert "ok    setting MRQ_SLA_LOW: 720 (default)" in lines
    assert "note  setting MRQ_SLA_CRITCAL: it is set, and nothing reads it: a typo?" in lines
    assert "hunter2" not in shown.output
    assert (shown.exit_code, lines[-2][:15]) == (3, "WRONG database:")


def test_wrong_settings_are_all_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong setting is a line, and the command says 2."""
    monkeypatch.setenv("MRQ_SLA_HIGH", "soon")
    monkeypatch.setenv("MRQ_BATCH_SIZE", "0")
    shown = run()
    assert [line.split()[2] for line in shown.stdout.splitlines()[:-1]] == ["MRQ_SLA_HIGH", "MRQ_BATCH_SIZE"]
    assert shown.exit_code == 2


def test_without_a_database_it_says_what_to_set(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing set the command says which variable to set, and 3."""
    monkeypatch.delenv("DATABASE_URL")
    shown = run()
    assert "WRONG database: No database is set: export DATABASE_URL=" in shown.stdout
    assert shown.exit_code == 3


def test_workflows_that_cannot_be_loaded_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name in MRQ_WORKFLOWS is tried by itself, and the rest of the examination goes on."""
    monkeypatch.setenv("MRQ_WORKFLOWS", "manual_resolution.workflows,no_such.module")
    shown = run()
    assert "ok    workflow pdf_deletion_failed: retry, mark_failed" in shown.stdout
    assert "WRONG workflows no_such.module: MRQ_WORKFLOWS: no_such.module cannot be loaded" in shown.stdout
    assert "ok    trigger mrq_guard on manual_resolution_queue" in shown.stdout


# ------------------------------------------------------------------ server, role, clock


def test_rights_that_are_missing_are_named(undone: Db) -> None:
    """A role that may only read is told each right it lacks."""
    undone.execute("create role mrq_reader_of_this_test")
    undone.execute("grant select on all tables in schema public to mrq_reader_of_this_test")
    undone.execute("revoke insert on mrq_attempt from public")
    undone.execute("set local role mrq_reader_of_this_test")
    found = wrong(list(doctor.of_rights(undone, Settings())))
    cure = "this role does not have it: mrq db grants prints what operators need"
    assert f"right to insert on mrq_attempt: {cure}" in found
    assert f"right to update on manual_resolution_queue: {cure}" in found
    assert not any("select" in line for line in found)


def test_a_session_for_which_no_trigger_fires_is_wrong(connect: Connect) -> None:
    """A role set to session_replication_role=replica passes every guard by: that is wrong."""
    db = connect(options="-c session_replication_role=replica -c synchronous_commit=off -c timezone=Asia/Tokyo")
    found = {check.name: check for check in doctor.of_server(db, Settings())}
    assert found["session_replication_role"].result == "wrong"
    assert [found[name].result for name in ("synchronous_commit", "time zone", "role")] == ["note"] * 3
    assert [found[name].result for name in ("fsync", "full_page_writes")] == ["wrong"] * 2


def test_a_clock_that_was_replaced_is_wrong(queue: Queue, clock: Any, connect: Connect, run: Run) -> None:
    """A mrq_now() that is not the clock is named twice: by what it says and by its text."""
    clock.forward(hours=1)
    lines = run().stdout.splitlines()
    assert "WRONG function mrq_now: it is not the one that MRQ ships" in lines
    assert "WRONG mrq_now(): it is +3600 s from the server's clock" in lines


def test_hours_that_differ_from_the_databases_are_noted(connect: Connect, database_url: str) -> None:
    """Where producers with plain SQL get other hours than the environment names, both are said."""
    found = [str(c) for c in doctor.of_told_settings(connect(), Settings(sla_high=12)) if c.result == "note"]
    sentence = "the database says 24, MRQ_SLA_HIGH 12: mrq db migrate tells it"
    assert found == [f"note  mrq_setting sla_high: {sentence}"]


# ------------------------------------------------------------------ what is overdue


def of_time(db: Db) -> dict[str, Check]:
    """What doctor says about what time should have brought."""
    return {check.name: check for check in doctor.of_time(db, Settings())}


def test_what_is_overdue_is_noted(queue: Queue, clock: Any, connect: Connect) -> None:
    """Expired leases, deferrals that are over, uncounted occurrences and breaches not raised are counted."""
    db = connect()
    assert {check.result for check in of_time(db).values()} == {"ok"}
    for number in (1, 2, 3):
        queue.add("pdf_deletion_failed", "meal_plan", number, "high", "503", sla_hours=2)
    queue.claim(1, "alice")
    queue.defer(2, "alice", "Later", span=timedelta(hours=1))
    with connect(autocommit=False) as caller:
        queue.add("pdf_deletion_failed", "meal_plan", 3, "high", "Again", connection=caller)
        caller.commit()
    clock.forward(hours=2.5)
    found = of_time(db)
    assert found["leases"].detail == "1 have expired; the next claim sees to it"
    assert found["deferrals"].result == found["occurrences"].result == "note"
    assert found["breaches"].detail.startswith("3 not raised, the oldest for 0.5 h")
    assert found["breaches"].result == "note"
    clock.forward(hours=1)
    assert of_time(db)["breaches"].result == "wrong"
    queue.wake(every=0)
    queue.sweep()
    assert {check.result for check in of_time(db).values()} == {"ok"}


def test_attempts_that_overran_and_unknown_outcomes_are_noted(queue: Queue, connect: Connect) -> None:
    """An attempt past its limit is counted; items whose outcome is unknown are named by id."""
    db = connect()
    for number in (1, 2):
        queue.add("pdf_deletion_failed", "meal_plan", number, "high", "503")
    attempt = (
        "insert into mrq_attempt (item_id, n, state, option, actor, via, started_at, deadline, ended_at)"
        " values (%s, 1, %s, 'retry', 'alice', 'lib', now(), %s, %s)"
    )
    now = datetime.now(UTC)
    db.execute(attempt, [1, "started", now - timedelta(minutes=1), None])
    db.execute(attempt, [2, "unknown", now - timedelta(minutes=1), now])
    found = of_time(db)
    assert found["attempts"].detail.startswith("1 overran")
    assert found["unknown outcomes"].detail == "1 of them, settled by mrq confirm ID --done|--not-done: 2"


def of_alerting(db: Db, settings: Settings | None = None) -> dict[str, Check]:
    """What doctor says about alerts and about what should be at work."""
    told = settings or Settings(alert_slack_webhook="https://hooks.example.com/x")
    return {check.name: check for part in (doctor.of_alerts, doctor.of_heartbeats) for check in part(db, told)}


def test_alerts_that_do_not_arrive_are_wrong(connect: Connect, database_url: str, clock: Any) -> None:
    """Alerts dead, refused for some, due for five minutes or held back are wrong; those for nobody are noted."""
    db = connect()
    beats.beat(db, "sweep", every=1800)
    assert {check.result for check in of_alerting(db).values()} == {"ok"}
    numbers = [outbox.write_test(db, channel, "alice") for channel in ("slack", "mail")]
    assert {check.result for check in of_alerting(db).values()} == {"ok", "note"}
    clock.forward(minutes=6)
    found = of_alerting(db)
    waits = "2 are due, the oldest for 6 min: do mrq worker or mrq sweep run?"
    assert (found["alerts waiting"].result, found["alerts waiting"].detail) == ("wrong", waits)
    assert str(found["alerts have a channel"]).endswith(
        "alerts wait for mail, not configured here: after a day they are cancelled"
    )
    assert outbox.dead(db, numbers[:1], "404") == numbers[:1]
    cure = "mend the cause, which mrq alerts list names, then mrq alerts retry --all"
    assert str(of_alerting(db)["alerts dead"]) == f"WRONG alerts dead: 1 will not be tried again: {cure}"
    outbox.sent(db, numbers[1:], "accepted, but not for bob", ["bob"])
    assert of_alerting(db)["alerts reach everybody"].detail.startswith("1 of the last day did not reach all")
    assert outbox.pause(db, outbox.after(db, timedelta(hours=1)), "Maintenance", "alice@example.com")
    found = of_alerting(db)
    assert found["alerts paused"].result == "wrong"
    assert found["alerts paused"].detail.endswith("UTC by alice@example.com: Maintenance (mrq alerts pause --end)")


def test_what_stopped_working_is_wrong(connect: Connect, database_url: str, clock: Any) -> None:
    """A part that has not worked for two of its intervals is wrong, unless it was stopped; so is a clock gone back."""
    db = connect()
    assert str(of_alerting(db)["sweep ever ran"]).startswith("note  sweep ever ran: neither mrq worker nor mrq sweep")
    beats.beat(db, "sweep", every=1800)
    beats.beat(db, "probe", every=15)
    beats.retire(db, ["probe"])
    clock.forward(minutes=59)
    assert of_alerting(db)["heartbeat sweep"].result == "ok"
    assert str(of_alerting(db)["heartbeat probe"]) == "note  heartbeat probe: it was stopped 59 min ago"
    clock.forward(minutes=2)
    late = "it last worked 61 min ago, and should every 30 min: is it running?"
    assert str(of_alerting(db)["heartbeat sweep"]) == f"WRONG heartbeat sweep: {late}"
    clock.back(minutes=62)
    back = "the database's clock is 60 s behind what it was: nothing is escalated meanwhile"
    assert str(of_alerting(db)["clock goes forward"]) == f"WRONG clock goes forward: {back}"


def test_that_nobody_is_told_is_wrong_unless_it_is_meant() -> None:
    """Without a channel and without MRQ_ALERTS=none doctor says what to set."""
    (nobody,) = doctor.of_channels(Settings())
    assert (nobody.result, "MRQ_ALERT_SLACK_WEBHOOK" in nobody.detail) == ("wrong", True)
    (meant,) = doctor.of_channels(Settings(alerts="none"))
    (slack,) = doctor.of_channels(Settings(alert_slack_webhook="https://hooks.example.com/secret"))
    assert [str(meant), str(slack)] == ["ok    channels: none, as MRQ_ALERTS=none says", "ok    channels: slack"]


def test_a_session_idle_in_a_transaction_is_found(connect: Connect) -> None:
    """A session that holds a transaction open and does nothing is found, with its number and program."""
    idle = connect(autocommit=False, application_name="forgotten")
    idle.execute("set transaction isolation level repeatable read")
    idle.execute("select count(*) from mrq_event")
    db = connect()
    found = catalog.idle_in_transaction(db, 0)
    assert [(pid, program) for pid, program, _ in found] == [(idle.info.backend_pid, "forgotten")]
    assert [str(check) for check in doctor.of_sessions(db, Settings())] == [
        "ok    sessions: none holds an idle transaction open"
    ]


def test_open_items_of_unknown_types_are_noted(queue: Queue, connect: Connect) -> None:
    """Open items of a type that no workflow declares are counted."""
    queue.add("pdf_deletion_failed", "meal_plan", 1, "high", "503")
    queue.add("no_such_type", "meal_plan", 1, "high", "503")
    found = [str(check) for check in doctor.of_types(connect(), Settings())]
    sentence = "1 open, and no workflow declares it: only escalate and defer"
    assert found == [f"note  item type no_such_type: {sentence}"]


def test_what_comes_from_outside_is_shown_escaped() -> None:
    """A name with a control character in it moves no cursor."""
    assert str(Check("note", "item type \x1b[2J", "a\nb")) == r"note  item type \x1b[2J: a\nb"
