"""One loop that does what time demands; any number may run, beside each other and beside cron.

Nothing is decided here: each step is a guarded statement or a service that is safe to run twice at once.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from time import monotonic
from typing import Final, Protocol

from manual_resolution import heads, metrics, outbox, report_mail, spooling
from manual_resolution.alerts import Channel
from manual_resolution.decision import Resolution
from manual_resolution.errors import MRQError, OutcomeUnknown, Refused, Unreachable
from manual_resolution.inert import clip
from manual_resolution.item import Actor
from manual_resolution.queue import Queue
from manual_resolution.store import attempts, beats, reports, rights
from manual_resolution.store import outbox as told
from manual_resolution.via import here

#: Seconds between two cycles; a breach is seen within a minute even when each step takes all it may.
EVERY: Final = 15.0
#: Seconds that a cycle may spend on each of what waits for others: probes, the spool, deliveries, words to search.
PROBING, REPLAYING, DELIVERING, READING = 10.0, 5.0, 15.0, 10.0
#: Items whose words are written before the worker looks whether it is to stop.
WORDS: Final = 4000
#: Seconds until an outcome that stayed unknown is probed again: doubling.
FIRST_PROBE, LONGEST_PROBE = 60.0, 3600.0
#: Seconds until a database that is away is tried again: doubling.
FIRST_TRY, LONGEST_TRY = 1.0, 30.0
#: The hour (UTC) from which the day's report is mailed, and the seconds until one that was not taken is tried again.
REPORTING, MAILING = 9, 300.0
#: Seconds an alert may be late before the outside watcher is left waiting.
LATE: Final = 300.0
#: Seconds that the database's clock may be behind the highest heartbeat.
WENT_BACK: Final = 5.0
#: The watcher is told at most once in so many seconds.
PINGING: Final = 50.0

#: `say(step, sentence, is_wrong)`.
Say = Callable[[str, str, bool], None]


class Stop(Protocol):
    """Whether the process is asked to end, and a wait that such a request cuts short."""

    came: bool

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether the process is asked to end."""


class Stopping(Exception):
    """What a step was in the middle of may be left to others."""


@dataclass(slots=True)
class Cycle:
    """What one round came to: which steps failed; whether the database was reached; whether it was cut short."""

    failed: list[str] = field(default_factory=list)
    reached: bool = True
    stopped: bool = False
    took: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether every step was done, to the end."""
        return self.reached and not self.failed and not self.stopped


class Worker:
    """Runs the steps, notes that they ran, and says what happened. `every` is in seconds."""

    def __init__(self, queue: Queue, channels: Sequence[Channel], say: Say, stop: Stop, every: float = EVERY) -> None:
        self.queue, self.channels, self.say, self.stop, self.every = queue, channels, say, stop, every
        self.who = Actor("mrq", "machine", here())
        self.said: dict[str, str] = {}
        self.probes: dict[int, tuple[float, float]] = {}
        self.pinged = float("-inf")
        self.lost = 0
        self.delivered = outbox.Delivered()
        self.mailed, self.mailing_again = "", float("-inf")

    @property
    def steps(self) -> dict[str, Callable[[], str]]:
        """What a cycle does, in this order; each says in a sentence what it did, or nothing."""
        return {
            "wake": self.wake,
            "sweep": self.sweep,
            "deliver": self.deliver,
            "probe": self.probe,
            "spool": self.replay,
            "search": self.read,
            "figures": self.fold,
            "audit": self.count_days,
            "report": self.report,
        }

    def run(self) -> None:
        """Cycle after cycle until asked to stop, through restarts of the database."""
        while not self.stop.came:
            cycle = self.cycle()
            if self.stop.wait(self.pause(cycle)):
                break
        self.retire()

    def pause(self, cycle: Cycle) -> float:
        """Seconds until the next cycle."""
        if not cycle.reached:
            return min(FIRST_TRY * 2.0 ** min(self.lost - 1, 10), LONGEST_TRY)
        return max(0.0, self.every - cycle.took)

    def cycle(self) -> Cycle:
        """Each step once. One that fails is told and counted; it does not keep the others from being done."""
        cycle, begun = Cycle(), monotonic()
        for name, step in self.steps.items():
            if cycle.reached and not (cycle.stopped or self.stop.came):
                self.do(name, step, cycle)
        cycle.stopped = cycle.stopped or self.stop.came
        cycle.took = monotonic() - begun
        if cycle.reached:
            self.do("worker", lambda: self.end(cycle), cycle)
        return cycle

    def do(self, name: str, step: Callable[[], str], cycle: Cycle) -> None:
        """One step, its heartbeat, its failure."""
        begun = monotonic()
        try:
            sentence = step()
            if name != "worker":
                self.beat(name, monotonic() - begun)
        except Stopping:
            cycle.stopped = True
        except Exception as error:  # noqa: BLE001  # a step may run somebody's workflow or channel: the others go on
            self.fail(name, error, cycle)
        else:
            self.well(name, sentence)

    # -------------------------------------------------------------- what is said

    def well(self, name: str, sentence: str) -> None:
        """A step was done: say what it did, and that it works again."""
        if self.lost:
            self.lost = 0
            self.say("database", "It answers again.", False)
        if self.said.pop(name, None):
            self.say(name, "It works again.", False)
        if sentence:
            self.say(name, sentence, False)

    def fail(self, name: str, error: Exception, cycle: Cycle) -> None:
        """A step failed: said once for as long as it fails in the same way."""
        if isinstance(error, Unreachable) and not self.is_reached():
            cycle.reached = False
            self.lost += 1
            if self.lost == 1:
                self.say("database", f"{error} It is tried again until it answers.", True)
            return
        cycle.failed.append(name)
        sentence = str(error) if isinstance(error, MRQError) else f"{type(error).__name__}: {clip(str(error), 200)}"
        if self.said.get(name) != sentence:
            self.said[name] = sentence
            self.say(name, sentence, True)

    def is_reached(self) -> bool:
        """Whether the database answers at all."""
        try:
            with self.queue.database.connection(5) as db:
                db.execute("select")
        except MRQError:
            return False
        return True

    def beat(self, name: str, seconds: float, **detail: object) -> None:
        """Note that a step was done, how long it took, and when it is to be done again."""
        with self.queue.database.connection() as db:
            beats.beat(db, name, every=self.every, seconds=round(seconds, 3), **detail)

    def check(self, *_: object) -> None:
        """Leave what others can go on with."""
        if self.stop.came:
            raise Stopping

    # -------------------------------------------------------------- the steps

    def wake(self) -> str:
        """End what is due: leases, deferrals, proposals, overdue attempts; count what callers committed."""
        woken = 0
        while found := self.queue.wake(every=0):
            woken += found
            self.check()
        return f"{counted(woken, 'item')} moved on by time or counted again." if woken else ""

    def sweep(self) -> str:
        """Raise what has passed its deadline."""
        swept = self.queue.sweep(by=self.who, progress=self.check)
        if not swept.escalated:
            return ""
        metrics.emit(metrics.escalations(swept), self.queue.settings)
        return metrics.told(swept)

    def deliver(self) -> str:
        """Send what is due; what is dead, or did not reach everybody, is a failure."""
        found = outbox.deliver(
            self.queue.database,
            self.channels,
            self.queue.workflows,
            seconds=DELIVERING,
            wait=self.stop.wait,
            stopped=lambda: self.stop.came,
        )
        self.delivered = found
        if found.dead or found.missed:
            raise Refused(found.sentence)
        return found.sentence if found.sent or found.later else ""

    def probe(self) -> str:
        """Ask what became of unknown outcomes; the call itself is never repeated."""
        begun, settled = monotonic(), 0
        for item_id in self.due_probes():
            self.check()
            if monotonic() - begun > PROBING:
                break
            settled += self.settle(item_id)
        return f"{counted(settled, 'unknown outcome')} settled." if settled else ""

    def due_probes(self) -> Iterator[int]:
        """Items whose unknown outcome is to be asked for now, the longest unknown first."""
        with self.queue.database.connection() as db:
            unknown = attempts.unknown(db)
            if unknown and (lacks := rights.missing_rights(db, "operator")):
                raise Refused(
                    f"{counted(len(unknown), 'unknown outcome')} cannot be settled: this role lacks the right to "
                    f"{lacks[0]}; mrq db grants --worker ROLE --operator ROLE prints what it needs."
                )
        self.probes = {item_id: told for item_id, told in self.probes.items() if item_id in unknown}
        return (item_id for item_id in unknown if self.probes.get(item_id, (0.0, 0.0))[0] <= monotonic())

    def settle(self, item_id: int) -> bool:
        """Probe one; whether that settled it."""
        try:
            ended = self.queue.confirm(item_id, self.who)
        except (OutcomeUnknown, Refused):
            wait = min(2 * self.probes.get(item_id, (0.0, FIRST_PROBE / 2))[1], LONGEST_PROBE)
            self.probes[item_id] = (monotonic() + wait, wait)
            return False
        if isinstance(ended, Resolution) and (event := metrics.moved(ended.item)):
            metrics.emit(event, self.queue.settings)
        return True

    def replay(self) -> str:
        """Bring in what this machine's spool holds."""
        spool = spooling.spool_of(self.queue.settings)
        found = spooling.replay(self.queue, spool, seconds=REPLAYING)
        if found and (found.damaged or found.refused):
            raise Refused(f"In the spool: {[*found.damaged, *found.refused][0]}.")
        return f"{counted(found.recorded, 'failure')} brought in from the spool." if found and found.recorded else ""

    def read(self) -> str:
        """Make what was added searchable; the rest is left to the next cycle."""
        begun, whole = monotonic(), False
        while not whole and monotonic() - begun < READING:
            self.check()
            done, whole = self.queue.searching.keep(WORDS)
            if not done:
                break
        return ""

    def fold(self) -> str:
        """Add what was counted to the report's sums."""
        with self.queue.database.connection(60) as db:
            reports.fold(db)
        return ""

    def count_days(self) -> str:
        """Keep what each day's history was, once the day is over, so that a cut end is missed later."""
        heads.count_days(self.queue.database)
        return ""

    def report(self) -> str:
        """Mail the day's report from nine in the morning on, UTC: once, whoever does it."""
        if not self.queue.settings.report_to or not self.is_report_time():
            return ""
        if monotonic() < self.mailing_again:
            raise Refused(self.mailed)
        found = report_mail.send(self.queue.database, self.queue.settings)
        if found.outcome in ("later", "never"):
            self.mailed, self.mailing_again = found.sentence, monotonic() + MAILING
            raise Refused(found.sentence)
        before, self.mailed = self.mailed, found.sentence
        return found.sentence if found.outcome != "already" and before != found.sentence else ""

    def is_report_time(self) -> bool:
        """Whether it is nine or later, UTC, by the database's clock."""
        with self.queue.database.connection() as db:
            return reports.today(db)[0].astimezone(UTC).hour >= REPORTING

    # -------------------------------------------------------------- the end of a cycle

    def end(self, cycle: Cycle) -> str:
        """Note the cycle; tell the outside watcher where all of it went well."""
        trouble = self.backward() or self.undelivered()
        self.beat("worker", cycle.took, failed=[*cycle.failed, *(["worker"] if trouble else [])])
        if trouble:
            raise Refused(trouble)
        if cycle.is_good and monotonic() - self.pinged >= PINGING:
            self.ping()
        return ""

    def backward(self) -> str:
        """Whether the database's clock is behind what it was: what is due is then seen late, and nothing is undone."""
        with self.queue.database.connection() as db:
            ahead = max((-seconds for _, seconds, _ in beats.heartbeats(db)), default=0.0)
        told = f"{ahead / 60:.0f} min" if ahead > 120 else f"{ahead:.0f} s"  # the same line in many cycles
        return f"The database's clock went back by {told}." if ahead > WENT_BACK else ""

    def undelivered(self) -> str:
        """What keeps the outside watcher waiting although each step was done: alerts that do not arrive."""
        with self.queue.database.connection() as db:
            counts, paused = told.counts(db), told.paused(db)
        late = counts["oldest_seconds"] or 0
        if not self.channels or paused:
            return ""
        if counts["dead"]:
            return f"{counted(counts['dead'], 'dead alert')}: mrq alerts list --state dead, then mrq alerts retry."
        return f"An alert is due for {late / 60:.0f} minutes: mrq alerts list --state waiting." if late > LATE else ""

    def ping(self) -> None:
        """Tell the outside watcher."""
        if self.queue.settings.heartbeat_url:
            ping(self.queue.settings.heartbeat_url)
            self.pinged = monotonic()

    def retire(self) -> None:
        """Note that this worker ended as it was asked to; another's next cycle notes that it goes on."""
        try:
            with self.queue.database.connection(5) as db:
                beats.retire(db, [*self.steps, "worker"])
        except MRQError:
            return


def counted(number: int, what: str) -> str:
    """`1 alert`, `2 alerts`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def ping(url: str) -> None:
    """One GET to the outside watcher, within ten seconds. Raises `Refused`, without the address: it is a secret."""
    request = urllib.request.Request(url, headers={"User-Agent": "mrq"})
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=10) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        error.close()
        raise Refused(f"MRQ_HEARTBEAT_URL: the watcher answered {error.code}.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Refused(f"MRQ_HEARTBEAT_URL: the watcher was not reached ({type(error).__name__}).") from None
