"""Vercel Blob by its official package: is a PDF there, and one try to delete it.

Imported only when somebody acts: the package takes a quarter of a second to load.
"""

import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import Timer
from time import monotonic
from typing import Any
from urllib.parse import unquote

import httpx2
from vercel.api import session
from vercel.blob import sync as blob

from manual_resolution import Outcome, Settings, SettingsError, done, not_done, unclear

API = "https://vercel.com/api/blob"
REPLY_LIMIT = 65_536  # bytes
TOKEN = re.compile(r"vercel_blob_rw_([A-Za-z0-9-]+)_[!-~]+")
DELIVERY_URL = re.compile(
    r"https://([a-z0-9-]+)\.(?:public|private)\.blob\.vercel-storage\.com/([^\\?#\s]+)",
    re.IGNORECASE | re.ASCII,
)

#: The service's own words decide before the status does (some come with more than one).
REFUSALS = {
    "forbidden",
    "store_not_found",
    "store_suspended",
    "bad_request",
    "precondition_failed",
    "rate_limited",
}
TROUBLES = {"service_unavailable", "unknown_error", "internal_server_error"}


class NotAsked(Exception):
    """No request was made; the message says why."""


class ForeignUrl(NotAsked):
    """Not the address of a blob in our store."""


def look(url: object) -> Outcome:
    """Whether the blob is gone: done when it is, not_done (`size` in bytes) when it is there, else unclear.

    `foreign` marks an address MRQ must not touch, `asked=False` that no request was made.
    """
    try:
        with opened(url) as (line, address):
            return _look(line, address)
    except ForeignUrl as no:
        return unclear(str(no), asked=False, foreign=True)
    except NotAsked as no:
        return unclear(str(no), asked=False)


def delete(url: object) -> Outcome:
    """Look, then at most one `POST /delete`: both "deleted now" and "already gone" are a 200 to it.

    Where looking brings no answer, nothing is deleted, and that is definite. One time limit is for both.
    """
    try:
        with opened(url) as (line, address):
            found = _look(line, address)
            if found.state == "not_done":
                return _delete(line, address)
            if found.state == "done":
                return done(found.sentence, already_gone=True, **found.evidence)
            facts = dict(found.evidence)
            wait = facts.pop("retry_after", None)
            return not_done(f"{found.sentence}; the deletion was not sent", retry_after=wait, **facts)
    except NotAsked as no:
        return not_done(str(no))


# ------------------------------------------------------------------ before anything is sent


@contextmanager
def opened(url: object) -> Iterator[tuple["Line", str]]:
    """A line to the store in the environment, and the address once it was found fit; raises `NotAsked`."""
    settings, token, store = configured()
    address = fit(url, store)
    line = Line(settings.call_timeout)
    options = blob.SyncBlobServiceOptions(
        base_url=settings.blob_api_url or API, credentials_factory=lambda: blob.BlobCredentials(token, store)
    )
    with session(service_options=[options], httpx_client_factory=line.client):
        try:
            yield line, address
        finally:
            line.close()


def configured() -> tuple[Settings, str, str]:
    """The settings, the token, the store it is for; raises `NotAsked` saying what to set."""
    try:
        settings = Settings.from_env()
        httpx2.URL(settings.blob_api_url or API)
    except SettingsError as error:
        raise NotAsked(str(error).rstrip(".")) from None
    except httpx2.InvalidURL as error:
        raise NotAsked(f"VERCEL_BLOB_API_URL is not an address ({error})") from None
    if not settings.blob_token:
        raise NotAsked("BLOB_READ_WRITE_TOKEN is not set: MRQ needs it to look and to delete at Vercel Blob")
    if not (parts := TOKEN.fullmatch(settings.blob_token)):
        raise NotAsked("BLOB_READ_WRITE_TOKEN (hidden) has not the form vercel_blob_rw_<store>_<secret>")
    return settings, settings.blob_token, parts[1]


def fit(url: object, store: str) -> str:
    """`url` when it is a blob's address in our store; raises `ForeignUrl` naming it and what is allowed."""
    parts = DELIVERY_URL.fullmatch(url) if isinstance(url, str) else None
    if parts and parts[1].lower() == store.lower() and is_plain(parts[2]):
        return parts[0]
    shown = ascii(url) if len(ascii(url)) <= 200 else f"{ascii(url)[:199]}…"
    host = f"{store.lower()}.public.blob.vercel-storage.com"
    raise ForeignUrl(
        f"pdf_url = {shown} is not allowed: MRQ deletes https://{host}/<path> (or .private.), "
        "of the store its token is for, with a plain path and nothing behind it"
    )


def is_plain(path: str) -> bool:
    """Whether a path means the same to every reader: no dot segment, hidden slash or control character."""
    try:
        decoded = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    hides_slash = decoded.count("/") != path.count("/") or "\\" in decoded
    return decoded.isprintable() and not hides_slash and not {"", ".", ".."} & set(decoded.split("/"))


# ------------------------------------------------------------------ one line, one conversation


class Line(httpx2.HTTPTransport):
    """HTTP that knows whether its request was sent, keeps a short reply, and ends after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(verify=certificates(), trust_env=False)
        self.seconds, self.deadline = seconds, monotonic() + seconds
        self.sent = False
        self.body = b""
        self._socket: socket.socket | None = None
        self._end = Timer(seconds, self._cut)
        self._end.daemon = True
        self._end.start()

    def client(self) -> httpx2.Client:
        """What the package is to use: no proxy, no redirect, no compressed reply that could grow."""
        limits = httpx2.Timeout(self.seconds, connect=self.seconds / 2)  # spent twice: TCP, then TLS
        return httpx2.Client(
            transport=self,
            timeout=limits,
            headers={"accept-encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent, self.body = False, b""
        request.extensions["trace"] = self._watch
        answer = super().handle_request(request)
        try:
            self.body = _start(answer.iter_raw())
        finally:
            answer.close()
        wait = answer.headers.get("retry-after")
        kept = {} if wait is None else {"retry-after": wait}
        return httpx2.Response(answer.status_code, headers=kept, content=self.body)

    def close(self) -> None:
        self._end.cancel()
        super().close()

    @property
    def is_late(self) -> bool:
        return monotonic() >= self.deadline

    @property
    def brought_json(self) -> bool:
        """Whether the last reply was the service's, not the page of something in between."""
        with suppress(ValueError):
            return json.loads(self.body) is not None
        return False

    def _watch(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
        elif event == "http11.send_request_headers.started":
            if self.is_late:
                raise httpx2.ConnectTimeout("no time left")
            self.sent = True

    def _cut(self) -> None:
        """A timeout of the client's ends one silence; a reply that trickles ends only so."""
        if self._socket:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@cache
def certificates() -> ssl.SSLContext:
    """Whom to trust; read once, as it takes 60 ms."""
    return httpx2.create_ssl_context(trust_env=False)


def _start(chunks: Iterator[bytes]) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) >= REPLY_LIMIT:
            break
    return body[:REPLY_LIMIT]


def _look(line: Line, url: str) -> Outcome:
    try:
        size = blob.head_blob(url).size
    except blob.BlobError as error:
        if error.code == "not_found":
            return done("The PDF is already gone", **facts_of(error))
        return unclear(sentence(error, line), **facts_of(error))
    return not_done(f"The PDF is still there ({size:,} bytes)", size=size)


def _delete(line: Line, url: str) -> Outcome:
    try:
        blob.delete_blob(url)
    except blob.BlobError as error:
        return failure(error, line)
    if not line.brought_json:
        return unclear("Vercel Blob's answer was not in JSON: something in between may have given it")
    return done("PDF deleted", status=200)


# ------------------------------------------------------------------ what an error means


def failure(error: blob.BlobError, line: Line) -> Outcome:
    """What a deletion that raised came to: refused for certain, or nobody knows."""
    facts = facts_of(error)
    if error.code == "not_found":
        return done("The PDF was already gone", already_gone=True, **facts)
    if not line.sent or is_refusal(error):
        return not_done(sentence(error, line), retry_after=facts.pop("retry_after", None), **facts)
    return unclear(sentence(error, line), **facts)


def is_refusal(error: blob.BlobError) -> bool:
    """Whether the service said no, rather than failed on the way."""
    said_no = 400 <= (error.status_code or 0) < 500 and error.code not in TROUBLES
    return error.code in REFUSALS or said_no


def facts_of(error: blob.BlobError) -> dict[str, Any]:
    """`status`, `code`, `retry_after` in seconds, as far as the service said so."""
    wait = getattr(error, "retry_after", None)
    facts = {"status": error.status_code, "code": error.code, "retry_after": wait}
    return {name: value for name, value in facts.items() if value}


def sentence(error: blob.BlobError, line: Line) -> str:
    """The error in one sentence, without a full stop."""
    said = str(error).removeprefix("Vercel Blob: ").strip().rstrip(".")[:200]
    if error.status_code:
        return f"Vercel Blob answered {error.status_code} {error.code or 'without a code'}: {said}"
    if isinstance(error, blob.BlobStreamError):
        return f"Vercel Blob's answer makes no sense: {said}"
    if not isinstance(error.__cause__, httpx2.HTTPError):
        return f"The package of Vercel Blob refuses it: {said}"
    if line.is_late or isinstance(error.__cause__, httpx2.TimeoutException):
        return f"Vercel Blob gave no answer within {line.seconds:g} s"
    if not line.sent:
        return f"Vercel Blob was not reached: {error.__cause__}"
    return f"The connection to Vercel Blob broke before it answered ({type(error.__cause__).__name__})"
