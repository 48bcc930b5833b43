"""Random moves of the real queue on a real PostgreSQL, against a model of thirty lines a move: no difference, ever.

The long run: `MRQ_MOVES=50000 ./dev test tests/stateful` (about five milliseconds a move). Where a run finds a
difference, Hypothesis prints the shortest moves that make it.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from manual_resolution import (
    Failed,
    OutcomeUnknown,
    Queue,
    Refused,
    Settings,
    WaitsForApproval,
    Workflow,
    audit,
    done,
    not_done,
    resolved,
    unclear,
)
from manual_resolution.priority import PRIORITIES
from manual_resolution.registry import Registry

MOVES = int(os.environ.get("MRQ_MOVES", "150"))
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
HOUR, LEASE, APPROVAL = 3600, 1800, 3600  # seconds
SLA = dict(zip(PRIORITIES, (4 * HOUR, 24 * HOUR, 168 * HOUR, 720 * HOUR), strict=True))

workflow = Workflow("parcel_stuck")
send = workflow.option("send", "Send it", effect="external")
drop = workflow.option("drop", "Drop it", effect="database")
burn = workflow.option("burn", "Burn it", effect="database", approvals=1)
#: What the outside says to the next call.
ANSWER: dict[str, Any] = {}
send.call(lambda: ANSWER["call"]("the post answered"))
send.then(lambda: resolved("Sent"))
send.probe(lambda: unclear("the post does not answer"))
drop.run(lambda: resolved("Dropped"))
burn.run(lambda: resolved("Burnt"))


@dataclass
class Row:
    """One item as the model knows it; instants in seconds since the beginning."""

    number: int
    priority: str
    deadline: int
    sla: int
    status: str = "pending"
    owner: str | None = None
    held: str | None = None
    level: int = 0
    team: str | None = None
    declined: list[str] = field(default_factory=list)
    occurrences: int = 1
    version: int = 1
    lease: int | None = None
    deferred: int | None = None
    hold: int | None = None
    next_level: int | None = None
    escalated: bool = False
    succeeded: bool = False
    reopened_from: int | None = None

    def starts(self, level: int) -> int:
        """When a level begins: at the deadline, a quarter of the SLA later, a whole one, then daily."""
        return self.deadline + {1: 0, 2: self.sla // 4}.get(level, self.sla + (level - 3) * 24 * HOUR)

    def level_at(self, now: int) -> int:
        """The highest level that has begun."""
        level = 0
        while self.starts(level + 1) <= now:
            level += 1
        return level

    def is_free_for(self, who: str) -> bool:
        """Whether this person may decide it, put it aside or pass it on."""
        is_free = self.status in ("pending", "escalated") and self.held in (None, "deferred")
        return is_free or self.is_plainly(who)

    def is_plainly(self, who: str) -> bool:
        """Whether it is this person's, and held for nothing."""
        return (self.status, self.owner, self.held) == ("assigned", who, None)

    def moved(self, **facts: Any) -> None:
        """These facts are so now, and one event tells it."""
        self.version += 1
        for name, value in facts.items():
            setattr(self, name, value)

    def unowned(self, **facts: Any) -> None:
        """It waits again."""
        self.moved(status="escalated" if self.escalated else "pending", owner=None, lease=None, **facts)

    def given(self, who: str, now: int) -> None:
        """It is somebody's, with a fresh lease."""
        self.moved(status="assigned", owner=who, lease=now + LEASE, held=None, deferred=None, hold=None)

    def ended(self, who: str | None) -> None:
        """It is resolved."""
        nothing = dict.fromkeys(("lease", "deferred", "hold", "held", "next_level"))
        self.moved(status="resolved", owner=who or self.owner, **nothing)

    def raised(self, priority: str, now: int) -> None:
        """A higher priority: the deadline moves earlier, never later; the next level with it."""
        before, self.priority = (self.deadline, self.sla), priority
        self.deadline, self.sla = min(self.deadline, now + SLA[priority]), min(self.sla, SLA[priority])
        if self.level and (self.deadline, self.sla) != before:
            self.next_level = self.starts(self.level + 1)


#: The same facts in the database.
ROWS = """
select id, resource_id as number, priority, status, assigned_to as owner, held, escalation_level as level,
       escalated_to as team, declined_by as declined, occurrences, version, reopened_from, sla_seconds as sla,
       sla_deadline as deadline, lease_until as lease, deferred_until as deferred, hold_until as hold,
       next_level_at as next_level, escalated_at is not null as escalated, succeeded_at is not null as succeeded
  from manual_resolution_queue
"""
INSTANTS = ("deadline", "lease", "deferred", "hold", "next_level")

people = st.sampled_from(["alice", "bob", "carol"])
numbers = st.integers(1, 6)
priorities = st.sampled_from(PRIORITIES)
picks = st.integers(0, 40)


class Moves(RuleBasedStateMachine):
    """Every move of the queue, made in both worlds."""

    queue: ClassVar[Queue]
    db: ClassVar[psycopg.Connection[Any]]
    begin: ClassVar[Callable[[], None]]
    faults: ClassVar[Callable[[psycopg.Connection[Any]], list[str]]]
    made: ClassVar[int] = 0
    kept: ClassVar[int] = 0

    @initialize()
    def nothing(self) -> None:
        type(self).begin()
        self.rows: dict[int, Row] = {}
        self.now = 0
        self.tell_the_time()

    def tell_the_time(self) -> None:
        """A clock that stands still between the moves: every instant is known exactly."""
        at = (BEGIN + timedelta(seconds=self.now)).isoformat()
        body = f"select timestamptz '{at}'"
        self.db.execute(
            f"create or replace function mrq_now() returns timestamptz language sql volatile as $${body}$$".encode()
        )

    def pick(self, pick: int) -> tuple[int, Row]:
        """An item: an open one, or one of the last resolved."""
        last = [item_id for item_id, row in self.rows.items() if row.status == "resolved"][-2:]
        ids = [item_id for item_id, row in self.rows.items() if row.status != "resolved"] + last
        item_id = ids[pick % len(ids)] if ids else 10**6
        return item_id, self.rows.get(item_id, Row(0, "low", 0, 0, status="resolved"))

    def open_about(self, number: int) -> Row | None:
        return next((row for row in self.rows.values() if row.number == number and row.status != "resolved"), None)

    def refused(self, is_allowed: bool, move: Callable[[], Any], *, but: type[Exception] | None = None) -> bool:
        """Make the move, which is refused exactly where the model forbids it; else it ends, or ends with `but`."""
        try:
            move()
        except Refused as error:
            if isinstance(error, but or ()) and is_allowed:
                return False
            assert not is_allowed, f"refused: {error}"
            type(self).kept += 1
            return True
        except (OutcomeUnknown, WaitsForApproval) as error:
            assert is_allowed and isinstance(error, but or ()), error
            return False
        assert is_allowed and but is None, "it was not refused"
        return False

    # ---- producers

    @rule(number=numbers, priority=priorities)
    def add(self, number: int, priority: str) -> None:
        added = self.queue.add("parcel_stuck", "parcel", number, priority, "stuck")
        row = self.open_about(number)
        assert added.repeated == (row is not None)
        if row is None:
            self.rows[added.id] = Row(number, priority, self.now + SLA[priority], SLA[priority])
            return
        assert self.rows[added.id] is row
        row.occurrences += 1
        if SLA[priority] < SLA[row.priority]:
            row.raised(priority, self.now)
            row.moved(succeeded=False)
        elif row.succeeded:
            row.moved(succeeded=False)

    @rule(number=numbers)
    def withdraw(self, number: int) -> None:
        found = self.queue.withdraw("parcel_stuck", "parcel", number, "it arrived")
        row = self.open_about(number)
        is_owned = row is not None and row.status == "assigned"
        if row is None or row.held == "attempt" or (is_owned and row.succeeded):
            assert found is None
            return
        assert found is not None and self.rows[found.id] is row
        row.moved(succeeded=True) if is_owned else (setattr(row, "succeeded", True), row.ended(None))

    # ---- owning

    @rule(who=people)
    def serve(self, who: str) -> None:
        def place(known: tuple[int, Row]) -> tuple[int, bool, int, int]:
            item_id, row = known
            rank = max(0, PRIORITIES.index(row.priority) - (row.level >= 2))
            return rank, row.level == 0, row.deadline, item_id

        served = [
            (item_id, row)
            for item_id, row in self.rows.items()
            if row.status in ("pending", "escalated") and not row.held and not row.team and who not in row.declined
        ]
        item = self.queue.next(who)
        if not served:
            assert item is None
            return
        item_id, row = min(served, key=place)
        assert item is not None and item.id == item_id
        row.given(who, self.now)

    @rule(pick=picks, who=people)
    def claim(self, pick: int, who: str) -> None:
        item_id, row = self.pick(pick)
        is_allowed = row.status != "assigned" and row.is_free_for(who)
        if row.is_plainly(who):
            self.queue.claim(item_id, who)
            row.lease = self.now + LEASE
        elif not self.refused(is_allowed, lambda: self.queue.claim(item_id, who)):
            row.given(who, self.now)

    @rule(pick=picks, who=people)
    def extend(self, pick: int, who: str) -> None:
        item_id, row = self.pick(pick)
        if not self.refused(row.is_plainly(who), lambda: self.queue.extend(item_id, who)):
            row.lease = self.now + LEASE

    @rule(pick=picks, who=people, declines=st.booleans())
    def let_go(self, pick: int, who: str, declines: bool) -> None:
        item_id, row = self.pick(pick)
        decline, release = (
            lambda: self.queue.decline(item_id, who, "not for me"),
            lambda: self.queue.release(item_id, who),
        )
        if not self.refused(row.is_plainly(who), decline if declines else release):
            declined = [name for name in row.declined if name != who] + [who] if declines else row.declined
            row.unowned(declined=declined)

    @rule(pick=picks, who=people, to=people)
    def hand_over(self, pick: int, who: str, to: str) -> None:
        item_id, row = self.pick(pick)
        if not self.refused(row.is_plainly(who), lambda: self.queue.hand_over(item_id, who, to)):
            row.given(to, self.now)

    @rule(pick=picks, who=people)
    def take_over(self, pick: int, who: str) -> None:
        item_id, row = self.pick(pick)
        is_allowed = row.status == "assigned" and row.owner != who and row.held is None
        if not self.refused(is_allowed, lambda: self.queue.take_over(item_id, who, "she is at lunch")):
            row.given(who, self.now)

    # ---- putting aside, passing on

    @rule(pick=picks, who=people, hours=st.integers(1, 100))
    def defer(self, pick: int, who: str, hours: int) -> None:
        item_id, row = self.pick(pick)
        span = timedelta(hours=hours)
        if not self.refused(row.is_free_for(who), lambda: self.queue.defer(item_id, who, "later", span=span)):
            row.unowned(held="deferred", deferred=self.now + hours * HOUR)

    @rule(pick=picks, who=people, team=st.sampled_from([None, "support"]))
    def escalate(self, pick: int, who: str, team: str | None) -> None:
        item_id, row = self.pick(pick)
        if not self.refused(row.is_free_for(who), lambda: self.queue.escalate(item_id, who, "not mine", to=team)):
            declined = [name for name in row.declined if name != who] + [who]
            row.escalated = True
            row.unowned(held=None, deferred=None, team=team, declined=declined)

    # ---- facts

    @rule(pick=picks, who=people, to=priorities)
    def set_priority(self, pick: int, who: str, to: str) -> None:
        item_id, row = self.pick(pick)
        is_allowed = row.status != "resolved" and row.priority != to
        if not self.refused(is_allowed, lambda: self.queue.set_priority(item_id, who, to, "so it is")):
            if SLA[to] < SLA[row.priority]:
                row.raised(to, self.now)
            row.moved(priority=to)

    @rule(pick=picks, who=people, amends=st.booleans())
    def note(self, pick: int, who: str, amends: bool) -> None:
        item_id, row = self.pick(pick)
        amend, note = (
            lambda: self.queue.amend(item_id, who, {"at": 1}, "seen"),
            lambda: self.queue.note(item_id, who, "so"),
        )
        if not self.refused(row.status != "resolved", amend if amends else note):
            row.moved()

    # ---- deciding

    @rule(pick=picks, who=people)
    def resolve(self, pick: int, who: str) -> None:
        item_id, row = self.pick(pick)
        if not self.refused(row.is_free_for(who), lambda: self.queue.resolve(item_id, "drop", "of no use", who)):
            row.ended(who)

    @rule(pick=picks, who=people, answer=st.sampled_from([done, not_done, unclear]))
    def act(self, pick: int, who: str, answer: Any) -> None:
        item_id, row = self.pick(pick)
        ANSWER["call"] = answer
        error = {done: None, not_done: Failed, unclear: OutcomeUnknown}[answer]
        if self.refused(row.is_free_for(who), lambda: self.queue.resolve(item_id, "send", "again", who), but=error):
            return
        row.given(who, self.now)  # the attempt
        if answer is done:
            row.ended(who)
        elif answer is not_done:
            row.given(who, self.now)
        else:
            row.unowned(held="attempt")

    @rule(pick=picks, who=people, was_done=st.booleans())
    def confirm(self, pick: int, who: str, was_done: bool) -> None:
        item_id, row = self.pick(pick)
        if not self.refused(row.held == "attempt", lambda: self.queue.confirm(item_id, who, done=was_done)):
            row.ended(who) if was_done else row.moved(held=None)

    @rule(pick=picks, who=people)
    def propose(self, pick: int, who: str) -> None:
        item_id, row = self.pick(pick)
        propose = lambda: self.queue.resolve(item_id, "burn", "of no use", who)  # noqa: E731
        if not self.refused(row.is_free_for(who), propose, but=WaitsForApproval):
            row.given(who, self.now)
            row.held, row.hold, row.lease = "approval", self.now + APPROVAL, None

    @rule(pick=picks, who=people)
    def approve(self, pick: int, who: str) -> None:
        item_id, row = self.pick(pick)
        is_allowed = row.held == "approval" and row.owner != who
        if not self.refused(is_allowed, lambda: self.queue.approve(item_id, who)):
            row.moved()
            row.ended(None)

    @rule(pick=picks, who=people)
    def deny(self, pick: int, who: str) -> None:
        item_id, row = self.pick(pick)
        if not self.refused(row.held == "approval", lambda: self.queue.deny(item_id, who, "no")):
            row.given(str(row.owner), self.now)

    @rule(pick=picks, who=people)
    def reopen(self, pick: int, who: str) -> None:
        item_id, row = self.pick(pick)
        is_allowed = item_id in self.rows and row.status == "resolved" and self.open_about(row.number) is None
        made: list[int] = []
        if not self.refused(is_allowed, lambda: made.append(self.queue.reopen(item_id, who, "it came back").id)):
            self.rows[made[0]] = Row(
                row.number, row.priority, self.now + SLA[row.priority], SLA[row.priority], reopened_from=item_id
            )

    # ---- time

    @rule(minutes=st.sampled_from([5, 31, 61, 600, 2000, 12000]))
    def forward(self, minutes: int) -> None:
        self.now += minutes * 60
        self.tell_the_time()
        self.queue.wake(every=0)
        for row in self.rows.values():
            if row.held == "approval" and row.hold is not None and row.hold <= self.now:
                row.given(str(row.owner), self.now)
            elif row.status == "assigned" and row.lease is not None and row.lease <= self.now:
                row.unowned()
            elif row.deferred is not None and row.deferred <= self.now:
                row.moved(held=None, deferred=None)

    @rule()
    def sweep(self) -> None:
        late = [
            row
            for row in self.rows.values()
            if row.status != "resolved"
            and (row.deadline < self.now if row.level == 0 else (row.next_level or 0) <= self.now)
        ]
        assert self.queue.sweep().escalated == len(late)
        for row in late:
            level = row.level_at(self.now)
            row.escalated = True
            status = "escalated" if row.status == "pending" else row.status
            row.moved(level=level, next_level=row.starts(level + 1), status=status)

    # ---- after each move

    @invariant()
    def no_difference(self) -> None:
        """Each row is what the model says, and in exactly one view."""
        type(self).made += 1
        found: dict[int, dict[str, Any]] = {}
        columns = self.db.execute(ROWS)
        names = [column.name for column in columns.description or ()]
        for values in columns:
            row = dict(zip(names, values, strict=True))
            for name in INSTANTS:
                row[name] = row[name] and round((row[name] - BEGIN).total_seconds())
            found[row.pop("id")] = row
            waits = row["status"] in ("pending", "escalated") and row["held"] is None
            is_held = row["held"] is not None
            is_owned = row["status"] == "assigned" and row["held"] is None
            assert waits + is_held + is_owned + (row["status"] == "resolved") == 1, row
        assert found == {item_id: asdict(row) for item_id, row in self.rows.items()}

    def teardown(self) -> None:
        """The history is whole, and every row sound."""
        assert type(self).faults(self.db) == []
        assert audit.verify(self.queue.database).is_whole


@pytest.fixture
def machine(
    worker_database: Any, database_url: str, connect: Callable[..., Any], clock: Any, faults: Any
) -> Iterator[type[Moves]]:
    """The moves, on this worker's database, emptied before each example."""
    registry = Registry([("this test", workflow)])
    queue = Queue(database_url, settings=Settings(trust_as=True), workflows=registry)
    db = connect(database_url)

    def begin() -> None:
        clock.set(0)
        worker_database.reset()

    Moves.queue, Moves.db, Moves.begin, Moves.faults, Moves.made, Moves.kept = queue, db, begin, faults, 0, 0  # type: ignore[method-assign]
    yield Moves
    queue.close()


def test_random_moves_make_no_difference_to_the_model(machine: type[Moves]) -> None:
    """Whatever is done in whatever order: database and model agree after each move, and every row stays sound."""
    few = settings(max_examples=5, stateful_step_count=50, deadline=None, database=None,
                   suppress_health_check=list(HealthCheck))  # fmt: skip
    many = settings(few, max_examples=100)
    while machine.made < MOVES:
        run_state_machine_as_test(machine, settings=few if MOVES < 1000 else many)  # type: ignore[no-untyped-call]
    print(f"{machine.made} moves, {machine.kept} of them refused")
