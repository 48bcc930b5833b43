"""E-mail, by SMTP: TLS before anything is said, unless the server is this machine; 250 after the text is its yes."""

import base64
import hashlib
import json
import smtplib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from manual_resolution.alerts import Alert, Delivery
from manual_resolution.channels.trying import Try, why
from manual_resolution.inert import inert, inert_block
from manual_resolution.settings import Settings

LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


@dataclass(slots=True)
class Post:
    """A mail server: `tls` is `at once`, `demanded` (STARTTLS) or `no` (this machine)."""

    host: str
    port: int
    tls: str = "demanded"
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)
    seconds: float = 10

    def send(self, message: EmailMessage) -> Delivery:
        """Hand over once, within the time."""
        attempt, refusals = Try(self.seconds), dict[str, tuple[int, bytes]]()
        try:
            attempt.run(lambda: self._hand_over(message, attempt, refusals))
        except smtplib.SMTPRecipientsRefused as error:
            return self._refused(error.recipients)
        except smtplib.SMTPResponseException as error:
            return self._answered(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError:
            return Delivery("never", f"The mail server offers no {self._lacking(message)}")
        except smtplib.SMTPServerDisconnected:
            return self._unanswered("it hung up", attempt)
        except (OSError, smtplib.SMTPException) as error:
            return self._unanswered(why(error, attempt.seconds), attempt)
        except ValueError:  # what an address or a header may not hold
            return Delivery("never", "The message cannot be written as e-mail: look at MRQ_MAIL_FROM and the addresses")
        return self._sent(message, refusals)

    def _hand_over(self, message: EmailMessage, attempt: Try, refusals: dict[str, tuple[int, bytes]]) -> None:
        server = _server(self, attempt)
        try:
            if self.tls == "demanded":
                server.starttls(context=ssl.create_default_context())
                attempt.uses(server.sock)
            if self.user is not None:
                server.login(self.user, self.password)
            refusals.update(server.send_message(message))
        finally:
            server.close()

    def _lacking(self, message: EmailMessage) -> str:
        if self.tls == "demanded":
            return "STARTTLS, or not the sign-in or the addresses that are set; MRQ sends nothing in the clear"
        return "sign-in, or not for these addresses"

    def _sent(self, message: EmailMessage, refusals: Mapping[str, tuple[int, bytes]]) -> Delivery:
        if not refusals:
            return Delivery("sent", "The mail server took it")
        named = "; ".join(f"{who}: {self._clean(code, said)}" for who, (code, said) in sorted(refusals.items()))
        return Delivery("sent", inert(f"The mail server took it, but not for {named}")[:500])

    def _refused(self, recipients: Mapping[str, tuple[int, bytes]]) -> Delivery:
        code, said = max(recipients.values(), key=lambda answer: 400 <= answer[0] < 500)
        return self._answered(code, said, "every recipient")

    def _answered(self, code: int, said: bytes | str, refusing: str = "") -> Delivery:
        sentence = f"The mail server answered {self._clean(code, said)}{f' for {refusing}' if refusing else ''}"
        return Delivery("never" if 500 <= code < 600 else "later", sentence)

    def _unanswered(self, reason: str, attempt: Try) -> Delivery:
        if attempt.has_begun:
            return Delivery("later", f"The mail server may have it: {reason}", arrived_perhaps=True)
        return Delivery("later", f"The mail server was not reached: {reason}")

    def _clean(self, code: int, said: bytes | str) -> str:
        """The server's words on one line, without what we signed in with."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        for secret in filter(None, (self.password, self.user)):
            for form in (secret, base64.b64encode(secret.encode()).decode()):
                text = text.replace(form, "(hidden)")
        return inert(f"{code} {text.strip()}")[:200]


def _server(post: Post, attempt: Try) -> smtplib.SMTP:
    """A connection that tells the attempt of its socket, and when the text goes over."""

    class Told(smtplib.SMTP_SSL if post.tls == "at once" else smtplib.SMTP):  # type: ignore[misc]
        def _get_socket(self, host: str, port: int, timeout: float) -> Any:
            found = super()._get_socket(host, port, timeout)
            attempt.uses(found)
            return found

        def data(self, msg: Any) -> Any:
            attempt.begins()
            return super().data(msg)

    more = {"context": ssl.create_default_context()} if post.tls == "at once" else {}
    found: smtplib.SMTP = Told(post.host, post.port, timeout=attempt.seconds, **more)
    return found


def post_of(settings: Settings) -> Post:
    """The mail server of the settings."""
    parts = urlsplit(settings.smtp_url or "")
    host, at_once = parts.hostname or "", parts.scheme == "smtps"
    tls = "at once" if at_once else "no" if host in LOOPBACK else "demanded"
    user = None if parts.username is None else unquote(parts.username)
    port = parts.port or (465 if at_once else 587)
    return Post(host, port, tls, user, unquote(parts.password or ""), settings.call_timeout)


# ------------------------------------------------------------------ alerts by mail


@dataclass(slots=True)
class Mail:
    """Alerts to these addresses."""

    post: Post
    sender: str
    to: tuple[str, ...]
    name: str = "mail"

    def send(self, alert: Alert) -> Delivery:
        """Send once. The same alert has the same Message-ID however often it is tried."""
        return self.post.send(message(alert, self.sender, self.to))


def from_settings(settings: Settings) -> Mail:
    """Server, sender and addresses of the settings."""
    return Mail(post_of(settings), settings.mail_from or "", settings.alert_mail_to)


def message(alert: Alert, sender: str, to: Iterable[str]) -> EmailMessage:
    """The alert as a message: plain text, headers that stop automatic replies and let a repeat be recognised."""
    domain, found = sender.rpartition("@")[2], EmailMessage(policy=POLICY)
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
