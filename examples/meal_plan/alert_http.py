"""What the stand-ins for Slack and PagerDuty share: HTTP on loopback that answers as told, and keeps what came."""

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from .stand_in import StandIn

HTML = b"<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1>"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with 0 seconds: closing sends RST
BEHAVIOURS = {
    "reset": "resets the connection, having done nothing",
    "reset-after": "does what was asked, then resets the connection without a reply",
    "silent": "never answers",
    "slow": "answers honestly, after `seconds`",
    "trickle": "200, then one byte every twentieth of a second, without end",
    "garbage": "200 with a page of HTML, having done nothing",
    "empty": "200 without a body",
    "truncated": "200 that ends before its length",
    "huge": "200 with a gigabyte",
    "gzip-bomb": "200 with a body that grows when it is unpacked",
    "502-html": "502 with a page of HTML, as a proxy in between would",
    "redirect": "307 to another path",
    "nonsense": "bytes that are no HTTP",
}


@dataclass(frozen=True)
class Answer:
    """What a request gets: status, body, media type."""

    status: int
    body: bytes
    kind: str = "application/json"


@dataclass(frozen=True)
class Received:
    """One request as it came, at so many seconds since 1970. `content` is its JSON, None where it is none."""

    at: float
    path: str
    content: Any
    size: int
    reply: str | None


@dataclass
class Script:
    """The next `times` requests get `reply`: a key of the stand-in's ERRORS or of BEHAVIOURS."""

    reply: str
    times: int
    retry_after: int | str | None
    seconds: float


class HttpStandIn(StandIn):
    """A service on 127.0.0.1 for as long as the `with` block lasts; a subclass says what it answers.

    With `folder` every request is also a line of `folder/<name>.jsonl`. `certificate` (PEM, with its key): https.
    """

    name = "service"
    #: Scripted answers beside BEHAVIOURS.
    ERRORS: ClassVar[dict[str, Answer]] = {}

    def __init__(self, folder: Path | None = None, certificate: Path | None = None) -> None:
        super().__init__(folder)
        self.certificate = certificate
        self.received: list[Received] = []
        self._scripts: deque[Script] = deque()
        self._lock = threading.Lock()

    def server(self) -> "_Server":
        """HTTP, or https with a certificate."""
        return _Server(self)

    @property
    def base(self) -> str:
        """Its address, without a path."""
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def next(self, reply: str, times: int = 1, *, retry_after: int | str | None = None, seconds: float = 0.0) -> None:
        """The next requests get `reply`; several scripts follow each other. ValueError for a reply it has not."""
        if reply not in self.ERRORS and reply not in BEHAVIOURS:
            raise ValueError(f"reply = {reply!r} is not one of {', '.join([*self.ERRORS, *BEHAVIOURS])}.")
        with self._lock:
            self._scripts.append(Script(reply, times, retry_after, seconds))

    def answer(self, path: str, body: bytes) -> Answer:
        """The honest answer to a POST, which does what was asked."""
        raise NotImplementedError

    def admit(self, path: str, body: bytes) -> Script | None:
        """Writes the request down; gives the script it follows."""
        content = None
        with suppress(ValueError):
            content = json.loads(body)
        with self._lock:
            script = next((script for script in self._scripts if script.times > 0), None)
            if script:
                script.times -= 1
            entry = Received(time.time(), path, content, len(body), script.reply if script else None)
            self.received.append(entry)
            if self.folder is not None:
                with (self.folder / f"{self.name}.jsonl").open("a") as log:
                    log.write(json.dumps(content) + "\n")
        return script


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, stand_in: HttpStandIn) -> None:
        self.stand_in, self.context = stand_in, None
        if stand_in.certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(stand_in.certificate)
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """The handshake comes with the first read, in the request's own thread."""
        found, address = super().get_request()
        if self.context:
            found = self.context.wrap_socket(found, server_side=True, do_handshake_on_connect=False)
        return found, address

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def handle_one_request(self) -> None:
        self.connection.settimeout(60)
        super().handle_one_request()

    def do_GET(self) -> None:
        self.send(Answer(405, b"", "text/plain"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        script = self.server.stand_in.admit(self.path, body)
        if script is None:
            self.send(self.server.stand_in.answer(self.path, body))
        elif script.reply in BEHAVIOURS:
            self.misbehave(script, body)
        else:
            extra = {} if script.retry_after is None else {"retry-after": str(script.retry_after)}
            self.send(self.server.stand_in.ERRORS[script.reply], extra)

    def misbehave(self, script: Script, body: bytes) -> None:
        match script.reply:
            case "reset":
                self.reset()
            case "reset-after":
                self.server.stand_in.answer(self.path, body)
                self.reset()
            case "silent":
                self.server.stand_in.closing.wait(60)
                self.reset()
            case "slow":
                self.server.stand_in.closing.wait(script.seconds)
                self.send(self.server.stand_in.answer(self.path, body))
            case "trickle":
                self.begin(200, 1_000_000)
                while not self.server.stand_in.closing.wait(0.05):
                    self.wfile.write(b" ")
            case "garbage":
                self.send(Answer(200, HTML, "text/html"))
            case "empty":
                self.send(Answer(200, b"", "text/plain"))
            case "truncated":
                self.begin(200, 2)
                self.wfile.write(b"o")
            case "huge":
                self.begin(200, 1 << 30)
                for _ in range(1 << 14):
                    self.wfile.write(b"ok" * (1 << 15))
            case "gzip-bomb":
                packed = gzip.compress(b"ok" * 5_000_000)
                self.send(Answer(200, packed, "text/plain"), {"content-encoding": "gzip"})
            case "502-html":
                self.send(Answer(502, HTML, "text/html"))
            case "redirect":
                self.send(Answer(307, b"", "text/plain"), {"location": f"{self.server.stand_in.base}/elsewhere"})
            case "nonsense":
                self.wfile.write(b"\x00\x01 no HTTP at all\r\n\r\n")

    def begin(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("content-length", str(length))
        self.send_header("connection", "close")
        self.end_headers()

    def send(self, answer: Answer, extra: dict[str, str] | None = None) -> None:
        self.send_response(answer.status)
        fixed = {"content-type": answer.kind, "content-length": str(len(answer.body)), "connection": "close"}
        for name, value in (fixed | (extra or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Silent: `received` has everything."""
