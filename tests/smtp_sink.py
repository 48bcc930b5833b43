"""A mail server on loopback for tests: it takes what it is handed, answers as it is told, and keeps what came."""

import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Self


@dataclass
class SmtpSink:
    """`answers` replaces the answer to a command (`RCPT bob@example.com` for one recipient, `.` after the message).

    An answer of None closes the connection instead.
    """

    answers: Mapping[str, str | None] = field(default_factory=dict)
    host: str = "127.0.0.1"
    raw: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                sink.talk(self)

        self.server = socketserver.ThreadingTCPServer((self.host, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def messages(self) -> list[EmailMessage]:
        """What was accepted, read as a mail program would."""
        return [BytesParser(policy=policy.default).parsebytes(raw) for raw in self.raw]  # type: ignore[arg-type]

    def talk(self, peer: socketserver.StreamRequestHandler) -> None:
        peer.wfile.write(b"220 sink.example.com\r\n")
        for line in peer.rfile:
            command = line.decode().strip()
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            answer = self.answer(command, verb)
            if answer is None:
                return
            peer.wfile.write(f"{answer}\r\n".encode())
            if answer.startswith("354"):
                data = b"".join(iter(peer.rfile.readline, b".\r\n"))
                end = self.answers.get(".", "250 queued")
                if end is None or end.startswith("250"):
                    self.raw.append(data.replace(b"\r\n..", b"\r\n."))
                if end is None:
                    return
                peer.wfile.write(f"{end}\r\n".encode())

    def answer(self, command: str, verb: str) -> str | None:
        whom = command.partition("<")[2].partition(">")[0]
        default = {"EHLO": "250-sink\r\n250 AUTH PLAIN", "DATA": "354 go on", "AUTH": "235 welcome"}.get(verb, "250 ok")
        return self.answers.get(f"{verb} {whom}", self.answers.get(verb, default))
