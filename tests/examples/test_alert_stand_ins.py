"""The stand-ins for Slack, PagerDuty and a mail server: as strict as the services, so that what they take is right."""

import http.client
import json
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from meal_plan.alert_http import HttpStandIn
from meal_plan.alert_stand_ins import AlertStandIns
from meal_plan.pagerduty_stand_in import PagerDutyStandIn
from meal_plan.slack_stand_in import SlackStandIn

HEADER = {"type": "header", "text": {"type": "plain_text", "text": "SLA breach"}}


def section(length: int, kind: str = "mrkdwn") -> dict[str, Any]:
    return {"type": "section", "text": {"type": kind, "text": "x" * length}}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[AlertStandIns]:
    """All three, keeping what arrives in a folder."""
    with AlertStandIns(tmp_path) as services:
        yield services


def post(stand_in: HttpStandIn, path: str, body: Any, method: str = "POST") -> tuple[int, str]:
    """A request's status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", stand_in.port, timeout=10)
    connection.request(method, path, body if isinstance(body, str) else json.dumps(body))
    with connection.getresponse() as reply:
        return reply.status, reply.read().decode()


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ({"text": "hello"}, (200, "ok")),
        ({"text": "hello", "blocks": [HEADER, section(3000)]}, (200, "ok")),
        ("{", (400, "invalid_payload")),
        ([], (400, "invalid_payload")),
        ({"text": ""}, (400, "no_text")),
        ({"blocks": [section(3001)]}, (400, "invalid_blocks")),
        ({"blocks": [section(10, "html")]}, (400, "invalid_blocks")),
        ({"blocks": [HEADER | {"text": {"type": "plain_text", "text": "x" * 151}}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "section", "fields": [section(1)["text"]] * 11}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "divider"}] * 51}, (400, "invalid_blocks")),
        ({"blocks": [section(3000)] * 5}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "video"}]}, (400, "invalid_blocks")),
    ],
)
def test_slack_takes_what_slack_takes(services: AlertStandIns, content: Any, answer: tuple[int, str]) -> None:
    """Text for an answer, and each documented limit kept."""
    assert post(services.slack, SlackStandIn.PATH, content) == answer
    assert len(services.slack.messages) == (answer[0] == 200)


def test_another_webhook_is_not_known(services: AlertStandIns) -> None:
    """Only its own address is served, and only POST."""
    assert post(services.slack, "/services/T/B/other", {"text": "hello"}) == (404, "no_service")
    assert post(services.slack, SlackStandIn.PATH, "", "GET")[0] == 405


EVENT: dict[str, Any] = {
    "routing_key": PagerDutyStandIn.KEY,
    "event_action": "trigger",
    "dedup_key": "one",
    "payload": {"summary": "A breach", "source": "mrq", "severity": "critical"},
}


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (EVENT | {"routing_key": "x" * 32}, "Invalid routing key"),
        (EVENT | {"routing_key": "short"}, "'routing_key' must be 32 characters"),
        (EVENT | {"event_action": "close"}, "'event_action' is not trigger, acknowledge or resolve"),
        (EVENT | {"dedup_key": "x" * 256}, "'dedup_key' is longer than 255 characters"),
        (EVENT | {"links": [{"text": "x"}]}, "'links' need an 'href'"),
        (EVENT | {"payload": {}}, "'payload.source' is missing"),
        (EVENT | {"payload": EVENT["payload"] | {"severity": "bad"}}, "'payload.severity' is invalid"),
        (EVENT | {"payload": EVENT["payload"] | {"summary": "x" * 1025}}, "'payload.summary' is missing or longer"),
        (EVENT | {"payload": EVENT["payload"] | {"custom_details": "x" * 524_288}}, "Event is larger than 512 KB"),
        ({"routing_key": PagerDutyStandIn.KEY, "event_action": "resolve"}, "'dedup_key' is missing"),
    ],
)
def test_pagerduty_refuses_what_pagerduty_refuses(services: AlertStandIns, event: dict[str, Any], error: str) -> None:
    """Each rule of an event, with the shape of its 400."""
    status, text = post(services.pagerduty, "/v2/enqueue", event)
    said = json.loads(text)
    assert (status, said["status"], said["message"]) == (400, "invalid event", "Event object is invalid")
    assert any(found.startswith(error) for found in said["errors"])
    assert services.pagerduty.events == []


def test_pagerduty_keeps_incidents_by_their_key(services: AlertStandIns) -> None:
    """An end without a beginning is dropped with 202; a key is made where none was sent; JSON is demanded."""
    for event in (EVENT | {"event_action": "resolve"}, EVENT | {"event_action": "acknowledge"}):
        assert post(services.pagerduty, "/v2/enqueue", event)[0] == 202
    assert services.pagerduty.incidents == []
    made = [
        json.loads(post(services.pagerduty, "/v2/enqueue", {k: v for k, v in EVENT.items() if k != "dedup_key"})[1])
        for _ in range(2)
    ]
    assert [incident.key for incident in services.pagerduty.incidents] == [said["dedup_key"] for said in made]
    assert json.loads(post(services.pagerduty, "/v2/enqueue", "{")[1])["status"] == "Unrecognized object"
    assert post(services.pagerduty, "/v2/change", EVENT)[0] == 404


def test_what_arrives_is_in_the_folder(services: AlertStandIns, tmp_path: Path) -> None:
    """A person can look at what came: JSON lines, and mails as files."""
    post(services.slack, SlackStandIn.PATH, {"text": "hello"})
    post(services.pagerduty, "/v2/enqueue", EVENT)
    with smtplib.SMTP("127.0.0.1", services.smtp.port, timeout=10) as client:
        client.sendmail("mrq@example.com", ["a@example.com"], "Subject: hello\r\n\r\n.a dot\r\n")
    assert json.loads((tmp_path / "slack.jsonl").read_text()) == {"text": "hello"}
    assert json.loads((tmp_path / "pagerduty.jsonl").read_text()) == EVENT
    assert (tmp_path / "0001.eml").read_text() == "Subject: hello\n\n.a dot\n"


def test_a_reply_that_is_none_is_refused(services: AlertStandIns) -> None:
    """A script with a typo says what there is."""
    with pytest.raises(ValueError, match="reply = 'rest' is not one of 400, 403"):
        services.slack.next("rest")
