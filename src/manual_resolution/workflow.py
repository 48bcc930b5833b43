"""What MRQ knows about an item type: checks, factors, options. The public way to teach it a new one (docs/extend).

Functions given to a workflow take what they ask for by name: `item` (its `context` typed by the workflow's dataclass),
`db` (an open psycopg connection), `values`, `answers`, `attempts`, `outcome`; whichever they name, in any order.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Final, Literal, TypeVar

from manual_resolution.answers import Answer
from manual_resolution.errors import InvalidInput, SettingsError
from manual_resolution.item import Item
from manual_resolution.values import context_fields, is_required, label_of, read_value

F = TypeVar("F", bound=Callable[..., Any])
Effect = Literal["database", "external", "escalate", "defer"]


# ------------------------------------------------------------------ functions by what they ask for


def arguments(function: Callable[..., Any], allowed: str, place: str) -> frozenset[str]:
    """The names a function asks for. Raises `SettingsError` for one nobody can give."""
    asked = frozenset(inspect.signature(function).parameters)
    if stray := sorted(asked - set(allowed.split())):
        raise SettingsError([f"{place} asks for {', '.join(stray)}; it may ask for {', '.join(allowed.split())}."])
    return asked


@dataclass(frozen=True, slots=True)
class Asking:
    """A function and the names it asks for."""

    function: Callable[..., Any]
    asks: frozenset[str]

    def __call__(self, **have: Any) -> Any:
        return self.function(**{name: have[name] for name in self.asks})


# ------------------------------------------------------------------ checks, factors, options


@dataclass(frozen=True, slots=True)
class Check:
    """A read-only question about the world now. `outside`: it asks a service, so it is never asked under a row lock."""

    key: str
    title: str
    ask: Asking
    outside: bool = False

    def __call__(self, **have: Any) -> Answer:
        answer: Answer = self.ask(**have)
        return answer


@dataclass(slots=True)
class Option:
    """One thing a person may decide. `requires` names the checks that must pass; `approvals=1` needs a second person.

    `override=False`: not even two persons may decide it while a required check does not pass.
    """

    key: str
    label: str
    effect: Effect
    requires: tuple[str, ...] = ()
    values: type[Any] | None = None
    action: str = ""
    team: str | None = None
    hours: float = 24
    approvals: int = 0
    override: bool = True
    effects: dict[str, Asking] = field(default_factory=dict)

    def _keep(self, part: str, allowed: str, function: F) -> F:
        self.effects[part] = Asking(function, arguments(function, allowed, f"Option {self.key}: {part}"))
        return function

    def __call__(self, function: Callable[..., Any]) -> "Option":
        """As a decorator: the option's one main part, `run` for a database effect, `call` for an external one."""
        (self.run if self.effect == "database" else self.call)(function)
        return self

    def run(self, function: F) -> F:
        """The database effect, in the transaction that records the resolution; returns `resolved(...)`."""
        return self._keep("run", "item db values", function)

    def call(self, function: F) -> F:
        """The outside call, with no transaction open; returns `done`, `not_done` or `unclear`."""
        return self._keep("call", "item values", function)

    def then(self, function: F) -> F:
        """What follows a call that was done, in the resolving transaction; returns `resolved(...)`."""
        return self._keep("then", "item db values outcome", function)

    def probe(self, function: F) -> F:
        """Find out whether an earlier call took effect; returns `done`, `not_done` or `unclear`."""
        return self._keep("probe", "item values", function)

    def plan(self, function: F) -> F:
        """What the option would touch; returns `Plan`."""
        return self._keep("plan", "item db values", function)

    def failing(self, answers: Mapping[str, Answer]) -> tuple[str, ...]:
        """Keys of the required checks that do not pass."""
        return tuple(key for key in self.requires if key in answers and answers[key].verdict != "pass")

    def possible(self, answers: Mapping[str, Answer]) -> str | None:
        """None when every required check passes, else the sentence of the first that does not."""
        return next((answers[key].sentence for key in self.failing(answers)), None)

    def complete(self, item_type: str) -> None:
        """Raise `SettingsError` when a part is missing."""
        needed = {"database": ("run",), "external": ("call", "then", "probe")}.get(self.effect, ())
        if missing := [part for part in needed if part not in self.effects]:
            raise SettingsError(
                [f"Option {self.key} of {item_type}: effect {self.effect!r} needs {' and '.join(missing)}."]
            )


Factor = Asking

#: Options that every type has, in this order behind its own.
GENERIC: Final = {
    "escalate": Option("escalate", "Escalate", "escalate"),
    "defer": Option("defer", "Defer for 24 hours", "defer"),
}


class Workflow:
    """One item type: `Workflow("pdf_deletion_failed", context=FailedDeletion)`.

    The order written is the order shown; `escalate` and `defer` follow behind unless the type lists them itself.
    """

    def __init__(self, item_type: str, *, context: type[Any] | None = None, recommended: str = "") -> None:
        self.item_type, self.context, self.recommended = item_type, context, recommended
        self.checks: dict[str, Check] = {}
        self.factors: list[Factor] = []
        self.advice: list[str] = []
        self.keepers: list[Asking] = []
        self._options: dict[str, Option] = {}

    def check(self, title: str, *, outside: bool = False) -> Callable[[F], F]:
        """Declare a check: a function that answers `passes`, `fails` or `unknown`, with a sentence."""

        def keep(function: F) -> F:
            key = name_of(function)
            self._new(key, self.checks)
            asking = Asking(function, arguments(function, "item db", f"Check {key} of {self.item_type}"))
            self.checks[key] = Check(key, title, asking, outside)
            return function

        return keep

    def factor(self, function: F) -> F:
        """Declare a factor: a function that returns `recommend(...)` or None. The first that recommends wins."""
        place = f"Factor {name_of(function)} of {self.item_type}"
        self.factors.append(Asking(function, arguments(function, "item answers attempts", place)))
        return function

    def keeps(self, function: F) -> F:
        """Declare who says whether an item, of any type, must be kept from erasure: a sentence why, or None."""
        self.keepers.append(Asking(function, arguments(function, "item db", f"Keeps of {self.item_type}")))
        return function

    def advise(self, sentence: str) -> None:
        """A decision factor only a person can weigh, shown as it stands."""
        self.advice.append(sentence)

    def option(
        self,
        key: str,
        label: str,
        *,
        effect: Literal["database", "external"],
        requires: Sequence[str] = (),
        values: type[Any] | None = None,
        action: str = "",
        approvals: Literal[0, 1] = 0,
        override: bool = True,
    ) -> Option:
        """Declare an option, as a decorator of its main part; `@retry.then`, `.probe` and `.plan` add the others.

        `values` is a dataclass of what the option asks; `action` is shown while it runs. `approvals=1`: it waits for a
        second person. `override=False`: nobody may decide it while a check of `requires` does not pass.
        """
        if effect not in ("database", "external"):
            raise SettingsError(
                [f"Option {key} of {self.item_type}: effect {effect!r} is neither database nor external."]
            )
        if stray := [name for name in requires if name not in self.checks]:
            raise SettingsError(
                [f"Option {key} of {self.item_type} requires {', '.join(stray)}, which is no check of it."]
            )
        if approvals not in (0, 1) or isinstance(approvals, bool):
            raise SettingsError([f"Option {key} of {self.item_type}: approvals={approvals!r} is neither 0 nor 1."])
        return self._add(
            Option(key, label, effect, tuple(requires), values, action, approvals=approvals, override=override)
        )

    def escalate(self, label: str = "Escalate", *, team: str | None = None) -> Option:
        """Place the generic escalation here, under this label, for this team."""
        return self._add(Option("escalate", label, "escalate", team=team))

    def defer(self, label: str = "Defer", *, hours: float = 24) -> Option:
        """Place the generic deferral here, under this label, proposing so many hours."""
        return self._add(Option("defer", label, "defer", hours=hours))

    @property
    def options(self) -> dict[str, Option]:
        """The options in menu order, generic ones behind."""
        return self._options | {key: option for key, option in GENERIC.items() if key not in self._options}

    def option_named(self, key: str) -> Option:
        """The option with this key; raises `InvalidInput` listing what there is."""
        found = self._options.get(key) or GENERIC.get(key)
        if found is None:
            raise InvalidInput("option", key, f"{self.item_type} has {', '.join(self.options)}")
        return found

    def complete(self) -> "Workflow":
        """Itself, when every option has its parts; raises `SettingsError` else."""
        for option in self._options.values():
            option.complete(self.item_type)
        return self

    def _add(self, option: Option) -> Option:
        self._new(option.key, self._options)
        self._options[option.key] = option
        return option

    def _new(self, key: str, among: Mapping[str, object]) -> None:
        if key in among:
            raise SettingsError([f"{self.item_type} declares {key} twice."])

    # -------------------------------------------------------------- an item as its type knows it

    def missing(self, item: Item) -> list[str]:
        """Labels of required context that the item lacks."""
        given = item.context or {}
        return [label_of(f) for f in context_fields(self.context) if is_required(f) and given.get(f.name) in (None, "")]

    def typed(self, item: Item) -> Item:
        """The item with its context as the workflow's dataclass; what is missing is None."""
        if self.context is None:
            return item
        given = item.context or {}
        empty = {f.name: None for f in context_fields(self.context) if is_required(f)}
        known = {f.name: given[f.name] for f in context_fields(self.context) if f.name in given}
        return replace(item, context=self.context(**(empty | known)))

    def brief(self, item: Item) -> list[tuple[str, object]]:
        """Label and value of the context worth showing first; all of it where the type declares nothing."""
        given = item.context or {}
        labelled = [f for f in context_fields(self.context) if "label" in f.metadata]
        if not labelled:
            return [(name.replace("_", " ").capitalize(), value) for name, value in given.items()]
        return [(label_of(f), (f.metadata.get("brief") or same)(given[f.name])) for f in labelled if f.name in given]


def name_of(function: Callable[..., Any]) -> str:
    """What a function is called."""
    return str(getattr(function, "__name__", function))


def same(value: Any) -> Any:
    """The value itself."""
    return value


def asked(option: Option, given: Mapping[str, Any]) -> Any:
    """The option's values as its dataclass, from text or typed values; raises `InvalidInput` naming the value."""
    if option.values is None:
        if given:
            raise InvalidInput("values", dict(given), f"option {option.key} asks for none")
        return None
    wanted = {f.name: f for f in fields(option.values)}
    if stray := sorted(set(given) - set(wanted)):
        raise InvalidInput(stray[0], given[stray[0]], f"option {option.key} asks for {', '.join(wanted)}")
    missing = [f.name for f in wanted.values() if f.default is MISSING and f.name not in given]
    if missing:
        raise InvalidInput(missing[0], None, f"option {option.key} asks for {label_of(wanted[missing[0]])}")
    return option.values(**{name: read_value(wanted[name], value) for name, value in given.items()})
