"""What PagerDuty is told: one incident from its trigger to its end, within the limits of an event."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from meal_plan.pagerduty_stand_in import MOST_BYTES, PagerDutyStandIn

from manual_resolution.alerts import Alert
from manual_resolution.channels.pagerduty import PagerDuty

from .conftest import BREACH, PAYLOAD, Make


@pytest.fixture
def channel(pagerduty: PagerDutyStandIn) -> PagerDuty:
    """The channel that sends to the stand-in."""
    return PagerDuty(pagerduty.KEY, pagerduty.base)


def test_a_breach_is_a_trigger_with_the_specifications_alert(pagerduty: PagerDutyStandIn, channel: PagerDuty) -> None:
    """The event carries the alert's JSON field by field, and the link to the item."""
    assert channel.send(BREACH).verdict == "sent"
    [event] = pagerduty.events
    address = PAYLOAD["queue_url"]
    assert event == {
        "routing_key": pagerduty.KEY,
        "event_action": "trigger",
        "dedup_key": "mrq:1a2b3c4d:5e6f",
        "client": "MRQ",
        "client_url": address,
        "links": [{"href": address, "text": "Open item 42"}],
        "payload": {
            "summary": "MRQ: SLA breach: item #42 (medium, 8 h over), pdf_deletion_failed",
            "source": "mrq",
            "severity": "warning",
            "component": "manual-resolution-queue",
            "class": "sla_breach",
            "group": "pdf_deletion_failed",
            "custom_details": PAYLOAD,
        },
    }
    assert list(event["payload"]["custom_details"]) == list(PAYLOAD)


def test_trigger_acknowledge_resolve_are_one_incident(pagerduty: PagerDutyStandIn, channel: PagerDuty) -> None:
    """A repeat attaches, a claim acknowledges, a resolution resolves; the next trigger is a new incident."""
    states = []
    for kind in ("breach", "breach", "acknowledge", "resolve", "resolve", "breach"):
        assert channel.send(replace(BREACH, kind=kind)).verdict == "sent"
        states.append([incident.state for incident in pagerduty.incidents])
    assert states == [
        ["triggered"],
        ["triggered"],
        ["acknowledged"],
        ["resolved"],
        ["resolved"],
        ["resolved", "triggered"],
    ]
    assert len(pagerduty.incidents[0].triggers) == 2


@pytest.mark.parametrize(
    ("priority", "severity"),
    [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info"), ("", "error")],
)
def test_severity_follows_priority(
    pagerduty: PagerDutyStandIn, channel: PagerDuty, alert: Make, priority: str, severity: str
) -> None:
    """Each priority has its severity; what is about MRQ itself is an error."""
    channel.send(alert(priority=priority))
    assert pagerduty.events[0]["payload"]["severity"] == severity


def test_without_a_console_there_is_no_link(pagerduty: PagerDutyStandIn, channel: PagerDuty, alert: Make) -> None:
    """Where no console is set, no empty link is sent."""
    assert channel.send(alert(queue_url=None)).verdict == "sent"
    assert not {"client_url", "links"} & pagerduty.events[0].keys()


@pytest.mark.parametrize("reason", ["It failed", "🦆" * 1000, "\x00\x1b" * 500])
def test_many_items_are_listed_within_the_size_of_an_event(
    pagerduty: PagerDutyStandIn, channel: PagerDuty, digest: Callable[..., Alert], reason: str
) -> None:
    """An incident of 500 items lists as many as an event holds and counts the others."""
    assert channel.send(digest(500, reason=reason)).verdict == "sent"
    details = pagerduty.events[0]["payload"]["custom_details"]
    assert len(details["items"]) + details.get("items_left_out", 0) == 500
    assert pagerduty.received[0].size < MOST_BYTES


def test_a_long_key_is_cut_and_stays_its_own(pagerduty: PagerDutyStandIn, channel: PagerDuty) -> None:
    """Incidents longer than PagerDuty's key differ still; the same one is the same."""
    for end in ("a", "b", "a"):
        assert channel.send(replace(BREACH, incident="x" * 300 + end)).verdict == "sent"
    keys = [event["dedup_key"] for event in pagerduty.events]
    assert keys[0] == keys[2] != keys[1]
    assert max(map(len, keys)) <= 255


def test_long_or_odd_words_are_within_the_summary(pagerduty: PagerDutyStandIn, channel: PagerDuty, alert: Make) -> None:
    """An item type of any length leaves a summary that PagerDuty takes."""
    assert channel.send(alert(item_type="x" * 3000)).verdict == "sent"
