"""An item laid out for a decision: live answers, a recommendation, the options and what each would touch."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any

from manual_resolution.answers import Answer, Plan, Recommendation, expected
from manual_resolution.errors import MRQError
from manual_resolution.item import Item
from manual_resolution.store.attempts import Attempt
from manual_resolution.store.connection import Db
from manual_resolution.store.proposals import Proposal
from manual_resolution.workflow import Option, Workflow, asked

Answers = dict[str, Answer]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a decision is bound to: the thing, the context, the checks' answers (not their times), the plan."""

    item_type: str
    resource: str
    option: str
    context: Mapping[str, Any] | None
    answers: Mapping[str, tuple[str, Mapping[str, Any]]]
    plan: tuple[str, ...] | None = None

    @property
    def digest(self) -> str:
        """A short name for all of it."""
        return sha256(json_form([getattr(self, part.name) for part in fields(self)]))

    def parts(self) -> dict[str, Any]:
        """As JSON-ready data that can be kept: of the context only what tells whether it changed."""
        return {
            "item_type": self.item_type,
            "resource": self.resource,
            "option": self.option,
            "context": {key: sha256(json_form(value)) for key, value in (self.context or {}).items()},
            "answers": {key: [verdict, json_form(facts)] for key, (verdict, facts) in self.answers.items()},
            "plan": self.plan and list(self.plan),
        }

    def differences(self, now: "Seen", sentences: Mapping[str, str]) -> tuple[str, ...]:
        """What is no longer as it was seen, a sentence each; `sentences` are the checks' answers now."""
        return differences(self.parts(), now.parts(), sentences)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a page keeps of what it showed, in short hashes: nothing in it can be read, and a decision is bound to it.

    `plans` holds a hash for each option whose plan was shown.
    """

    context: Mapping[str, str]
    answers: Mapping[str, Any]
    plans: Mapping[str, str]

    def differences(self, now: "Seen", sentences: Mapping[str, str]) -> tuple[str, ...]:
        """As of `Seen`: a part whose hash is the same is as it was."""
        parts = now.parts()
        before = parts | {
            "context": {
                key: hash if hash != short(parts["context"].get(key)) else parts["context"][key]
                for key, hash in self.context.items()
            },
            "answers": {
                key: [verdict, hash] if [verdict, hash] != _short(parts["answers"].get(key)) else parts["answers"][key]
                for key, (verdict, hash) in self.answers.items()
            },
        }
        plan = self.plans.get(now.option)
        before["plan"] = None if plan is None else parts["plan"] if plan == short(parts["plan"]) else []
        return differences(before, parts, sentences)

    def as_json(self) -> dict[str, Any]:
        """As a page keeps it; `Glimpse(**…)` reads it."""
        return {"context": dict(self.context), "answers": dict(self.answers), "plans": dict(self.plans)}


def short(value: Any) -> str:
    """A few characters of a value's hash: enough to tell whether it changed."""
    return sha256(json_form(value))[:16]


def _short(answer: Any) -> list[str] | None:
    return answer and [answer[0], short(answer[1])]


def differences(before: Mapping[str, Any], now: Mapping[str, Any], sentences: Mapping[str, str]) -> tuple[str, ...]:
    """What differs between two sights of one item (`Seen.parts`), a sentence each."""
    changed = [f"the item's {name} changed" for name in ("item_type", "resource") if before[name] != now[name]]
    if before["option"] != now["option"]:
        changed.append(f"you looked at option {before['option']}, not at {now['option']}")
    keys = sorted(before["context"].keys() | now["context"].keys())
    changed += [f"context.{key} changed" for key in keys if before["context"].get(key) != now["context"].get(key)]
    for key, answer in now["answers"].items():
        if (old := before["answers"].get(key)) and old != answer:
            changed.append(f"it was {old[0]}, now: {sentences.get(key, answer[0])}")
    if before["plan"] is not None and now["plan"] is not None and before["plan"] != now["plan"]:
        changed.append(f"it would now touch: {'; '.join(now['plan'])}")
    return tuple(changed)


@dataclass(frozen=True, slots=True)
class Sight:
    """An item as it is just now for one option, read under its row's lock."""

    now: Seen
    answers: Answers
    failing: tuple[str, ...]

    @property
    def sentences(self) -> dict[str, str]:
        """What each check says."""
        return {key: answer.sentence for key, answer in self.answers.items()}

    @property
    def shown(self) -> dict[str, Any]:
        """What goes on record with a decision: digest, plan, checks, and which of those required did not pass."""
        return {
            "digest": self.now.digest,
            "plan": list(self.now.plan or ()),
            "checks": {key: {"verdict": a.verdict, "sentence": a.sentence} for key, a in self.answers.items()},
        } | ({"overridden": list(self.failing)} if self.failing else {})

    @property
    def kept(self) -> dict[str, Any]:
        """What a proposal keeps, to be compared when it is approved."""
        return self.now.parts() | self.shown | {"plan": self.now.parts()["plan"]}


def sha256(text: str) -> str:
    """A text's SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def json_form(value: Any) -> str:
    """A value in one comparable form."""
    return json.dumps(value, sort_keys=True, default=str)


@dataclass(frozen=True, slots=True)
class Offer:
    """One line of the menu: the option, why it is not possible (None when it is), what it would touch."""

    option: Option
    because: str | None
    plan: Plan | None
    proposed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a person sees before deciding."""

    item: Item
    workflow: Workflow
    known: bool
    answers: Answers
    recommendation: Recommendation | None
    offers: tuple[Offer, ...]
    attempts: tuple[Attempt, ...]
    missing: tuple[str, ...]
    proposals: tuple[Proposal, ...] = ()

    def offer(self, key: str) -> Offer:
        """The menu line of one option; raises `InvalidInput` for a key the type does not have."""
        option = self.workflow.option_named(key)
        return next(offer for offer in self.offers if offer.option.key == option.key)

    def glimpse(self) -> Glimpse:
        """What a page keeps, to bind whatever is decided from it."""
        parts = self.seen("").parts()
        return Glimpse(
            {key: short(hash) for key, hash in parts["context"].items()},
            {key: _short(answer) for key, answer in parts["answers"].items()},
            {offer.option.key: short(offer.plan.lines()) for offer in self.offers if offer.plan},
        )

    def seen(self, key: str, plan: Plan | None = None) -> Seen:
        """What deciding for option `key` is bound to."""
        return Seen(
            self.item.item_type,
            self.item.resource,
            key,
            self.item.context,
            {name: (answer.verdict, dict(answer.facts)) for name, answer in self.answers.items()},
            tuple(plan.lines()) if plan else None,
        )


def ask(workflow: Workflow, item: Item, db: Db, *, outside: bool) -> Answers:
    """Ask the type's checks, only the outside ones or only the others. A check that breaks answers unknown."""
    typed = workflow.typed(item)
    return {key: _asked(check, typed, db) for key, check in workflow.checks.items() if check.outside == outside}


def _asked(check: Any, item: Item, db: Db) -> Answer:
    try:
        with db.transaction():
            return answered(check.title, check(item=item, db=db))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a check that breaks answers unknown
        return Answer("unknown", f"{check.title}: could not be asked ({first_line(error)})")


def answered(title: str, answer: object) -> Answer:
    """What a check returned, where it is an answer; a forgotten `return` answers unknown."""
    return answer if isinstance(answer, Answer) else Answer("unknown", f"{title}: the check returned no answer")


def look(workflow: Workflow, option: Option, item: Item, answers: Answers, db: Db, values: Any) -> Sight:
    """The item as a decision for this option with these values would be bound to it."""
    plan = planned(option, workflow, item, db, values)
    facts = {key: (answer.verdict, dict(answer.facts)) for key, answer in answers.items()}
    lines = tuple(plan.lines()) if plan else None
    now = Seen(item.item_type, item.resource, option.key, item.context, facts, lines)
    return Sight(now, answers, option.failing(answers))


def lay_out(
    workflow: Workflow,
    known: bool,
    item: Item,
    attempts: list[Attempt],
    proposals: list[Proposal],
    answers: Answers,
    db: Db,
) -> Case:
    """Put a case together from what was read and asked."""
    recommendation = recommended(workflow, item, answers, attempts)
    offers = tuple(_offer(option, workflow, item, answers, recommendation, db) for option in workflow.options.values())
    missing = tuple(workflow.missing(item))
    return Case(item, workflow, known, answers, recommendation, offers, tuple(attempts), missing, tuple(proposals))


def _offer(
    option: Option, workflow: Workflow, item: Item, answers: Answers, chosen: Recommendation | None, db: Db
) -> Offer:
    proposed = dict(chosen.values) if chosen and chosen.option == option.key else {}
    plan = None
    with suppress(Exception), db.transaction():
        plan = planned(option, workflow, item, db, asked(option, proposed))
    return Offer(option, option.possible(answers), plan, proposed)


def planned(option: Option, workflow: Workflow, item: Item, db: Db, values: Any) -> Plan | None:
    """What the option would touch with these values; None where it declares no plan."""
    if "plan" not in option.effects:
        return None
    return expected(Plan, option.effects["plan"](item=workflow.typed(item), db=db, values=values), "Plan(…)")


def recommended(workflow: Workflow, item: Item, answers: Answers, attempts: list[Attempt]) -> Recommendation | None:
    """The first factor's recommendation whose option is possible."""
    typed = workflow.typed(item)
    for factor in workflow.factors:
        with suppress(Exception):  # a factor that breaks recommends nothing; the person still sees the item
            found: Recommendation | None = factor(item=typed, answers=answers, attempts=attempts)
            if found and workflow.option_named(found.option).possible(answers) is None:
                return found
    return None


def first_line(error: BaseException) -> str:
    """An error's first line, with its type where it says nothing itself."""
    text = str(error).strip().splitlines()
    return (
        text[0]
        if text and isinstance(error, MRQError)
        else f"{type(error).__name__}: {text[0] if text else ''}".rstrip(": ")
    )
