"""Delivering what is to be told: leased, sent, recorded; nothing lost, nothing repeated without saying so.

A process may die between any two steps. What it had leased is due again a minute later, marked as a possible repeat.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from time import monotonic, sleep
from typing import Final

from manual_resolution.alerts import Alert, Channel, Delivery, ordered
from manual_resolution.store import outbox as store
from manual_resolution.store.connection import Database, Db
from manual_resolution.store.outbox import Message

#: More breaches than this at once are one message that lists them.
DIGEST_ABOVE: Final = 20
#: So many are leased at once; a digest tells of no more.
BATCH: Final = 500
FIRST_WAIT, LONGEST_WAIT = 5.0, 900.0
#: After a day of trying a message is given up, and the other channels are told.
GIVE_UP: Final = 86_400.0
#: After so many failures in a row the destination is left alone for the rest of the run.
FAILURES: Final = 5

Step = Callable[[str], None]


@dataclass(slots=True)
class Delivered:
    """What one run came to: messages sent, put off, given up, still due; a pause's end where one is in force."""

    sent: int = 0
    later: int = 0
    dead: int = 0
    due: int = 0
    paused: str | None = None
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether nothing that is due stayed undelivered."""
        return not (self.due or self.dead or self.later)

    @property
    def sentence(self) -> str:
        """`2 alerts sent, 1 put off (slack: no answer).`"""
        if self.paused:
            return f"Alerts are paused until {self.paused}."
        more = ((self.later, "put off"), (self.dead, "given up"), (self.due, "still due"))
        parts = [f"{self.sent} alert{'' if self.sent == 1 else 's'} sent", *(f"{n} {what}" for n, what in more if n)]
        said = "; ".join(f"{name}: {answer}" for name, answer in sorted(self.answers.items()))
        return ", ".join(parts) + (f" ({said})" if said and not self.is_complete else "") + "."

    def add(self, other: "Delivered") -> None:
        """Count another part of the run in."""
        self.sent, self.later, self.dead = self.sent + other.sent, self.later + other.later, self.dead + other.dead
        self.answers |= other.answers


def deliver(
    database: Database,
    channels: Sequence[Channel],
    *,
    seconds: float = 30,
    step: Step = lambda name: None,
    wait: Callable[[float], object] = sleep,
    stopped: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Send what is due on these channels, for at most `seconds`. Any number of processes may do it at once.

    Each channel has a thread, so that a dead one keeps none waiting. `stopped` ends it early, with nothing held back.
    """
    ends, total = monotonic() + seconds, Delivered()
    with database.connection(seconds + 60) as db:
        if pause := store.paused(db):
            total.paused = f"{pause[0]:%Y-%m-%d %H:%M} UTC ({pause[1]})"
            return total
        for _ in range(2):  # what is given up on one channel is told on the others
            for part in _at_once([_Run(database, one, channels, ends, step, wait, stopped) for one in channels]):
                total.add(part)
            if not total.dead:
                break
        total.due = store.counts(db)["due"]
    return total


def _at_once(runs: "Sequence[_Run]") -> "list[Delivered]":
    if len(runs) < 2:
        return [run.run() for run in runs]
    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(_Run.run, runs))


@dataclass(slots=True)
class _Run:
    database: Database
    channel: Channel
    channels: Sequence[Channel]
    ends: float
    step: Step
    wait: Callable[[float], object]
    stopped: Callable[[], bool]
    failures: int = 0
    total: Delivered = field(default_factory=Delivered)
    db: Db = field(init=False)

    def run(self) -> Delivered:
        with self.database.connection(max(0.0, self.ends - monotonic()) + 60) as self.db:
            while not self.is_over and (messages := store.lease(self.db, self.channel.name, BATCH)):
                self.step("leased")
                for group in grouped(messages):
                    self.send(group)
        return self.total

    @property
    def is_over(self) -> bool:
        return monotonic() >= self.ends or self.failures >= FAILURES or self.stopped()

    def send(self, group: list[Message]) -> None:
        if self.is_over:
            store.later(self.db, ids_of(group), "not tried", 0, GIVE_UP, uncertain=False)
            return
        self.step("before_send")
        delivery = self.channel.send(alert_of(group))
        self.step("sent")
        self.record(group, delivery)
        self.step("recorded")
        self.wait(float(getattr(self.channel, "pace", 0.0)))

    def record(self, group: list[Message], delivery: Delivery) -> None:
        ids, said = ids_of(group), delivery.sentence
        self.total.answers[self.channel.name] = said
        if delivery.verdict == "sent":
            self.failures = 0
            self.total.sent += store.sent(self.db, ids, said)
            return
        self.failures += 1
        if delivery.verdict == "never":
            given_up = store.dead(self.db, ids, said)
        else:
            pause = wait_of(max(message.attempts for message in group), delivery.retry_after)
            given_up = store.later(self.db, ids, said, pause, GIVE_UP, delivery.arrived_perhaps)
            self.total.later += len(ids) - len(given_up)
        self.total.dead += len(given_up)
        if given_up and any(message.kind != "meta" for message in group):
            others = [other.name for other in self.channels if other.name != self.channel.name]
            store.tell_elsewhere(self.db, self.channel.name, others, len(given_up), said)


def grouped(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Messages as they are sent: PagerDuty's by incident; many breaches as one digest; all others each alone."""
    if messages[0].channel == "pagerduty":
        in_order = sorted(messages, key=lambda m: (m.incident, m.id))
        for _, same in groupby(in_order, key=lambda m: (m.incident, m.kind)):
            yield list(same)
        return
    breaches = [m for m in messages if m.kind == "breach"]
    is_flood = len(breaches) > DIGEST_ABOVE
    if is_flood:
        yield breaches
    yield from ([m] for m in messages if not (is_flood and m.kind == "breach"))


def alert_of(group: Sequence[Message]) -> Alert:
    """What a channel is given: the last of a group (its highest level), the others listed with it."""
    last = max(group, key=lambda m: (m.level, m.id))
    return Alert(
        last.kind,
        last.level,
        last.incident,
        str(last.payload.get("priority", "")),
        ordered(last.payload),
        tuple(ordered(m.payload) for m in group),
        any(m.uncertain for m in group),
        tuple(ids_of(group)),
    )


def ids_of(group: Sequence[Message]) -> list[int]:
    """Their ids."""
    return [message.id for message in group]


def wait_of(attempts: int, asked: float | None) -> float:
    """Seconds until the next try: what the provider asked for, else a doubling wait with jitter; at most 15 minutes."""
    if asked is not None and asked >= 0:
        return min(asked, LONGEST_WAIT)
    longest = min(FIRST_WAIT * 2.0 ** min(attempts - 1, 20), LONGEST_WAIT)
    return longest * (0.5 + random.random() / 2)
