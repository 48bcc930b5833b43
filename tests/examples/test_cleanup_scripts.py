"""The sample application's scripts on real tables and the blob stand-in: what they finish and queue."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from meal_plan import data, purge_inactive_users
from meal_plan.blob_stand_in import BlobStandIn
from meal_plan.cleanup import connect
from meal_plan.nights import queue_at
from meal_plan.world import World
from psycopg import sql
from psycopg.rows import dict_row

from manual_resolution import Actor, Queue, Settings, WaitsForApproval
from manual_resolution.embedded import EmbeddedPostgres
from tests import processes

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(data.TOTALS)
Rows = list[dict[str, Any]]

pytestmark = pytest.mark.xdist_group("the sample application")  # one worker: it takes seconds to make


class Week:
    """The sample application after its seven nights: for reading only."""

    def __init__(self, world: World, url: str) -> None:
        self.world, self.url = world, url
        self.told: list[tuple[str, int, int, str]] = []
        self.nights = world.seven_nights(lambda *news: self.told.append(news))
        self.calls = list(world.blob.calls)

    def rows(self, query: sql.SQL | str, **values: Any) -> Rows:
        with psycopg.connect(self.url, row_factory=dict_row, autocommit=True) as db:
            return db.execute(query.encode() if isinstance(query, str) else query, values).fetchall()

    def open(self, item_type: str) -> Rows:
        query = "select * from manual_resolution_queue where status = 'pending' and item_type = %(of)s order by 1"
        return self.rows(query, of=item_type)


@pytest.fixture(scope="module")
def week(
    server: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Week]:
    name = sql.Identifier(f"week_{worker_id}")
    with psycopg.connect(server.url("postgres"), autocommit=True) as db:
        db.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        db.execute(sql.SQL("create database {} template {}").format(name, sql.Identifier(template_database)))
    url = server.url(f"week_{worker_id}")
    with World(tmp_path_factory.mktemp("week"), url) as world:
        yield Week(world, url)
    with psycopg.connect(server.url("postgres"), autocommit=True) as db:
        db.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def world(fresh_database_url: str, tmp_path: Path) -> Iterator[World]:
    """The sample application before its seven nights."""
    with World(tmp_path, fresh_database_url) as world:
        yield world


# The seven nights


def test_fifteen_items_wait_after_the_seven_nights(week: Week) -> None:
    """1 critical, 2 high, 10 medium and 2 low items of five types are open, and one was withdrawn."""
    of = "select {0} as key, count(*) items from manual_resolution_queue where status = 'pending' group by 1"
    by_priority = {row["key"]: row["items"] for row in week.rows(of.format("priority"))}
    by_type = {row["key"]: row["items"] for row in week.rows(of.format("item_type"))}
    assert by_priority == {"critical": 1, "high": 2, "medium": 10, "low": 2}
    assert by_type == {
        "pdf_deletion_failed": 8,
        "quiz_orphaned": 3,
        "retention_exception": 2,
        "foreign_key_violation": 1,
        "blacklist_disputed": 1,
    }


def test_the_summary_is_the_one_the_demo_shows(week: Week) -> None:
    """Each script's totals count a thing once, however many nights met it; progress ends at the whole."""
    done = {script: tuple(counts.values()) for script, counts in week.nights.items()}
    assert done == {
        "cleanup_expired_pdfs.py": (212, 204, 8),
        "cleanup_orphaned_quizzes.py": (31, 28, 3),
        "purge_inactive_users.py": (46, 44, 2),
        "review_before_deletion.py": (1, 0, 1),
        "appeals_inbox.py": (1, 0, 1),
    }
    last = {script: (so_far, total, summary) for script, so_far, total, summary in week.told}
    assert last["cleanup_expired_pdfs.py"] == (212, 212, "204 deleted, 8 need a person")
    assert last["appeals_inbox.py"] == (1, 1, "1 needs a person")


def test_the_request_for_erasure_is_critical(week: Week) -> None:
    """The PDF of user #871 failed with a 503 two hours ago, says so, and is still in the store."""
    [item] = week.rows("select * from manual_resolution_queue where priority = 'critical'")
    assert (item["resource_type"], item["resource_id"]) == ("meal_plan", 12345)
    assert item["reason"] == "Vercel Blob API returned 503 after 3 retry attempts (GDPR request of user #871)"
    assert item["context"]["last_error"] == "ServiceUnavailable: Blob service temporarily unavailable"
    assert (item["context"]["retry_count"], item["context"]["meal_plan_id"]) == (3, 12345)
    assert len(week.world.blob.calls_to("plans/12345-Xy7.pdf", "POST")) == 3
    assert week.world.blob.has("plans/12345-Xy7.pdf")


def test_one_failure_was_met_in_three_runs(week: Week) -> None:
    """Three runs with the same failure are one item that counts three; every other item counts one."""
    counted = week.rows("select resource_id, occurrences from manual_resolution_queue where occurrences > 1")
    assert counted == [{"resource_id": data.SLOW_TO_HEAL, "occurrences": 3}]


def test_one_failure_healed_on_the_second_night(week: Week) -> None:
    """What succeeds when it is run again is withdrawn by its producer, and its PDF is gone."""
    [item] = week.rows("select * from manual_resolution_queue where status = 'resolved'")
    [plan] = week.rows("select * from meal_plans where id = %(id)s", id=data.HEALED)
    assert item["resource_id"] == data.HEALED
    assert plan["pdf_url"] is None
    assert plan["pdf_deleted_at"] is not None


def test_ages_run_from_minutes_to_a_week_and_one_item_is_overdue(week: Week) -> None:
    """The youngest item is minutes old, the oldest seven and a half days; that one is 12 to 13 hours late."""
    ages = "select %(now)s - created_at as age, sla_deadline, priority from manual_resolution_queue"
    items = week.rows(f"{ages} order by created_at", now=week.world.now)
    assert items[0]["age"] == timedelta(hours=180.5)
    assert items[-1]["age"] == timedelta(minutes=12)
    overdue = [item for item in items if item["sla_deadline"] < week.world.now]
    assert [item["priority"] for item in overdue] == ["medium"]
    assert timedelta(hours=12) < week.world.now - overdue[0]["sla_deadline"] < timedelta(hours=13)


def test_a_quiz_with_a_plan_and_a_user_is_high(week: Week) -> None:
    """Quiz response #67890 names the plan that refers to it and the user who has its e-mail."""
    items = {item["resource_id"]: item for item in week.open("quiz_orphaned")}
    context = items[67890]["context"]
    assert items[67890]["priority"] == "high"
    assert (context["quiz_response_id"], context["user_id"]) == (67890, 604)
    assert context["foreign_key_references"] == ["meal_plan #11873"]
    assert {item["priority"] for item in items.values()} == {"high", "low"}


def test_foreign_keys_stopped_what_they_had_to(week: Week) -> None:
    """A refused deletion left everything as it was, and the item tells PostgreSQL's own words."""
    [item] = week.open("foreign_key_violation")
    assert (item["resource_type"], item["resource_id"]) == ("quiz_response", data.SHARED_QUIZ)
    assert (item["context"]["user_id"], item["context"]["referencing_table"]) == (data.SHARING, "meal_plans")
    assert item["context"]["constraint"] == "meal_plans_quiz_response_id_fkey"
    assert "is still referenced from table" in item["context"]["detail"]
    assert week.rows("select from quiz_responses where user_id = %(id)s", id=data.SHARING)
    assert week.rows("select from meal_plans where user_id = %(id)s", id=data.SHARING)


def test_what_is_under_a_hold_was_asked_about_and_kept(week: Week) -> None:
    """Both plans under a hold are items with the hold's facts; neither PDF was touched."""
    for item, script in zip(week.open("retention_exception"), ["purge", "review"], strict=True):
        [plan] = week.rows("select * from meal_plans where id = %(id)s", id=item["resource_id"])
        assert plan["pdf_url"] == item["context"]["pdf_url"]
        assert item["context"]["placed_by"] == "legal@example.com"
        assert week.world.blob.calls_to(week.world.blob.pathname_of(plan["pdf_url"]) or "") == [], script


def test_the_appeal_brings_the_payments(week: Week) -> None:
    """An appeal comes with the list's reason, the person's words, and what was paid."""
    [item] = week.open("blacklist_disputed")
    [entry] = week.rows("select * from email_blacklist where id = %(id)s", id=item["resource_id"])
    assert entry["email"] == item["context"]["email"] == data.APPELLANT
    assert item["context"]["appeal_message"] == data.APPEAL
    assert [paid["failure_code"] for paid in item["context"]["payment_history"]] == [
        None,
        None,
        *["expired_card"] * 3,
    ]
    assert item["context"]["fraud_indicators"] == []


def test_a_lost_reply_left_no_blob_behind(week: Week) -> None:
    """The service acted and did not answer: the item is open, the blob is gone."""
    [item] = [item for item in week.open("pdf_deletion_failed") if item["resource_id"] == data.LOST_REPLY]
    assert item["reason"] == "Vercel Blob API did not answer after 3 retry attempts"
    assert not week.world.blob.has(week.world.blob.pathname_of(item["context"]["pdf_url"]) or "")


def test_urls_of_no_use_were_never_sent(week: Week) -> None:
    """Addresses of another store, of the old host, or malformed are items after no call at all."""
    urls = {item["resource_id"]: item["context"]["pdf_url"] for item in week.open("pdf_deletion_failed")}
    useless = {urls[id] for id in (data.OLD_HOST, data.OTHER_STORE, data.TWO_SLASHES)}
    assert not useless & {url for call in week.calls for url in call.urls}


def test_every_other_pdf_was_deleted_once(week: Week) -> None:
    """204 PDFs are gone from the store and from the table, each by exactly one honest answer."""
    answered = [call.urls for call in week.calls if call.reply is None]
    assert len(answered) == len(set(answered)) == 204
    assert not any(week.world.blob.has(path) for path in week.world.blob.pathnames_of(sum(answered, ())))
    forgotten = "select from meal_plans where pdf_url = any(%(urls)s)"
    assert week.rows(forgotten, urls=[url for urls in answered for url in urls]) == []


def test_the_nights_happen_once(week: Week) -> None:
    """Opening the folder again brings the same world, and no second week."""
    before = week.rows("select count(*) from mrq_occurrence")
    with World(week.world.folder, week.url) as again:
        assert again.now == week.world.now
        assert again.seven_nights() == week.nights
    assert week.rows("select count(*) from mrq_occurrence") == before


# The data


def test_the_same_moment_makes_the_same_data() -> None:
    """Everything is counted back from `now`; nothing depends on when or how often it is made."""
    now = datetime(2026, 10, 8, 12, tzinfo=UTC)
    first, second = data.Sample(now, BlobStandIn()), data.Sample(now, BlobStandIn())
    assert first.tables() == second.tables()
    assert first.blobs == second.blobs


def test_the_data_is_consistent() -> None:
    """1,180 plans, 940 quiz responses, 611 users; no plan is older than its owner's account or its quiz."""
    sample = data.Sample(datetime(2026, 10, 8, 12, tzinfo=UTC), BlobStandIn())
    assert [len(rows) for rows in (sample.plans, sample.quizzes, sample.users)] == [1180, 940, 611]
    for plan in sample.plans.values():
        quiz = sample.quizzes.get(plan["quiz_response_id"])
        assert plan["created_at"] >= sample.users[plan["user_id"]]["created_at"], plan
        assert quiz is None or plan["created_at"] >= quiz["created_at"], plan


# The scripts by themselves


def run(script: str, world: World, *arguments: str) -> str:
    """What the script prints, run as a team would from the project's root."""
    environment = os.environ | world.environment | {"DATABASE_URL": world.database_url}
    ended = processes.run(*arguments, environment=environment, script=f"examples/meal_plan/{script}")
    assert ended.code == 0, ended.err
    return ended.out


def test_scripts_run_as_plain_files(world: World, tmp_path: Path) -> None:
    """Each script runs by `python examples/meal_plan/….py` from the project's root and says what it did."""
    help_of_one = [sys.executable, f"examples/meal_plan/{SCRIPTS[0]}", "--help"]
    subprocess.run(help_of_one, cwd=ROOT, env={}, capture_output=True, check=True)
    (inbox := tmp_path / "inbox").mkdir()
    (inbox / "1.json").write_text(f'{{"email": "{data.APPELLANT.upper()}", "message": "Please"}}')
    assert run("cleanup_expired_pdfs.py", world, "--requests-only") == "1 deleted, 0 for a person\n"
    assert run("cleanup_orphaned_quizzes.py", world) == "28 deleted, 3 for a person\n"
    assert run("purge_inactive_users.py", world, "--database", world.database_url) == "44 deleted, 2 for a person\n"
    assert run("review_before_deletion.py", world) == "0 deleted, 0 for a person\n"
    assert run("appeals_inbox.py", world, str(inbox)) == "1.json 0 deleted, 1 for a person\n"
    assert run("appeals_inbox.py", world, str(inbox)) == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_says_what_it_is_for(script: str) -> None:
    """`--help` works without any setting."""
    assert "--database URL" in processes.run("--help", environment={}, script=f"examples/meal_plan/{script}").out


def test_a_request_for_deletion_that_fails_is_critical(world: World) -> None:
    """A purge stopped by a hold is critical when the person asked for deletion a month ago."""
    now = world.now
    with queue_at(world.database_url), connect(world.database_url) as db:
        request = "update users set deletion_requested_at = %s where id = %s"
        db.execute(request, (now - timedelta(days=31), data.REVIEWED))
        counts = purge_inactive_users.run(db, now)
        row = db.execute("select priority from manual_resolution_queue where resource_id = %s", (data.REVIEWED_PLAN,))
        assert row.fetchone() == {"priority": "critical"}
    assert data.REVIEWED in counts.queued


def test_the_next_run_goes_on_from_what_was_decided(world: World) -> None:
    """A dated hold is not asked about before its date; a purge that a reference stopped comes to its end."""
    now = world.now
    with queue_at(world.database_url), connect(world.database_url) as db:
        assert sorted(purge_inactive_users.run(db, now).queued) == sorted([data.HELD, data.SHARING])
        decide(world.database_url)
        again = purge_inactive_users.run(db, now)
        assert (again.deleted, again.queued) == ([data.SHARING], [])
        dated = now.replace(year=now.year + 1)
        assert purge_inactive_users.run(db, dated + timedelta(days=1)).queued.count(data.HELD) == 1


def decide(url: str) -> None:
    """The hold is kept for a year; what refers to the quiz response is detached, by two persons."""
    queue = Queue(url, settings=Settings.from_env())
    for item in queue.list():
        if item.item_type == "retention_exception":
            until = (item.read_at.date() + timedelta(days=365)).isoformat()
            queue.resolve(item.id, "keep_until", "legal says so", "alice", values={"until": until})
        else:
            with pytest.raises(WaitsForApproval):
                queue.resolve(item.id, "detach_and_delete", "nobody uses it", "alice")
            queue.approve(item.id, Actor("bob", via="test:bob"))
    queue.close()
