"""Escalating what has breached: MRQ's sweep, the same by hand, and the specification's loop."""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

from psycopg.types.json import Jsonb

from bench import clients
from bench.by_hand import MOVED
from bench.clients import Timed
from bench.contender import Contender
from bench.mrq import Tables
from manual_resolution import Queue, Settings

#: Nobody is told: the rows are what counts.
CHANNEL = "slack"
SETTINGS = Settings(alert_slack_webhook="http://127.0.0.1:9/nobody")
LATE = "update {} set sla_deadline = clock_timestamp() - interval '1 minute' - id * interval '1 microsecond'"
BATCH = 1000

ESCALATE = """
with late as materialized (
  select id from manual_resolution_queue
   where status <> 'resolved' and escalation_level = 0 and sla_deadline < (select mrq_now())
   order by sla_deadline limit %(batch)s for no key update skip locked),
raised as (
  update manual_resolution_queue q
     set status = 'escalated', escalated_at = now, escalation_level = 1, position = 'infinity',
         next_level_at = mrq_level_starts(q.sla_deadline, q.sla_seconds, 2),
         changed_by = 'bench', changed_how = 'sweep', changed_for = q.version + 1, changed_note = %(note)s
    from late, (select mrq_now() as now offset 0) clock where q.id = late.id returning q.*)
insert into mrq_outbox (item_id, kind, level, channel, incident, payload)
select id, 'breach', 1, 'slack', mrq_incident(fingerprint),
       jsonb_build_object('item_id', id, 'item_type', item_type, 'priority', priority, 'reason', reason)
  from raised
"""
OUTBOX = "create table if not exists outbox (id bigint generated always as identity, item_id bigint, payload jsonb)"
FIND = "select id, reason from item where status = 'pending' and sla_deadline < now() limit %s"
RAISE = "update item set status = 'escalated', escalated_at = now() where id = %s"
WRITE = "insert into event (item_id, kind, actor) values (%s, 'escalated', 'bench')"
TELL = "insert into outbox (item_id, payload) values (%s, %s)"


def breached(contender: Contender, amount: int) -> None:
    """Fill a queue whose items have all passed their deadline and none of which was raised."""
    contender.empty()
    contender.fill(amount)
    with contender.connect(options="-c session_replication_role=replica") as db:
        if isinstance(contender, Tables):
            db.execute("truncate mrq_outbox")
        else:
            db.execute(OUTBOX)
        db.execute(LATE.format("manual_resolution_queue" if isinstance(contender, Tables) else "item").encode())
    contender.settle()


def by_mrq(contender: Contender) -> Iterator[float]:
    """MRQ's sweep; the seconds of each transaction."""
    queue = Queue(contender.address, settings=SETTINGS)
    taken: list[float] = []
    begun = perf_counter()

    def told(count: int) -> None:
        nonlocal begun
        taken.append(perf_counter() - begun)
        begun = perf_counter()

    queue.sweep(progress=told)
    queue.close()
    yield from taken


def by_hand(contender: Contender) -> Iterator[float]:
    """One statement for each batch, a commit each."""
    with contender.connect() as db:
        while True:
            begun = perf_counter()
            if not db.execute(ESCALATE, {"batch": BATCH, "note": MOVED}).rowcount:
                return
            yield perf_counter() - begun


def by_loop(contender: Contender, limit: int, *, commits: bool) -> Iterator[float]:
    """The specification's loop with an event and an outbox row, in one transaction or with a commit a statement."""
    begun = perf_counter()
    with contender.connect() as db:
        if commits:
            loop(db, limit)
        else:
            with db.transaction():
                loop(db, limit)
    yield perf_counter() - begun


def loop(db: Any, limit: int) -> None:
    for number, reason in db.execute(FIND, [limit]).fetchall():
        db.execute(RAISE, [number])
        db.execute(WRITE, [number])
        db.execute(TELL, [number, Jsonb({"item_id": number, "reason": reason})])


def escalated(sweep: Callable[[], Iterator[float]], amount: int) -> Timed:
    """`amount` items a second; the median and the longest transaction."""

    def one(ready: Callable[[], None]) -> list[float]:
        ready()
        return sorted(sweep())

    (taken,) = clients.together([one])
    return Timed(amount / sum(taken), taken[len(taken) // 2], taken[-1], amount)


def swept_empty(contender: Contender, times: int = 200) -> Timed:
    """A sweep that finds nothing, over items that have all been raised."""

    def one(ready: Callable[[], None]) -> list[float]:
        queue = Queue(contender.address, settings=SETTINGS)
        for _ in range(10):
            queue.sweep()
        ready()
        taken = []
        for _ in range(times):
            begun = perf_counter()
            queue.sweep()
            taken.append(perf_counter() - begun)
        queue.close()
        return sorted(taken)

    (taken,) = clients.together([one])
    return Timed(times / sum(taken), clients.at(taken, 0.5), clients.at(taken, 0.99), times)


#: Who escalates and how; the loop's share of the items is a sample, for it takes so long.
WAYS: tuple[tuple[str, Callable[[Contender, int], Iterator[float]], int], ...] = (
    ("MRQ", lambda contender, amount: by_mrq(contender), 1),
    ("L", lambda contender, amount: by_hand(contender), 1),
    ("specification's loop", lambda contender, amount: by_loop(contender, amount, commits=False), 10),
    ("specification's loop, commits", lambda contender, amount: by_loop(contender, amount, commits=True), 50),
)
