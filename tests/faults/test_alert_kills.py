"""Sweepers and senders killed at random: every breach is raised once and told, nothing is repeated without a mark.

The long run: `MRQ_BREACHES=20000 ./dev faults -k alert`. `MRQ_SEED=…` repeats a run.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from manual_resolution import Queue

BREACHES = int(os.environ.get("MRQ_BREACHES", "60"))
SEED = int(os.environ.get("MRQ_SEED", str(random.randrange(10**6))))
TELLER = Path(__file__).with_name("teller.py")
CHANNELS = ("slack", "pagerduty", "mail")

Crew = Callable[..., None]


@pytest.fixture
def crew(database_url: str, tmp_path: Path) -> Iterator[Crew]:
    """Lets children do what they are told, each until its death, and waits for them."""
    command = [sys.executable, str(TELLER), database_url, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout

        def work(*tasks: tuple[str, int]) -> None:
            assert process.stdin and process.stdout
            lines = "".join(f"{what} {chance.randrange(10**6)} {death}\n" for what, death in tasks)
            process.stdin.write(lines + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ended\n"

        chance = random.Random(SEED)
        yield work
        process.stdin.close()


@pytest.fixture
def breached(database_url: str, clock: Any) -> list[int]:
    """Items that have all passed their deadline, each for a cause of its own."""
    queue = Queue(database_url)
    causes = ("disk", "network", "quota", "login", "timeout")
    failures = [("unsent", "thing", n, "critical", f"{causes[n % 5]} {n % 7}", {}) for n in range(1, BREACHES + 1)]
    numbers = [queue.add(*failure).id for failure in failures]
    queue.close()
    clock.forward(hours=4, minutes=30)
    return numbers


def test_killed_sweepers_and_senders_lose_and_double_nothing(
    crew: Crew, breached: list[int], clock: Any, connect: Any, faults: Any, tmp_path: Path
) -> None:
    """One event for each breach; each reaches every channel, at most once without the mark of a repeat; all adds up."""
    chance, db = random.Random(SEED), connect()
    rounds = max(3, BREACHES // 60)
    for _ in range(rounds):
        sweepers = [("sweep", chance.randrange(10, 150)) for _ in range(8)]
        senders = [("deliver", chance.choice((chance.randrange(10, 150), -chance.randrange(1, 30)))) for _ in range(4)]
        crew(*chance.sample(sweepers + senders, 12))
        clock.forward(minutes=25 / rounds)  # in all less than what leads to the next level
    crew(("sweep", 0))
    while db.execute("select 1 from mrq_outbox where state = 'waiting' limit 1").fetchone():
        clock.forward(minutes=16)
        crew(("deliver", 0))

    events = "select item_id, count(*) from mrq_event where verb = 'sweep' group by item_id"
    assert dict(db.execute(events).fetchall()) == dict.fromkeys(breached, 1), f"MRQ_SEED={SEED}"
    for channel in CHANNELS:
        arrived = [line.split() for line in (tmp_path / channel).read_text().splitlines()]
        assert {int(item) for item, kind, _ in arrived if kind == "breach"} == set(breached), f"{channel} {SEED}"
        new = Counter(item for item, kind, mark in arrived if kind == "breach" and mark == "new")
        assert [item for item, times in new.items() if times > 1] == [], f"{channel}, MRQ_SEED={SEED}"
    assert faults(db) == [], f"MRQ_SEED={SEED}"


def test_two_transactions_would_lose_some(crew: Crew, breached: list[int], connect: Any) -> None:
    """The control: written in a second transaction, what is to be told is lost with who dies between the two."""
    crew(*[("naive", -1)] * 3, ("naive", 0))
    crew(("naive", 0))
    untold = """select count(*) from manual_resolution_queue q where escalation_level = 1
                   and not exists (select from mrq_outbox o where o.item_id = q.id)"""
    assert connect().execute(untold).fetchone()[0] > 0
