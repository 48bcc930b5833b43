"""What a workflow's functions answer: of the world, of what to do, of how it ended, of what it would touch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from manual_resolution.errors import InvalidInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A check's answer: pass, fail or unknown, a sentence for the person, and the facts a decision is bound to."""

    verdict: Literal["pass", "fail", "unknown"]
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def passes(sentence: str, **facts: Any) -> Answer:
    """The world is as the check's title says."""
    return Answer("pass", sentence, facts)


def fails(sentence: str, **facts: Any) -> Answer:
    """The world is not as the check's title says."""
    return Answer("fail", sentence, facts)


def unknown(sentence: str, **facts: Any) -> Answer:
    """It could not be found out."""
    return Answer("unknown", sentence, facts)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What a factor recommends: an option's key, one sentence why, and values to propose."""

    option: str
    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)


def recommend(option: str, sentence: str, **values: Any) -> Recommendation:
    """Recommend the option with this key; `values` are proposed for what it asks (`span="1h"` for a deferral)."""
    return Recommendation(option, sentence, values)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an outside call came to. `retry_after` is in seconds, where the service said so."""

    state: Literal["done", "not_done", "unclear"]
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None


def done(sentence: str = "", **evidence: Any) -> Outcome:
    """The effect took place, or the world was so already."""
    return Outcome("done", sentence, evidence)


def not_done(sentence: str, *, retry_after: float | None = None, **evidence: Any) -> Outcome:
    """The effect definitely did not take place: refused before sending, or by the service."""
    return Outcome("not_done", sentence, evidence, retry_after)


def unclear(sentence: str, **evidence: Any) -> Outcome:
    """Nobody can tell from here: no answer, a server error, a broken connection."""
    return Outcome("unclear", sentence, evidence)


@dataclass(frozen=True, slots=True)
class Resolved:
    """How an option resolved its item: the sentence on record, and the one the person sees."""

    resolution: str
    result: str


def resolved(resolution: str, *, result: str | None = None) -> Resolved:
    """The item is resolved; `resolution` goes on record, `result` (the same where left out) is shown."""
    if not resolution.strip():
        raise InvalidInput("resolution", resolution, "a sentence for the record")
    return Resolved(resolution, result or resolution)


@dataclass(frozen=True, slots=True)
class Touch:
    """Rows of one table that an option would change: `Touch("meal_plans", 12345, "forget its PDF")`."""

    table: str
    key: int | str
    change: str


@dataclass(frozen=True, slots=True)
class Call:
    """One outside call that an option would make: `Call("Vercel Blob", "delete", "plans/1.pdf")`."""

    service: str
    verb: str
    target: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an option would touch; executing touches exactly that."""

    touches: tuple[Touch, ...] = ()
    calls: tuple[Call, ...] = ()

    def lines(self) -> list[str]:
        """One line for each row and call."""
        rows = [f"{t.change}: {t.table} #{t.key}" for t in self.touches]
        return rows + [f"{c.verb} at {c.service}: {c.target}" for c in self.calls] or ["nothing outside the queue"]


def expected(kind: type[T], value: object, advice: str) -> T:
    """`value`, when it is what a workflow's function must return; a forgotten `return` is told, not carried on."""
    if not isinstance(value, kind):
        raise TypeError(f"it returned {type(value).__name__} instead of {advice}")
    return value
