"""Sending one e-mail and telling honestly how it ended: for alerts and for the daily report.

Port 587 speaks TLS after STARTTLS, port 465 from the first byte; plain text stays on this machine. Every answer of the
server becomes a `Delivery`; none is raised, and none of its sentences holds the password.
"""

import re
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from urllib.parse import unquote, urlsplit

from manual_resolution.alerts import Delivery, Verdict
from manual_resolution.inert import inert

#: Seconds that each step may take; the answer to the whole message may take longer.
STEP: Final = 10.0
ANSWER: Final = 30.0
#: Bytes that every server takes.
POLICY: Final = SMTP.clone(cte_type="7bit")
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where to hand mail in: `smtp://user:password@host:587` with STARTTLS, `smtps://…:465` with TLS at once."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, url: str) -> "MailServer":
        """The server that `MRQ_SMTP_URL` names."""
        parts = urlsplit(url)
        tls = parts.scheme == "smtps"
        user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
        return cls(parts.hostname or "localhost", parts.port or (465 if tls else 587), tls, user, password)

    def send(self, message: EmailMessage, to: Sequence[str]) -> Delivery:
        """Hand one message in for these recipients; its `From` is the sender.

        `sent` where at least one recipient was accepted; the sentence names the others, `missed` and `again` are they.
        `arrived_perhaps` where no answer followed the message's last line: it may be on its way.
        """
        try:
            server = self._connected(str(message["From"]).rpartition("@")[2].strip(">"))
            try:
                delivery = _hand_in(server, message, to)
                with suppress(OSError, smtplib.SMTPException):
                    server.putcmd("QUIT")
            finally:
                server.close()
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            delivery = told(problem)
        return replace(delivery, sentence=self._said(delivery.sentence))

    def _connected(self, own_name: str) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, own_name, timeout=STEP, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, own_name, timeout=STEP)
        try:
            if not self.tls and self.host not in LOOPBACK:
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password or "")
        except BaseException:
            server.close()
            raise
        return server

    def _said(self, sentence: str) -> str:
        for secret in filter(None, (self.password,)):
            sentence = sentence.replace(secret, "(hidden)")
        return inert(sentence)[:300]


def _hand_in(server: smtplib.SMTP, message: EmailMessage, to: Sequence[str]) -> Delivery:
    data = re.sub(rb"(?m)^\.", b"..", message.as_bytes(policy=POLICY))
    server.ehlo_or_helo_if_needed()
    _demand(server.mail(str(message["From"]).rpartition("<")[2].strip(">")))
    refused = {address: answer for address in to if (answer := server.rcpt(address))[0] not in (250, 251)}
    if len(refused) == len(to):
        raise smtplib.SMTPRecipientsRefused(refused)
    _demand(server.docmd("DATA"), 354)
    server.send(data if data.endswith(b"\r\n") else data + b"\r\n")
    server.send(b".\r\n")
    _wait(server)
    try:
        answer = server.getreply()
    except (OSError, smtplib.SMTPException):
        return Delivery("later", "no answer followed the whole message: it may have arrived", None, True)
    _demand(answer)
    again = tuple(address for address, (code, _) in refused.items() if _verdict(code) == "later")
    missed = tuple(address for address in refused if address not in again)
    said = "accepted" if not refused else f"accepted, but not for {_listed(refused)}"
    return Delivery("sent", said, missed=missed, again=again)


def _wait(server: smtplib.SMTP) -> None:
    if server.sock:
        server.sock.settimeout(ANSWER)


def _demand(answer: tuple[int, bytes], code: int = 250) -> None:
    if answer[0] != code:
        raise smtplib.SMTPResponseException(*answer)


def told(problem: Exception) -> Delivery:
    """What kept a message from being handed in, and whether another try makes sense."""
    match problem:
        case smtplib.SMTPRecipientsRefused():
            codes = [code for code, _ in problem.recipients.values()]
            return Delivery(_verdict(min(codes)), f"refused {_listed(problem.recipients)}")
        case smtplib.SMTPAuthenticationError():
            return Delivery("never", f"the mail server does not take these credentials ({_answer(problem)})")
        case smtplib.SMTPResponseException():
            return Delivery(_verdict(problem.smtp_code), f"the mail server answered {_answer(problem)}")
        case smtplib.SMTPNotSupportedError():
            return Delivery("never", "the mail server offers no TLS, or no way to log in: MRQ demands both here")
        case smtplib.SMTPServerDisconnected():
            return Delivery("later", "the mail server closed the connection before the message was complete")
        case ssl.SSLCertVerificationError():
            return Delivery("later", f"the mail server's certificate is not trusted ({problem.verify_message})")
        case TimeoutError():
            return Delivery("later", "the mail server did not answer in time")
        case ValueError():  # an address or a header that cannot be put into a message
            return Delivery("never", f"the message cannot be sent as it is ({problem})")
        case OSError():
            return Delivery("later", f"the mail server was not reached ({problem.strerror or type(problem).__name__})")
    return Delivery("later", f"the mail server failed ({type(problem).__name__})")


def _verdict(code: int) -> Verdict:
    return "never" if code >= 500 else "later"


def _answer(problem: smtplib.SMTPResponseException) -> str:
    said = problem.smtp_error
    return f"{problem.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"[:200]


def _listed(refused: dict[str, tuple[int, bytes]]) -> str:
    answers = (f"{name} ({code} {said.decode(errors='replace')})" for name, (code, said) in refused.items())
    return ", ".join(answers)
