"""The words of a text, as they are searched: in small letters, without signs. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

LONGEST: Final = 100  # characters of one word
SHORT: Final = 200  # characters of a fact that stands among the first words
MOST: Final = 8000  # characters of all words of one item

_WORD: Final = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """`Blob.Vercel-storage` is `blob`, `vercel`, `storage`."""
    return [word[:LONGEST] for word in _WORD.findall(text.casefold())]


def joined(texts: Iterable[str]) -> str:
    """The words of several texts as one line of at most `MOST` characters, cut between words; each word once."""
    line = " ".join(dict.fromkeys(words_of("\n".join(text[:MOST] for text in texts))))
    return line if len(line) <= MOST else line[: MOST + 1].rpartition(" ")[0]


def query(text: Iterable[str], whole: Iterable[str] = ()) -> str:
    """What PostgreSQL's text search asks: every word, the last one of `text` only begun.

    Only one is a beginning: each would be all words that begin so, gathered before any other is looked at.
    """
    *words, last = [*text] or [""]
    begun = [f"'{last}':*"] if last else []
    return " & ".join([*(f"'{word}'" for word in dict.fromkeys([*whole, *words])), *begun])


def values_in(value: Any) -> Iterator[str]:
    """Every text and number in a JSON value, without keys."""
    match value:
        case bool() | None:
            return
        case str() | int() | float():
            yield str(value)
        case Mapping():
            for kept in value.values():
                yield from values_in(kept)
        case list() | tuple():
            for kept in value:
                yield from values_in(kept)
