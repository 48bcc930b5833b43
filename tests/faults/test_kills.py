"""kill -9 at every named step of an outside effect, and at random instants (design, Carrying a decision out).

The long run: `./dev faults` (2 000 kills). `MRQ_SEED=…` repeats a run.
"""

import itertools
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from meal_plan.blob_stand_in import BlobStandIn

from manual_resolution import Actor, Queue, Refused, Settings, WaitsForApproval

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import decider  # noqa: E402

KILLS = int(os.environ.get("MRQ_KILLS", "20"))

#: What must be true after a kill at each step: how many deletions were asked for, and what the item is.
STEPS = {
    "before_start": (0, "waits"),
    "before_start_commit": (0, "waits"),
    "started": (0, "unknown"),
    "before_call": (0, "unknown"),
    "called": (1, "unknown"),
    "before_finish_commit": (1, "unknown"),
    "finished": (1, "resolved"),
}


@dataclass
class World:
    """A queue, the host's table and the blob service, with an operator who may be killed."""

    queue: Queue
    blob: BlobStandIn
    db: psycopg.Connection[Any]
    operator: subprocess.Popen[str]
    clock: Any

    def failures(self, count: int) -> list[int]:
        """So many plans whose PDF could not be deleted; their items' ids."""
        first = self.db.execute("select coalesce(max(id), 0) + 1 from meal_plans").fetchone()[0]  # type: ignore[index]
        plans = range(first, first + count)
        self.blob.seed([(f"plans/{n}.pdf", 1000) for n in plans])
        ids = []
        for n in plans:
            url = self.blob.url_of(f"plans/{n}.pdf")
            self.db.execute("insert into meal_plans (id, pdf_url) values (%s, %s)", [n, url])
            context = {"pdf_url": url, "last_error": "ServiceUnavailable: x", "retry_count": 3}
            ids.append(self.queue.add("pdf_deletion_failed", "meal_plan", n, "medium", "503", context).id)
        return ids

    def decide(self, item_id: int, when: str) -> None:
        """Let the operator decide and die."""
        assert self.operator.stdin and self.operator.stdout
        self.operator.stdin.write(f"{item_id} {when}\n")
        self.operator.stdin.flush()
        assert self.operator.stdout.readline().strip() == f"{item_id} {when}"

    def deletions(self, item_id: int) -> int:
        """How often the service was asked to delete this item's PDF."""
        return len(self.blob.calls_to(f"plans/{self.queue.get(item_id).resource_id}.pdf", "POST"))

    def is_gone(self, item_id: int) -> bool:
        """Whether the PDF is gone."""
        return not self.blob.has(f"plans/{self.queue.get(item_id).resource_id}.pdf")

    def state(self, item_id: int) -> str:
        """What an operator would call the item's state."""
        item = self.queue.get(item_id)
        return "unknown" if item.held == "attempt" else "resolved" if item.status == "resolved" else "waits"

    def recover(self) -> None:
        """Time passes, overdue attempts become unknown, leases end."""
        self.clock.forward(hours=1)
        self.queue.wake(every=0)


@pytest.fixture
def world(
    fresh_database_url: str, connect: Callable[..., Any], tmp_path: Path, clock: Any, faults: Any
) -> Iterator[World]:
    """With its decider running; every row must be sound at the end, whatever was killed."""
    db = connect(fresh_database_url)
    db.execute("create table meal_plans (id bigint primary key, pdf_url text, pdf_deleted_at timestamptz)")
    db.execute("create table payouts (id bigint primary key)")
    more = {
        "MRQ_CALL_TIMEOUT": "5",
        "MRQ_WORKFLOWS": "manual_resolution.workflows,decider",
        "LEDGER": str(tmp_path / "ledger"),
    }
    with BlobStandIn(tmp_path / "blobs") as blob, pytest.MonkeyPatch.context() as patch:
        for name, value in (blob.environment | more).items():
            patch.setenv(name, value)
        operator = subprocess.Popen(
            [sys.executable, str(HERE / "decider.py"), fresh_database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert operator.stdout and operator.stdout.readline() == "ready\n"
        queue = Queue(fresh_database_url, settings=Settings.from_env())
        yield World(queue, blob, db, operator, clock)
        queue.close()
        operator.kill()
        operator.communicate()
    assert faults(db) == []


def test_a_kill_at_each_named_step_loses_nothing_and_repeats_nothing(world: World) -> None:
    """Wherever the process dies, the item is there, at most one deletion was asked for, and what is unknown says so."""
    ids = dict(zip(STEPS, world.failures(len(STEPS)), strict=True))
    for step, item_id in ids.items():
        world.decide(item_id, step)
    world.recover()
    for step, item_id in ids.items():
        assert (world.deletions(item_id), world.state(item_id)) == STEPS[step], step
        settle(world, item_id)
        assert world.state(item_id) == "resolved", step
        assert world.is_gone(item_id), step
        assert world.deletions(item_id) == 1, step


def test_a_kill_while_an_approved_effect_is_carried_out(world: World) -> None:
    """Wherever the approver's process dies, the approval counts wholly or not at all, and the call is made once."""
    for n, (step, (calls, state)) in enumerate(STEPS.items(), 1):
        item_id = world.queue.add("large_payout_stuck", "payout", n, "medium", "bank timed out").id
        propose(world, item_id)
        world.decide(item_id, step)
        paid, is_open = decider.paid().count(str(n)), world.queue.get(item_id).held == "approval"
        assert (paid, is_open) == (calls, state == "waits"), step
        if state == "unknown":
            world.recover()
            assert world.state(item_id) == "unknown", step
            world.queue.confirm(item_id, "carol@example.com")
            if calls == 0:
                propose(world, item_id)
        if world.state(item_id) == "waits":
            world.queue.approve(item_id, decider.APPROVER)
        told = world.queue.get(item_id).resolution_metadata or {}
        assert (told["decided_by"], told["approved_by"]) == (decider.OPERATOR, decider.APPROVER.name), step
        assert decider.paid().count(str(n)) == 1, step


def propose(world: World, item_id: int) -> None:
    """What the first of two persons does."""
    with pytest.raises(WaitsForApproval):
        world.queue.resolve(item_id, "retry", "the bank is back", Actor(decider.OPERATOR, "person", "cli:alice@desk"))


@pytest.mark.parametrize("item_type", ["payout_stuck", "large_payout_stuck"], ids=["resolve", "approve"])
def test_kills_at_random_lose_nothing_and_double_nothing(world: World, item_type: str) -> None:
    """However many operators and approvers die at random: each payment was made once, and what nobody knew said so."""
    seed = int(os.environ.get("MRQ_SEED", random.randrange(10**6)))
    print(f"MRQ_SEED={seed}")
    seen = storm(world, KILLS, instants(random.Random(seed)), settle, item_type)
    print(f"{KILLS} kills: {dict(seen)}")
    assert (seen["doubled"], seen["lost"], seen["unrecorded"]) == (0, 0, 0)


def test_without_the_guard_the_same_kills_do_double(world: World) -> None:
    """The control: where an unknown attempt is blindly taken for undone, the same storm finds payments made twice."""
    assert storm(world, 2 * len(STEPS), itertools.cycle(STEPS), rescue_blindly)["doubled"] > 0


def instants(dice: random.Random) -> Iterator[str]:
    """Three whole decisions, to see how long one takes here and now; then any instant of one, or just after."""
    took = []
    for _ in range(3):
        begun = time.monotonic()
        yield "never"
        took.append(time.monotonic() - begun)
    while True:
        yield f"+{dice.randrange(int(1200 * sorted(took)[1]))}"


def storm(
    world: World,
    kills: int,
    when: Iterator[str],
    settled: Callable[[World, int], None],
    item_type: str = "payout_stuck",
) -> Counter[str]:
    """Kill so many deciders, settle what they left, count what went wrong."""
    ids = [world.queue.add(item_type, "payout", n, "medium", "bank timed out").id for n in range(1, kills + 1)]
    for item_id in ids:
        if item_type == "large_payout_stuck":
            propose(world, item_id)
    for item_id in ids:
        world.decide(item_id, next(when))
    world.recover()
    seen = Counter(world.state(item_id) for item_id in ids)
    for item_id in ids:
        settled(world, item_id)
    payments = Counter(decider.paid())
    seen["doubled"] = sum(times > 1 for times in payments.values())
    seen["lost"] = sum(not payments[str(n)] for n in range(1, kills + 1))
    seen["unrecorded"] = kills - world.db.execute("select count(*) from payouts").fetchone()[0]  # type: ignore[index]
    return seen


def rescue_blindly(world: World, item_id: int) -> None:
    """What a time-based rescue does: nobody knows, so do it again."""
    if world.state(item_id) == "unknown":
        world.queue.confirm(item_id, "rescuer", done=False)
    if world.state(item_id) == "waits":
        world.queue.resolve(item_id, "retry", "once more", "rescuer")


def settle(world: World, item_id: int) -> None:
    """What persons do: confirm by probing, then decide again where it was not done."""
    if world.state(item_id) == "unknown":
        with pytest.raises(Refused):
            world.queue.resolve(item_id, "retry", "once more", "bob@example.com")
        world.queue.confirm(item_id, "carol@example.com")
    if world.state(item_id) == "waits":
        decide_again(world, item_id)


def decide_again(world: World, item_id: int) -> None:
    """Decide what waits; of an item for two persons approve what is proposed, or propose it anew first."""
    item = world.queue.get(item_id)
    if item.item_type != "large_payout_stuck":
        world.queue.resolve(item_id, "retry", "once more", "carol@example.com")
        return
    if item.held != "approval":
        propose(world, item_id)
    world.queue.approve(item_id, decider.APPROVER)
