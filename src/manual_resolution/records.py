"""Records of a CSV or JSON Lines file, one at a time, each with the line it begins on. Memory does not grow with it."""

import codecs
import csv
import re
import shutil
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from io import BufferedRandom, BufferedReader, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from manual_resolution.context import parse_object, refuse_unreadable
from manual_resolution.errors import InvalidInput, InvalidType

MAX_LINE: Final = 2_097_152  # characters: a whole context, each character escaped
MAX_CELL: Final = 1_048_576
FORMATS: Final = ("csv", "jsonl")
_STRAY = re.compile("[\udc80-\udcff]")  # bytes that are no text of the encoding


@dataclass(frozen=True, slots=True)
class Record:
    """What one record says, by column. From CSV all values are text, and an empty cell is left out."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and the line that the record begins on, from 1."""

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.sentence}"


class Source:
    """A file, or standard input for `-`, that can be read more than once.

    Raises InvalidInput for a file that cannot be opened, a format that is not known, an encoding there is not.
    """

    def __init__(self, name: str, format: str | None = None, encoding: str | None = None) -> None:
        self.name, self.format = name, format or Path(name).suffix.removeprefix(".").lower()
        if self.format not in FORMATS:
            raise InvalidInput("format", format or name, "csv or jsonl, by the file's name or by --format")
        known = _known(encoding) if encoding else None
        self._file = _copied(sys.stdin.buffer) if name == "-" else _opened(name)
        self.encoding = known or _marked(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def digest(self) -> bytes:
        """SHA-256 of the content."""
        self._file.seek(0)
        return file_digest(self._file, "sha256").digest()

    def read(self, known: tuple[str, ...], needed: tuple[str, ...]) -> Generator[Record | Fault]:
        """Every record, and what is wrong where one cannot be read; after a fault of the file itself it ends."""
        self._file.seek(0)
        text = TextIOWrapper(self._file, self.encoding, errors="surrogateescape", newline="")
        try:
            lines = _lines(text)
            yield from (_of_csv(lines, known, needed) if self.format == "csv" else _of_json(lines, known))
        finally:
            text.detach()


# ------------------------------------------------------------------ files


def _opened(name: str) -> BufferedReader | BufferedRandom:
    try:
        file = open(name, "rb")  # noqa: SIM115  # closed with the source
        if not file.seekable():
            with file:
                return _copied(file)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not a file name"
        raise InvalidInput("file", name, f"a file that can be read ({why})") from None
    return file


def _copied(stream: BinaryIO | BufferedReader) -> BufferedRandom:
    """What can be read only once, on the disk: it is checked as a whole before anything is written."""
    copy = TemporaryFile()  # noqa: SIM115  # closed with the source
    shutil.copyfileobj(stream, copy)
    return copy


def _known(encoding: str) -> str:
    try:
        found = codecs.lookup(encoding).name
        " ".encode(found)
    except (LookupError, ValueError):
        raise InvalidInput("encoding", encoding, "a character encoding, such as utf-8 or cp1252") from None
    return "utf-8-sig" if found == "utf-8" else found


def _marked(file: BufferedReader | BufferedRandom) -> str:
    """UTF-8 with or without a byte order mark, unless the mark is UTF-16's."""
    file.seek(0)
    return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


class _Broken(Exception):
    """The file itself cannot be read further."""


def _lines(text: TextIOWrapper) -> Iterator[str]:
    while line := _line(text):
        yield line


def _line(text: TextIOWrapper) -> str:
    try:
        line = text.readline(MAX_LINE)
    except UnicodeError as error:
        raise _Broken(f"it is not {text.encoding} text ({error})") from None
    if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
        raise _Broken(f"it is longer than {MAX_LINE} characters")
    return line


def _stray(text: str) -> str | None:
    """What is said of the first byte that is no text in the file's encoding."""
    found = _STRAY.search(text)
    return found and f"holds the byte 0x{ord(found[0]) - 0xDC00:02x}, which is no text here: say the --encoding."


# ------------------------------------------------------------------ CSV


def _of_csv(lines: Iterator[str], known: tuple[str, ...], needed: tuple[str, ...]) -> Iterator[Record | Fault]:
    csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))
    first, skipped = "", 0
    try:
        while not (first := next(lines, "\0")).strip():
            skipped += 1
    except _Broken as broken:
        yield Fault(skipped + 1, f"{broken}.")
        return
    if first == "\0":
        yield Fault(1, "the file is empty: its first line names the columns.")
        return
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(_before(first, lines), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    while True:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _Broken as broken:
            yield Fault(line, f"{broken}.")
            return
        except csv.Error as error:
            yield Fault(line, f"it is not CSV ({error}); nothing after it was read.")
            return
        if columns is None:
            columns = [cell.strip() for cell in cells]
            if wrong := _wrong_columns(columns, known, needed):
                yield Fault(line, wrong)
                return
        elif any(cell.strip() for cell in cells):
            yield _row(line, columns, cells)


def _before(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _wrong_columns(columns: list[str], known: tuple[str, ...], needed: tuple[str, ...]) -> str | None:
    if unknown := [name for name in columns if name not in known]:
        return f"there is no column {unknown[0]!a}; the columns are {', '.join(known)}."
    if twice := [name for name in columns if columns.count(name) > 1]:
        return f"the column {twice[0]} is there twice."
    if missing := [name for name in needed if name not in columns]:
        return f"the column {missing[0]} is missing."
    return None


def _row(line: int, columns: list[str], cells: list[str]) -> Record | Fault:
    if len(cells) != len(columns):
        return Fault(line, f"it has {len(cells)} cells, the first line names {len(columns)} columns.")
    return _text_checked(line, {name: cell for name, cell in zip(columns, cells, strict=True) if cell != ""})


def _text_checked(line: int, values: dict[str, Any]) -> Record | Fault:
    for name, value in values.items():
        if found := _stray(value):
            return Fault(line, f"{name} {found}")
    return Record(line, values)


# ------------------------------------------------------------------ JSON Lines


def _of_json(lines: Iterator[str], known: tuple[str, ...]) -> Iterator[Record | Fault]:
    number = 0
    while True:
        number += 1
        try:
            line = next(lines, None)
        except _Broken as broken:
            yield Fault(number, f"{broken}.")
            return
        if line is None:
            return
        if line.strip():
            yield _object(number, line.strip(), known)


def _object(number: int, line: str, known: tuple[str, ...]) -> Record | Fault:
    if found := _stray(line):
        return Fault(number, f"it {found}")
    try:
        values = parse_object(line, "the line")
        if unknown := [name for name in values if name not in known]:
            return Fault(number, f"there is no {unknown[0]!a}; there are {', '.join(known)}.")
        refuse_unreadable(values)
    except (InvalidInput, InvalidType) as error:
        return Fault(number, str(error))
    return Record(number, {name: value for name, value in values.items() if value is not None})
