"""Plain lines of text: long or untrusted text broken safely, aligned columns."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from manual_resolution.inert import clip, columns, inert, inert_block

MORE: Final = "  | "  # begins what is left of a long text, so that none of it is taken for a line of ours
NARROW: Final = 8  # no column of a table is clipped to less

Lines = list[str]


def terminal_width() -> int | None:
    """Columns of the terminal we print to; None where it is not one, so that nothing is broken or clipped."""
    if not sys.stdout.isatty():
        return None
    with suppress(OSError, ValueError):
        return max(40, os.get_terminal_size(sys.stdout.fileno()).columns)
    return 80


def labelled(label: str, text: str) -> Lines:
    """`Reason: …`; what does not fit, or follows a line break, stands on lines that begin with `  | `."""
    width = terminal_width()
    if "\n" not in text and (width is None or columns(label + inert(text)) <= width):
        return [label + inert(text)]
    first, *rest = inert_block(label + text, MORE, width=width).split("\n")
    return [first.removeprefix(MORE), *rest]


def under(title: str, lines: Lines) -> Lines:
    """Lines under their title; no title without any."""
    return [title, *lines] if lines else []


def styled(line: str, style: str) -> str:
    """`line` in an ANSI style, on a terminal whose user has not set NO_COLOR."""
    if not style or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty():
        return line
    return f"\x1b[{style}m{line}\x1b[0m"


def table(rows: Sequence[Sequence[str]]) -> Lines:
    """Aligned columns, two blanks between, no rules; the widest are clipped until the terminal holds them."""
    widths = widths_of(rows)
    while too_much(widths) and max(widths) > NARROW:
        widths[widths.index(max(widths))] -= 1
    return [
        "  ".join(padded(inert(cell), wide) for cell, wide in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def fits(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the terminal holds a table of these rows uncut."""
    return not too_much(widths_of(rows))


def widths_of(rows: Sequence[Sequence[str]]) -> list[int]:
    """The terminal columns that each column of a table takes."""
    return [max(columns(inert(cell)) for cell in column) for column in zip(*rows, strict=True)]


def too_much(widths: Sequence[int]) -> bool:
    """Whether columns of these widths are more than the terminal holds."""
    return sum(widths) + 2 * (len(widths) - 1) > (terminal_width() or sys.maxsize)


def padded(cell: str, wide: int) -> str:
    """A cell in exactly `wide` columns."""
    text = clip(cell, wide)
    return text + " " * (wide - columns(text))
