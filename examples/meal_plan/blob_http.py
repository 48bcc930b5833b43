"""The HTTP of the Vercel Blob stand-in: `POST /delete`, `GET ?url=`, `PUT ?pathname=` under `/api/blob`."""

import hmac
import json
import secrets
import socket
import struct
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .blob_catalogue import Blob
from .blob_faults import ERRORS, Fault

if TYPE_CHECKING:
    from .blob_stand_in import BlobStandIn

BASE = "/api/blob"
HTML = b"<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1>"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with 0 seconds: closing sends RST


class Refusal(Exception):
    """The request gets this error: a key of ERRORS, and words of its own."""

    def __init__(self, reply: str, message: str | None = None) -> None:
        self.reply, self.message = reply, message


class Server(ThreadingHTTPServer):
    """One thread per request on 127.0.0.1; `port` 0 takes a free one."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, stand_in: "BlobStandIn", port: int) -> None:
        self.stand_in = stand_in
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class Handler(BaseHTTPRequestHandler):
    """One request, then the connection closes (HTTP/1.0 replies)."""

    server: Server

    def handle_one_request(self) -> None:
        self.connection.settimeout(60)
        super().handle_one_request()

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def answer(self) -> None:
        """Writes the request down, then the scripted fault or the honest answer."""
        parts = urlsplit(self.path)
        self.route = parts.path.rstrip("/")
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {key.lower(): value for key, value in self.headers.items() if key[:2].lower() == "x-"}
        fault = self.server.stand_in.admit(self.command, parts.path, self.targets(), headers)
        if fault is None:
            self.honest()
        else:
            self.misbehave(fault)

    def targets(self) -> tuple[str, ...]:
        """What the request is about, as far as it can be read."""
        try:
            urls = json.loads(self.body)["urls"] if self.command == "POST" else []
        except (ValueError, KeyError, TypeError):
            urls = []
        named = [self.query[name] for name in ("url", "pathname") if name in self.query]
        listed = urls if isinstance(urls, list) else []
        return tuple(url for url in [*named, *listed] if isinstance(url, str))

    def misbehave(self, fault: Fault) -> None:
        match fault.reply:
            case "reset":
                self.reset()
            case "slow":
                closed = self.server.stand_in.closing.wait(fault.seconds)
                self.reset() if closed else self.honest()
            case "reset-after":
                with suppress(Refusal):
                    self.act()
                self.reset()
            case "garbage":
                self.send(200, HTML, "text/html")
            case "502-html":
                self.send(502, HTML, "text/html")
            case "redirect":
                self.send(307, b"", "text/plain", {"location": f"{BASE}/elsewhere"})
            case reply:
                extra = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
                self.refuse(reply, None, extra)

    def honest(self) -> None:
        try:
            self.send(200, json.dumps(self.act()).encode())
        except Refusal as refusal:
            self.refuse(refusal.reply, refusal.message)

    def act(self) -> Any:
        """Does what was asked; gives the JSON of the 200."""
        expected = f"Bearer {self.server.stand_in.token}".encode()
        if not hmac.compare_digest((self.headers.get("authorization") or "").encode(), expected):
            raise Refusal("403")
        match self.command, self.route:
            case "POST", "/api/blob/delete":
                return self.delete()
            case "GET", "/api/blob" if "url" in self.query:
                return self.described(self.found(self.query["url"]))
            case "PUT", "/api/blob" if "pathname" in self.query:
                return self.put()
        raise Refusal("404", f"The stand-in does not serve {self.command} {self.route}")

    def delete(self) -> Any:
        """A missing blob, and one of another store, is the same 200 as one that is there."""
        pathnames = [self.pathname(url) for url in self.urls()]
        etag = self.headers.get("x-if-match")
        if etag is not None and len(pathnames) != 1:
            raise Refusal("400", "x-if-match needs exactly one url")
        for pathname in pathnames:
            deleted = pathname is not None and self.server.stand_in.catalogue.delete(pathname, etag)
            if etag is not None and not deleted:
                raise Refusal("412")
        return {}

    def urls(self) -> list[str]:
        try:
            body = json.loads(self.body)
        except ValueError:
            raise Refusal("400", "The body is not JSON") from None
        urls = body.get("urls") if isinstance(body, dict) else None
        if isinstance(urls, list) and 1 <= len(urls) <= 1000 and all(isinstance(url, str) for url in urls):
            return urls
        raise Refusal("400", "urls must be 1 to 1000 strings")

    def pathname(self, target: str) -> str | None:
        try:
            return self.server.stand_in.pathname_of(target)
        except ValueError as error:
            raise Refusal("400", str(error)) from None

    def found(self, target: str) -> Blob:
        pathname = self.pathname(target)
        blob = None if pathname is None else self.server.stand_in.catalogue.get(pathname)
        if blob is None:
            raise Refusal("404")
        return blob

    def put(self) -> Any:
        pathname, options = self.query["pathname"], self.headers
        if options.get("x-add-random-suffix") == "1":
            path = PurePosixPath(pathname)
            pathname = str(path.with_name(f"{path.stem}-{secrets.token_hex(8)}{path.suffix}"))
        elif options.get("x-allow-overwrite") != "1" and self.server.stand_in.has(pathname):
            raise Refusal("400", "This blob already exists, use `allowOverwrite: true` if you want to overwrite it")
        cache = int(options.get("x-cache-control-max-age") or 2_592_000)
        blob = Blob.new(pathname, len(self.body), options.get("x-content-type"), cache)
        self.server.stand_in.catalogue.put([blob])
        return self.described(blob)

    def described(self, blob: Blob) -> dict[str, object]:
        url = self.server.stand_in.url_of(blob.pathname)
        return {
            "url": url,
            "downloadUrl": f"{url}?download=1",
            "pathname": blob.pathname,
            "size": blob.size,
            "etag": blob.etag,
            "uploadedAt": blob.uploaded_at,
            "contentType": blob.content_type,
            "contentDisposition": f'inline; filename="{PurePosixPath(blob.pathname).name}"',
            "cacheControl": f"public, max-age={blob.cache_seconds}",
        }

    def refuse(self, reply: str, message: str | None = None, extra: dict[str, str] | None = None) -> None:
        status, code, usual = ERRORS[reply]
        self.send(status, json.dumps({"error": {"code": code, "message": message or usual}}).encode(), extra=extra)

    def send(
        self, status: int, body: bytes, kind: str = "application/json", extra: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        fixed = {"content-type": kind, "content-length": str(len(body)), "connection": "close"}
        for name, value in (fixed | (extra or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Silent: `calls` has everything."""
