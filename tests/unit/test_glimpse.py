"""What a page keeps of what it showed."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from manual_resolution.case import Case, Glimpse, Seen


def seen(**given: Any) -> Seen:
    """A sight of one item."""
    return replace(Seen("t", "r #1", "send", {"a": 1, "b": "x"}, {"fits": ("pass", {"n": 1})}, ("row 1",)), **given)


def glimpse(of: Seen) -> Glimpse:
    """What a page keeps of it, as it comes back from a form."""
    offers = (
        SimpleNamespace(option=SimpleNamespace(key="send"), plan=SimpleNamespace(lines=lambda: list(of.plan or ()))),
    )
    case: Any = SimpleNamespace(seen=lambda key: replace(of, option=key, plan=None), offers=offers)
    return Glimpse(**Case.glimpse(case).as_json())


def test_what_is_the_same_is_no_difference() -> None:
    """A page whose facts are as they were binds to nothing more."""
    assert glimpse(seen()).differences(seen(), {}) == ()
    assert glimpse(seen()).differences(seen(option="burn"), {}) == ()


def test_each_difference_is_told() -> None:
    """Context, an answer and the plan are each told when they changed, with what is so now."""
    kept = glimpse(seen())
    assert kept.differences(seen(context={"a": 2, "c": 1}), {}) == (
        "context.a changed", "context.b changed", "context.c changed",
    )  # fmt: skip
    told = kept.differences(seen(answers={"fits": ("fail", {"n": 1})}), {"fits": "It does not fit."})
    assert told == ("it was pass, now: It does not fit.",)
    assert kept.differences(seen(plan=("row 2",)), {}) == ("it would now touch: row 2",)


def test_a_glimpse_says_nothing() -> None:
    """Neither a value of the context nor a fact of a check can be read from it."""
    assert "secret" not in str(glimpse(seen(context={"a": "secret"}, answers={"fits": ("pass", {"n": "secret"})})))
