"""What Slack is posted: whole, within its limits, and nothing in it forged by a producer."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meal_plan.slack_stand_in import SlackStandIn, is_right, shown

from manual_resolution.alerts import Alert
from manual_resolution.channels.slack import Slack, message

from .conftest import BREACH, PAYLOAD, Make


def test_a_breach_as_slack_gets_it(slack: SlackStandIn) -> None:
    """The specification's sample as a message: text for notifications, the facts, what to do, the link."""
    assert Slack(slack.webhook).send(BREACH).verdict == "sent"
    [posted] = slack.messages
    assert posted["text"] == "SLA breach: item #42 (medium, 8 h over)"
    assert list(shown(posted)) == [
        "SLA breach: item #42 (medium, 8 h over)",
        "Type: pdf_deletion_failed · Priority: medium · Deadline: 2026-01-02T15:00:00Z · Over by: 8 h",
        "Reason: Vercel Blob API returned 503 after 3 retry attempts",
        "What to do: Check Vercel status page, retry deletion, or mark as permanently failed",
        "<https://app.example.com/admin/manual-resolution-queue/42|Open item #42>",
    ]


def test_without_a_console_the_command_is_named(alert: Make) -> None:
    """Where no console is set, the message says how to look at the item."""
    assert list(shown(message(alert(queue_url=None))))[-1] == "mrq show 42"


def test_a_repeat_says_so() -> None:
    """What may have arrived already says so, in the notification too."""
    posted = message(replace(BREACH, repeated=True))
    assert posted["text"].endswith("(may be a repeat)")
    assert list(shown(posted))[-1] == "May be a repeat: an earlier try may have arrived."


def mrkdwn(posted: dict[str, Any]) -> list[str]:
    """All text that Slack reads as markup."""
    found: list[str] = [posted["text"]]

    def look(part: Any) -> None:
        if isinstance(part, dict):
            found.extend([part["text"]] if part.get("type") == "mrkdwn" else [])
            look(list(part.values()))
        elif isinstance(part, list):
            for one in part:
                look(one)

    look(posted["blocks"])
    return found


@pytest.mark.parametrize(
    "reason",
    ["<!channel> all of you", "<@U123|you>", "<https://evil.example|Open item #42>", "a & b < c > d"],
)
def test_a_producers_words_forge_nothing(alert: Make, reason: str) -> None:
    """No mention, no link and no markup comes from a reason: it is escaped, and only in plain text."""
    posted = message(alert(reason=reason))
    assert "<!" not in json.dumps(posted) and "<@" not in json.dumps(posted) and "<https://evil" not in str(posted)
    assert mrkdwn(posted) == [posted["text"], f"<{PAYLOAD['queue_url']}|Open item #42>"]
    assert f"Reason: {reason}" in list(shown(posted))


def test_hidden_characters_are_seen(alert: Make) -> None:
    """What would reorder or hide text stands there by name."""
    assert r"Reason: a<U+202E>b\x1b[2J" in list(shown(message(alert(reason="a\u202eb\x1b[2J"))))


@given(
    reason=st.text(max_size=2000), action=st.text(max_size=4000), address=st.one_of(st.none(), st.text(max_size=4000))
)
def test_whatever_it_holds_slack_takes_it(reason: str, action: str, address: str | None) -> None:
    """Any text, however long, keeps Slack's limits."""
    payload = PAYLOAD | {"reason": reason, "recommended_action": action, "queue_url": address}
    posted = message(replace(BREACH, payload=payload, items=(payload,), repeated=True))
    assert is_right(posted["blocks"]) and 0 < len(posted["text"]) < 4000


@pytest.mark.parametrize("reason", ["It failed", "&<>" * 400, "ü" * 1000, "🦆" * 500])
@pytest.mark.parametrize("count", [2, 21, 500])
def test_a_digest_lists_what_fits_and_counts_the_rest(digest: Callable[..., Alert], count: int, reason: str) -> None:
    """A digest keeps to 13 000 characters; every item is on a line of its own or counted as one more."""
    posted = message(replace(digest(count, reason=reason), repeated=True))
    assert is_right(posted["blocks"])
    lines = list(shown(posted))
    listed = [line for line in lines if line.startswith("#")]
    more = [int(line.split()[1]) for line in lines if line.startswith("and ")]
    assert len(listed) + sum(more) == count
    assert lines[:2] == [f"SLA breach: {count} items", f"{count} medium"]
    assert listed[0].startswith(f"#{count} medium, {count} h over, pdf_deletion_failed: ")


def test_a_burst_goes_out_at_once_then_one_a_second(slack: SlackStandIn) -> None:
    """Slack takes a short burst; then the channel asks for a second between two messages."""
    channel = Slack(slack.webhook)
    paces = []
    for _ in range(7):
        channel.send(BREACH)
        paces.append(channel.pace)
    assert paces[:4] == [0.0] * 4
    assert 0.5 < paces[-1] <= 2.0


def test_a_test_and_news_of_the_alerts_themselves_are_messages_too() -> None:
    """What is about no item has a title and its reason."""
    reason = {"reason": "MRQ cannot deliver alerts by pagerduty: 403. 2 dead so far", "queue_url": None}
    posted = message(Alert("meta", 0, "mrq:1:x", "", reason, (reason,)))
    assert is_right(posted["blocks"])
    assert next(shown(posted)) == reason["reason"]
