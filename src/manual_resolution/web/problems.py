"""Errors over HTTP: problem documents (RFC 9457) that say what the terminal says, and name the field.

`type` is `urn:mrq:` and the error's name in small letters: `urn:mrq:owned-by-another`.
"""

import json
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Any, Final

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from manual_resolution.errors import MRQError, Stale, Unreachable
from manual_resolution.item import json_ready
from manual_resolution.web.sentences import over_http
from manual_resolution.web.statuses import status_of

API: Final = "/api/v1"
PROBLEM: Final = "application/problem+json"
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="mrq"'}
#: Seconds after which what failed for want of a database may be tried again.
LATER: Final = 5
#: Facts of an error that a client needs no copy of: what it sent itself, and what is of this process.
UNTOLD: Final = frozenset({"value", "parameter", "failures", "problems"})
SENTENCES: Final = {
    404: "There is nothing under this address.",
    405: "This method is not for this address.",
}


class Told(Exception):
    """A request that cannot be served as HTTP: a status, a name for it, a sentence; `facts` stand beside them."""

    def __init__(
        self, status: int, name: str, sentence: str, *, headers: Mapping[str, str] | None = None, **facts: Any
    ) -> None:
        self.status, self.name, self.headers, self.facts = status, name, dict(headers or {}), facts
        super().__init__(sentence)


class TooLarge(Told):
    """The body is larger than any form or document of ours."""

    def __init__(self, most: int) -> None:
        super().__init__(413, "too-large", f"A request holds at most {most:,} bytes.")


class Json(Response):
    """A JSON document in ASCII, so that nothing in it moves a cursor where `curl` prints it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The document's bytes."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, default=plain).encode()


def plain(value: Any) -> Any:
    """What JSON lacks: an instant as everywhere in MRQ, anything else as its text."""
    return json_ready(value) if isinstance(value, datetime) else str(value)


def not_signed_in(sentence: str) -> Told:
    """401, with how to do it."""
    return Told(401, "not-signed-in", sentence, headers=CHALLENGE)


def are_expected(path: str) -> bool:
    """Whether who asks for this is a program, which reads a document rather than a page; a proxy's prefix may lead."""
    return f"{API}/" in path


def answer(error: Exception) -> Response:
    """The problem document of any error; what is none of ours goes to the log, not to the client."""
    match error:
        case Told():
            return problem(error.status, error.name, str(error), error.headers, **error.facts)
        case MRQError():
            return of_ours(error)
        case RequestValidationError():
            return answer(of_validation(error))
        case HTTPException():
            sentence = SENTENCES.get(error.status_code, str(error.detail))
            return problem(error.status_code, "http", sentence, error.headers or {})
    traceback.print_exception(error, file=sys.stderr)
    return problem(500, "broken", "Something went wrong here; the server's log says what.")


def of_ours(error: MRQError) -> Response:
    """The document of one of our errors: its sentence, its facts, the field where it names one."""
    facts = {name: value for name, value in vars(error).items() if name not in UNTOLD and value not in (None, ())}
    if field := getattr(error, "parameter", None):
        facts["field"] = field
    status = 412 if isinstance(error, Stale) else status_of(error)  # the version stood in If-Match
    after = getattr(error, "retry_after", None) or (LATER if isinstance(error, Unreachable) else None)
    headers = {"Retry-After": str(ceil(after))} if after else {}
    if status == 401:
        headers |= CHALLENGE
    return problem(status, name_of(type(error)), over_http(error), headers, **facts)


def problem(status: int, name: str, sentence: str, headers: Mapping[str, str] | None = None, **facts: Any) -> Response:
    """One problem document."""
    told = {"type": f"urn:mrq:{name}", "title": title_of(name), "status": status, "detail": sentence} | facts
    return Json(told, status, headers=dict(headers or {}), media_type=PROBLEM)


def name_of(kind: type[MRQError]) -> str:
    """`owned-by-another` of `OwnedByAnother`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


def title_of(name: str) -> str:
    """`Owned by another`."""
    return name.replace("-", " ").capitalize()


def of_validation(error: RequestValidationError) -> Exception:
    """What a request's shape lacks: a field, a header, or that it is an object; or a field too many."""
    first = error.errors()[0]
    kind, *path = first["loc"]
    field = ".".join(map(str, path))
    if kind == "header" and field.lower() == "if-match":
        return Told(428, "version-needed", 'If-Match is needed: the item\'s version as you saw it, such as "3".')
    if first["type"] == "missing" and not field:
        return Told(400, "malformed", "A JSON object is expected as the body.")
    if first["type"] == "missing":
        return Told(422, "invalid-input", f"{field} is missing.", field=field)
    if first["type"] == "extra_forbidden":
        return Told(422, "invalid-input", f"{field} is not a field of this request.", field=field)
    kind = "list" if first["type"].startswith("list") else "object"
    return Told(422, "invalid-type", f"{field or 'the body'}: a JSON {kind} is expected.", field=field or "body")
