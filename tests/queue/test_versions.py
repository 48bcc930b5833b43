"""A move bound to what somebody saw: at any other version it is refused, and says what happened since."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from manual_resolution import NotFound, Queue, Resolved, Workflow, resolved
from manual_resolution.errors import Stale

MOVES: dict[str, Callable[[Queue, int, int], Any]] = {
    "claim": lambda queue, item, version: queue.claim(item, "bob", version=version),
    "release": lambda queue, item, version: queue.release(item, "alice", version=version),
    "decline": lambda queue, item, version: queue.decline(item, "alice", "no", version=version),
    "hand over": lambda queue, item, version: queue.hand_over(item, "alice", "bob", version=version),
    "take over": lambda queue, item, version: queue.take_over(item, "bob", "ill", version=version),
    "escalate": lambda queue, item, version: queue.escalate(item, "alice", "why", version=version),
    "priority": lambda queue, item, version: queue.set_priority(item, "alice", "high", "why", version=version),
    "note": lambda queue, item, version: queue.note(item, "alice", "why", version=version),
    "amend": lambda queue, item, version: queue.amend(item, "alice", {"a": 1}, "why", version=version),
    "reopen": lambda queue, item, version: queue.reopen(item, "alice", "why", version=version),
    "resolve": lambda queue, item, version: queue.resolve(item, "send", "why", "alice", version=version),
    "defer": lambda queue, item, version: queue.resolve(item, "defer", "why", "alice", version=version),
    "propose": lambda queue, item, version: queue.resolve(item, "burn", "why", "alice", version=version),
    "confirm": lambda queue, item, version: queue.confirm(item, "alice", done=True, version=version),
    "deny": lambda queue, item, version: queue.deny(item, "bob", "why", version=version),
}

letter = Workflow("letter_stuck")


def sent() -> Resolved:
    return resolved("Sent")


letter.option("send", "Send it", effect="database")(sent)
letter.option("burn", "Burn it", effect="database", approvals=1)(sent)


@pytest.fixture
def queue(new_queue: Any) -> Queue:
    queue: Queue = new_queue(letter, trust_as=True)
    queue.add("letter_stuck", "letter", 1, "low", "stuck")
    return queue


def test_a_stale_move_does_nothing(queue: Queue) -> None:
    """Every move at an old version is refused, names what happened since and by whom, and changes nothing."""
    queue.claim(1, "alice")
    before = queue.get(1)
    for name, move in MOVES.items():
        with pytest.raises(Stale, match="version 2, you saw version 1: claim by alice") as refused:
            move(queue, 1, 1)
        assert (refused.value.version, refused.value.changes) == (2, ("claim by alice",)), name
    assert (queue.get(1).version, queue.get(1).status) == (before.version, before.status)


def test_a_move_at_the_version_seen_is_made(queue: Queue) -> None:
    """At the version that was seen a move is as it is without one."""
    seen = queue.claim(1, "alice", version=1)
    seen = queue.note(1, "alice", "hm", version=seen.version)
    assert queue.resolve(1, "send", "why", "alice", version=seen.version).item.status == "resolved"


def test_an_approval_at_an_old_version(queue: Queue) -> None:
    """A proposal whose item changed since the second person looked is not carried out, and stays open."""
    with pytest.raises(Exception, match="waits for a second person"):
        queue.resolve(1, "burn", "why", "alice")
    seen = queue.get(1).version
    queue.note(1, "alice", "wait")
    with pytest.raises(Stale, match="note by alice"):
        queue.approve(1, "bob", version=seen)
    assert queue.approve(1, "bob", version=seen + 1).item.status == "resolved"


def test_a_version_nobody_made(queue: Queue) -> None:
    """A version from the future is refused, and so is an item that is not."""
    with pytest.raises(Stale, match="it never had that version"):
        queue.claim(1, "alice", version=7)
    with pytest.raises(NotFound):
        queue.claim(9, "alice", version=1)


def test_of_moves_at_one_version_one_is_made(new_queue: Any, queue: Queue) -> None:
    """Of eight that note at once what they all saw, one is heard; the others are told by whom they were overtaken."""
    heard, start = [], threading.Barrier(8)

    def note(name: str, own: Queue) -> None:
        start.wait()
        try:
            heard.append(own.note(1, name, "mine", version=1).version)
        except Stale as stale:
            heard.append(len(stale.changes))

    threads = [threading.Thread(target=note, args=(f"p{n}", new_queue(letter))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard) == [1] * 7 + [2]
