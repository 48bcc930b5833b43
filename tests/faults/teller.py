"""A process whose children sweep and deliver and may be killed at any instant: used by test_alert_kills.py.

    python teller.py DATABASE_URL FOLDER        reads "WHAT SEED DEATH" lines

DEATH is after so many milliseconds; below 0 at that step of a sender's delivery, or between the two transactions of a
naive sweep; 0 lets it end by itself.

WHAT is `sweep`, `deliver`, or `naive`: a sweep that writes what is to be told in a second transaction. Each line is one
forked child; an empty line waits for all of them.
"""

import itertools
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import psycopg

from manual_resolution import Queue, Settings
from manual_resolution.alerts import Alert, Delivery
from manual_resolution.outbox import deliver

CHANNELS = ("slack", "pagerduty", "mail")
SETTINGS = Settings(
    alert_slack_webhook="https://hooks.example.com/x",
    alert_pagerduty_key="k" * 32,
    alert_mail_to=("oncall@example.com",),
    workflows=(),
)
RAISE = """
update manual_resolution_queue set status = 'escalated', escalated_at = mrq_now(), escalation_level = 1
 where id in (select id from manual_resolution_queue where escalation_level = 0 and sla_deadline < mrq_now()
              order by id limit 5 for update skip locked)
returning id
"""
TELL = """
insert into mrq_outbox (item_id, kind, level, channel, incident, payload)
select unnest(%s::bigint[]), 'breach', 1, 'slack', 'naive', '{}' on conflict do nothing
"""


class Unsteady:
    """A channel whose provider keeps what arrives in a file, and does not always say so."""

    def __init__(self, name: str, folder: Path, seed: int) -> None:
        self.name, self.file, self.chance = name, folder / name, random.Random(seed)

    def send(self, alert: Alert) -> Delivery:
        luck = self.chance.random()
        if luck < 0.1:
            return Delivery("later", "503", arrived_perhaps=True)
        mark = "repeat" if alert.repeated else "new"
        lines = "".join(f"{item['item_id']} {alert.kind} {mark}\n" for item in alert.items)
        with self.file.open("a") as arrived:
            arrived.write(lines)
        return Delivery("later", "no answer", arrived_perhaps=True) if luck < 0.2 else Delivery("sent", "ok")


def sweep(url: str, folder: Path, seed: int, death: int) -> None:
    """Sweep in small batches until nothing is left."""
    Queue(url, settings=SETTINGS).sweep(batch=7)


def send(url: str, folder: Path, seed: int, death: int) -> None:
    """Deliver what is due."""
    steps = itertools.count(1)

    def reached(name: str) -> None:
        if next(steps) == -death:
            os.kill(os.getpid(), signal.SIGKILL)

    queue = Queue(url, settings=SETTINGS)
    channels = [Unsteady(name, folder, seed + n) for n, name in enumerate(CHANNELS)]
    deliver(queue.database, channels, queue.workflows, step=reached, wait=lambda seconds: None)


def naive(url: str, folder: Path, seed: int, death: int) -> None:
    """The control: raised in one transaction, written for the channels in the next."""
    with psycopg.connect(url, autocommit=True) as db:
        while raised := db.execute(RAISE).fetchall():
            if death < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            db.execute(TELL, [[row[0] for row in raised]])


WHAT: dict[str, Any] = {"sweep": sweep, "deliver": send, "naive": naive}


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    for line in sys.stdin:
        if not line.strip():
            while True:
                try:
                    os.wait()
                except ChildProcessError:
                    break
            print("ended", flush=True)
            continue
        what, seed, death = line.split()
        if os.fork():
            continue
        if int(death) > 0:
            signal.signal(signal.SIGALRM, lambda number, frame: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, int(death) / 1000)
        try:
            WHAT[what](url, folder, int(seed), int(death))
        finally:
            os._exit(0)


if __name__ == "__main__":
    main()
