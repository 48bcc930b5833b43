"""E-mail: an alert as plain text that any reader shows, with headers that let a repeat be recognised."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Any, Final

from manual_resolution.alerts import Alert, Delivery
from manual_resolution.channels.trying import Late, Try
from manual_resolution.inert import inert, inert_block
from manual_resolution.mailing import MailServer
from manual_resolution.settings import Settings

#: A mail's steps take ten seconds each, its last answer thirty; together they end before the outbox's lease.
SECONDS: Final = 45.0


@dataclass(slots=True)
class Mail:
    """Alerts to these addresses."""

    server: MailServer
    sender: str
    to: tuple[str, ...]
    seconds: float = SECONDS
    name: str = "mail"

    def send(self, alert: Alert) -> Delivery:
        """Send once. The same alert has the same Message-ID however often it is tried, and whomever it missed."""
        written, ended = message(alert, self.sender, self.to), list[Delivery]()
        to = tuple(address for address in self.to if address in alert.missed) if alert.missed else self.to
        if not to:
            return Delivery("sent", "whom it had missed is not told by mail any more")
        try:
            Try(self.seconds).run(lambda: ended.append(self.server.send(written, to)))
        except Late:
            words = f"the mail server took longer than {self.seconds:g} s: it may have arrived"
            return Delivery("later", words, arrived_perhaps=True)
        return ended[0]


def from_settings(settings: Settings) -> Mail:
    """Server, sender and addresses of the settings."""
    return Mail(MailServer.at(settings.smtp_url or ""), settings.mail_from or "", settings.alert_mail_to)


def message(alert: Alert, sender: str, to: Iterable[str]) -> EmailMessage:
    """The alert as a message: plain text, headers that stop automatic replies and let a repeat be recognised."""
    domain, found = sender.rpartition("@")[2], EmailMessage(policy=SMTP)
    repeat = " (may be a repeat)" if alert.repeated else ""
    for name, value in (
        ("From", sender),
        ("To", ", ".join(to)),
        ("Subject", f"[MRQ] {inert(alert.title)[:200]}{repeat}"),
        ("Date", formatdate()),
        ("Message-ID", f"<mrq-alert-{identity(alert)}@{domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("List-Id", f"MRQ alerts <mrq-alerts.{domain}>"),
    ):
        found[name] = value
    found.set_content("\n".join(lines(alert)) + "\n")
    return found


def identity(alert: Alert) -> str:
    """The same for the same alert; another for another."""
    told = [alert.kind, alert.level, alert.incident, list(alert.numbers), [dict(item) for item in alert.items]]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


def lines(alert: Alert) -> Iterable[str]:
    """The text: what happened, each item with its facts, in the clear for any reader."""
    yield inert(alert.title)
    if alert.repeated:
        yield "This may be a repeat: an earlier try may have arrived."
    for payload in alert.items or (alert.payload,):
        yield ""
        yield from described(payload, alert)


def described(payload: Mapping[str, Any], alert: Alert) -> Iterable[str]:
    """One item's facts, a line each; what a producer wrote cannot look like another of them."""
    for label, name in (
        ("Item", "item_id"),
        ("Type", "item_type"),
        ("Priority", "priority"),
        ("Deadline", "sla_deadline"),
        ("Hours over", "breach_duration_hours"),
        ("What to do", "recommended_action"),
        ("Open", "queue_url"),
    ):
        value = payload.get(name)
        if value is not None and (name != "breach_duration_hours" or alert.kind == "breach"):
            yield f"{label}: {inert(str(value))}"
    if payload.get("queue_url") is None and payload.get("item_id") is not None:
        yield f"Open: mrq show {payload['item_id']}"
    if payload.get("reason"):
        yield "Reason:"
        yield inert_block(str(payload["reason"]))
