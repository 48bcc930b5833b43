"""What producers and operators hand in: refused with one sentence, or stored unchanged.

The ids B1 to B41 number the bad inputs of the reliability notes.
"""

import enum
import json
import math
import sys
from collections import OrderedDict, namedtuple
from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from manual_resolution import intake as strict
from manual_resolution.context import parse_context
from manual_resolution.errors import InvalidInput, InvalidType, shown
from manual_resolution.intake import Intake, fingerprint, intake

PARIS_SUMMER = timezone(timedelta(hours=2))
NAIVE = datetime(2026, 10, 1)  # noqa: DTZ001
MAX = 2**63 - 1
UNTIMED = settings(deadline=None)


def added(**changed: Any) -> Intake:
    """The specification's example, with some values changed."""
    values = {
        "item_type": "pdf_deletion_failed",
        "resource_type": "meal_plan",
        "resource_id": 12345,
        "priority": "medium",
        "reason": "Vercel Blob API returned 503 after 3 retry attempts",
    }
    return intake(**(values | changed))


def stored(context: Any) -> Any:
    """What a context reads as once it is stored."""
    text = added(context=context).context
    assert text is not None
    text.encode()
    return json.loads(text)


class Fruit(enum.Enum):
    APPLE = "apple"
    PEAR = 2


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Nowhere(tzinfo):
    def utcoffset(self, _: datetime | None) -> None:
        return None


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


LOOP: dict[str, Any] = {}
LOOP["self"] = LOOP
LOOPING_LIST: list[Any] = []
LOOPING_LIST.append(LOOPING_LIST)


def test_the_specifications_example_is_taken_as_it_is() -> None:
    """Every value of a good add arrives unchanged, the context as JSON text, hours as seconds."""
    at = datetime(2026, 10, 1, 14, 0, tzinfo=PARIS_SUMMER)
    add_id = UUID(int=7)
    item = intake(
        "pdf_deletion_failed",
        "meal_plan",
        12345,
        "medium",
        "Vercel Blob API returned 503",
        {"pdf_url": "https://x/é", "retry_count": 3},
        24,
        occurred_at=at,
        dedup_key="night 7",
        producer="cleanup.py",
        add_id=add_id,
    )
    assert item == Intake(
        item_type="pdf_deletion_failed",
        resource_type="meal_plan",
        resource_id=12345,
        resource_key=None,
        priority="medium",
        reason="Vercel Blob API returned 503",
        context='{"pdf_url":"https://x/é","retry_count":3}',
        sla_seconds=86_400,
        occurred_at=at,
        dedup_key="night 7",
        fingerprint=fingerprint("pdf_deletion_failed", "Vercel Blob API returned 503", None),
        producer="cleanup.py",
        add_id=add_id,
    )
    with pytest.raises(FrozenInstanceError):
        item.reason = "other"  # type: ignore[misc]


def test_what_is_left_out_stays_none() -> None:
    """Without context, SLA, time, key or id, none is invented."""
    item = added()
    assert (item.context, item.sla_seconds, item.occurred_at, item.dedup_key, item.add_id) == (None,) * 5


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *[
            pytest.param("resource_id", v, id=f"B22-{shown(v, 20)}")
            for v in (0, -1, 2**63, "12", "12\0", True, 12.5, 12.0, Decimal(12), [], "", 10**5000)
        ],
        *[
            pytest.param("priority", v, id=f"B23-{v!r}")
            for v in ("urgent", "CRITICAL", " high", "", None, 3, "hıgh", "medium\0", ["low"], b"low", True)
        ],
        *[
            pytest.param("sla_hours", v, id=f"B24-{v!r}")
            for v in (-5, 0, math.nan, math.inf, -math.inf, 1e12, 2147483647, 8784.1, Decimal("NaN"))
        ],
        *[
            pytest.param("sla_hours", v, id=f"B25-{shown(v, 20)}")
            for v in ("24", True, 0.0001, Decimal("sNaN"), Decimal("1e999999"), 10**5000, timedelta(1), [])
        ],
        pytest.param("occurred_at", NAIVE, id="B26-naive"),
        pytest.param("occurred_at", datetime(2026, 10, 1, tzinfo=Nowhere()), id="B26-zone-without-offset"),
        pytest.param("occurred_at", "2026-10-01T00:00:00Z", id="B26-text"),
        pytest.param("occurred_at", date(2026, 10, 1), id="B26-date"),
        pytest.param("occurred_at", 1.7e9, id="B26-number"),
        pytest.param("occurred_at", datetime(1, 1, 1, tzinfo=UTC), id="B28-year-1"),
        pytest.param("occurred_at", datetime(1969, 12, 31, 23, tzinfo=UTC), id="B28-1969"),
        pytest.param("occurred_at", datetime.max.replace(tzinfo=timezone(timedelta(hours=-9))), id="B28-10000"),
        *[
            pytest.param("item_type", v, id=f"B30-{v!r}")
            for v in (
                "",
                "a" * 51,
                "a/b",
                "a b",
                "a😀",
                "Aa",
                "1a",
                "_a",
                "a\n",
                "é",
                None,
                3,
                b"a",
                "a\0",
                "ａ",
            )
        ],
        *[
            pytest.param("resource_type", v, id=f"B30-{v!r}")
            for v in ("", "a" * 51, "a/b", "a b", "1a", "😀" * 50, "a\n", None, 3, "a\ud83d")
        ],
        *[
            pytest.param("reason", v, id=f"B31-{ascii(v)[:20]}")
            for v in (
                "",
                " \t\n",
                "\u200b\u2060\ufeff",
                "\u00a0\u3000",
                "\u3164",
                "x" * 8193,
                "é" * 4097,
                "x" * 10**6,
            )
        ],
        pytest.param("reason", None, id="reason-none"),
        pytest.param("reason", b"text", id="reason-bytes"),
        pytest.param("reason", "a\0b", id="B5-raw-NUL"),
        pytest.param("reason", "a\ud83db", id="B6-lone-surrogate"),
        *[
            pytest.param("resource_key", v, id=f"resource_key-{ascii(v)[:20]}")
            for v in ("", " ", "\u200b", "k" * 501, "a\nb", "a\x1bb", "a\x85b", "a\u2028b", "a\0b", 3, b"k")
        ],
        *[
            pytest.param("dedup_key", v, id=f"dedup_key-{ascii(v)[:20]}")
            for v in ("", " ", "\u200b", "k" * 4097, "a\0b", "\udc80", 3, b"k")
        ],
        *[
            pytest.param("producer", v, id=f"producer-{ascii(v)[:20]}")
            for v in ("", " ", "\u200b", "p" * 101, "a\r\nb", "a\x1b[2Jb", "a\0b", 3)
        ],
        *[pytest.param("add_id", v, id=f"add_id-{v!r}") for v in ("7", 7, b"7" * 16)],
        *[pytest.param("context", v, id=f"B17-{v!r}") for v in ("text", [], [{}], 3, b"{}", True, ())],
    ],
)
def test_a_bad_value_is_refused_by_name(parameter: str, value: Any) -> None:
    """What is not allowed raises ValueError or TypeError with one line that starts with the parameter."""
    given_key = {"resource_id": None} if parameter == "resource_key" else {}
    with pytest.raises((InvalidInput, InvalidType)) as refused:
        added(**given_key, **{parameter: value})
    assert refused.value.parameter == parameter
    assert str(refused.value).startswith(f"{parameter} = ")
    assert isinstance(refused.value, ValueError | TypeError)
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *[("resource_id", v) for v in (1, 2**31, MAX)],
        *[("priority", v) for v in ("critical", "high", "medium", "low")],
        *[("item_type", v) for v in ("a", "a" * 50, "never_heard_of_9")],
        *[("resource_type", v) for v in ("a", "A" * 50, "public.meal-plan_2")],
        *[
            ("reason", v)
            for v in ("x", "x" * 8192, "é" * 4096, " padded ", "\x1b[2J", "a\u202eb", "two\nlines", "\x01a")
        ],
        *[("dedup_key", v) for v in ("k" * 4096, "a\tb\x1f", "é")],
        *[("producer", v) for v in ("p" * 100, "nightly é.py")],
    ],
)
def test_a_good_value_is_stored_unchanged(parameter: str, value: Any) -> None:
    """At the edges of what is allowed, and with text that only needs care when shown, nothing is altered."""
    assert getattr(added(**{parameter: value}), parameter) == value


@pytest.mark.parametrize(
    ("hours", "seconds"),
    [
        (24, 86_400),
        (1.5, 5_400),
        (Decimal("0.5"), 1_800),
        (1 / 60, 60),
        (8784, 31_622_400),
        (Level.HIGH, 10_800),
    ],
)
def test_hours_become_seconds(hours: Any, seconds: int) -> None:
    """An item's own SLA, from a minute to 8784 hours, is kept in whole seconds."""
    assert added(sla_hours=hours).sla_seconds == seconds


def test_exactly_one_of_number_and_key() -> None:
    """A resource is named by a number or by a key; both or neither is refused and both names are said."""
    assert added(resource_id=None, resource_key="user/é 7").resource_key == "user/é 7"
    for number, key in ((None, None), (1, "k")):
        with pytest.raises(InvalidInput, match=r"resource_id (and|or) resource_key"):
            added(resource_id=number, resource_key=key)


def test_a_refused_priority_lists_the_four() -> None:
    """Whoever mistypes a priority reads which there are."""
    with pytest.raises(InvalidInput, match="one of critical, high, medium, low"):
        added(priority="urgent")


def test_an_instant_keeps_its_moment() -> None:
    """An offset is honoured, not dropped (B27)."""
    at = datetime(2026, 10, 1, 5, tzinfo=timezone(timedelta(hours=5)))
    assert added(occurred_at=at).occurred_at == datetime(2026, 10, 1, 0, tzinfo=UTC)


def test_enumerations_of_text_and_numbers_pass_as_what_they_are() -> None:
    """A StrEnum or IntEnum member is its value, as a plain str or int."""

    class Kind(enum.StrEnum):
        PDF = "pdf_deletion_failed"
        HIGH = "high"

    item = added(item_type=Kind.PDF, priority=Kind.HIGH, reason=Kind.PDF, resource_id=Level.HIGH)
    plain = (item.item_type, item.priority, item.reason, item.resource_id)
    assert plain == ("pdf_deletion_failed", "high", "pdf_deletion_failed", 3)
    assert {type(value) for value in plain} == {str, int}


@pytest.mark.parametrize(
    ("argv", "producer"),
    [
        (["/srv/scripts/cleanup.py", "x"], "cleanup.py"),
        (["-c"], "python"),
        ([""], "python"),
        ([], "python"),
        (["bad\udc80name"], "python"),
        (["n" * 300], "n" * 100),
    ],
)
def test_the_producer_is_the_running_script(argv: list[str], producer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to name the producer: it is the script's file name, and finding it never fails."""
    monkeypatch.setattr(sys, "argv", argv)
    assert added().producer == producer


# Context


@pytest.mark.parametrize(
    ("context", "path"),
    [
        pytest.param({"a": {"b": "x\0"}}, "context.a.b", id="B4-NUL-in-value"),
        pytest.param({"a": ["\0"]}, "context.a[0]", id="B4-NUL-in-list"),
        pytest.param({"a\0": 1}, "a key of context", id="B4-NUL-in-key"),
        pytest.param({"a": "\ud83d"}, "context.a", id="B6-surrogate"),
        pytest.param({"\udc80": 1}, "a key of context", id="B6-surrogate-key"),
        pytest.param({"a": [1, math.nan]}, "context.a[1]", id="B7-NaN"),
        pytest.param({"a": math.inf}, "context.a", id="B7-Infinity"),
        pytest.param({"a": {"b": [-math.inf]}}, "context.a.b[0]", id="B7-minus-Infinity"),
        pytest.param({"a": 10**1000}, "context.a", id="B10-1001-digits"),
        pytest.param({"a": [-(10**5000)]}, "context.a[0]", id="B10-5001-digits"),
        pytest.param(nested(33), "context" + ".a" * 32, id="B14-33-levels"),
        pytest.param({"a": [[[]] * 2] * 2} | {"b": nested(32)}, "context.b" + ".a" * 31, id="B14-beside-lists"),
        pytest.param(nested(5000), "context" + ".a" * 32, id="B14-5000-levels"),
        pytest.param(LOOP, "context" + ".self" * 32, id="B14-loop"),
        pytest.param({"a": LOOPING_LIST}, "context.a" + "[0]" * 31, id="B14-looping-list"),
        pytest.param({str(n): n for n in range(1001)}, "context", id="B15-1001-keys"),
        pytest.param({"a": [{"b": 1, "c": 2}] * 500 + [{}]}, "context", id="B15-1001-keys-in-all"),
        pytest.param({"": 1}, "a key of context", id="B16-empty-key"),
        pytest.param({"a": [{"": 1}]}, "a key of context.a[0]", id="B16-empty-key-inside"),
        pytest.param({"k" * 257: 1}, "a key of context", id="B16-key-of-257"),
        pytest.param({"a": {"k" * 257: 1}}, "a key of context.a", id="B16-key-of-257-inside"),
        pytest.param({1: "a"}, "a key of context", id="key-int"),
        pytest.param({None: "a", "b": 1}, "a key of context", id="key-None"),
        pytest.param({"a": {True: 1}}, "a key of context.a", id="key-bool"),
        pytest.param({"a": [{1.5: 1}]}, "a key of context.a[0]", id="key-float"),
        pytest.param({("a", 1): 1}, "a key of context", id="key-tuple"),
        pytest.param({"a": b"bytes"}, "context.a", id="bytes"),
        pytest.param({"a": {1, 2}}, "context.a", id="set"),
        pytest.param({"a": object}, "context.a", id="class"),
        pytest.param({"a": 1j}, "context.a", id="complex"),
        pytest.param({"a": timedelta(1)}, "context.a", id="timedelta"),
        pytest.param({"items": [0, 1, 2, {"at": NAIVE}]}, "context.items[3].at", id="B26-naive"),
        pytest.param({"odd key": {"it's": b""}}, "context['odd key'][\"it's\"]", id="path-of-odd-keys"),
        pytest.param({"a\x1b[2J": b""}, r"context['a\x1b[2J']", id="path-is-printable"),
        pytest.param({"a": "x" * 262_137}, "context", id="B1-one-byte-too-many"),
        pytest.param({"a": "é" * 140_000}, "context", id="B1-counted-in-bytes"),
    ],
)
def test_what_a_context_cannot_hold_is_named_by_its_path(context: Any, path: str) -> None:
    """The first thing that cannot be stored raises, and the message leads to it in one printable line."""
    with pytest.raises((InvalidInput, InvalidType)) as refused:
        added(context=context)
    assert refused.value.parameter == path
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 10, 1, 14, tzinfo=PARIS_SUMMER), "2026-10-01T14:00:00+02:00"),
        (date(2026, 10, 1), "2026-10-01"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Decimal("1.10"), "1.10"),
        (PurePosixPath("/var/é"), "/var/é"),
        (PurePosixPath("/var/\udc80"), r"/var/\udc80"),
        (ValueError("no\0pe"), r"ValueError: no\x00pe"),
        (TimeoutError(), "TimeoutError"),
        (Broken(), "Broken"),
        (Fruit.APPLE, "apple"),
        (Fruit.PEAR, "PEAR"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        ((1, ("a",)), [1, ["a"]]),
        (namedtuple("Point", "x y")(1, 2), [1, 2]),
        (OrderedDict(a=1), {"a": 1}),
    ],
)
def test_what_json_lacks_becomes_text(value: Any, text: Any) -> None:
    """Instants, ids, decimals, paths, errors and enumerations are stored as text, wherever they stand."""
    assert stored({"a": value, "deep": [{"b": value}]}) == {"a": text, "deep": [{"b": text}]}


@pytest.mark.parametrize(
    "context",
    [
        pytest.param({}, id="empty"),
        pytest.param({"a": 2**53 + 1, "b": 10**29, "c": 10**1000 - 1}, id="B11-big-integers"),
        pytest.param({"a": 1e308, "b": 5e-324, "c": -0.0, "d": 1e22}, id="doubles"),
        pytest.param({"__proto__": 1, "constructor": {"k" * 256: 2}}, id="B16-keys"),
        pytest.param({"a": "\x1b[2J\u202e\u2028\x7f\x01 \\u0000 \\\\u0000"}, id="text-shown-escaped"),
        pytest.param(nested(32), id="B14-32-levels"),
        pytest.param({"a": ["[{" * 40]}, id="brackets-in-text"),
        pytest.param({str(n): n for n in range(1000)}, id="B15-1000-keys"),
        pytest.param({"a": "x" * 262_136}, id="B1-just-fits"),
        pytest.param({"a": None, "b": [True, False, [], {}]}, id="constants"),
    ],
)
def test_a_context_is_stored_unchanged(context: dict[str, Any]) -> None:
    """What JSON can say within the limits comes back equal."""
    assert stored(context) == context


def test_a_dataclass_is_refused_with_what_is_allowed() -> None:
    """Nobody has to guess what a context may hold."""

    @dataclass
    class Plan:
        number: int

    with pytest.raises(InvalidType, match=r"^context\.plan = .* has type Plan: text, a number, .* exception\.$"):
        added(context={"plan": Plan(1)})


def test_any_mapping_may_be_the_context() -> None:
    """A read-only view or another mapping is taken like the dict it shows."""
    assert stored(MappingProxyType({"last_error": "x"})) == {"last_error": "x"}


def test_the_original_is_not_changed() -> None:
    """Checking a context never alters the caller's dict."""
    context = {"at": datetime(2026, 1, 1, tzinfo=UTC), "items": (1, 2)}
    added(context=context)
    assert context == {"at": datetime(2026, 1, 1, tzinfo=UTC), "items": (1, 2)}


TEXT = st.text(max_size=20)
STORABLE_TEXT = TEXT.filter(lambda text: "\0" not in text)
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | STORABLE_TEXT
KEY = STORABLE_TEXT.filter(bool)
JSON = st.dictionaries(
    KEY,
    st.recursive(
        LEAF,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=4),
        max_leaves=10,
    ),
    max_size=5,
)
MESS = st.recursive(
    LEAF | TEXT | st.floats() | st.datetimes() | st.binary(max_size=3) | st.uuids() | st.decimals(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.integers(), inner, max_size=4),
    max_leaves=15,
)


@UNTIMED
@given(JSON)
def test_any_json_object_comes_back_equal(context: dict[str, Any]) -> None:
    """A JSON object within the limits survives adding, and the strict reader, to the last digit."""
    assert stored(context) == context
    assert parse_context(json.dumps(context)) == context


@UNTIMED
@given(st.dictionaries(TEXT | st.integers(), MESS, max_size=5))
@example({"a": "\0"})
@example({"a": "\\u0000"})
def test_any_dict_is_stored_or_refused(context: dict[Any, Any]) -> None:
    """Whatever a dict holds, it is refused in one line or stored as strict JSON that PostgreSQL takes."""
    try:
        text = added(context=context).context
    except (InvalidInput, InvalidType) as refused:
        assert refused.parameter.startswith(("context", "a key of context"))
        assert str(refused).isprintable()
    else:
        assert text is not None
        assert added(context=parse_context(text)).context == text


# JSON text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(b'{"a":"' + b"x" * 262_137 + b'"}', "at most 262144 bytes", id="B1"),
        pytest.param('{"a":"' + "é" * 140_000 + '"}', "at most 262144 bytes", id="B1-in-bytes"),
        pytest.param(r'{"a": {"b": "\u0000"}}', r"context.a.b = .*U\+0000 at character 1", id="B4"),
        pytest.param('{"a": "\0"}', "line 1, column 8: Invalid control character", id="B5"),
        pytest.param(r'{"a": "\ud83d"}', r"context.a = .*U\+D83D at character 1", id="B6"),
        pytest.param('{"a": "\ud83d"}', "UTF-8", id="B6-raw"),
        pytest.param('{"a": NaN}', "context.a = 'NaN' .*a finite number", id="B7-NaN"),
        pytest.param('{"a": [1, -Infinity]}', r"context.a\[1\] = '-Infinity'", id="B7-Infinity"),
        pytest.param("NaN", "context = 'NaN'", id="B7-alone"),
        pytest.param('{"a": [1e400]}', r"context.a\[0\] = '1e400' .*a double can hold", id="B8"),
        pytest.param('{"a": 1e100000}', "context.a = '1e100000'", id="B9-exponent"),
        pytest.param('{"a": -0.0001e-131072}', "a double can hold", id="B9-tiny"),
        pytest.param('{"a": ' + "9" * 5000 + "}", "context.a = .*at most 1000 digits", id="B10"),
        pytest.param('{"a": 1, "b": {"c": 1, "c": 2}}', "context.b = 'c' .*only once", id="B13"),
        pytest.param('{"a": 1, "a": 1}', "context = 'a' .*only once", id="B13-top"),
        pytest.param('{"a":' * 33 + "1" + "}" * 33, "at most 32 levels", id="B14-33"),
        pytest.param('{"a":' + "[" * 10_000 + "]" * 10_000 + "}", "at most 32 levels", id="B14-10000"),
        pytest.param("[" * 100_000, "at most 32 levels", id="B14-100000-open"),
        pytest.param("{" + ",".join(f'"{n}":{n}' for n in range(1001)) + "}", "at most 1000 keys", id="B15"),
        pytest.param('{"": 1}', "a key of context = '' .*1 to 256", id="B16-empty"),
        pytest.param('{"' + "k" * 10_000 + '": 1}', "a key of context .*1 to 256", id="B16-long"),
        *[
            pytest.param(text, "context = .*a JSON object", id=f"B17-{text}")
            for text in ("null", '"a"', "[]", "3", "true", "[{}]")
        ],
        pytest.param("\ufeff{}", "byte order mark", id="B18-BOM"),
        pytest.param(b"\xef\xbb\xbf{}", "byte order mark", id="B18-BOM-bytes"),
        pytest.param("{}".encode("utf-16"), "UTF-8", id="B18-UTF-16"),
        pytest.param("{}".encode("utf-16-le"), "line 1, column 2", id="B18-UTF-16-without-BOM"),
        pytest.param('{"a": "é"}'.encode("latin-1"), "UTF-8", id="B18-Latin-1"),
        pytest.param(b'{"a": "\xc0\xaf"}', "UTF-8", id="B18-overlong"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', "UTF-8", id="B18-surrogate-bytes"),
        pytest.param('{\n "a": 1,\n}', "line [23], column", id="B19-trailing-comma"),
        pytest.param('{"a": 1} // c', "line 1, column 10: Extra data", id="B19-comment"),
        pytest.param("{}\n{}", "line 2, column 1: Extra data", id="B19-two-documents"),
        pytest.param("{'a': 1}", "line 1, column 2", id="B19-single-quotes"),
        pytest.param('{"a": 01}', "line 1, column 8", id="leading-zero"),
        pytest.param('{"a": "x\ny"}', "line 1, column 9: Invalid control", id="raw-newline"),
        pytest.param("", "line 1, column 1", id="empty"),
        pytest.param(b"", "line 1, column 1", id="empty-bytes"),
        pytest.param({}, "has type dict: JSON text", id="not-text"),
        pytest.param(None, "has type NoneType: JSON text", id="None"),
    ],
)
def test_json_is_read_strictly(text: Any, told: str) -> None:
    """What other readers let through or lose is refused in one line, with the position or the path."""
    with pytest.raises((InvalidInput, InvalidType), match=told) as refused:
        parse_context(text)
    assert str(refused.value).isprintable()


def test_json_bytes_and_text_read_the_same() -> None:
    """UTF-8 bytes and text give the same object."""
    text = '{"a": [1, 2.5, "é", null], "b": {"n": -0}}'
    assert parse_context(text) == parse_context(text.encode()) == {"a": [1, 2.5, "é", None], "b": {"n": 0}}


@UNTIMED
@given(st.binary(max_size=40) | st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str | bytes) -> None:
    """Any bytes or text give an object or a refusal, nothing else."""
    try:
        assert isinstance(parse_context(text), dict)
    except (InvalidInput, InvalidType) as refused:
        assert str(refused).isprintable()


# What operators hand in


@pytest.mark.parametrize(
    ("check", "value"),
    [
        *[(strict.justification, v) for v in ("", " ", "\u200b", "x" * 8193, "a\0", "\ud83d", None, 3)],
        *[(strict.note, v) for v in ("", "\u2060", "x" * 8193, b"note")],
        *[
            (strict.operator, v)
            for v in (
                "",
                " a",
                "a ",
                "a\nb",
                "a\u202eb",
                "a\u200bb",
                "a\u00a0b",
                "a\ufe0f",
                "\u3164",
                "x" * 101,
                None,
            )
        ],
        *[(strict.team, v) for v in ("", "A", "-a", "a b", "é", "a" * 51, "a\n", None)],
        *[
            (strict.span, v)
            for v in (
                "",
                "24",
                "0h",
                "45s",
                "59s",
                "367d",
                "1h1d",
                "1.5h",
                "-1h",
                "٣h",
                "1h ",
                "h",
                "24H",
                "1w",
            )
        ],
        *[(strict.span, v) for v in ("9" * 9 + "d", "99999999d99999999h", "1h\n", 24, None, "２４h")],
        *[
            pytest.param(strict.instant, v, id=f"B28-{v}")
            for v in (
                "infinity",
                "10000-01-01T00:00:00Z",
                "0001-01-01T00:00:00Z",
                "2026-10-01T24:00:00Z",
                "now",
                "",
            )
        ],
        *[
            pytest.param(strict.instant, v, id=f"B28-{v}")
            for v in (
                "2026-10-01T00:00:60Z",
                "2026-02-30T00:00:00Z",
                "2026-10-01T00:60Z",
                "2026-13-01T00:00Z",
            )
        ],
        *[
            pytest.param(strict.instant, v, id=f"B29-{v}")
            for v in (
                "2026-10-25T02:30:00",
                "2026-10-01",
                "2026-10-01T00:00 Europe/Berlin",
                "2026-10-01T00:00z",
            )
        ],
        *[(strict.instant, v) for v in ("2026-W01-1T00:00Z", "20261001T000000Z", "٢026-10-01T00:00:00Z")],
        *[(strict.instant, v) for v in ("2026-10-01T00:00:00+16:00", "2026-10-01T00:00:00Z\n", None, 3)],
        *[
            pytest.param(strict.item_id, v, id=f"B12-{v!r}")
            for v in (
                "01",
                "1e1",
                "٣",
                "+1",
                "",
                "-0",
                "0",
                "-1",
                "1.0",
                " 1",
                "1\n",
                "1_0",
                "#1",
                str(2**63),
                1,
            )
        ],
    ],
)
def test_what_an_operator_mistypes_is_refused(check: Any, value: Any) -> None:
    """Names, times and ids are read one way only; anything else is refused in one printable line."""
    with pytest.raises((InvalidInput, InvalidType)) as refused:
        check(value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (strict.justification, " Blob API is back\n", " Blob API is back\n"),
        (strict.note, "é" * 4096, "é" * 4096),
        (strict.operator, "alice@example.com", "alice@example.com"),
        (strict.operator, "Zoë 李 👍", "Zoë 李 👍"),
        (strict.team, "on-call_2", "on-call_2"),
        (strict.span, "24h", timedelta(hours=24)),
        (strict.span, "1h30m", timedelta(minutes=90)),
        (strict.span, "90m", timedelta(minutes=90)),
        (strict.span, "90s", timedelta(seconds=90)),
        (strict.span, "1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        (strict.span, "366d", timedelta(days=366)),
        (strict.instant, "2026-10-01T12:00:00Z", datetime(2026, 10, 1, 12, tzinfo=UTC)),
        (strict.instant, "2026-10-01 14:00+02:00", datetime(2026, 10, 1, 12, tzinfo=UTC)),
        (
            strict.instant,
            "2026-10-01T12:00:00.25-00:30",
            datetime(2026, 10, 1, 12, 30, 0, 250_000, tzinfo=UTC),
        ),
        (strict.item_id, "1", 1),
        (strict.item_id, str(MAX), MAX),
    ],
)
def test_what_an_operator_writes_is_understood(check: Any, value: str, result: Any) -> None:
    """Good input gives the value it says."""
    assert check(value) == result


def test_a_plain_number_is_no_span_and_the_hint_says_why() -> None:
    """Nobody has to guess the unit of a deferral."""
    with pytest.raises(InvalidInput, match="such as 24h, 90m"):
        strict.span("24")


def test_an_option_of_a_command_is_named_in_the_refusal() -> None:
    """A face may put its own name for the value into the sentence."""
    with pytest.raises(InvalidInput, match=r"^--for = '24' is not allowed"):
        strict.span("24", "--for")


# Cause groups


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("503 for https://a.b/12345?x=1,2", "503 for https://c.d/e"),
        ("GDPR request of user #871", "GDPR request of user #9"),
        ("bounced: ann@example.com", "BOUNCED: bob@example.com"),
        ("blob 3f2a9c10-22aa-4bb1 gone", "blob ffffffff gone"),
        ("KeyError('12345')", "KeyError('98765')"),
        ("row 12345 at 2026-10-01T12:00:00Z", "row 777777 at 2027-01-02T03:04:05Z"),
        ("x" * 500 + "a", "x" * 500 + "b"),
    ],
)
def test_causes_that_differ_in_individuals_are_one_group(one: str, other: str) -> None:
    """Ids, addresses, URLs, times and letter case do not tell causes apart."""
    assert fingerprint("t", one, None) == fingerprint("t", other, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("API returned 503", "API returned 404"),
        ("KeyError('12345')", "ValueError('12345')"),
        ("ä failed", "Ä failed"),
        ("timed out", "refused"),
    ],
)
def test_causes_that_differ_otherwise_are_two_groups(one: str, other: str) -> None:
    """Short numbers and words tell causes apart; beyond ASCII so does letter case, as in the database."""
    assert fingerprint("t", one, None) != fingerprint("t", other, None)


def test_the_cause_is_the_last_error_else_the_reason() -> None:
    """A text in `last_error` is the cause, whatever the reason; without one the reason is."""
    by_error = fingerprint("t", "any reason", {"last_error": "Timeout"})
    assert by_error == fingerprint("t", "Timeout", None) == fingerprint("t", "Timeout", {"last_error": ""})
    assert by_error == fingerprint("t", "Timeout", {"last_error": 503})
    assert added(context={"last_error": TimeoutError("x")}).fingerprint == fingerprint(
        "pdf_deletion_failed", "TimeoutError: x", None
    )
    assert by_error != fingerprint("u", "Timeout", None)


def test_a_fingerprint_does_not_change_between_versions() -> None:
    """Rows stored long ago stay in their groups; the database computes the same (its own test compares)."""
    assert fingerprint("pdf_deletion_failed", "Vercel Blob API returned 503 for https://x/1", None) == (
        "0120518be5af4ddf6262b95c03c2d8bf"
    )
