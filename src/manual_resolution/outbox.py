"""Delivering what is to be told: leased, sent, recorded; nothing lost, nothing repeated without saying so.

A process may die between any two steps. What it had leased is due again a minute later, marked as a possible repeat.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from time import monotonic, sleep
from typing import Final

from manual_resolution import intake as strict
from manual_resolution.alerts import Alert, Channel, Delivery, ordered
from manual_resolution.errors import InvalidInput, Refused
from manual_resolution.masking import hides_anything, mask_of
from manual_resolution.registry import Registry
from manual_resolution.store import outbox as store
from manual_resolution.store.connection import Database, Db
from manual_resolution.store.outbox import Message
from manual_resolution.text import storable

#: More breaches than this at once are one message that lists them.
DIGEST_ABOVE: Final = 20
#: So many are leased at once; a digest tells of no more.
BATCH: Final = 500
FIRST_WAIT, LONGEST_WAIT = 5.0, 900.0
#: After a day of trying a message is dead, and the other channels are told. Of a channel that no process has had for
#: as long, what waits is cancelled, and the others are told too.
A_DAY: Final = 86_400.0
#: After so many failures in a row the destination is left alone for the rest of the run.
FAILURES: Final = 5

#: What may become of a message.
STATES: Final = ("waiting", "sent", "dead", "cancelled")

Step = Callable[[str], None]


@dataclass(slots=True)
class Delivered:
    """What one run came to: messages sent, put off, dead, still due; a pause's end where one is in force.

    `missed` of those sent did not reach all whom they were for.
    """

    sent: int = 0
    later: int = 0
    dead: int = 0
    missed: int = 0
    due: int = 0
    paused: str | None = None
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether nothing that is due stayed undelivered to anybody."""
        return not (self.due or self.dead or self.later or self.missed)

    @property
    def sentence(self) -> str:
        """`2 alerts sent, 1 put off (slack: no answer).`"""
        if self.paused:
            return f"Alerts are paused until {self.paused}."
        more = (
            (self.missed, "not to everybody"), (self.later, "put off"), (self.dead, "dead"), (self.due, "still due")
        )  # fmt: skip
        parts = [f"{self.sent} alert{'' if self.sent == 1 else 's'} sent", *(f"{n} {what}" for n, what in more if n)]
        said = "; ".join(f"{name}: {answer}" for name, answer in sorted(self.answers.items()))
        return ", ".join(parts) + (f" ({said})" if said and not self.is_complete else "") + "."

    def add(self, other: "Delivered") -> None:
        """Count another part of the run in."""
        self.sent, self.later, self.dead = self.sent + other.sent, self.later + other.later, self.dead + other.dead
        self.missed += other.missed
        self.answers |= other.answers


def deliver(
    database: Database,
    channels: Sequence[Channel],
    workflows: Registry,
    *,
    seconds: float = 30,
    step: Step = lambda name: None,
    wait: Callable[[float], object] = sleep,
    stopped: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Send what is due on these channels, for at most `seconds`. Any number of processes may do it at once.

    Each channel has a thread, so that a dead one keeps none waiting. `stopped` ends it early, with nothing held back.
    What the workflows declare personal or secret is not sent.
    """
    ends, total = monotonic() + seconds, Delivered()
    with database.connection(seconds + 60) as db:
        if pause := store.paused(db):
            total.paused = f"{pause[0]:%Y-%m-%d %H:%M} UTC ({pause[1]})"
            return total
        names = [channel.name for channel in channels]
        for gone, count in store.cancel_strangers(db, names, A_DAY).items():
            said = f"Alerts for {gone} were cancelled ({count}): no process has had it configured for a day"
            store.tell_elsewhere(db, gone, names, said)
        for _ in range(2):  # what is dead on one channel is told on the others
            for part in _at_once(
                [_Run(database, one, channels, workflows, ends, step, wait, stopped) for one in channels]
            ):
                total.add(part)
            if not (total.dead or total.missed):
                break
        counts = store.counts(db)
        total.due = counts["due"]
        total.answers |= {name: "not configured here" for name in counts["channels"] if name not in names}
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
    workflows: Registry
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
                for group in grouped(masked(self.db, self.workflows, messages)):
                    self.send(group)
        return self.total

    @property
    def is_over(self) -> bool:
        return monotonic() >= self.ends or self.failures >= FAILURES or self.stopped()

    def send(self, group: list[Message]) -> None:
        if self.is_over:
            store.later(self.db, ids_of(group), "not tried", 0, A_DAY, uncertain=False)
            return
        self.step("before_send")
        delivery = self.channel.send(alert_of(group))
        self.step("sent")
        self.record(group, delivery)
        self.step("recorded")
        self.wait(float(getattr(self.channel, "pace", 0.0)))

    def record(self, group: list[Message], delivery: Delivery) -> None:
        self.total.answers[self.channel.name] = delivery.sentence
        match delivery.verdict:
            case "sent":
                self.failures = 0
                self.arrived(group, delivery)
            case "later":
                self.failures += 1
                self.put_off(group, delivery)
            case "never":
                self.failures += 1
                self.died(group, store.dead(self.db, ids_of(group), delivery.sentence), delivery.sentence)

    def arrived(self, group: list[Message], delivery: Delivery) -> None:
        """What some were refused for now is tried again for them; where it was for good, everybody is told of it."""
        if delivery.again:
            self.put_off(group, delivery)
        else:
            self.total.sent += store.sent(self.db, ids_of(group), delivery.sentence, delivery.missed)
        if delivery.missed:
            self.total.missed += len(group)
            told = f"Alerts by {self.channel.name} do not reach everybody: {delivery.sentence}"
            self.tell(group, [channel.name for channel in self.channels], told)

    def put_off(self, group: list[Message], delivery: Delivery) -> None:
        ids, pause = ids_of(group), wait_of(max(message.attempts for message in group), delivery.retry_after)
        dead = store.later(
            self.db, ids, delivery.sentence, pause, A_DAY, uncertain=delivery.arrived_perhaps, missed=delivery.again
        )
        self.total.later += len(ids) - len(dead)
        self.died(group, dead, delivery.sentence)

    def died(self, group: list[Message], dead: list[int], said: str) -> None:
        self.total.dead += len(dead)
        if dead:
            others = [channel.name for channel in self.channels if channel.name != self.channel.name]
            told = f"MRQ cannot deliver alerts by {self.channel.name}: {said}. {len(dead)} dead so far"
            self.tell(group, others, told)

    def tell(self, group: list[Message], channels: list[str], reason: str) -> None:
        if any(message.kind != "meta" for message in group):
            store.tell_elsewhere(self.db, self.channel.name, channels, reason)


def listed(database: Database, workflows: Registry, state: str | None, limit: int) -> list[Message]:
    """Messages, the newest first, of one state or of all, as they may be shown. Raises `InvalidInput`."""
    if state is not None and state not in STATES:
        raise InvalidInput("state", state, f"one of {', '.join(STATES)}")
    with database.connection() as db:
        return masked(db, workflows, store.listed(db, state, limit))


def masked(db: Db, workflows: Registry, messages: Sequence[Message]) -> list[Message]:
    """Messages without what the workflow of their item hides: its text is masked in the reason before that is cut."""
    hiding = {workflow.item_type: workflow for workflow in workflows if hides_anything(workflow)}
    about = [m.item_id for m in messages if m.item_id and m.payload.get("item_type") in hiding]
    told = store.reasons(db, about) if about else {}

    def of(message: Message) -> Message:
        if message.item_id not in told:
            return message
        reason, context = told[message.item_id]
        said = str(message.payload.get("reason", ""))
        whole = reason if reason.startswith(said) else said
        shown = mask_of(hiding[message.payload["item_type"]], context).text(whole)[: store.CLIPPED]
        return replace(message, payload=message.payload | {"reason": shown})

    return list(map(of, messages))


def grouped(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Messages as they are sent: PagerDuty's by incident; many breaches as one digest; all others each alone."""
    if messages[0].channel == "pagerduty":
        in_order = sorted(messages, key=lambda m: (m.incident, m.id))
        for _, same in groupby(in_order, key=lambda m: (m.incident, m.kind)):
            yield list(same)
        return
    breaches = sorted((m for m in messages if m.kind == "breach"), key=lambda m: (m.missed or [], m.id))
    alike = [list(some) for _, some in groupby(breaches, key=lambda m: m.missed)]
    floods = [some for some in alike if len(some) > DIGEST_ABOVE]
    yield from floods
    told = {m.id for flood in floods for m in flood}
    yield from ([m] for m in messages if m.id not in told)


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
        tuple(last.missed or ()),
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


# ------------------------------------------------------------------ looking, retrying, pausing


@dataclass(frozen=True, slots=True)
class Pause:
    """All alerts are held back: until when (UTC), why, by whom."""

    until: datetime
    reason: str
    by: str


def retry(database: Database, ids: list[int] | None) -> int:
    """Have alerts that wait, are dead or missed somebody (without `ids` all but the waiting) sent now; how many."""
    with database.connection() as db:
        count = store.retry(db, ids)
    if not count and ids:
        raise Refused(f"None of {', '.join(map(str, ids))} is to be sent: it arrived, or its item is resolved.")
    return count


def pause(database: Database, until: str, reason: str, by: str) -> Pause:
    """Hold all alerts back until an instant, or for a span such as `2h`. Raises `InvalidInput`."""
    why = strict.note(reason, "reason")
    with database.connection() as db:
        if not store.pause(db, _instant(db, until), why, by):
            raise InvalidInput("until", until, "an instant in the future, or a span such as 2h")
        found = store.paused(db)
    assert found is not None
    return Pause(*found)


def unpause(database: Database) -> None:
    """Send alerts again."""
    with database.connection() as db:
        store.unpause(db)


def paused(database: Database) -> Pause | None:
    """The pause in force."""
    with database.connection() as db:
        found = store.paused(db)
    return Pause(*found) if found else None


def _instant(db: Db, text: str) -> datetime:
    if storable("until", text, "an instant or a span")[:4].isdigit() and "-" in text:
        return strict.instant(text, "until")
    return store.after(db, strict.span(text, "until"))
