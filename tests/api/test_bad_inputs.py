"""Bad inputs through the API: each is refused in one sentence with its status, or stored as it came; never a 5xx.

The numbers are those of the list that the project keeps of bad inputs.
"""

import json
from typing import Any, Final

from tests.api.conftest import FAILURE
from tests.cli.test_bad_inputs import HOSTILE

#: Fields of an addition that are refused, by number of the bad input: 422, and the field is named.
FIELDS: Final[dict[str, list[tuple[str, Any]]]] = {
    "B5": [("reason", "a\0b"), ("dedup_key", "a\0b"), ("resource_type", "a\0b")],
    "B15": [("context", {f"k{n}": 1 for n in range(1001)})],
    "B16": [("context", {"": 1}), ("context", {"k" * 257: 1})],
    "B17": [("context", "text"), ("context", []), ("context", 7), ("context", True)],
    "B22": [("resource_id", one) for one in (0, -1, 2**63, "12", True, 12.5, 1.0, None)],
    "B23": [("priority", one) for one in ("urgent", "CRITICAL", " high", "", None, 3, "hıgh")],
    "B24": [("sla_hours", one) for one in (-5, 0, 1e12, 2147483647)],
    "B25": [("sla_hours", one) for one in ("24", True, 0.0001)],
    "B26": [("occurred_at", "2026-10-01T12:00:00"), ("occurred_at", 7)],
    "B28": [("occurred_at", one) for one in ("infinity", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
            "2026-10-01T24:00:00Z", "2026-10-01T12:00:60Z", "2026-02-30T00:00:00Z")],
    "B30": [("item_type", one) for one in ("x" * 51, "a/b", "a b", "💥", "A", "", 7)],
    "B31": [("reason", one) for one in ("", "  ", "\u200b", "x" * 8193, 7)],
    "B57": [(one, 1) for one in ("id", "status", "version", "assigned_to", "producer", "created_at")],
    "B69": [("dedup_key", "x" * 4097), ("resource_key", "both")],
}  # fmt: skip

#: Bodies that are no request: status by number of the bad input.
BODIES: Final[list[tuple[str, bytes, int]]] = [
    ("B1", json.dumps(FAILURE | {"context": {"a": "x" * 262_144}}).encode(), 422),
    ("B4", json.dumps(FAILURE | {"context": {"a": ["\0"]}}).encode(), 422),
    ("B6", json.dumps(FAILURE | {"context": {"a": "\ud83d"}}).encode(), 422),
    ("B6", json.dumps(FAILURE | {"reason": "\ud83d"}).encode(), 422),
    *[("B7", json.dumps(FAILURE | {"context": {"a": float(one)}}).encode(), 422) for one in ("nan", "inf", "-inf")],
    ("B8", b'{"context": {"a": 1e400}}', 422),
    ("B9", b'{"context": {"a": 1e100000}}', 422),
    ("B10", b'{"context": {"a": ' + b"9" * 5000 + b"}}", 422),
    ("B13", b'{"reason": "a", "reason": "b"}', 400),
    ("B13", b'{"context": {"a": 1, "a": 2}}', 422),
    ("B14", json.dumps(FAILURE | {"context": {"a": json.loads("[" * 33 + "]" * 33)}}).encode(), 422),
    ("B14", b'{"context": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    ("B17", b"[]", 400),
    ("B17", b"null", 400),
    ("B18", b"\xef\xbb\xbf{}", 400),
    ("B18", '{"reason": "ä"}'.encode("latin-1"), 400),
    ("B18", '{"reason": "x"}'.encode("utf-16"), 400),
    ("B18", b'{"reason": "\xc0\xaf"}', 400),
    ("B19", b'{"reason": "x",}', 400),
    ("B19", b"{}{}", 400),
    ("B19", b"{/* */}", 400),
    ("B19", b"", 400),
]
TYPES: Final = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "",
    "application/json; charset=utf-7",
)


#: Parameters of addresses.
ASKED: Final = [("items", name) for name in ("text", "after", "field", "age", "resource", "status")] + [
    ("report", name) for name in ("days", "until")
]


def ill(answer: Any, status: int) -> str:
    """What is wrong with a refusal; nothing where it is as it should be."""
    if answer.status_code != status or answer.headers["content-type"] != "application/problem+json":
        return f"{answer.status_code} instead of {status}: {answer.text[:200]}"
    told = answer.json()
    fine = answer.text.isascii() and told["detail"].endswith(".") and len(told["detail"]) < 1000
    return "" if fine else f"not one plain sentence: {answer.text[:200]}"


def test_fields(as_: Any, queue: Any) -> None:
    """A value that is not allowed: 422, the field named, nothing added."""
    robot, found = as_("robot"), []
    for number, cases in FIELDS.items():
        for name, value in cases:
            answer = robot.post("/items", {**FAILURE, name: value})
            wrong = ill(answer, 422)
            if not wrong and name not in answer.json().get("field", ""):
                wrong = f"names {answer.json().get('field')}"
            found += [(number, name, wrong)] if wrong else []
    assert found == []
    assert list(queue.list()) == []


def test_bodies(client: Any, as_: Any, queue: Any) -> None:
    """What is no JSON, or holds what cannot be kept: a sentence, nothing added."""
    headers = {"Authorization": f"Bearer {as_('robot').token}", "Content-Type": "application/json"}
    found = []
    for number, body, status in BODIES:
        if wrong := ill(client.post("/api/v1/items", content=body, headers=headers), status):
            found.append((number, body[:60], wrong))
    for kind in TYPES:
        answer = client.post("/api/v1/items", content=json.dumps(FAILURE), headers=headers | {"Content-Type": kind})
        found += [("B20", kind, wrong)] if (wrong := ill(answer, 415)) else []
    packed = client.post("/api/v1/items", content=b"\x1f\x8b", headers=headers | {"Content-Encoding": "gzip"})
    found += [("B3", "gzip", wrong)] if (wrong := ill(packed, 415)) else []
    big = client.post("/api/v1/items", content=iter([b" " * 1_000_000] * 3), headers=headers)
    found += [("B2", "chunked", wrong)] if (wrong := ill(big, 413)) else []
    assert found == []
    assert list(queue.list()) == []


def test_what_is_kept_as_it_came(as_: Any) -> None:
    """Texts that act or hide are stored as they came and leave in ASCII: nothing of them is live in an answer."""
    robot = as_("robot")
    texts = ["\x1b[2J\x1b]0;owned\x07", "\u202etfel", "a\r\nYour choice [1-4]: 1", "=cmd|' /C calc'!A0", "<script>",
             "' or 1=1; drop table mrq_event; --", "💥" * 50, "\x9b2J", "{{7*7}}", "a" + "\u0301" * 500]  # fmt: skip
    for number, text in enumerate(texts, 100):
        facts = {"resource_id": number, "reason": text, "context": {"__proto__": text, "n": 2**53 + 1}}
        answer = robot.post("/items", FAILURE | facts)
        assert (answer.status_code, answer.json()["reason"], answer.json()["context"]["n"]) == (201, text, 2**53 + 1)
        assert answer.text.isascii() and not set(answer.text) & {"\x1b", "\x07", "\r", "\n"}


def test_hostile_texts_everywhere(as_: Any, add: Any) -> None:
    """Every hostile text in every text of a move, a list and an address: never a 5xx, always a document."""
    alice, item = as_("alice"), add()
    token = {"Authorization": f"Bearer {alice.token}"}
    found = []
    for text in HOSTILE:
        told = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        asked = [
            alice.post(f"/items/{item}/note", {"note": told}, 1),
            alice.post(f"/items/{item}/hand-over", {"to": told}, 1),
            alice.post(f"/items/{item}/deferral", {"span": told, "justification": told}, 1),
            alice.post(f"/items/{item}/escalation", {"to": told, "justification": "w"}, 1),
            alice.post(f"/items/{item}/plan", {"option": told, "values": {"house": told}}),
            alice.post("/next", {"item_type": told, "teams": [told]}),
            *[alice.client.get(f"/api/v1/{path}", params={name: told[:2000]}, headers=token) for path, name in ASKED],
        ]  # fmt: skip
        found += [(text[:30], one.request.url.path, one.text[:200]) for one in asked if one.status_code >= 500]
    assert found == []
