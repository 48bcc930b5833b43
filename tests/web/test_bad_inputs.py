"""Whatever is typed into a form or an address: a page with a sentence; never a 5xx, a traceback or live text."""

import re
from typing import Final
from urllib.parse import quote, urlencode

import pytest

from manual_resolution import Queue
from manual_resolution.web.pages.moving import MOVES
from tests.web.conftest import CONSOLE, Browser

HOSTILE: Final = (
    "", " ", "\0", "\u200b", "0", "-1", "1e1", "٣", "9" * 30, "9" * 5000, "nan", "true", "\x1b[2J\x1b]0;owned\x07",
    "\u202etfel", "a\r\nSet-Cookie: a=b", "x" * 20_000, "💥" * 60, "' or 1=1; --", "%s %(id)s {0} {{ 7*7 }}",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "../../../etc/passwd", "[]", "{}", "[" * 5000,
    '{"a": NaN}', '{"context": 1, "answers": 2, "plans": 3}', '{"context": {}, "answers": {"a": 1}, "plans": {}}',
    "2026-02-30", "9999-12-31T23:59", "infinity", "1000000h", "parcel:", "a=b=c", "=1+1",
)  # fmt: skip

#: The fields of all forms.
FIELDS: Final = (
    "version", "seen", "option", "justification", "flow", "type", "priority", "then", "span", "until", "to", "text",
    "name", "value", "context", "done", "proposal", "send.house", "send.street", "defer.span", "escalate.to",
)  # fmt: skip

#: In what a browser gets, these would act, hide or reorder.
LIVE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200b\ufeff]")


def ill(answer: object) -> str:
    """What is wrong with an answer; nothing where it did well."""
    status, text = answer.status_code, answer.text  # type: ignore[attr-defined]
    if status >= 500 and status != 502:
        return f"status {status}"
    if LIVE.search(text):
        return "live text"
    return next((bad for bad in ("<script>alert", "<img src=x", "Traceback") if bad in text), "")


@pytest.mark.parametrize("move", [*MOVES, "plan", "reveal"])
def test_every_move(alice: Browser, queue: Queue, move: str) -> None:
    """Each form takes whatever is typed into its fields, all at once, and answers with a page."""
    queue.add("parcel_stuck", "parcel", 1, "high", "stuck", {"place": "nowhere", "email": "ada@example.com"})
    for n, text in enumerate(HOSTILE):
        typed = dict.fromkeys(FIELDS, text) | ({"justification": "because"} if n % 2 else {})
        answer = alice.post(f"{CONSOLE}/1/{move}", data=typed, follow_redirects=False)
        assert not ill(answer), (text[:40], ill(answer))
    assert not ill(alice.get(f"{CONSOLE}/1"))


@pytest.mark.parametrize("field", ["seen", "option", "send.house", "version", "flow", "then"])
def test_every_field_of_a_decision(alice: Browser, queue: Queue, field: str) -> None:
    """Each field of the decision alone takes whatever is typed."""
    queue.add("parcel_stuck", "parcel", 1, "high", "stuck", {"place": "nowhere"})
    for text in HOSTILE:
        typed = {"justification": "because", "option": "send", "send.house": "x", field: text}
        answer = alice.post(f"{CONSOLE}/1/resolution", data=typed, follow_redirects=False)
        assert not ill(answer), (text[:40], ill(answer))


def test_the_proposal_that_is_approved(alice: Browser, queue: Queue) -> None:
    """An approval names a proposal, or nothing that is none."""
    queue.add("parcel_stuck", "parcel", 1, "high", "stuck")
    alice.move(1, "resolution", option="burn", justification="it smells")
    for text in HOSTILE:
        assert not ill(alice.post(f"{CONSOLE}/1/approval", data={"proposal": text})), text[:40]


def test_every_part_of_an_address(alice: Browser, queue: Queue) -> None:
    """Each filter, cursor and number in an address is shown or told about, whatever it is."""
    queue.add("parcel_stuck", "parcel", 1, "high", "stuck")
    names = ("text", "type", "priority", "status", "held", "owner", "team", "age", "resource", "after", "before")
    for text in HOSTILE[::2]:
        for name in names:
            answer = alice.get(f"{CONSOLE}?{urlencode({name: text[:3000]})}")
            assert not ill(answer), (name, text[:40], ill(answer))
        for path in (
            f"?field={quote(text[:3000])}&value=x",
            f"?field=place&value={quote(text[:3000])}",
            f"/{quote(text[:3000])}",
            f"/1?flow={quote(text[:3000])}",
            f"/next?flow={quote(text[:3000])}",
            f"/1/{quote(text[:3000], safe='')}",
        ):
            answer = alice.get(CONSOLE + path)
            assert not ill(answer), (path[:80], ill(answer))


@pytest.mark.parametrize(
    "body", [b"\xff\xfe=\x80", b"a=%ED%A0%80&justification=%FF", b"&&&===", b"a" * 100_000, b"=&" * 2000]
)
def test_bodies_that_are_no_form(alice: Browser, queue: Queue, body: bytes) -> None:
    """A body that is no form is refused or read as an empty one."""
    queue.add("parcel_stuck", "parcel", 1, "high", "stuck")
    for kind in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "text/plain",
    ):
        answer = alice.post(f"{CONSOLE}/1/note", content=body, headers={"Content-Type": kind})
        assert not ill(answer), (kind, ill(answer))


@pytest.mark.parametrize("field", ["days", "until"])
def test_every_window_of_the_report(alice: Browser, queue: Queue, field: str) -> None:
    """The report's address takes whatever is typed: figures, or a sentence and how to ask."""
    queue.add("parcel_stuck", "parcel", 1, "high", "stuck", {"place": "nowhere"})
    for text in HOSTILE:
        answer = alice.get(f"{CONSOLE}/report?{urlencode({field: text})}")
        assert not ill(answer), (text[:40], ill(answer))
        assert answer.status_code == (422 if text.strip() else 200), text[:40]
