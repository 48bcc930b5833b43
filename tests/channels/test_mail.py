"""Alerts by e-mail: what arrives, what cannot be forged, and how each end of the handing over is told."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from meal_plan.smtp_stand_in import SmtpStandIn

from manual_resolution import Settings
from manual_resolution.alerts import Alert
from manual_resolution.channels.mail import Mail, from_settings, message
from manual_resolution.mailing import MailServer

from .conftest import BREACH, Make

TO = ("oncall@example.com", "lead@example.com")


def channel(server: SmtpStandIn, **more: float) -> Mail:
    return Mail(MailServer.at(server.url), "mrq@example.com", TO, **more)


def test_a_breach_as_it_arrives() -> None:
    """A plain text with every fact, to every address, by headers that stop automatic replies."""
    with SmtpStandIn() as server:
        assert channel(server).send(BREACH).verdict == "sent"
    [mail] = server.messages
    assert server.recipients == [list(TO)]
    assert (mail["From"], mail["To"]) == ("mrq@example.com", "oncall@example.com, lead@example.com")
    assert mail["Subject"] == "[MRQ] SLA breach: item #42 (medium, 8 h over)"
    assert mail["Auto-Submitted"] == "auto-generated" and mail["X-Auto-Response-Suppress"] == "All"
    assert mail["List-Id"] == "MRQ alerts <mrq-alerts.example.com>" and mail["Date"].datetime
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == [
        "SLA breach: item #42 (medium, 8 h over)",
        "",
        "Item: 42",
        "Type: pdf_deletion_failed",
        "Priority: medium",
        "Deadline: 2026-01-02T15:00:00Z",
        "Hours over: 8",
        "What to do: Check Vercel status page, retry deletion, or mark as permanently failed",
        "Open: https://app.example.com/admin/manual-resolution-queue/42",
        "Reason:",
        "  | Vercel Blob API returned 503 after 3 retry attempts",
    ]


def test_a_repeat_can_be_recognised() -> None:
    """The same alert has the same Message-ID at every try, another alert another; a repeat says that it may be one."""
    first, repeat = (message(one, "mrq@example.com", TO) for one in (BREACH, replace(BREACH, repeated=True)))
    other = message(replace(BREACH, numbers=(8,)), "mrq@example.com", TO)
    assert first["Message-ID"] == repeat["Message-ID"] != other["Message-ID"]
    assert repeat["Subject"].endswith("(may be a repeat)") and "may be a repeat" in repeat.get_content()


@pytest.mark.parametrize(
    "words", ["x\r\nBcc: all@example.com", "x\nBcc: a@b.example\n\nHello", "x\x00\u2028y", "ü" * 900]
)
def test_a_header_cannot_be_forged(words: str) -> None:
    """Whatever stands in a title or a reason, there is one header of each name, and the text stays behind its bar."""
    alert = Alert("meta", 0, "mrq:1:x", "", {"reason": words}, ({"reason": words},))
    with SmtpStandIn() as server:
        assert channel(server).send(alert).verdict == "sent"
    [mail] = server.messages
    assert len(mail.keys()) == len(set(mail.keys())) and "Bcc" not in mail
    assert not [line for line in mail.get_content().splitlines() if line.startswith(("Bcc", "Hello"))]


def test_a_digest_lists_every_item(digest: Callable[..., Alert]) -> None:
    """A flood is one mail with all its items."""
    text = message(digest(500), "mrq@example.com", TO).get_content()
    assert [line for line in text.splitlines() if line.startswith("Item: ")] == [f"Item: {n}" for n in range(1, 501)]


def test_a_reason_cannot_look_like_a_line_of_ours(alert: Make) -> None:
    """Lines of a reason stand behind a bar."""
    lines = message(alert(reason="x\nOpen: https://evil.example"), "mrq@example.com", TO).get_content().splitlines()
    assert [line for line in lines if line.startswith("Open:")] == [
        "Open: https://app.example.com/admin/manual-resolution-queue/42"
    ]
    assert lines[-1] == "  | Open: https://evil.example"


@pytest.mark.parametrize(
    ("answers", "verdict", "perhaps"),
    [
        ({"CONNECT": "421 too busy"}, "later", False),
        ({"CONNECT": "554 not you"}, "never", False),
        ({"EHLO": None}, "later", False),
        ({"MAIL": "530 TLS first"}, "never", False),
        ({"RCPT": "550 unknown"}, "never", False),
        ({"RCPT": "451 greylisted"}, "later", False),
        ({"RCPT lead@example.com": "550 unknown"}, "sent", False),
        ({".": "451 try later"}, "later", False),
        ({".": "554 spam"}, "never", False),
        ({".": None}, "later", True),
    ],
)
def test_each_end_is_told_as_it_was(answers: dict[str, str | None], verdict: str, perhaps: bool) -> None:
    """4yz is put off, 5yz is for good, one recipient of two is enough, a lost answer after the text is unknown."""
    with SmtpStandIn(answers) as server:
        delivery = channel(server).send(BREACH)
    assert (delivery.verdict, delivery.arrived_perhaps) == (verdict, perhaps), delivery.sentence


@pytest.mark.parametrize(("answer", "missed"), [("550 unknown", True), ("451 greylisted", False)])
def test_whom_it_missed_is_told_and_alone_tried_again(answer: str, missed: bool) -> None:
    """One of two refused: who, and whether another try makes sense; the next try is for them, under the same name."""
    with SmtpStandIn({"RCPT lead@example.com": [answer]}) as server:
        delivery = channel(server).send(BREACH)
        assert (delivery.missed, delivery.again) == (TO[1:] if missed else (), () if missed else TO[1:])
        assert channel(server).send(replace(BREACH, missed=TO[1:])).verdict == "sent"
        assert channel(server).send(replace(BREACH, missed=("gone@example.com",))).verdict == "sent"
    assert server.recipients == [[TO[0]], [TO[1]]]
    assert len({mail["Message-ID"] for mail in server.messages}) == 1


def test_what_was_put_off_arrives_the_next_time() -> None:
    """451 and then 250: two tries, one mail."""
    with SmtpStandIn({".": ["451 try later"]}) as server:
        assert [channel(server).send(BREACH).verdict for _ in range(2)] == ["later", "sent"]
    assert len(server.raw) == 1


def test_a_silent_server_costs_the_time_and_no_more() -> None:
    """A server that takes the connection and never speaks ends with the whole time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = Mail(MailServer("127.0.0.1", silent.getsockname()[1]), "mrq@example.com", TO, seconds=0.3)
        begun = monotonic()
        delivery = mail.send(BREACH)
    assert (delivery.verdict, delivery.arrived_perhaps) == ("later", True)
    assert monotonic() - begun < 3


# ------------------------------------------------------------------ TLS and sign-in


def test_starttls_then_sign_in_then_the_message(trusted: Callable[[str], Path]) -> None:
    """Beyond this machine the password goes over TLS only."""
    with SmtpStandIn(host="127.0.0.2", certificate=trusted("right"), password="s3cret!") as server:
        mail = Mail(MailServer("127.0.0.2", server.port, user="mrq", password="s3cret!"), "mrq@example.com", TO)
        assert mail.send(BREACH).verdict == "sent"
    verbs = [command.split(" ")[0].upper() for command in server.commands]
    assert verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


def test_tls_from_the_first_byte(trusted: Callable[[str], Path]) -> None:
    """`smtps://` speaks TLS at once."""
    with SmtpStandIn(certificate=trusted("right"), at_once=True, password="s3cret") as server:
        assert channel(server).send(BREACH).verdict == "sent"


@pytest.mark.parametrize("kind", ["expired", "other", "own"])
def test_a_wrong_certificate_gets_neither_password_nor_message(kind: str, trusted: Callable[[str], Path]) -> None:
    """A certificate that is not trusted is tried again later; nothing was said."""
    with SmtpStandIn(host="127.0.0.2", certificate=trusted(kind), password="s3cret") as server:
        mail = Mail(MailServer("127.0.0.2", server.port, user="mrq", password="s3cret"), "mrq@example.com", TO)
        delivery = mail.send(BREACH)
    assert (delivery.verdict, delivery.arrived_perhaps) == ("later", False)
    assert [command.split(" ")[0].upper() for command in server.commands] == ["EHLO", "STARTTLS"]


def test_a_server_without_starttls_gets_nothing() -> None:
    """Where TLS is demanded and not offered, it is refused for good: somebody must look."""
    with SmtpStandIn(host="127.0.0.2", password="s3cret") as server:
        mail = Mail(MailServer("127.0.0.2", server.port, user="mrq", password="s3cret"), "mrq@example.com", TO)
        assert mail.send(BREACH).verdict == "never"
    assert not [command for command in server.commands if command.upper().startswith(("AUTH", "MAIL"))]


def test_a_wrong_password_is_refused_for_good_and_not_repeated() -> None:
    """535 is definite; neither sentence nor description holds the password."""
    with SmtpStandIn(password="right") as server:
        settings = Settings(
            smtp_url=server.url.replace("right", "s3cr%25et"), mail_from="mrq@example.com", alert_mail_to=TO
        )
        mail = from_settings(settings)
        delivery = mail.send(BREACH)
    assert delivery.verdict == "never"
    assert "s3cr" not in repr(mail) + delivery.sentence
