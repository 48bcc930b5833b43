"""Approve as another person, deny, take back, decide against a check."""

import pytest
from playwright.sync_api import expect

from manual_resolution import Queue
from tests.browser.conftest import Come
from tests.browser.operator import Operator


@pytest.fixture
def bob(operator: Come, queue: Queue) -> Operator:
    """Bob, an operator with an account, who proposed to burn a parcel."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    bob = operator("bob", roles=("operator",))
    bob.opens(1)
    bob.decides(2, "it smells")
    bob.sees("Take it back")
    return bob


@pytest.fixture
def carol(operator: Come, bob: Operator) -> Operator:
    """Carol, who may approve."""
    return operator("carol", roles=("approver",))


def test_approve(bob: Operator, carol: Operator, queue: Queue) -> None:
    """Another person finds the proposal under Approvals, looks, approves by one key; it is carried out."""
    carol.presses("A")
    carol.sees("bob proposes Burn it because “it smells”")
    carol.page.get_by_role("link", name="Look, then approve or deny").click()
    carol.is_at(1)
    carol.presses("a")
    carol.sees("Burnt")
    assert queue.get(1).resolution_metadata == queue.get(1).resolution_metadata | {
        "decided_by": "bob",
        "approved_by": "carol",
    }


def test_deny(bob: Operator, carol: Operator, queue: Queue) -> None:
    """A denial needs a reason; who proposed reads it, and finds their own reason in its place again."""
    carol.opens(1)
    carol.denies("it is only cheese")
    carol.sees("deny carol")
    bob.opens(1)
    bob.sees("denied by carol: “it is only cheese”")
    bob.has_typed("it smells")
    assert queue.get(1).status == "assigned"


def test_nobody_approves_alone(bob: Operator, queue: Queue) -> None:
    """Who proposed sees no button to approve, and may take it back."""
    expect(bob.page.get_by_role("button", name="Approve")).to_have_count(0)
    bob.page.locator("[data-why]:visible").fill("my nose was wrong")
    bob.clicks("Take it back")
    expect(bob.page.get_by_role("button", name="Take it back")).to_have_count(0)
    assert queue.proposals(1)[-1].state != "open"


def test_against_a_check(operator: Come, queue: Queue) -> None:
    """An option that a check forbids says why; decided against it, a second person must approve."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "nowhere"})
    bob, carol = operator("bob", roles=("operator",)), operator("carol", roles=("approver",))
    bob.opens(1)
    bob.sees("not possible: Nobody sent it")
    bob.presses("3", "Enter")
    bob.types("I know the sender")
    bob.presses("Enter")
    bob.is_told("Nobody sent it")
    bob.page.get_by_label("Decide against this check").check()
    bob.clicks("Decide")
    bob.sees("Against a check: Nobody sent it")
    carol.opens(1)
    carol.sees("Against a check: Nobody sent it")
    carol.presses("a")
    carol.sees("Given back")


def test_a_viewer_sees_and_moves_nothing(operator: Come, queue: Queue) -> None:
    """Who may only look is shown no move at all."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    dora = operator("dora", roles=("viewer",))
    dora.opens(1)
    dora.sees("no house number")
    for name in ("Claim", "Decide", "Note", "Defer", "Escalate"):
        expect(dora.page.get_by_text(name, exact=True)).to_have_count(0)
