"""How handing in a mail ends is told as it was: accepted, refused, put off, or not known."""

import socket
from email.message import EmailMessage

import pytest

from manual_resolution.mailing import MailServer
from tests.smtp_sink import SmtpSink


def a_message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "mrq@example.com", "lead@example.com", "Bericht für heute"
    message.set_content("First.\n.A dot.\nZürich\n")
    return message


TO = ("lead@example.com", "bob@example.com")


def test_what_was_written_arrives() -> None:
    """A message arrives letter for letter: dots at a line's start, letters beyond ASCII."""
    with SmtpSink() as sink:
        delivery = MailServer.at(sink.url).send(a_message(), TO)
    assert (delivery.verdict, delivery.sentence) == ("sent", "accepted")
    (message,) = sink.messages
    assert message.get_content() == "First.\n.A dot.\nZürich\n"
    assert message["Subject"] == "Bericht für heute"
    assert sink.raw[0].isascii()


@pytest.mark.parametrize(
    ("answers", "verdict", "perhaps"),
    [
        ({"RCPT": "550 no such user"}, "never", False),
        ({"RCPT": "451 try later"}, "later", False),
        ({"RCPT lead@example.com": "550 no"}, "sent", False),
        ({"MAIL": "421 closing"}, "later", False),
        ({"DATA": "554 no valid recipients"}, "never", False),
        ({"DATA": None}, "later", False),
        ({".": "452 disk full"}, "later", False),
        ({".": "552 too big"}, "never", False),
        ({".": None}, "later", True),
    ],
)
def test_each_end_is_told(answers: dict[str, str | None], verdict: str, perhaps: bool) -> None:
    """Temporary, permanent and unknown ends are told apart; a lost answer after the last line is unknown."""
    with SmtpSink(answers) as sink:
        delivery = MailServer.at(sink.url).send(a_message(), TO)
    assert (delivery.verdict, delivery.arrived_perhaps) == (verdict, perhaps), delivery.sentence


def test_the_refused_are_named() -> None:
    """One recipient of two refused: the other one's copy goes out, and the sentence names who got none."""
    with SmtpSink({"RCPT bob@example.com": "550 no such user"}) as sink:
        delivery = MailServer.at(sink.url).send(a_message(), TO)
    assert delivery.sentence == "accepted, but not for bob@example.com (550 no such user)"
    assert len(sink.raw) == 1


def test_a_password_is_never_repeated() -> None:
    """A server that answers with the password it was given does not bring it into a sentence."""
    with SmtpSink({"AUTH": "535 s3cret! is wrong"}) as sink:
        url = sink.url.replace("smtp://", "smtp://mrq:s3cret%21@")
        server = MailServer.at(url)
        delivery = server.send(a_message(), TO)
    assert delivery.verdict == "never"
    assert "s3cret" not in delivery.sentence + repr(server)


def test_nothing_goes_out_in_the_clear() -> None:
    """A server beyond this machine that offers no STARTTLS gets neither password nor message."""
    with SmtpSink(host="127.0.0.2") as sink:
        delivery = MailServer("127.0.0.2", sink.port, user="mrq", password="s3cret").send(a_message(), TO)
    assert delivery.verdict == "never"
    assert sink.commands == ["ehlo example.com"]


def test_nobody_there() -> None:
    """A mail server that is not there is one to try again, told in a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    delivery = MailServer.at(f"smtp://127.0.0.1:{port}").send(a_message(), TO)
    assert (delivery.verdict, delivery.sentence) == ("later", "the mail server was not reached (Connection refused)")
