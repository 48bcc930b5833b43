"""The worker: what time demands is done within a minute, by any number of them, whatever fails beside it."""

import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from manual_resolution import Queue, Settings, add_to_queue
from manual_resolution.alerts import Alert, Delivery
from manual_resolution.embedded import EmbeddedPostgres
from manual_resolution.errors import Refused
from manual_resolution.item import Actor
from manual_resolution.registry import load
from manual_resolution.store import outbox
from manual_resolution.store.beats import heartbeats
from manual_resolution.worker import Worker, ping

from .conftest import NewQueue

SMALL_WORLD = load(("tests.cli.small_world",))


@dataclass
class Rounds:
    """A `Stop` that lets so many rounds be waited for, does `between` in each wait, and keeps how long they were."""

    rounds: int = 10**9
    between: Callable[[], object] = lambda: None
    came: bool = False
    waited: list[float] = field(default_factory=list)

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.between()
        self.came = self.came or len(self.waited) >= self.rounds
        return self.came


class Kept:
    """A channel that keeps what it is given and answers what it is told to."""

    def __init__(self, name: str, *answers: Delivery) -> None:
        self.name, self.answers, self.alerts = name, list(answers), list[Alert]()

    def send(self, alert: Alert) -> Delivery:
        self.alerts.append(alert)
        return self.answers.pop(0) if self.answers else Delivery("sent", "ok")


@dataclass
class Watcher:
    """An outside watcher on a loopback address: counts the pings it gets, answers what it is told to."""

    url: str
    pings: list[str] = field(default_factory=list)
    status: int = 200


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.pings.append(self.path)
            self.send_response(found.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Watcher(f"http://127.0.0.1:{server.server_port}/ping/secret")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@dataclass
class Told:
    """A worker on the test's database, and all it said."""

    worker: Worker
    lines: list[str]
    stop: Rounds

    def cycle(self) -> list[str]:
        """One round; the steps that failed."""
        return self.worker.cycle().failed


NewWorker = Callable[..., Told]


@pytest.fixture
def new_worker(new_queue: NewQueue, spool_folder: Path) -> NewWorker:
    """`new_worker(Kept("slack"), queue=queue, stop=Rounds(3))`: a worker as another process would have it."""

    def new(*channels: Kept, queue: Queue | None = None, stop: Rounds | None = None, **settings: Any) -> Told:
        if channels:
            settings |= {"alert_slack_webhook": "https://hooks.example.com/x"}
        lines: list[str] = []
        stop = stop or Rounds()
        chosen = queue or new_queue(**{"spool_dir": str(spool_folder)} | settings)
        return Told(Worker(chosen, channels, lambda *told: lines.append(f"{told[0]}: {told[1]}"), stop), lines, stop)

    return new


def beats(queue: Queue) -> dict[str, tuple[float, dict[str, Any]]]:
    with queue.database.connection() as db:
        return {name: (seconds, detail) for name, seconds, detail in heartbeats(db)}


# ------------------------------------------------------------------ what a cycle does


def test_one_cycle_does_all_that_is_due(new_worker: NewWorker, queue: Queue, tell: Any, clock: Any, db: Any) -> None:
    """Leases and deferrals end, breaches are raised and told, each part notes that it worked."""
    for number in (1, 2, 3):
        tell(number, sla_hours=2)
    queue.claim(1, "alice")
    queue.defer(2, "alice", "Later", span=timedelta(hours=1))
    clock.forward(hours=3)
    slack = Kept("slack")
    told = new_worker(slack)
    assert told.cycle() == []
    assert [(queue.get(n).status, queue.get(n).escalation_level) for n in (1, 2, 3)] == [("escalated", 2)] * 3
    assert [alert.kind for alert in slack.alerts] == ["breach"] * 3
    assert told.lines == [
        "wake: 2 items moved on by time or counted again.",
        "sweep: 3 items escalated: 3 medium; levels 2: 3.",
        "deliver: 3 alerts sent.",
    ]
    found = beats(queue)
    assert set(found) == {
        "audit",
        "deliver",
        "figures",
        "probe",
        "report",
        "search",
        "spool",
        "sweep",
        "wake",
        "worker",
    }
    assert found["worker"][1]["failed"] == [] and found["sweep"][1]["every"] == 15
    told.lines.clear()
    assert told.cycle() == [] and told.lines == []


def test_many_workers_at_once_raise_and_tell_each_breach_once(
    new_worker: NewWorker, queue: Queue, tell: Any, clock: Any, db: Any
) -> None:
    """Four workers and a cron's sweeps over the same breaches: one event and one message for each."""
    for number in range(1, 41):
        tell(number, sla_hours=1)
    clock.forward(hours=1.1)
    channels = [Kept("slack") for _ in range(4)]
    told = [new_worker(channel) for channel in channels]
    threads = [threading.Thread(target=one.worker.cycle) for one in told]
    for thread in threads:
        thread.start()
    queue.sweep()
    for thread in threads:
        thread.join()
    assert [one.worker.said for one in told] == [{}] * 4
    assert db.execute("select count(*), count(distinct item_id) from mrq_event where verb = 'sweep'").fetchone() == (
        40,
        40,
    )
    sent = [payload["item_id"] for channel in channels for alert in channel.alerts for payload in alert.items]
    assert len(sent) == len(set(sent)) and set(sent) <= set(range(1, 41))


def test_what_the_spool_holds_comes_in(
    new_worker: NewWorker, queue: Queue, monkeypatch: pytest.MonkeyPatch, spool_folder: Path
) -> None:
    """A failure that waits in the spool is an item after the next cycle."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert add_to_queue("x", "thing", 1, "low", "It failed").spooled
    told = new_worker()
    assert told.cycle() == []
    assert told.lines == ["spool: 1 failure brought in from the spool."]
    assert queue.get(1).reason == "It failed"


def unknown_item(queue: Queue, db: Any, probed: str) -> int:
    """An item whose attempt was cut off an hour ago, as a process that died leaves it."""
    number = queue.add("parcel_stuck", "parcel", 1, "high", "stuck", {"place": "shelf/4", "probed": probed}).id
    assert number is not None
    queue.claim(number, "alice")
    with db.transaction():
        db.execute(
            "insert into mrq_attempt (item_id, n, state, option, actor, via, justification, started_at, deadline)"
            " values (%s, 1, 'started', 'recall', 'alice', 'lib:alice@here', 'why', mrq_now(), mrq_now())",
            [number],
        )
        db.execute(
            "update manual_resolution_queue set held = 'attempt', hold_until = mrq_now() where id = %s", [number]
        )
    return number


@pytest.mark.parametrize(
    ("probed", "status", "state"),
    [("done", "resolved", "confirmed_done"), ("not_done", "pending", "confirmed_not_done")],
)
@pytest.mark.owner
def test_an_overdue_attempt_is_probed_and_settled(
    new_worker: NewWorker,
    database_url: str,
    db: Any,
    probed: str,
    status: str,
    state: str,
    capsys: Any,
    spool_folder: Path,
) -> None:
    """An attempt without an outcome becomes unknown and is asked for; its call is not made again."""
    queue = Queue(database_url, workflows=SMALL_WORLD, settings=Settings(spool_dir=str(spool_folder)))
    number = unknown_item(queue, db, probed)
    told = new_worker(queue=queue)
    assert told.cycle() == []
    assert (queue.get(number).status, queue.attempts(number)[0].state) == (status, state)
    assert len(queue.attempts(number)) == 1
    assert "probe: 1 unknown outcome settled." in told.lines
    assert ('"metric":"manual_resolution_resolved"' in capsys.readouterr().err) is (status == "resolved")
    queue.close()


@pytest.mark.owner
def test_what_stays_unknown_is_not_asked_for_in_every_cycle(
    new_worker: NewWorker, database_url: str, db: Any, monkeypatch: pytest.MonkeyPatch, spool_folder: Path
) -> None:
    """A probe without an answer leaves the item held; it is asked again later, not at once."""
    from tests.cli import small_world

    asked = list[int]()
    monkeypatch.setitem(small_world.OUTCOMES, "unclear", lambda text: asked.append(1) or small_world.unclear(text))
    queue = Queue(database_url, workflows=SMALL_WORLD, settings=Settings(spool_dir=str(spool_folder)))
    number = unknown_item(queue, db, "unclear")
    told = new_worker(queue=queue)
    assert told.cycle() == [] and told.cycle() == []
    assert (len(asked), queue.get(number).held) == (1, "attempt")
    queue.close()


# ------------------------------------------------------------------ what fails


def test_a_step_that_fails_stops_no_other_and_is_told_once(
    new_worker: NewWorker, queue: Queue, tell: Any, clock: Any, spool_folder: Path
) -> None:
    """A spool that cannot be read is told once, breaches are raised all the same, and its recovery is told."""
    told = new_worker()
    spool_folder.parent.mkdir(parents=True, exist_ok=True)
    spool_folder.write_text("in the way")
    tell(1, sla_hours=1)
    clock.forward(hours=2)
    assert told.cycle() == ["spool"] and told.cycle() == ["spool"]
    assert queue.get(1).escalation_level == 3
    assert len([line for line in told.lines if line.startswith("spool:")]) == 1
    assert beats(queue)["worker"][1]["failed"] == ["spool"] and "spool" not in beats(queue)
    spool_folder.unlink()
    assert told.cycle() == []
    assert told.lines[-1] == "spool: It works again."


def test_the_watcher_hears_only_of_whole_good_cycles(
    new_worker: NewWorker, queue: Queue, tell: Any, clock: Any, watcher: Watcher
) -> None:
    """The outside watcher is told after a good cycle, at most once a minute; not while an alert stays undelivered."""
    told = new_worker(Kept("slack", Delivery("later", "503")), heartbeat_url=watcher.url)
    assert told.cycle() == [] and told.cycle() == []
    assert watcher.pings == ["/ping/secret"]
    told.worker.pinged = float("-inf")
    tell(1, sla_hours=1)
    clock.forward(hours=2)
    assert told.cycle() == [] and told.worker.delivered.later == 1
    clock.forward(minutes=6)
    told.worker.pinged = float("-inf")
    assert told.cycle() == []
    told.worker.channels[0].answers.append(Delivery("never", "404"))  # type: ignore[attr-defined]
    tell(2, sla_hours=1)
    clock.forward(hours=2)
    told.worker.pinged, count = float("-inf"), len(watcher.pings)
    assert told.cycle() == ["deliver", "worker"]
    assert len(watcher.pings) == count
    assert any("1 dead alert: mrq alerts list --state dead" in line for line in told.lines)


def test_an_alert_that_waits_too_long_keeps_the_watcher_waiting(
    new_worker: NewWorker, queue: Queue, tell: Any, clock: Any, watcher: Watcher, db: Any
) -> None:
    """An alert that has been due for more than five minutes is a failure of the cycle, unless alerts are paused."""
    told = new_worker(Kept("slack"), heartbeat_url=watcher.url)
    outbox.write_test(db, "mail", "alice")
    clock.forward(minutes=7)
    assert told.cycle() == ["worker"]
    assert told.lines == ["worker: An alert is due for 7 minutes: mrq alerts list --state waiting."]
    assert watcher.pings == []
    assert outbox.pause(db, outbox.after(db, timedelta(hours=1)), "Maintenance", "alice")
    assert told.cycle() == []
    assert watcher.pings == ["/ping/secret"]


def test_a_clock_that_went_back_is_told(new_worker: NewWorker, clock: Any, watcher: Watcher) -> None:
    """A database's clock behind an earlier heartbeat is told in every cycle until it has caught up."""
    told = new_worker(heartbeat_url=watcher.url)
    clock.forward(hours=1)
    assert told.cycle() == []
    clock.back(minutes=30)
    assert told.cycle() == ["worker"] == told.cycle()
    assert told.lines == ["worker: The database's clock went back by 30 min."]
    assert watcher.pings == ["/ping/secret"]
    clock.forward(minutes=31)
    assert told.cycle() == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_watcher_that_refuses_is_told_without_its_address(watcher: Watcher, status: int) -> None:
    """Whatever the watcher answers, its address, which is a secret, is in no sentence; no redirect is followed."""
    watcher.status = status
    with pytest.raises(Refused, match=rf"^MRQ_HEARTBEAT_URL: the watcher answered {status}\.$"):
        ping(watcher.url)
    assert watcher.pings == ["/ping/secret"]
    with pytest.raises(Refused, match=r"^MRQ_HEARTBEAT_URL: the watcher was not reached \(URLError\)\.$"):
        ping("http://127.0.0.1:1/secret")


def test_a_dead_channel_keeps_no_other_waiting(new_worker: NewWorker, queue: Queue, tell: Any, clock: Any) -> None:
    """While one channel is given no answer, another's message arrives."""
    arrived = threading.Event()

    class Silent(Kept):
        def send(self, alert: Alert) -> Delivery:
            assert arrived.wait(20)
            return super().send(alert)

    class Quick(Kept):
        def send(self, alert: Alert) -> Delivery:
            arrived.set()
            return super().send(alert)

    settings = {"alert_mail_to": ("a@example.com",), "smtp_url": "smtps://example.com", "mail_from": "a@example.com"}
    told = new_worker(Silent("slack"), Quick("mail"), **settings)
    tell(1, sla_hours=1)
    clock.forward(hours=2)
    assert told.cycle() == []
    assert told.worker.delivered.sent == 2


# ------------------------------------------------------------------ ending, and going on


def test_asked_to_stop_it_finishes_and_notes_that_it_ended(new_worker: NewWorker, queue: Queue) -> None:
    """A worker that was asked to stop notes so: nobody waits for its next heartbeat."""
    told = new_worker(stop=Rounds(3))
    told.worker.run()
    assert len(told.stop.waited) == 3
    assert {detail["every"] for _, detail in beats(queue).values()} == {None}


def test_a_stop_in_the_middle_leaves_the_rest_to_others(
    new_worker: NewWorker, queue: Queue, tell: Any, clock: Any, db: Any
) -> None:
    """Asked to stop between two steps, what is due stays due, nothing is half done, and nobody is told of a success."""
    tell(1, sla_hours=1)
    clock.forward(hours=2)
    slack = Kept("slack")
    told = new_worker(slack)
    told.stop.came = True
    cycle = told.worker.cycle()
    assert cycle.stopped and not cycle.is_good
    assert slack.alerts == []
    told = new_worker(slack)
    told.cycle()
    assert [alert.repeated for alert in slack.alerts] == [False]


def test_it_lives_through_a_restart_of_the_database(tmp_path: Path, new_worker: NewWorker, spool_folder: Path) -> None:
    """While the database is away it is tried again, ever more rarely, which is said once; then all goes on."""
    from manual_resolution.store.migrate import migrate

    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    url = server.start()
    migrate(url)
    queue = Queue(url, settings=Settings(spool_dir=str(spool_folder)))
    rounds = Rounds(6)

    def between() -> None:
        if len(rounds.waited) == 1:
            server.stop()
        elif len(rounds.waited) == 4:
            server.start()

    rounds.between = between
    told = new_worker(queue=queue, stop=rounds)
    told.worker.run()
    server.stop()
    assert rounds.waited[1:4] == [1, 2, 4]
    assert rounds.waited[0] > 5 and rounds.waited[4] > 5
    assert [line.split(":")[0] for line in told.lines] == ["database", "database"]
    assert told.lines[0].endswith("It is tried again until it answers.")
    assert told.lines[1] == "database: It answers again."
    queue.close()


def test_who_the_worker_is_stands_in_the_history(new_worker: NewWorker, queue: Queue, tell: Any, clock: Any) -> None:
    """What a worker raises is signed by MRQ, a machine."""
    tell(1, sla_hours=1)
    clock.forward(hours=2)
    new_worker().cycle()
    event = queue.history(1)[-1]
    assert (event.verb, event.actor, event.actor_kind) == ("sweep", "mrq", "machine")
    assert Actor("mrq", "machine").name == event.actor
