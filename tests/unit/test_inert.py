"""Untrusted text in a terminal."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manual_resolution.inert import clip, columns, inert, inert_block, inert_json

ANY_TEXT = st.text(st.characters(exclude_categories=()))
UNTIMED = settings(deadline=None)
ACTS_OR_HIDES = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[2J\x1b[1A", r"\x1b[2J\x1b[1A", id="B37-clear-and-up"),
        pytest.param("\x1b]0;title\x07", r"\x1b]0;title\x07", id="B37-title"),
        pytest.param("\x1b]8;;http://a\x1b\\b", r"\x1b]8;;http://a\x1b\b", id="B37-link"),
        pytest.param("\x1b]52;c;eA==\x07", r"\x1b]52;c;eA==\x07", id="B37-clipboard"),
        pytest.param("\x1bPq\x1b\\", "\\x1bPq\\x1b\\", id="B37-device-control"),
        pytest.param("\x9b2J \x90", r"\x9b2J \x90", id="B38-C1"),
        pytest.param("\x07\x08\r\x0b\x0c\x7f\t", r"\x07\x08\r\x0b\x0c\x7f\t", id="B38-C0-DEL"),
        pytest.param("x\nYour choice [1-4]: 1", r"x\nYour choice [1-4]: 1", id="B39-forged-prompt"),
        pytest.param("a\r\nb\u2028c\u2029d\x85e", r"a\r\nb<U+2028>c<U+2029>d<U+0085>e", id="B41-line-breaks"),
        pytest.param("a\u202eb\u2066c\u2069\u200f\u061c", "a<U+202E>b<U+2066>c<U+2069><U+200F><U+061C>", id="B34-bidi"),
        pytest.param("a\u200bb\u00adc\ufeff", "a<U+200B>b<U+00AD>c<U+FEFF>", id="B35-zero-width"),
        pytest.param("a\U000e0041\ufe0fb\u3164", "a<U+E0041><U+FE0F>b<U+3164>", id="B35-tag-selector-filler"),
        pytest.param("\ud83d", "<U+D83D>", id="B6-lone-surrogate"),
        pytest.param("\ue000\u0378\ufffe", "<U+E000><U+0378><U+FFFE>", id="private-unassigned-noncharacter"),
        pytest.param("Z" + "\u0301" * 10_000 + "a", "Z" + "\u0301" * 4 + "<9996 marks>a", id="B33-zalgo"),
        pytest.param("\u0e01" + "\u0e47" * 6, "\u0e01" + "\u0e47" * 4 + "<2 marks>", id="B33-stacked-thai"),
    ],
)
def test_what_acts_or_hides_is_shown(text: str, shown: str) -> None:
    """Controls, bidi, zero-width and stacked characters are spelled out, never sent to the terminal."""
    assert inert(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain ~ text",
        "naïve Zoë",
        "Ошибка 503",
        "削除に失敗",
        "محمد",
        "e\u0301",
        "👍🏽 ok",
        "❤️ 1️⃣",
        "👩‍💻 👨‍👩‍👧",
        "a\u00a0b",
    ],
)
def test_ordinary_text_is_unchanged(text: str) -> None:
    """Text in any script, and emoji, come out as they went in."""
    assert inert(text) == text


@UNTIMED
@given(ANY_TEXT)
def test_nothing_harmful_remains(text: str) -> None:
    """Whatever the text: one line without control, bidi or zero-width characters, that can be encoded."""
    shown = inert(text)
    assert not ACTS_OR_HIDES.search(shown)
    shown.encode()
    assert inert(shown) == shown


@UNTIMED
@given(ANY_TEXT)
def test_every_line_of_a_block_has_the_prefix(text: str) -> None:
    """No line of a foreign text can be taken for one of ours, wrapped or not."""
    for block in (inert_block(text), inert_block(text, width=20)):
        assert all(line.startswith("  | ") for line in re.split("[\r\n\x0b\x0c\x85\u2028\u2029]", block))
    assert all(columns(line) <= 20 for line in inert_block(text, width=20).split("\n"))


def test_a_block_keeps_its_lines() -> None:
    """Line breaks of either kind separate the prefixed lines, tabs become blanks."""
    assert inert_block("a\r\n\tb\n", prefix="> ") == "> a\n>     b\n> "


def test_a_long_line_is_broken_where_the_terminal_would_break_it() -> None:
    """With a width, the prefix also starts what would else be a wrapped row."""
    assert inert_block("abcdef", prefix="> ", width=5) == "> abc\n> def"


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("not known just now", "> not known\n> just now"),
        ("a word-that-is-too-long", "> a word-tha\n> t-is-too-l\n> ong"),
        ("0123456789 ab", "> 0123456789\n> ab"),
    ],
)
def test_a_long_line_is_broken_between_words(text: str, block: str) -> None:
    """A word is cut only where no blank stands in the second half of the row."""
    assert inert_block(text, prefix="> ", width=12) == block


@pytest.mark.parametrize(
    ("text", "width", "clipped"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("削除に失敗", 10, "削除に失敗"),
        ("削除に失敗", 9, "削除に失…"),
        ("削除に失敗", 8, "削除に…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
    ],
)
def test_clip_says_that_something_was_cut(text: str, width: int, clipped: str) -> None:
    """A clipped text fits its columns and ends in an ellipsis."""
    assert clip(text, width) == clipped


@UNTIMED
@given(ANY_TEXT, st.integers(0, 12))
def test_clip_never_exceeds_its_width(text: str, width: int) -> None:
    """No text takes more columns than it was given."""
    assert columns(clip(inert(text), width)) <= width


@UNTIMED
@given(st.dictionaries(ANY_TEXT, ANY_TEXT))
def test_json_is_printable_ascii(value: dict[str, str]) -> None:
    """JSON for a terminal holds printable ASCII only, and says the same."""
    shown = inert_json(value)
    assert shown.isascii() and shown.isprintable()
    assert json.loads(shown) == json.loads(json.dumps(value))


def test_json_writes_instants_as_iso() -> None:
    """An item's instants come out as ISO 8601."""
    assert inert_json({"at": datetime(2026, 10, 1, tzinfo=UTC)}) == '{"at":"2026-10-01T00:00:00+00:00"}'
