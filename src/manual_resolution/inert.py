"""Untrusted text made harmless and visible for a terminal. Pure; imports nothing of ours.

What producers hand in is stored unchanged (design, Adding) and comes through here before a person sees it:
nothing in it can move the cursor, change the clipboard, reorder a line, hide a character or forge a line.
"""

import json
import re
import unicodedata
from itertools import accumulate
from typing import Final

#: Characters nobody sees, as the inside of a regular-expression class: controls, zero-width, bidi, fillers,
#: variation selectors, tags, byte order mark, line separators.
HIDDEN: Final = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

_HIDDEN = re.compile(f"[{HIDDEN}]")
#: A control, or a run that needs a look at each character; ASCII and Latin text never come here.
_SUSPECT = re.compile("\r\n|[\x00-\x1f\x7f-\x9f\u00ad]|[\u0300-\U0010ffff]+")
_NAMED: Final = {"\n": r"\n", "\t": r"\t", "\r": r"\r", "\r\n": r"\r\n", "\x85": "<U+0085>"}
_LINES: Final = _NAMED | {"\n": "\n", "\r\n": "\n", "\t": "    "}
_NEVER_SHOWN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_MARKS: Final = frozenset({"Mn", "Me"})
_MOST_MARKS: Final = 4
_JOINER, _EMOJI_STYLE, _KEYCAP = "\u200d", "\ufe0f", "\u20e3"


def inert(text: str, *, lines: bool = False) -> str:
    r"""`text` with everything that acts or hides shown instead: ESC as `\x1b`, a bidi override as `<U+202E>`.

    One line comes back (`\n` is written out) unless `lines`, which keeps line breaks and widens tabs to four
    blanks. More than four combining marks in a row are cut and counted: `<6 marks>`. Ordinary text and emoji
    stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    named = _LINES if lines else _NAMED
    return _SUSPECT.sub(lambda match: named.get(match[0]) or _visible(match[0]), text)


def inert_block(text: str, prefix: str = "  | ", *, width: int | None = None) -> str:
    """`text` with `prefix` before every line, so that none is mistaken for a line of ours.

    `width` (terminal columns, prefix included) also breaks long lines, or a terminal would, without prefix.
    """
    room = None if width is None else max(width - columns(prefix), 1)
    rows = [row for line in inert(text, lines=True).split("\n") for row in _broken(line, room)]
    return "\n".join(prefix + row for row in rows)


def inert_json(value: object) -> str:
    """`value` as compact JSON in printable ASCII; instants as ISO 8601, what else JSON lacks as its `str`."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=_iso)


def clip(text: str, width: int) -> str:
    """`text` in at most `width` terminal columns; `…` at the end says that something was cut."""
    if columns(text) <= width:
        return text
    ends = accumulate(map(_columns, text))
    return text[: sum(end < width for end in ends)] + "…" if width > 0 else ""


def columns(text: str) -> int:
    """Terminal columns `text` takes: two for wide characters, none for combining marks."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _visible(run: str) -> str:
    """`run`, where a single control or characters from U+0300 on, with what cannot be seen named."""
    if run < "\xa0":
        return f"\\x{ord(run):02x}"
    shown, marks = [], 0
    for at, char in enumerate(run):
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in _MARKS else 0
        if (kind in _NEVER_SHOWN or _HIDDEN.match(char)) and not _part_of_emoji(run, at):
            shown.append(f"<U+{ord(char):04X}>")
        elif marks <= _MOST_MARKS:
            shown.append(char)
        if marks > _MOST_MARKS and not _is_mark(run[at + 1 : at + 2]):
            shown.append(f"<{marks - _MOST_MARKS} marks>")
    return "".join(shown)


def _part_of_emoji(run: str, at: int) -> bool:
    """Whether `run[at]` only styles or joins the emoji beside it."""
    before, after = run[at - 1 : at], run[at + 1 : at + 2]
    if run[at] == _EMOJI_STYLE:
        return _is_symbol(before) or after == _KEYCAP
    return run[at] == _JOINER and (before == _EMOJI_STYLE or _is_symbol(before)) and _is_symbol(after)


def _is_symbol(char: str) -> bool:
    return char != "" and unicodedata.category(char) in ("So", "Sk", "Sm") and not char.isascii()


def _is_mark(char: str) -> bool:
    return char != "" and unicodedata.category(char) in _MARKS


def _broken(line: str, room: int | None) -> list[str]:
    """`line` in pieces of at most `room` columns, at least one: broken behind a blank in the second half, if any."""
    pieces: list[str] = []
    while room is not None and (end := _end(line, room)) < len(line):
        blank = line.rfind(" ", end // 2, end + 1)
        pieces.append(line[:end] if blank < 0 else line[:blank])
        line = line[end:] if blank < 0 else line[blank + 1 :]
    return [*pieces, line]


def _end(line: str, room: int) -> int:
    """How many characters of `line` fit `room` columns; at least one."""
    used = 0
    for at, char in enumerate(line):
        used += _columns(char)
        if used > room and at:
            return at
    return len(line)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _iso(value: object) -> str:
    iso = getattr(value, "isoformat", None)
    return str(iso() if iso else value)
