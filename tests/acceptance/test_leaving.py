"""However a session ends, its item is not lost and nothing else is done; two operators never both decide."""

import signal
from typing import Any

import pytest


def nothing_happened(stage: Any, item_id: int) -> bool:
    """Whether the item waits as before, its claim and release on record."""
    item = stage.item(item_id)
    waits = (item.status, item.assigned_to, item.lease_until) == ("pending", None, None)
    return waits and stage.verbs(item_id) == ["add", "claim", "release"]


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (b"\x03", 130),
        (b"1\n8\n\x04", 0),
        pytest.param(b"\x04", 0, marks=pytest.mark.slow),
        pytest.param(b"1\n8\n\x03", 130, marks=pytest.mark.slow),
        pytest.param(b"4\n\n\x04", 0, marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_and_end_of_input_release_the_item_and_do_nothing_else(stage: Any, keys: bytes, code: int) -> None:
    """Ctrl-C and Ctrl-D, at the menu or in the middle of a decision, give the item back, undecided."""
    item_id = stage.parcel()
    terminal = stage.terminal().sees("Your choice [1-4]: ")
    for key in keys.splitlines(keepends=True):
        terminal.types(key)
        if key.endswith(b"\n"):
            terminal.child.expect(r"[?:\]] $")
    shown = terminal.ends(code)
    assert nothing_happened(stage, item_id)
    assert "0 resolved, 0 failed, 0 unknown, nothing held by you. 1 wait." in shown


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGHUP])
def test_a_killed_session_gives_its_item_back(stage: Any, number: signal.Signals) -> None:
    """SIGTERM, and the hang-up of a closed window, release the item at once."""
    item_id = stage.parcel()
    stage.terminal().sees("Your choice [1-4]: ").dies(number)
    assert nothing_happened(stage, item_id)


def test_a_session_that_is_killed_hard_loses_its_item_with_its_lease(stage: Any, clock: Any) -> None:
    """After `kill -9` the item comes back once its lease is over, by another's claim, without a worker."""
    item_id = stage.parcel()
    stage.terminal().sees("Your choice [1-4]: ").dies(signal.SIGKILL)
    assert (stage.item(item_id).status, stage.item(item_id).assigned_to) == ("assigned", "alice@example.com")
    clock.forward(minutes=29)
    assert stage.queue.next("bob@example.com") is None
    clock.forward(minutes=2)
    stage.queue.wake(every=0)
    assert stage.queue.next("bob@example.com").id == item_id
    assert stage.verbs(item_id) == ["add", "claim", "expire", "claim"]


def test_a_stop_in_the_middle_of_a_call_waits_for_its_outcome(stage: Any) -> None:
    """Ctrl-C while a decision is carried out does not cut it in two: what it came to is recorded first."""
    item_id = stage.failed_deletion()
    stage.failed_deletion(2, "plans/2.pdf")
    stage.blob.script_for("plans/12345-Xy7.pdf", "slow", method="POST", seconds=1)
    terminal = stage.terminal().chooses("1", "it answers").sees("Action: ")
    while not stage.deletions():
        pass
    terminal.types(b"\x03")
    assert "Result: ✓ PDF deleted successfully" in terminal.ends(130)
    assert stage.item(item_id).status == "resolved" and stage.deletions() == 1
    assert stage.verbs(item_id + 1) == ["add"]


def test_of_two_operators_one_wins_and_the_other_is_told_who(stage: Any) -> None:
    """Bob takes alice's item over and resolves it: alice is told who did, and keeps what she typed."""
    item_id = stage.parcel()
    alice = stage.terminal().answers(
        ("Your choice [1-4]: ", "1"), ("House [7]: ", ""), ("Speed (slow, fast) [slow]: ", "")
    )
    alice.sees("Why? ")
    stage.queue.take_over(item_id, "bob@example.com", "alice is at lunch")
    bob = stage.terminal(MRQ_OPERATOR="bob@example.com")
    assert "Nothing waits." in bob.ends()
    alice.types("The shelf is right\n")
    told = f"Refused: #{item_id} is held by bob@example.com; take it over first.\n"
    assert f'{told}You had typed: "The shelf is right"\n' in alice.ends()
    assert stage.item(item_id).assigned_to == "bob@example.com"


@pytest.mark.slow
def test_of_two_sessions_that_decide_one_item_only_one_does(stage: Any, clock: Any) -> None:
    """A lease that ran out at the prompt: bob's session decides the item, alice's is told how and by whom."""
    item_id = stage.parcel()
    answers = (("Your choice [1-4]: ", "1"), ("House [7]: ", ""), ("Speed (slow, fast) [slow]: ", "fast"))
    alice = stage.terminal().answers(*answers).sees("Why? ")
    clock.forward(minutes=31)
    bob = stage.terminal(MRQ_OPERATOR="bob@example.com").answers(*answers, ("Why? ", "I was first"))
    assert 'Resolution recorded: "Sent to house 7"' in bob.ends()
    alice.types("No, I was\n")
    told = f'Refused: #{item_id} was resolved by bob@example.com: Sent to house 7\nYou had typed: "No, I was"\n'
    assert told in alice.ends()
    assert stage.item(item_id).resolution_metadata["justification"] == "I was first"
