"""The sweep: nothing breaches unseen, and each breach is raised once."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from manual_resolution import Added, Queue
from manual_resolution.queue import Swept
from tests.processes import Ended, run

Tell = Callable[..., Added]
Db = psycopg.Connection[Any]
SCRIPT = Path(__file__).parents[2] / "scripts/manual_resolution/escalate_breaches.py"
ALICE = "alice@example.com"


def swept(count: int, by_level: dict[int, int], by_priority: dict[str, int]) -> Swept:
    """What a sweep came to."""
    return Swept(escalated=count, by_level=by_level, by_priority=by_priority)


def state(db: Db) -> str:
    """Everything stored about items and their history, in one text."""
    rows = db.execute("select q::text from manual_resolution_queue q order by id").fetchall()
    return str(rows + db.execute("select e::text from mrq_event e order by item_id, seq").fetchall())


def sweeps(queue: Queue, item_id: int) -> list[dict[str, Any]]:
    """The facts of an item's sweep events."""
    return [event.data for event in queue.history(item_id) if event.verb == "sweep"]


def test_levels_rise_at_the_deadline_a_quarter_and_a_whole_sla_later_then_daily(
    queue: Queue, tell: Tell, clock: Any
) -> None:
    """Level 1 at the deadline, 2 at +25 % of the SLA, 3 at +100 %, then one a day; one event each."""
    item = tell(1, sla_hours=100).id
    due = queue.get(item).sla_deadline
    at = 0.0
    for hours, level in ((100, 1), (125, 2), (200, 3), (224, 4), (248, 5)):
        clock.forward(hours=hours - at - 0.1)
        assert queue.sweep().escalated == 0, hours
        clock.forward(hours=0.2)
        assert queue.sweep() == swept(1, {level: 1}, {"medium": 1}), hours
        at = hours + 0.1
    found = queue.get(item)
    assert (found.status, found.escalation_level) == ("escalated", 5)
    assert found.next_level_at == due + timedelta(hours=172)
    assert [facts["escalation_level"] for facts in sweeps(queue, item)] == [1, 2, 3, 4, 5]


def test_a_late_sweep_goes_straight_to_the_highest_level_due(queue: Queue, tell: Tell, clock: Any) -> None:
    """However late it comes, a sweep raises to the level that is due now, in one event that names it."""
    item = tell(1, sla_hours=100).id
    clock.forward(hours=300)
    assert queue.sweep() == swept(1, {7: 1}, {"medium": 1})
    (facts,) = sweeps(queue, item)
    assert (facts["escalation_level"], facts["status"]) == (7, "escalated")


def test_the_first_escalation_stays_the_first(queue: Queue, tell: Tell, clock: Any) -> None:
    """`escalated_at` is when it was first escalated, whatever level comes later."""
    item = tell(1, sla_hours=1).id
    clock.forward(hours=1.1)
    queue.sweep()
    first = queue.get(item).escalated_at
    clock.forward(hours=5)
    queue.sweep()
    assert (queue.get(item).escalated_at, queue.get(item).escalation_level) == (first, 3)


def test_an_assigned_item_keeps_status_and_owner(queue: Queue, tell: Tell, clock: Any) -> None:
    """Somebody works on it: it gains the level and the time, and stays theirs; given back it is escalated."""
    item = tell(1, sla_hours=0.25).id
    queue.claim(item, ALICE)
    clock.forward(minutes=16)
    assert queue.sweep().escalated == 1
    found = queue.get(item)
    assert (found.status, found.assigned_to, found.escalation_level) == ("assigned", ALICE, 1)
    assert found.escalated_at is not None
    assert queue.release(item, ALICE).status == "escalated"


def test_a_deferred_item_is_escalated_and_stays_deferred(queue: Queue, tell: Tell, clock: Any) -> None:
    """A deferral past the deadline does not hide the breach, and the breach does not end the deferral."""
    item = tell(1, sla_hours=1).id
    until = queue.defer(item, ALICE, "Tomorrow", span=timedelta(hours=24)).deferred_until
    clock.forward(hours=1.1)
    assert queue.sweep().escalated == 1
    found = queue.get(item)
    assert (found.status, found.held, found.deferred_until) == ("escalated", "deferred", until)
    assert queue.next(ALICE) is None


def test_an_item_that_was_escalated_by_a_person_gains_its_level(queue: Queue, tell: Tell, clock: Any) -> None:
    """The operator's escalation is no breach: the sweep still raises the level, and keeps team and time."""
    item = tell(1, sla_hours=1).id
    first = queue.escalate(item, ALICE, "Not clear", to="engineering")
    assert first.escalation_level == 0
    clock.forward(hours=1.1)
    queue.sweep()
    found = queue.get(item)
    assert (found.escalation_level, found.escalated_to, found.escalated_at) == (
        1,
        "engineering",
        first.escalated_at,
    )


def test_a_breached_item_loses_its_manual_position(queue: Queue, tell: Tell, clock: Any, db: Db) -> None:
    """What is overdue is worked by its deadline; nobody can have put it last."""
    item = tell(1, sla_hours=1).id
    db.execute("update manual_resolution_queue set position = 1000, position_by = 'bob' where id = %s", [item])
    clock.forward(hours=2)
    queue.sweep()
    assert queue.get(item).position == float("inf")


def test_resolved_items_and_those_in_time_are_left_alone(queue: Queue, tell: Tell, clock: Any, db: Db) -> None:
    """An empty sweep changes nothing at all, and neither does a second one."""
    tell(1, sla_hours=1)
    db.execute("update manual_resolution_queue set status = 'resolved', resolution = 'Gone'")
    tell(2, sla_hours=100)
    late = tell(3, sla_hours=1).id
    before = state(db)
    assert queue.sweep() == swept(0, {}, {})
    assert state(db) == before
    clock.forward(hours=2)
    assert queue.sweep() == swept(1, {3: 1}, {"medium": 1})
    assert len(sweeps(queue, late)) == 1
    before = state(db)
    assert queue.sweep() == swept(0, {}, {})
    assert state(db) == before


def test_many_sweepers_at_once_raise_each_item_once(
    new_queue: Callable[..., Queue], tell: Tell, clock: Any, db: Db
) -> None:
    """Sweepers that start together share the work: each item gets one event, none is left."""
    for number in range(1, 201):
        tell(number, sla_hours=1)
    clock.forward(hours=1.1)
    start, counts = threading.Barrier(4), []

    def sweep(queue: Queue) -> None:
        start.wait()
        counts.append(queue.sweep(batch=17).escalated)

    threads = [threading.Thread(target=sweep, args=[new_queue()]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 200
    events = "select count(*), count(distinct item_id) from mrq_event where verb = 'sweep'"
    assert db.execute(events).fetchone() == (200, 200)
    assert db.execute("select count(*) from manual_resolution_queue where escalation_level = 1").fetchone() == (200,)


def test_progress_is_told_batch_by_batch(queue: Queue, tell: Tell, clock: Any) -> None:
    """Who sweeps for long can say how far it is."""
    for number in range(1, 6):
        tell(number, sla_hours=1)
    clock.forward(hours=2)
    seen: list[int] = []
    queue.sweep(batch=2, progress=seen.append)
    assert seen == [2, 4, 5]


# ------------------------------------------------------------------ the script that cron runs


def from_cron(url: str, folder: Path, *words: str, **environment: str) -> Ended:
    """The script as cron runs it: another folder, nothing in the environment but the address."""
    return run(*words, environment={"DATABASE_URL": url} | environment, script=str(SCRIPT), cwd=folder)


@pytest.fixture
def three_late(tell: Tell) -> None:
    """One critical item just past its deadline, two medium ones: one at level 1, one at level 2."""
    now = datetime.now(UTC)
    tell(1, priority="critical", occurred_at=now - timedelta(hours=4.5))
    tell(2, priority="medium", occurred_at=now - timedelta(hours=180))
    tell(3, priority="medium", occurred_at=now - timedelta(hours=220))
    tell(4, priority="low", occurred_at=now - timedelta(hours=220))


def test_the_script_sweeps_from_any_folder_with_crons_environment(
    queue: Queue, three_late: None, database_url: str, tmp_path: Path
) -> None:
    """The script needs DATABASE_URL and whom to tell: a sentence on stdout, the metric on stderr, exit code 0."""
    command, environment = [sys.executable, SCRIPT], {"DATABASE_URL": database_url, "MRQ_ALERTS": "none"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout == "3 items escalated: 1 critical, 2 medium; levels 1: 2, 2: 1.\n"
    (line,) = ended.stderr.splitlines()
    metric = json.loads(line)
    assert datetime.fromisoformat(metric.pop("timestamp")).tzinfo is not None
    assert metric == {
        "metric": "manual_resolution_escalations",
        "total": 3,
        "by_priority": {"critical": 1, "high": 0, "medium": 2, "low": 0},
        "by_level": {"1": 2, "2": 1},
    }
    event = queue.history(1)[-1]
    assert (event.actor, event.actor_kind, event.verb) == ("mrq", "machine", "sweep")
    assert event.via.startswith("cli:")
    again = from_cron(database_url, tmp_path, MRQ_ALERTS="none")
    assert (again.code, again.out) == (0, "Nothing has passed its deadline.\n")
    assert json.loads(again.err)["total"] == 0


def test_a_sweep_that_would_tell_nobody_says_so(
    queue: Queue, three_late: None, database_url: str, tmp_path: Path
) -> None:
    """Without a channel, and without MRQ_ALERTS=none, the sweep does its work and ends with 1."""
    ended = from_cron(database_url, tmp_path)
    assert (ended.code, ended.out[:17]) == (1, "3 items escalated")
    assert ended.err.splitlines()[-1].startswith("Alerts go nowhere: set MRQ_ALERT_SLACK_WEBHOOK")


def test_as_json_stdout_is_one_document_and_metrics_may_go_to_a_file(
    three_late: None, database_url: str, tmp_path: Path
) -> None:
    """`--json` prints the same facts; with MRQ_METRICS_FILE the metric is appended there, stderr is empty."""
    file = tmp_path / "metrics.jsonl"
    file.write_text("{}\n")
    ended = from_cron(database_url, tmp_path, "--json", MRQ_METRICS_FILE=str(file), MRQ_ALERTS="none")
    assert json.loads(ended.out)["by_level"] == {"1": 2, "2": 1}
    assert ended.err == ""
    assert [json.loads(line).get("total") for line in file.read_text().splitlines()] == [None, 3]


@pytest.mark.slow
def test_a_metrics_file_that_cannot_be_written_stops_nothing(
    three_late: None, database_url: str, tmp_path: Path
) -> None:
    """The sweep is done and the metric goes to stderr, with a sentence that says why."""
    ended = from_cron(database_url, tmp_path, MRQ_METRICS_FILE=str(tmp_path), MRQ_ALERTS="none")
    assert ended.code == 0
    sentence, metric = ended.err.splitlines()
    assert sentence.startswith("MRQ_METRICS_FILE cannot be written (")
    assert json.loads(metric)["total"] == 3


def test_without_a_database_the_script_says_so(tmp_path: Path) -> None:
    """An address where nobody answers: one sentence on stderr, exit code 3."""
    ended = from_cron("postgresql://mrq@127.0.0.1:1/none", tmp_path)
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
