"""Declaring a workflow: what its author gets, and is told."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from manual_resolution import (
    Call,
    InvalidInput,
    Plan,
    SettingsError,
    Touch,
    Workflow,
    choice,
    done,
    fails,
    not_done,
    passes,
    recommend,
    resolved,
    shown,
    unclear,
    unknown,
)
from manual_resolution.case import Seen
from manual_resolution.workflow import asked


@dataclass(frozen=True)
class Context:
    """A context with a required, a labelled and an optional fact."""

    url: str = shown("URL", brief=lambda url: url[-3:])
    error: str = shown("Last error", default="none")
    tries: int = 0


@dataclass(frozen=True)
class Values:
    """One value of each kind."""

    count: int
    until: date
    how: str = choice("How", "soft", "hard", default="soft")
    words: str = "none"


class Thing:
    """As much of an item as a context needs."""

    def __init__(self, context: Any) -> None:
        self.context = context


def test_the_order_written_is_the_menu() -> None:
    """Options stand as written, the generic ones behind, unless the type places them itself."""
    flow = Workflow("t")
    flow.option("b", "B", effect="database")
    flow.option("a", "A", effect="database")
    assert list(flow.options) == ["b", "a", "escalate", "defer"]
    placed = Workflow("t")
    placed.defer("Wait a day", hours=12)
    placed.option("a", "A", effect="database")
    placed.escalate("Ask support", team="support")
    assert list(placed.options) == ["defer", "a", "escalate"]
    assert (placed.options["defer"].hours, placed.options["escalate"].team) == (12, "support")


def test_an_unknown_option_lists_what_there_is() -> None:
    """Asking for an option that is not there names those that are."""
    with pytest.raises(InvalidInput, match="t has escalate, defer"):
        Workflow("t").option_named("delete")


def test_functions_get_what_they_ask_for_by_name() -> None:
    """A part is called with the arguments it names, in any order; one nobody can give stops the start."""
    flow = Workflow("t")
    option = flow.option("a", "A", effect="database")
    option.run(lambda values, item: resolved(f"{item}{values}"))
    assert option.effects["run"](item=1, db=None, values=2).resolution == "12"
    with pytest.raises(SettingsError, match="asks for money; it may ask for item, db, values"):
        option.run(lambda money: None)
    with pytest.raises(SettingsError, match="Check broken of t asks for values"):

        @flow.check("?")
        def broken(values: Any) -> Any: ...

    with pytest.raises(SettingsError, match="Factor factor of t asks for db"):

        @flow.factor
        def factor(db: Any) -> Any: ...


def test_declaring_twice_is_refused() -> None:
    """A key stands for one option or check of a type."""
    flow = Workflow("t")
    flow.option("a", "A", effect="database")
    with pytest.raises(SettingsError, match="t declares a twice"):
        flow.option("a", "Another", effect="database")


def test_requiring_no_check_is_refused() -> None:
    """An option may only require what the type checks."""
    with pytest.raises(SettingsError, match="requires nothing, which is no check of it"):
        Workflow("t").option("a", "A", effect="database", requires=["nothing"])


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (passes("fine"), None),
        (fails("it is referenced"), "it is referenced"),
        (unknown("no answer"), "no answer"),
    ],
)
def test_only_a_pass_makes_an_option_possible(answer: Any, because: str | None) -> None:
    """A required check that fails, or could not be asked, forbids the option with its sentence."""
    flow = Workflow("t")

    @flow.check("Free")
    def free() -> Any:
        return answer

    option = flow.option("a", "A", effect="database", requires=["free"])
    assert option.possible({"free": flow.checks["free"]()}) == because


def test_context_comes_typed() -> None:
    """The context is the workflow's dataclass; what is missing is None, what is strange is left out."""
    flow = Workflow("t", context=Context)
    assert flow.brief(Thing({"url": "abcdef", "error": "e", "x": 1})) == [("URL", "def"), ("Last error", "e")]  # type: ignore[arg-type]
    assert flow.missing(Thing({"error": "e"})) == ["URL"]  # type: ignore[arg-type]
    assert flow.missing(Thing(None)) == ["URL"]  # type: ignore[arg-type]
    assert Workflow("t").brief(Thing({"retry_count": 3})) == [("Retry count", 3)]  # type: ignore[arg-type]


def values_option() -> Any:
    return Workflow("t").option("a", "A", effect="database", values=Values)


def test_values_are_read_from_text() -> None:
    """Values come as text or typed and arrive typed."""
    expected = Values(3, date(2026, 12, 31), "hard", "a b")
    assert asked(values_option(), {"count": "3", "until": "2026-12-31", "how": "hard", "words": " a b "}) == expected
    assert asked(values_option(), {"count": 3, "until": date(2026, 12, 31)}) == replace(
        expected, how="soft", words="none"
    )


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"until": "2026-12-31"}, "count"), ({"count": "３", "until": "2026-12-31"}, "count"),
        ({"count": "1e3", "until": "2026-12-31"}, "count"),
        ({"count": "9" * 19, "until": "2026-12-31"}, "count"),
        ({"count": "3", "until": "31.12.2026"}, "until"),
        ({"count": "3", "until": "2026-12-31", "how": "Soft"}, "how"),
        ({"count": "3", "until": "2026-12-31", "words": "\0"}, "words"),
        ({"count": "3", "until": "2026-12-31", "words": " "}, "words"),
        ({"count": "3", "until": "2026-12-31", "who": "me"}, "who"),
    ],
)  # fmt: skip
def test_wrong_values_are_named(given: Any, named: str) -> None:
    """A value that is missing, wrong or not asked for is refused by its name."""
    with pytest.raises(InvalidInput) as refused:
        asked(values_option(), given)
    assert refused.value.parameter == named


def test_a_plan_says_what_it_touches() -> None:
    """A plan is one line for each row and call, or says that it touches nothing."""
    plan = Plan((Touch("plans", 1, "forget its PDF"),), (Call("Blob", "delete", "1.pdf"),))
    assert plan.lines() == ["forget its PDF: plans #1", "delete at Blob: 1.pdf"]
    assert Plan().lines() == ["nothing outside the queue"]


def test_outcomes_and_recommendations() -> None:
    """The words of a call's outcome and of a factor's recommendation."""
    assert [outcome.state for outcome in (done("a"), not_done("b", retry_after=3), unclear("c"))] == [
        "done", "not_done", "unclear",
    ]  # fmt: skip
    assert (not_done("b", retry_after=3).retry_after, done("a", status=204).evidence) == (3, {"status": 204})
    assert recommend("defer", "503", span="1h").values == {"span": "1h"}
    assert (resolved("kept").result, resolved("kept", result="shown").result) == ("kept", "shown")


SEEN = Seen("t", "thing #1", "a", {"n": 1, "list": [1, 2]}, {"free": ("pass", {"count": 0})}, ("one line",))


def test_what_was_seen_has_one_digest() -> None:
    """The digest does not depend on the order of facts; each part of what was seen changes it."""
    same = replace(SEEN, context={"list": [1, 2], "n": 1})
    assert same.digest == SEEN.digest
    others: list[dict[str, Any]] = [
        {"item_type": "u"}, {"resource": "thing #2"}, {"option": "b"},
        {"context": {"n": 2, "list": [1, 2]}}, {"plan": None},
        {"answers": {"free": ("fail", {"count": 0})}}, {"answers": {"free": ("pass", {"count": 1})}},
    ]  # fmt: skip
    digests = {replace(SEEN, **other).digest for other in others}
    assert len(digests | {SEEN.digest}) == len(others) + 1


def test_differences_are_told_one_by_one() -> None:
    """Each thing that changed since it was seen is one sentence; what did not is none."""
    now = replace(SEEN, context={"n": 2, "more": 1}, answers={"free": ("fail", {"count": 3})}, plan=("two",))
    assert SEEN.differences(now, {"free": "3 refer to it"}) == (
        "context.list changed", "context.more changed", "context.n changed",
        "it was pass, now: 3 refer to it",
        "it would now touch: two",
    )  # fmt: skip
    assert SEEN.differences(SEEN, {}) == ()
