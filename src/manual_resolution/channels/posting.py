"""One POST of JSON: no redirect followed, no proxy asked, no unpacking, little read; what came of it as a value."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from manual_resolution.alerts import Delivery
from manual_resolution.channels.trying import Try, why

#: Bytes of a reply that are read; what we look for stands in the first few.
REPLY_LIMIT: Final = 65_536
LONGEST_WAIT: Final = 900.0
#: Refusals that another time may not meet.
PASSING: Final = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `headers` in lower case; `text` as far as it came and was read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the provider asks to wait, at most 15 minutes; None where it says nothing that makes sense."""
        asked = self.headers.get("retry-after", "").strip()
        if asked.isascii() and asked.isdigit():
            return min(float(asked[:9]), LONGEST_WAIT)
        try:
            seconds = (_instant(asked) - _instant(self.headers["date"])).total_seconds()
        except (KeyError, ValueError):
            return None
        return min(seconds, LONGEST_WAIT) if seconds >= 0 else None


def _instant(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def post(address: str, content: Any, seconds: float, named: str) -> Reply | Delivery:
    """POST `content` as JSON. A Delivery where no reply came; its sentence names the provider, never the address."""
    attempt, answers = Try(seconds), list[Reply]()
    try:
        attempt.run(lambda: _exchange(address, content, attempt, answers))
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, http.client.InvalidURL | UnicodeError) or not (
            isinstance(error, OSError) or attempt.has_begun
        ):
            return Delivery("never", f"The address set for {named} is none that can be called")
        if not answers:
            return _unanswered(error, attempt, named)
    return answers[-1]


def _exchange(address: str, content: Any, attempt: Try, answers: list[Reply]) -> None:
    parts = urlsplit(address)
    body = json.dumps(content).encode()
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, attempt.seconds)
    try:
        connection.connect()
        attempt.uses(connection.sock)
        attempt.begins()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Content-Type": "application/json", "Connection": "close"})
        _read(connection.getresponse(), answers)
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None, seconds: float) -> http.client.HTTPConnection:
    if scheme == "http":  # the settings allow it on loopback only
        return http.client.HTTPConnection(host, port, timeout=seconds)
    import ssl

    return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())


def _read(response: http.client.HTTPResponse, answers: list[Reply]) -> None:
    """The status counts from the moment it came; the text is added when it has come too."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    answers.append(Reply(response.status, headers))
    text = response.read(REPLY_LIMIT).decode("utf-8", "replace")
    answers.append(Reply(response.status, headers, text))


def _unanswered(error: Exception, attempt: Try, named: str) -> Delivery:
    reason = why(error, attempt.seconds)
    if attempt.has_begun:
        return Delivery("later", f"{named} may have it: {reason}", arrived_perhaps=True)
    return Delivery("later", f"{named} was not reached: {reason}")


def refused(reply: Reply, named: str, said: str = "") -> Delivery:
    """What an answer other than the provider's yes comes to (contracts of the services)."""
    sentence = f"{named} answered {reply.status}{f' {said}' if said else ''}"
    if reply.status >= 500:
        return Delivery("later", sentence, reply.retry_after, arrived_perhaps=True)
    if reply.status in PASSING:
        return Delivery("later", sentence, reply.retry_after)
    if reply.status >= 300:
        return Delivery("never", f"{sentence}: {'MRQ follows no redirect' if reply.status < 400 else 'refused'}")
    return Delivery("later", f"{sentence}, which is not its yes", arrived_perhaps=True)
