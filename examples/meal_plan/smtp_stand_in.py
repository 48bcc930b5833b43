"""A mail server on loopback: it takes what it is handed, answers as it is told, and keeps what came."""

import base64
import socketserver
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from .stand_in import StandIn

TAKEN = "250 2.0.0 queued"


class SmtpStandIn(StandIn):
    """Serves inside `with`; accepted messages are in `raw`, and in `folder` as numbered .eml files.

    `answers` replaces the answer to a command (`RCPT bob@example.com` for one recipient, `.` after the message; a list
    gives one answer after the other). An answer of None closes the connection instead.
    `certificate` (PEM, with its key) offers STARTTLS, `at_once` speaks TLS from the first byte; `password` (of the user
    `mrq`) offers AUTH and demands it.
    """

    def __init__(
        self,
        answers: Mapping[str, str | list[str | None] | None] | None = None,
        host: str = "127.0.0.1",
        *,
        folder: Path | None = None,
        certificate: Path | None = None,
        at_once: bool = False,
        password: str | None = None,
    ) -> None:
        super().__init__(folder)
        self.answers, self.host = dict(answers or {}), host
        self.at_once, self.password = at_once, password
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        self.raw: list[bytes] = []
        self.recipients: list[list[str]] = []
        self.commands: list[str] = []

    def server(self) -> socketserver.TCPServer:
        """A conversation in a thread for each client."""
        stand_in = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError), closing(_Talk(stand_in, self.request)) as talk:  # hanging up is no news
                    talk.run()

        server = socketserver.ThreadingTCPServer((self.host, 0), Handler)
        server.daemon_threads, server.block_on_close = True, False
        return server

    @property
    def url(self) -> str:
        """What `MRQ_SMTP_URL` must be."""
        who = f"mrq:{self.password}@" if self.password else ""
        return f"smtp{'s' if self.at_once else ''}://{who}{self.host}:{self.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """What was accepted, read as a mail program would."""
        return [BytesParser(policy=policy.default).parsebytes(raw) for raw in self.raw]  # type: ignore[arg-type]

    def keep(self, raw: bytes, recipients: list[str]) -> None:
        """Take a message."""
        self.raw.append(raw)
        self.recipients.append(recipients)
        if self.folder is not None:
            (self.folder / f"{len(list(self.folder.glob('*.eml'))) + 1:04}.eml").write_bytes(raw)

    def scripted(self, key: str, default: str) -> str | None:
        """The answer to a command: the script's, else the honest one."""
        found = self.answers.get(key, default)
        if isinstance(found, list):
            return found.pop(0) if found else default
        return found


class _Talk:
    """One client's conversation."""

    def __init__(self, stand_in: SmtpStandIn, connection: Any) -> None:
        self.stand_in = stand_in
        self.is_safe = stand_in.at_once
        self.is_signed_in = stand_in.password is None
        self.wear(stand_in.context.wrap_socket(connection, server_side=True) if stand_in.at_once else connection)
        self.to: list[str] = []

    def wear(self, connection: Any) -> None:
        connection.settimeout(60)
        self.connection, self.lines = connection, connection.makefile("rb")

    def close(self) -> None:
        """What STARTTLS wrapped is a socket of its own."""
        self.lines.close()
        self.connection.close()

    def run(self) -> None:
        if not self.say(self.stand_in.scripted("CONNECT", "220 mail.example.com")):
            return
        for line in self.lines_until_the_end():
            command = line.decode("utf-8", "replace").strip()
            self.stand_in.commands.append(command)
            if not self.answer(command, command.split(" ")[0].upper()):
                return

    def lines_until_the_end(self) -> Iterator[bytes]:
        """The lines of whatever connection is worn; STARTTLS changes it."""
        while line := self.lines.readline():
            yield line

    def say(self, answer: str | None) -> bool:
        """Whether the conversation goes on."""
        if answer is not None:
            self.connection.sendall(f"{answer}\r\n".encode())
        return answer is not None and not answer.startswith(("221", "421"))

    def answer(self, command: str, verb: str) -> bool:
        whom = command.partition("<")[2].partition(">")[0]
        said = self.stand_in.scripted(f"{verb} {whom}" if f"{verb} {whom}" in self.stand_in.answers else verb, "")
        if said != "":
            going_on = self.say(said)
            if said is not None and said.startswith("354"):
                return self.take()
            return going_on
        match verb:
            case "EHLO":
                return self.say("\r\n".join(self.offers()))
            case "STARTTLS" if self.stand_in.context and not self.is_safe:
                self.say("220 2.0.0 go ahead")
                self.wear(self.stand_in.context.wrap_socket(self.connection, server_side=True))
                self.is_safe = True
                return True
            case "AUTH":
                return self.say(self.signed_in(command))
            case "MAIL":
                self.to = []
                return self.say("250 ok" if self.is_signed_in else "530 5.7.0 authentication required")
            case "RCPT":
                self.to.append(whom)
                return self.say("250 ok")
            case "DATA":
                return self.say("354 go on") and self.take()
            case "QUIT":
                return self.say("221 bye")
            case "HELO" | "RSET" | "NOOP":
                return self.say("250 ok")
        return self.say("502 5.5.1 not known here")

    def offers(self) -> Iterator[str]:
        yield "250-mail.example.com"
        if self.stand_in.context and not self.is_safe:
            yield "250-STARTTLS"
        if self.stand_in.password is not None or "AUTH" in self.stand_in.answers:
            yield "250-AUTH PLAIN"
        yield "250 8BITMIME"

    def signed_in(self, command: str) -> str:
        """`AUTH PLAIN` with the credentials behind it, as Python sends it."""
        right = base64.b64encode(f"\0mrq\0{self.stand_in.password}".encode()).decode()
        self.is_signed_in = command.split(" ")[1:] == ["PLAIN", right]
        return "235 2.7.0 welcome" if self.is_signed_in else "535 5.7.8 bad credentials"

    def take(self) -> bool:
        data = b""
        while (line := self.lines.readline()) not in (b".\r\n", b""):
            data += line[1:] if line.startswith(b".") else line
        answer = self.stand_in.scripted(".", TAKEN)
        if line and (answer is None or answer.startswith("250")):
            self.stand_in.keep(data, self.to)
        return self.say(answer)
