"""`mrq sweep` as cron runs it, with Slack, PagerDuty and a mail server that work, fail, and come back."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from meal_plan.alert_stand_ins import AlertStandIns

from manual_resolution import Queue
from tests.processes import Ended, run

from .conftest import REASON

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 1, 2, 23, 5, tzinfo=UTC)


@dataclass
class Installation:
    """A database whose clock stands at `NOON`, its three channels, and the commands that cron and operators run."""

    url: str
    clock: Any
    services: AlertStandIns
    environment: dict[str, str]

    def mrq(self, *words: str, **more: str) -> Ended:
        """A command in a process of its own, with nothing but the settings in its environment."""
        return run(*words, environment=self.environment | more)

    def alerts(self, **where: Any) -> list[dict[str, Any]]:
        """What `mrq alerts list --json` prints, the oldest first."""
        found = json.loads(self.mrq("alerts", "list", "--json").out)
        return [one for one in reversed(found) if all(one[name] == value for name, value in where.items())]

    def add(self, number: int = 12345, priority: str = "medium", occurred: str = "2025-12-26T15:00:00Z") -> int:
        """An item of the specification's sample: medium, due at 2026-01-02 15:00 UTC, 8 hours before `NOON`."""
        queue = Queue(self.url)
        when = datetime.fromisoformat(occurred)
        added = queue.add("pdf_deletion_failed", "meal_plan", number, priority, REASON, {}, occurred_at=when)
        queue.close()
        return added.id

    def told(self) -> dict[str, list[str]]:
        """The titles that arrived, by service."""
        pager = [event["payload"]["summary"] for event in self.services.pagerduty.events if "payload" in event]
        return {
            "slack": [message["text"] for message in self.services.slack.messages],
            "pagerduty": pager,
            "mail": [str(mail["Subject"]) for mail in self.services.smtp.messages],
        }


@pytest.fixture
def here(database_url: str, clock: Any, connect: Callable[..., psycopg.Connection[Any]]) -> Iterator[Installation]:
    """An installation with all three channels."""
    clock.set((NOON - datetime.now(UTC)).total_seconds())
    connect(database_url).execute(
        "select setval(pg_get_serial_sequence('manual_resolution_queue', 'id'), 42, false)"
    ).connection.commit()
    with AlertStandIns() as services:
        console = {"MRQ_CONSOLE_URL": "https://app.example.com", "MRQ_CALL_TIMEOUT": "5"}
        named = {"DATABASE_URL": database_url, "MRQ_OPERATOR": "alice@example.com"}
        yield Installation(database_url, clock, services, services.environment | console | named)


def documented() -> str:
    """The specification's alert, as docs/deploy/alerts.md shows it."""
    [block] = re.findall(r"```json\n(.*?)```", (ROOT / "docs/deploy/alerts.md").read_text(), re.DOTALL)
    return str(block)


def test_the_alert_is_the_specifications_letter_for_letter(here: Installation) -> None:
    """On data made to match it, the alert's JSON is the specification's sample, and every channel tells of it."""
    assert here.add() == 42
    ended = here.mrq("sweep")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "2 alerts sent.")
    [alert] = here.alerts(channel="slack")
    order = list(json.loads(documented()))
    payload = {name: alert["payload"][name] for name in order}
    assert json.dumps(payload, indent=2) + "\n" == documented()
    assert alert["payload"].keys() == payload.keys()
    assert here.told() == {
        "slack": ["SLA breach: item #42 (medium, 8 h over)"],
        "pagerduty": [],
        "mail": ["[MRQ] SLA breach: item #42 (medium, 8 h over)"],
    }


def test_pagerduty_gets_the_same_json_in_the_same_order(here: Installation) -> None:
    """A critical item pages with the alert's fields in the specification's order, then is acknowledged and resolved."""
    number = here.add(priority="critical", occurred="2026-01-02T11:00:00Z")
    assert here.mrq("sweep").code == 0
    [incident] = here.services.pagerduty.incidents
    details = incident.triggers[0]["custom_details"]
    assert json.dumps(details, indent=2) + "\n" == documented().replace('"medium"', '"critical"')
    assert here.mrq("claim", str(number)).code == 0
    assert here.mrq("sweep").code == 0
    assert incident.state == "acknowledged"
    with psycopg.connect(here.url) as db:
        db.execute("update manual_resolution_queue set status = 'resolved' where id = %s", [number])
    assert here.mrq("sweep").code == 0
    assert incident.state == "resolved" and len(here.services.pagerduty.incidents) == 1


def test_a_second_sweep_tells_nothing_again(here: Installation) -> None:
    """What arrived is not sent again."""
    here.add()
    here.mrq("sweep")
    before = here.told()
    ended = here.mrq("sweep")
    assert (ended.code, ended.out) == (0, "Nothing has passed its deadline.\n")
    assert here.told() == before


@pytest.mark.parametrize(
    ("reply", "answer", "repeated"),
    [
        ("503", "Slack answered 503 service_unavailable", True),
        ("429", "Slack answered 429 rate_limited", False),
        ("reset-after", "Slack may have it: the connection broke", True),
    ],
)
def test_what_failed_arrives_later_and_says_whether_it_may_be_a_repeat(
    here: Installation, reply: str, answer: str, repeated: bool
) -> None:
    """A provider's failure ends the sweep with 1 and a sentence; the next sweep after the wait delivers."""
    here.add()
    here.services.slack.next(reply)
    ended = here.mrq("sweep")
    assert ended.code == 1
    assert f"1 put off (mail: accepted; slack: {answer})." in ended.out
    here.clock.forward(minutes=16)
    assert here.mrq("sweep").code == 0
    assert here.services.slack.messages[-1]["text"].endswith("(may be a repeat)") is repeated
    assert {alert["state"] for alert in here.alerts()} == {"sent"}
    assert len(here.services.smtp.raw) == 1


def test_a_removed_webhook_is_told_by_the_others(here: Installation) -> None:
    """404 from Slack: dead at once, told by mail and PagerDuty, sent again on demand once it is mended."""
    here.add()
    here.services.slack.next("404")
    ended = here.mrq("sweep")
    assert (ended.code, " dead" in ended.out) == (1, True)
    words = "MRQ cannot deliver alerts by slack: Slack answered 404 no_service: refused. 1 dead so far"
    assert f"[MRQ] {words}" in here.told()["mail"] and f"MRQ: {words}" in here.told()["pagerduty"]
    assert here.mrq("alerts", "retry", "--all").code == 0
    assert here.told()["slack"] == ["SLA breach: item #42 (medium, 8 h over)"]


def test_when_slack_and_pagerduty_are_dead_mail_tells_and_recovery_lists_all(here: Installation) -> None:
    """Both dead for a day: mail goes on and tells of them, the sweep ends with 1, and nothing is lost on recovery."""
    here.add(1, "critical", "2026-01-02T18:30:00Z")
    here.services.slack.next("503", times=2)
    here.services.pagerduty.next("503", times=2)
    assert here.mrq("sweep").code == 1
    here.clock.forward(hours=25)
    ended = here.mrq("sweep")
    assert (ended.code, " dead" in ended.out) == (1, True)
    subjects = here.told()["mail"]
    for channel, said in (("slack", "Slack answered 503"), ("pagerduty", "PagerDuty answered 503")):
        assert [s for s in subjects if s.startswith(f"[MRQ] MRQ cannot deliver alerts by {channel}: {said}")], subjects
    assert here.mrq("alerts", "retry", "--all").code == 0
    here.clock.forward(hours=1)
    assert here.mrq("sweep").code == 0
    assert {alert["state"] for alert in here.alerts()} <= {"sent", "cancelled"}
    assert [title for title in here.told()["slack"] if title.startswith("SLA breach: item #42")]
    assert {incident.state for incident in here.services.pagerduty.incidents} == {"triggered"}


def test_a_flood_is_one_message_on_each_channel(here: Installation) -> None:
    """Thirty breaches at once: one digest in Slack, one by mail, a record for each."""
    queue = Queue(here.url)
    when = datetime(2025, 12, 26, 15, tzinfo=UTC)
    for number in range(1, 31):
        queue.add("pdf_deletion_failed", "meal_plan", number, "medium", REASON, {}, occurred_at=when)
    queue.close()
    ended = here.mrq("sweep")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "60 alerts sent.")
    assert here.told()["slack"] == ["SLA breach: 30 items"]
    assert here.told()["mail"] == ["[MRQ] SLA breach: 30 items"]


def test_no_credential_is_in_anything_that_a_sweep_says(here: Installation) -> None:
    """With every provider failing, neither output nor the outbox holds a webhook, a key or a password."""
    here.add(priority="critical", occurred="2026-01-02T11:00:00Z")
    with socket.create_server(("127.0.0.1", 0)) as free:
        nowhere = f"127.0.0.1:{free.getsockname()[1]}"
    broken = {
        "MRQ_ALERT_SLACK_WEBHOOK": f"http://{nowhere}/services/T1/B1/s3cretwebhook",
        "MRQ_ALERT_PAGERDUTY_KEY": "s3cret" + "k" * 26,
        "MRQ_SMTP_URL": f"smtp://mrq:s3cretpassword@{nowhere}",
    }
    ended = here.mrq("sweep", **broken)
    assert ended.code == 1
    said = ended.out + ended.err
    for words in (("alerts", "list", "--json"), ("alerts", "test"), ("doctor",), ("doctor", "--json")):
        more = here.mrq(*words, **broken)
        said += more.out + more.err
    assert "s3cret" not in said
    assert "PagerDuty answered 400 Invalid routing key: refused" in said
