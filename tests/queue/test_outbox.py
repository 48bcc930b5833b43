"""Alerts: written with the breach, delivered once, nothing lost; whatever the providers do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from manual_resolution import Queue, Settings, Workflow, shown
from manual_resolution.alerts import Alert, Delivery
from manual_resolution.outbox import deliver, listed
from manual_resolution.registry import Registry
from manual_resolution.store import outbox

EVERYWHERE = Settings(
    alert_slack_webhook="https://hooks.example.com/x",
    alert_pagerduty_key="k" * 32,
    alert_mail_to=("oncall@example.com",),
    smtp_url="smtps://mail.example.com",
    mail_from="mrq@example.com",
    console_url="https://app.example.com",
)


class Kept:
    """A channel that keeps what it is given and answers what it is told to."""

    def __init__(self, name: str, *answers: Delivery) -> None:
        self.name, self.answers, self.alerts = name, list(answers), list[Alert]()

    def send(self, alert: Alert) -> Delivery:
        self.alerts.append(alert)
        return self.answers.pop(0) if self.answers else Delivery("sent", "ok")


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    queue = Queue(database_url, settings=EVERYWHERE)
    yield queue
    queue.close()


def add(queue: Queue, number: int = 1, priority: str = "critical", reason: str = "It failed") -> int:
    return queue.add("pdf_deletion_failed", "meal_plan", number, priority, reason, {}).id


def told(queue: Queue, **where: Any) -> list[tuple[Any, ...]]:
    with queue.database.connection() as db:
        found = reversed(outbox.listed(db, None, 1000))
    return [
        (m.item_id, m.kind, m.level, m.channel, m.state)
        for m in found
        if all(getattr(m, name) == value for name, value in where.items())
    ]


def send(queue: Queue, *channels: Kept) -> Any:
    return deliver(queue.database, channels, queue.workflows, wait=lambda seconds: None)


def test_a_breach_is_told_everywhere_and_pages_only_for_critical_items(queue: Queue, clock: Any) -> None:
    """A breach goes to every channel; PagerDuty is for critical items only."""
    critical, low = add(queue, 1), add(queue, 2, "low")
    clock.forward(hours=721)
    queue.sweep()
    assert {row[3] for row in told(queue, item_id=critical, kind="breach")} == {"slack", "pagerduty", "mail"}
    assert {row[3] for row in told(queue, item_id=low, kind="breach")} == {"slack", "mail"}


def test_the_payload_is_the_alert_of_the_specification(queue: Queue, clock: Any) -> None:
    """The alert's JSON has the specification's fields, in its order, with its meanings."""
    number = queue.add(
        "pdf_deletion_failed", "meal_plan", 7, "medium", "Vercel Blob API returned 503 after 3 retry attempts", {}
    ).id
    clock.forward(hours=168 + 8, minutes=5)
    queue.sweep()
    slack = Kept("slack")
    send(queue, slack)
    (payload,) = (dict(alert.payload) for alert in slack.alerts)
    deadline = f"{queue.get(number).sla_deadline:%Y-%m-%dT%H:%M:%SZ}"
    assert list(payload.items()) == [
        ("alert_type", "manual_resolution_sla_breach"),
        ("item_id", number),
        ("item_type", "pdf_deletion_failed"),
        ("priority", "medium"),
        ("sla_deadline", deadline),
        ("breach_duration_hours", 8),
        ("reason", "Vercel Blob API returned 503 after 3 retry attempts"),
        ("recommended_action", "Check Vercel status page, retry deletion, or mark as permanently failed"),
        ("queue_url", f"https://app.example.com/admin/manual-resolution-queue/{number}"),
    ]


def test_each_level_is_told_once_however_often_it_is_swept(queue: Queue, clock: Any) -> None:
    """A second sweep tells nothing again; the next level does."""
    add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    queue.sweep()
    assert [row[2] for row in told(queue, channel="slack", kind="breach")] == [1]
    clock.forward(hours=24)
    queue.sweep()
    assert [row[2] for row in told(queue, channel="slack", kind="breach")] == [1, 3]


def test_a_critical_arrival_and_a_warning_go_to_slack_and_change_no_status(queue: Queue, clock: Any) -> None:
    """A critical item is told as it arrives, every item at three quarters of its SLA; nothing else happens to them."""
    critical, high = add(queue, 1), add(queue, 2, "high")
    queue.sweep()
    assert told(queue) == [(critical, "arrival", 0, "slack", "waiting")]
    clock.forward(hours=3, minutes=1)
    queue.sweep()
    clock.forward(hours=15)
    with queue.database.connection() as db:
        db.execute("update manual_resolution_queue set status = 'resolved' where id = %s", [critical])
    queue.sweep()
    queue.sweep()
    assert (critical, "warning", 0, "slack", "cancelled") in told(queue)
    assert told(queue, item_id=high) == [(high, "warning", 0, "slack", "waiting")]
    assert queue.get(high).status == "pending" and queue.get(high).version == 1


def test_a_claim_acknowledges_and_a_resolution_resolves_what_was_paged(queue: Queue, clock: Any) -> None:
    """PagerDuty hears trigger, acknowledge, resolve, in that order and under one key."""
    number, pager = add(queue), Kept("pagerduty")
    clock.forward(hours=5)
    queue.sweep()
    send(queue, pager)
    queue.claim(number, "alice@example.com")
    send(queue, pager)
    with queue.database.connection() as db:
        db.execute("update manual_resolution_queue set status = 'resolved' where id = %s", [number])
    send(queue, pager)
    assert [alert.kind for alert in pager.alerts] == ["breach", "acknowledge", "resolve"]
    assert len({alert.incident for alert in pager.alerts}) == 1


def test_resolving_while_a_page_is_retried_leaves_no_page(queue: Queue, clock: Any) -> None:
    """After a resolution nobody is paged any more: the trigger is cancelled, and what may have arrived is resolved."""
    number = add(queue)
    clock.forward(hours=5)
    queue.sweep()
    pager = Kept("pagerduty", Delivery("later", "no answer", arrived_perhaps=True))
    send(queue, pager)
    with queue.database.connection() as db:
        db.execute("update manual_resolution_queue set status = 'resolved' where id = %s", [number])
    clock.forward(minutes=20)
    send(queue, pager)
    assert [alert.kind for alert in pager.alerts] == ["breach", "resolve"]
    assert (number, "breach", 2, "pagerduty", "cancelled") in told(queue)


def test_equal_causes_are_one_incident_that_ends_with_the_last(queue: Queue, clock: Any) -> None:
    """Many items of one cause page once; the incident is resolved with the last of them."""
    first, second, pager = add(queue, 1), add(queue, 2), Kept("pagerduty")
    clock.forward(hours=5)
    queue.sweep()
    send(queue, pager)
    assert [(alert.kind, len(alert.items)) for alert in pager.alerts] == [("breach", 2)]
    with queue.database.connection() as db:
        for number in (first, second):
            db.execute("update manual_resolution_queue set status = 'resolved' where id = %s", [number])
            send(queue, pager)
    assert [alert.kind for alert in pager.alerts] == ["breach", "resolve"]


def test_the_last_two_of_a_cause_resolved_at_once_end_its_incident(queue: Queue, clock: Any, connect: Any) -> None:
    """Neither transaction sees the other's resolution; still one of them resolves the incident."""
    first, second, pager = add(queue, 1), add(queue, 2), Kept("pagerduty")
    clock.forward(hours=5)
    queue.sweep()
    send(queue, pager)
    resolve, db = "update manual_resolution_queue set status = 'resolved' where id = %s", connect()
    with ThreadPoolExecutor() as pool:
        with db.transaction():
            db.execute(resolve, [first])
            other = pool.submit(lambda: connect().execute(resolve, [second]))
            while not other.done() and not connect().execute(WAITS).fetchone():
                pass
        other.result()
    send(queue, pager)
    assert [alert.kind for alert in pager.alerts] == ["breach", "resolve"]


WAITS = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def test_what_is_retried_of_a_resolved_item_is_cancelled(queue: Queue, clock: Any) -> None:
    """A dead page is not sent again once its item is resolved."""
    number = add(queue)
    clock.forward(hours=5)
    queue.sweep()
    send(queue, Kept("pagerduty", Delivery("never", "403")))
    with queue.database.connection() as db:
        db.execute("update manual_resolution_queue set status = 'resolved' where id = %s", [number])
        assert outbox.retry(db, None) == 0
    assert (number, "breach", 2, "pagerduty", "cancelled") in told(queue)


def test_an_item_raised_to_critical_after_its_breach_pages_once(queue: Queue, clock: Any) -> None:
    """Raising a breached item to critical pages, once."""
    number = add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    assert told(queue, channel="pagerduty") == []
    queue.set_priority(number, "alice@example.com", "critical", "A customer waits")
    queue.sweep()
    queue.sweep()
    assert [(row[0], row[1], row[4]) for row in told(queue, channel="pagerduty")] == [(number, "breach", "waiting")]


def test_more_than_twenty_breaches_are_one_digest(queue: Queue, clock: Any) -> None:
    """A flood is one message that lists every item; each item has its own record."""
    for number in range(1, 23):
        add(queue, number, "high")
    clock.forward(hours=25)
    queue.sweep()
    slack = Kept("slack")
    assert send(queue, slack).sent == 22
    assert [len(alert.items) for alert in slack.alerts] == [22]


def test_a_provider_that_is_down_is_asked_again_and_told_of_elsewhere_when_it_stays_so(
    queue: Queue, clock: Any
) -> None:
    """What is not accepted waits; after a day it is dead, and the other channels hear of it."""
    add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    slack, mail = Kept("slack", *[Delivery("later", "503")] * 5), Kept("mail")
    assert not send(queue, slack).is_complete
    clock.forward(hours=25)
    found = send(queue, slack, mail)
    assert found.dead == 1 and not found.is_complete
    assert [alert.kind for alert in mail.alerts] == ["breach", "meta"]
    with queue.database.connection() as db:
        assert outbox.retry(db, None) == 1
    assert send(queue, Kept("slack")).sent == 1


def test_what_will_never_be_accepted_is_dead_at_once(queue: Queue, clock: Any) -> None:
    """A permanent refusal is not tried again, and is told elsewhere."""
    add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    slack, mail = Kept("slack", Delivery("never", "404 no_service")), Kept("mail")
    assert send(queue, slack, mail).dead == 1
    assert [alert.kind for alert in mail.alerts] == ["breach", "meta"]


def test_whom_a_mail_missed_gets_it_later_and_nobody_else_again(queue: Queue, clock: Any) -> None:
    """Refused for now: only they are tried again, until a day is over."""
    add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    mail = Kept("mail", *[Delivery("sent", "accepted, but not for bob", again=("bob@example.com",))] * 2)
    found = send(queue, Kept("slack"), mail)
    assert (found.sent, found.later, found.is_complete) == (1, 1, False)
    clock.forward(minutes=1)
    assert send(queue, mail).later == 1
    clock.forward(minutes=1)
    assert send(queue, mail).is_complete
    assert [tuple(alert.missed) for alert in mail.alerts] == [(), ("bob@example.com",), ("bob@example.com",)]
    assert told(queue, channel="mail") == [(1, "breach", 1, "mail", "sent")]


def test_whom_a_mail_will_never_reach_is_told_to_everybody_else(queue: Queue, clock: Any) -> None:
    """Refused for good: the run says so, every channel is told, and a retry is for them alone."""
    add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    refused = Delivery("sent", "accepted, but not for bob (550 no)", missed=("bob@example.com",))
    slack, mail = Kept("slack"), Kept("mail", refused, refused)
    found = send(queue, slack, mail)
    assert not found.is_complete and "not to everybody" in found.sentence and found.dead == 0
    told_of = [alert.title for alert in slack.alerts if alert.kind == "meta"]
    assert told_of == ["Alerts by mail do not reach everybody: accepted, but not for bob (550 no)"]
    with queue.database.connection() as db:
        assert outbox.counts(db)["missed"] == 2
        assert outbox.retry(db, None) == 2
    assert send(queue, mail).is_complete
    assert [tuple(alert.missed) for alert in mail.alerts[2:]] == [("bob@example.com",)] * 2
    with queue.database.connection() as db:
        assert outbox.counts(db)["missed"] == 0


def test_alerts_for_a_channel_that_is_gone_end_after_a_day(queue: Queue, clock: Any) -> None:
    """What waits for a channel that no process has is said to, then cancelled with a word; the others hear of it."""
    add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    slack = Kept("slack")
    found = send(queue, slack)
    assert found.due == 1 and found.answers["mail"] == "not configured here"
    assert told(queue, channel="mail") == [(1, "breach", 1, "mail", "waiting")]
    clock.forward(hours=25)
    assert send(queue, slack).is_complete
    assert told(queue, channel="mail") == [(1, "breach", 1, "mail", "cancelled")]
    words = "Alerts for mail were cancelled (1): no process has had it configured for a day"
    assert [alert.title for alert in slack.alerts] == ["SLA breach: item #1 (high, 1 h over)", words]


@dataclass
class Person:
    user: str = shown("User", default="", personal=True)


def test_what_a_workflow_hides_is_in_no_alert(queue: Queue, clock: Any) -> None:
    """A personal field's text is masked in the reason that is sent and listed, also where it is cut."""
    queue.workflows = Registry([("here", Workflow("pdf_deletion_failed", context=Person))])
    reason = f"It failed for Mallory {'x' * 975} mallory"
    queue.add("pdf_deletion_failed", "meal_plan", 1, "high", reason, {"user": "mallory"})
    clock.forward(hours=25)
    queue.sweep()
    slack = Kept("slack")
    send(queue, slack)
    said = slack.alerts[0].payload["reason"]
    assert said.startswith("It failed for ‹personal› xxx") and "mal" not in said.lower() and len(said) == 1000
    found = listed(queue.database, queue.workflows, None, 10)
    assert {message.payload["reason"] for message in found} == {said}


def test_a_sender_that_died_leaves_a_marked_repeat(queue: Queue, clock: Any) -> None:
    """What a dead sender had leased is sent by the next one, and says that it may be a repeat."""
    add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    with queue.database.connection() as db:
        assert len(outbox.lease(db, "slack", 10)) == 1
    slack = Kept("slack")
    send(queue, slack)
    assert slack.alerts == []
    clock.forward(minutes=2)
    send(queue, slack)
    assert [alert.repeated for alert in slack.alerts] == [True]


def test_a_pause_holds_everything_back_and_loses_nothing(queue: Queue, clock: Any) -> None:
    """During a pause nothing is sent; afterwards everything is."""
    add(queue, priority="high")
    clock.forward(hours=25)
    queue.sweep()
    with queue.database.connection() as db:
        until = outbox.after(db, timedelta(hours=1))
        assert outbox.pause(db, until, "Maintenance", "alice@example.com")
    slack = Kept("slack")
    assert send(queue, slack).paused
    clock.forward(hours=2)
    assert send(queue, slack).sent == 1
