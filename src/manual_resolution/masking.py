"""What nobody sees by the way: the personal and secret facts that a workflow's dataclass declares.

A mark stands where such a fact stood in the context, and wherever its text is said again: in reasons, sentences, plans.
Programs that call the queue get items as they are; every face masks what it shows, and so do exports.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from manual_resolution.answers import Plan
from manual_resolution.case import Case, Offer
from manual_resolution.context import stored
from manual_resolution.item import Event, Item
from manual_resolution.store.attempts import Attempt
from manual_resolution.store.proposals import Proposal
from manual_resolution.values import context_fields, label_of
from manual_resolution.workflow import Workflow

PERSONAL: Final = "‹personal›"
SECRET: Final = "‹secret›"
SHORTEST: Final = 4  # characters; a shorter text is part of too many words to be hidden wherever it is said


@dataclass(frozen=True, slots=True)
class Mask:
    """What to hide of one item: keys of its context with their marks, and texts wherever they stand.

    `names` are the keys whose values are hidden, `labels` those of personal ones.
    """

    marks: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    words: re.Pattern[str] | None = None
    secrets: frozenset[str] = frozenset()

    def text(self, text: str) -> str:
        """A sentence without what is hidden."""
        return self.words.sub(self._mark, text) if self.words else text

    def _mark(self, found: re.Match[str]) -> str:
        return SECRET if found[0].lower() in self.secrets else PERSONAL

    def value(self, value: Any) -> Any:
        """A JSON value without what is hidden; keys that every item has stay."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {key: self.value(kept) for key, kept in value.items()}
            case list() | tuple():
                return [self.value(kept) for kept in value]
        return value

    def context(self, context: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """A context with a mark for each value hidden."""
        if context is None:
            return None
        return {self.text(key): self._hidden(key, value) for key, value in context.items()}

    def _hidden(self, key: str, value: Any) -> Any:
        return self.marks[key] if key in self.marks and not is_empty(value) else self.value(value)

    # -------------------------------------------------------------- what faces show

    def item(self, item: Item) -> Item:
        """An item as it may be shown."""
        if not self.marks:
            return item
        return replace(
            item,
            context=self.context(item.context),
            resolution_metadata=self.value(item.resolution_metadata),
            **{name: self.value(getattr(item, name)) for name in ("reason", "resolution", "resource_key")},
            position_reason=self.value(item.position_reason),
        )

    def case(self, case: Case) -> Case:
        """A case as it may be shown; decide on the case itself, never on this."""
        if not self.marks:
            return case
        return replace(
            case,
            item=self.item(case.item),
            answers={
                key: replace(answer, sentence=self.text(answer.sentence), facts=self.value(answer.facts))
                for key, answer in case.answers.items()
            },
            recommendation=case.recommendation
            and replace(case.recommendation, sentence=self.text(case.recommendation.sentence)),
            offers=tuple(map(self._offer, case.offers)),
            attempts=tuple(self.attempts(case.attempts)),
            proposals=tuple(self.proposals(case.proposals)),
        )

    def _offer(self, offer: Offer) -> Offer:
        return replace(offer, because=self.value(offer.because), plan=offer.plan and self._plan(offer.plan))

    def _plan(self, plan: Plan) -> Plan:
        return Plan(
            tuple(replace(one, key=self.value(one.key), change=self.text(one.change)) for one in plan.touches),
            tuple(replace(one, target=self.text(one.target)) for one in plan.calls),
        )

    def attempts(self, attempts: Iterable[Attempt]) -> list[Attempt]:
        """Attempts as they may be shown."""
        names = ("values", "justification", "seen", "outcome", "evidence")
        return [replace(one, **{name: self.value(getattr(one, name)) for name in names}) for one in attempts]

    def proposals(self, proposals: Iterable[Proposal]) -> list[Proposal]:
        """Proposals as they may be shown."""
        names = ("values", "justification", "seen", "ended_why")
        return [replace(one, **{name: self.value(getattr(one, name)) for name in names}) for one in proposals]

    def events(self, events: Sequence[Event]) -> list[Event]:
        """A history as it may be shown."""
        return [replace(event, private=self.private(event.private)) for event in events]

    def private(self, private: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """An event's private part; what it says of the context is masked like the context."""
        if private is None:
            return None
        told = {key: self.value(value) for key, value in private.items()}
        return told | {"context": self.context(private["context"])} if "context" in private else told


NOTHING: Final = Mask()


def mask_of(workflow: Workflow, *contexts: Mapping[str, Any] | None, reveal: bool = False) -> Mask:
    """The mask for an item with these contexts; `reveal` hides only what is secret."""
    hidden = [one for one in context_fields(workflow.context) if hides(one.metadata, reveal)]
    if not hidden:
        return NOTHING
    given = [(one, context[one.name]) for one in hidden for context in contexts if context and one.name in context]
    held = [(one, value) for one, value in given if not is_empty(value)]
    texts = {text.lower(): one for one, value in held for text in texts_in(value) if len(text) >= SHORTEST}
    return Mask(
        {one.name: mark_of(one.metadata) for one in hidden},
        tuple(sorted({one.name for one, _ in held})),
        tuple(dict.fromkeys(label_of(one) for one, _ in held if one.metadata["personal"])),
        whole_words(texts) if texts else None,
        frozenset(text for text, one in texts.items() if one.metadata["secret"]),
    )


def without_secrets(workflow: Workflow, context: str) -> str:
    """A context's JSON text with a mark for each secret value: such a value is never stored."""
    secret = [one.name for one in context_fields(workflow.context) if one.metadata.get("secret")]
    given = json.loads(context) if secret else {}
    marks = {name: SECRET for name in secret if not is_empty(given.get(name))}
    return stored(given | marks) if marks else context


def hides(metadata: Mapping[str, Any], reveal: bool) -> bool:
    """Whether a field's value is not shown."""
    return bool(metadata.get("secret") or (metadata.get("personal") and not reveal))


def hides_anything(workflow: Workflow) -> bool:
    """Whether a workflow declares anything personal or secret."""
    return any(hides(one.metadata, reveal=False) for one in context_fields(workflow.context))


def mark_of(metadata: Mapping[str, Any]) -> str:
    """What stands where a field's value stood."""
    return SECRET if metadata["secret"] else PERSONAL


def is_empty(value: Any) -> bool:
    """Whether there is nothing to hide."""
    return value in (None, "", [], {})


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    match value:
        case str():
            yield value
        case Mapping():
            for key, kept in value.items():
                yield str(key)
                yield from texts_in(kept)
        case list() | tuple():
            for kept in value:
                yield from texts_in(kept)


def whole_words(texts: Iterable[str]) -> re.Pattern[str]:
    """Finds any of these texts, in whatever case, where it is not part of a longer word; the longest first."""
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
