"""A process that decides items and may be killed at any instant: used by test_kills.py, run as a program.

    python decider.py DATABASE_URL            reads "ITEM_ID STEP" or "ITEM_ID +MILLISECONDS" lines

Each line is one forked child, an operator who resolves the item by `retry` and dies by SIGKILL at the named step, or
after so many milliseconds. The line is echoed when the child has ended.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from manual_resolution import Actor, MRQError, Outcome, Queue, Resolved, Settings, Workflow, done, not_done, resolved

OPERATOR = "alice@example.com"
APPROVER = Actor("bob@example.com", "person", "cli:bob@desk")

# An effect that doubles when it is repeated: one more line in a ledger, no question asked.
payout = Workflow("payout_stuck")
retry = payout.option("retry", "Pay out now", effect="external")


@retry.call
def pay(item: Any) -> Outcome:
    """Pay, slowly enough to be killed before, between and after."""
    time.sleep(0.002)
    with ledger().open("a") as lines:
        lines.write(f"{item.resource_id}\n")
    time.sleep(0.002)
    return done("paid")


@retry.then
def note_payment(db: Any, item: Any) -> Resolved:
    """What the host's own table says."""
    db.execute("insert into payouts (id) values (%s)", [item.resource_id])
    return resolved("Paid out")


@retry.probe
def was_paid(item: Any) -> Outcome:
    """Look into the ledger."""
    return done("it is in the ledger") if str(item.resource_id) in paid() else not_done("it is not in the ledger")


# The same, for two persons.
large = Workflow("large_payout_stuck")
retry_large = large.option("retry", "Pay out now", effect="external", approvals=1)
retry_large.call(pay)
retry_large.then(note_payment)
retry_large.probe(was_paid)


def ledger() -> Path:
    """Where payments are written."""
    return Path(os.environ["LEDGER"])


def paid() -> list[str]:
    """Every payment, in order."""
    return ledger().read_text().split() if ledger().exists() else []


def decide(item_id: int, step: str | None) -> None:
    """Resolve one item, or approve what was proposed for it, dying at `step`."""

    def reached(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    queue = Queue(sys.argv[1], settings=Settings.from_env(), step=reached)
    try:
        if queue.get(item_id).held == "approval":
            queue.approve(item_id, APPROVER)
        else:
            queue.resolve(item_id, "retry", "the service is back", OPERATOR)
    except MRQError as error:
        print(f"{item_id}: {error}", file=sys.stderr)


def main() -> None:
    """Fork a child for each line, kill it where the line says so."""
    warm_up()
    print("ready", flush=True)
    for line in sys.stdin:
        item_id, when = line.split()
        child = os.fork()
        if child == 0:
            decide(int(item_id), None if when.startswith("+") else when)
            os._exit(0)
        if when.startswith("+"):
            time.sleep(int(when[1:]) / 1000)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print(line.strip(), flush=True)


def warm_up() -> None:
    """Load what a child would load, so that a child's short life is spent on the decision."""
    import vercel.blob.sync  # noqa: F401

    Queue(sys.argv[1], settings=Settings.from_env()).close()


if __name__ == "__main__":
    main()
