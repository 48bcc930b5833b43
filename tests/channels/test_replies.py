"""Slack and PagerDuty in every way a reply can come, or not come: told as it was, within the time, without a secret."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from meal_plan.alert_http import HttpStandIn
from meal_plan.pagerduty_stand_in import PagerDutyStandIn
from meal_plan.slack_stand_in import SlackStandIn

from manual_resolution.alerts import Channel, Delivery
from manual_resolution.channels.pagerduty import PagerDuty
from manual_resolution.channels.posting import Reply
from manual_resolution.channels.slack import Slack

from .conftest import BREACH

#: How a try ended: what to do with the message, and whether it may have arrived.
SENT, NEVER, LATER, PERHAPS = ("sent", False), ("never", False), ("later", False), ("later", True)
SECRETS = (SlackStandIn.PATH, "standin0", "standinstandin", "127.0.0.1:")
CHANNELS = ("slack", "pagerduty")


@contextmanager
def opened(name: str, seconds: float = 5, **more: Any) -> Iterator[tuple[HttpStandIn, Channel]]:
    """A stand-in, and the channel that sends to it."""
    if name == "slack":
        with SlackStandIn(**more) as slack:
            yield slack, Slack(slack.webhook, seconds)
    else:
        with PagerDutyStandIn(**more) as pager:
            yield pager, PagerDuty(pager.KEY, pager.base, seconds)


def ended(delivery: Delivery) -> tuple[str, bool]:
    """How it ended; whatever it was, its sentence is one line without a secret."""
    assert delivery.sentence and "\n" not in delivery.sentence
    assert not [secret for secret in SECRETS if secret in delivery.sentence], delivery.sentence
    return delivery.verdict, delivery.arrived_perhaps


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("400", NEVER),
        ("403", NEVER),
        ("429", LATER),
        ("500", PERHAPS),
        ("503", PERHAPS),
        ("504", PERHAPS),
        ("502-html", PERHAPS),
        ("garbage", PERHAPS),
        ("empty", PERHAPS),
        ("truncated", PERHAPS),
        ("huge", PERHAPS),
        ("gzip-bomb", PERHAPS),
        ("nonsense", PERHAPS),
        ("redirect", NEVER),
        ("reset", PERHAPS),
        ("reset-after", PERHAPS),
    ],
)
def test_each_reply_is_told_as_it_was(name: str, reply: str, expected: tuple[str, bool]) -> None:
    """Only the provider's yes is a yes; a refusal is definite; what nobody can know is marked; one request each."""
    with opened(name) as (stand_in, channel):
        stand_in.next(reply)
        assert ended(channel.send(BREACH)) == expected
        assert ended(channel.send(BREACH)) == SENT
        assert [(call.reply, call.path) for call in stand_in.received] == [
            (reply, stand_in.received[0].path),
            (None, stand_in.received[0].path),
        ]


@pytest.mark.parametrize(("reply", "said"), [("404", "no_service"), ("410", "channel_is_archived")])
def test_a_removed_webhook_is_given_up_with_slacks_word(slack: SlackStandIn, reply: str, said: str) -> None:
    """A webhook that was removed, or whose channel was archived, is never tried again; Slack's word says why."""
    slack.next(reply)
    delivery = Slack(slack.webhook).send(BREACH)
    assert (delivery.verdict, delivery.sentence) == ("never", f"Slack answered {reply} {said}: refused")


@pytest.mark.parametrize("reply", ["200", "401"])
def test_pagerduty_says_yes_by_202_only(pagerduty: PagerDutyStandIn, reply: str) -> None:
    """200 is not PagerDuty's yes, and a wrong key is definite."""
    pagerduty.next(reply)
    assert ended(PagerDuty(pagerduty.KEY, pagerduty.base).send(BREACH)) == (PERHAPS if reply == "200" else NEVER)


def test_pagerdutys_errors_are_named_without_the_key(pagerduty: PagerDutyStandIn) -> None:
    """A wrong key is refused with PagerDuty's words."""
    delivery = PagerDuty("x" * 32, pagerduty.base).send(BREACH)
    assert (delivery.verdict, delivery.sentence) == ("never", "PagerDuty answered 400 Invalid routing key: refused")
    said = PagerDuty("k" * 32).said(Reply(400, {}, '{"errors": ["no key %s\\n\\u001b[2J"]}' % ("k" * 32)))
    assert said == r"no key (hidden)\n\x1b[2J"


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("reply", ["silent", "trickle"])
def test_the_time_is_for_the_whole_try(name: str, reply: str) -> None:
    """Silence, and a reply that trickles, end with the time; whether it arrived is not known."""
    with opened(name, seconds=0.4) as (stand_in, channel):
        stand_in.next(reply)
        begun = monotonic()
        assert ended(channel.send(BREACH)) == PERHAPS
        assert monotonic() - begun < 3


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (3, 3),
        (0, 0),
        (3600, 900),
        ("99999999999999", 900),
        ("-5", None),
        ("soon", None),
        ("1e3", None),
        ("٣", None),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 900),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
    ],
)
def test_how_long_to_wait_is_the_providers_word(name: str, asked: int | str, seconds: float | None) -> None:
    """Retry-After is honoured in seconds and as a date, at most 15 minutes; nonsense counts as not said."""
    with opened(name) as (stand_in, channel):
        stand_in.next("429", retry_after=asked if str(asked).isascii() else "three")
        assert channel.send(BREACH).retry_after == seconds


def test_a_date_to_wait_for_is_measured_by_the_providers_clock() -> None:
    """A date in Retry-After is compared with the reply's own date, so that our clock does not matter."""
    headers = {"date": "Sat, 03 Jan 2026 15:00:00 GMT", "retry-after": "Sat, 03 Jan 2026 15:00:40 GMT"}
    assert Reply(429, headers).retry_after == 40


# ------------------------------------------------------------------ not reached


@pytest.mark.parametrize("name", CHANNELS)
def test_nobody_there_means_not_arrived(name: str) -> None:
    """A refused connection is tried again, and surely nothing arrived."""
    with opened(name) as (_, channel):
        pass
    delivery = channel.send(BREACH)
    assert ended(delivery) == LATER
    assert delivery.sentence.endswith(" was not reached: connection refused")


def test_a_name_that_is_unknown_means_not_arrived() -> None:
    """A host that no name server knows is tried again."""
    delivery = Slack("https://no-such-host.invalid/services/T/B/secret").send(BREACH)
    assert (ended(delivery), "secret" in delivery.sentence, "invalid" in delivery.sentence) == (LATER, False, False)


def test_a_black_hole_ends_with_the_time() -> None:
    """A host that takes the connection and does not even shake hands costs the time and no more."""
    with socket.create_server(("127.0.0.1", 0)) as hole:
        begun = monotonic()
        delivery = Slack(f"https://127.0.0.1:{hole.getsockname()[1]}/x", 0.3).send(BREACH)
        assert ended(delivery) == LATER
        assert monotonic() - begun < 3


@pytest.mark.parametrize("address", ["127.0.0.1:99999/secret", "[::1/secret", "HOST/sec ret", "HOST/secret-ü"])
def test_an_address_that_is_none_is_never_called(slack: SlackStandIn, address: str) -> None:
    """An address that cannot be called is a sentence that does not repeat it."""
    delivery = Slack(f"http://{address.replace('HOST', f'127.0.0.1:{slack.port}')}").send(BREACH)
    assert ended(delivery) == NEVER
    assert "sec" not in delivery.sentence
    assert slack.received == []


def test_a_proxy_in_the_environment_is_not_asked(slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls go straight to the provider."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ended(Slack(slack.webhook).send(BREACH)) == SENT


# ------------------------------------------------------------------ TLS


@pytest.mark.parametrize("name", CHANNELS)
def test_a_trusted_certificate_is_taken(name: str, trusted: Callable[[str], Path]) -> None:
    """With a certificate of a trusted authority, for this host and in time, it is sent."""
    with opened(name, certificate=trusted("right")) as (_, channel):
        assert ended(channel.send(BREACH)) == SENT


@pytest.mark.parametrize("kind", ["expired", "other", "own"])
def test_a_wrong_certificate_gets_nothing(kind: str, trusted: Callable[[str], Path]) -> None:
    """A certificate that is over, another host's or self-signed: nothing is sent, and another time it may be mended."""
    with opened("slack", certificate=trusted(kind)) as (stand_in, channel):
        delivery = channel.send(BREACH)
        assert ended(delivery) == LATER
        assert delivery.sentence.startswith("Slack was not reached: its certificate is not trusted (")
        assert stand_in.received == []


def test_plain_http_behind_an_https_address_gets_nothing(slack: SlackStandIn) -> None:
    """A server without TLS where TLS was expected gets nothing."""
    assert ended(Slack(slack.webhook.replace("http:", "https:")).send(BREACH)) == LATER
    assert slack.received == []


@pytest.mark.parametrize("shown", [repr(Slack("https://x/secret")), repr(PagerDuty("secret" * 5))])
def test_a_channel_never_shows_its_credential(shown: str) -> None:
    """Neither the webhook nor the key is in a channel's own description."""
    assert "secret" not in shown
