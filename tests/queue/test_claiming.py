"""Claiming: the order of work, and who is served what (design, Order of work)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from manual_resolution import AlreadyResolved, InvalidInput, NotFound, OwnedByAnother, Queue, Refused
from manual_resolution.item import Filter

HOUR = timedelta(hours=1)


def served(queue: Queue, by: str = "alice", **more: Any) -> list[int]:
    """The ids that are served one after the other, until there is none."""
    ids = []
    while item := queue.next(by, **more):
        ids.append(item.id)
    return ids


def test_priority_comes_first(queue: Queue, tell: Any) -> None:
    """Critical, high, medium, low: by rank, not by the alphabet, whatever the deadline."""
    ids = {p: tell(n, priority=p, sla_hours=n).id for n, p in enumerate(("low", "medium", "high", "critical"), 1)}
    assert served(queue) == [ids[p] for p in ("critical", "high", "medium", "low")]


def test_within_a_priority_the_deadline(queue: Queue, tell: Any) -> None:
    """Of one priority the earliest deadline comes first, then the lower id."""
    late, soon, sooner = (tell(n, sla_hours=hours).id for n, hours in enumerate((30, 20, 10), 1))
    assert served(queue) == [sooner, soon, late]
    moment = datetime.now(UTC)
    ids = [tell(n, occurred_at=moment).id for n in (7, 8, 9)]
    assert served(queue) == sorted(ids)


def test_breached_items_come_first(queue: Queue, tell: Any, db: Any, clock: Any) -> None:
    """Within a priority, what a sweep found overdue comes first, then manual positions, then the rest."""
    calm, overdue, longer_overdue, moved = (tell(n, sla_hours=h).id for n, h in enumerate((50, 10, 8, 90), 1))
    db.execute("update manual_resolution_queue set position = 1, position_by = 'dora' where id = %s", [moved])
    clock.forward(hours=10, minutes=15)
    queue.sweep()
    assert served(queue) == [longer_overdue, overdue, moved, calm]


def test_an_overdue_item_stays_in_sight(queue: Queue, tell: Any, clock: Any) -> None:
    """An item that a sweep escalated is served with the pending ones, not instead of them or after them."""
    overdue, pending = tell(1, sla_hours=1).id, tell(2, sla_hours=5).id
    clock.forward(hours=2)
    queue.sweep()
    assert queue.get(overdue).status == "escalated"
    assert served(queue) == [overdue, pending]


def test_a_long_overdue_item_rises(queue: Queue, tell: Any, clock: Any) -> None:
    """From level 2 on an item is worked as one priority higher, so that low items starve less."""
    low = tell(1, priority="low", sla_hours=4).id
    clock.forward(hours=5, minutes=30)
    medium, high = tell(2, priority="medium").id, tell(3, priority="high").id
    queue.sweep()
    assert queue.get(low).escalation_level == 2
    assert served(queue) == [high, low, medium]


def test_a_claim_says_who_since_when_and_until_when(queue: Queue, tell: Any) -> None:
    """A claimed item is its owner's for the lease, in one event."""
    tell()
    item = queue.next("alice@example.com")
    assert item is not None
    assert (item.status, item.assigned_to) == ("assigned", "alice@example.com")
    assert item.assigned_at is not None and item.lease_until is not None
    assert abs(item.lease_until - item.assigned_at - HOUR / 2) < timedelta(seconds=5)
    assert [event.verb for event in queue.history(item.id)] == ["add", "claim"]


def test_an_empty_queue_serves_nothing(queue: Queue) -> None:
    """On an empty queue the next item is None."""
    assert queue.next("alice") is None


@pytest.mark.parametrize("name", ["", " alice", "a" * 101, "a\nb", "a\u202eb"])
def test_a_name_must_be_one(queue: Queue, tell: Any, name: str) -> None:
    """What is not a person's name is refused and claims nothing."""
    item = tell().id
    with pytest.raises(InvalidInput):
        queue.next(name)
    assert queue.get(item).status == "pending"


@pytest.mark.parametrize("move", ["decline", "escalate"])
def test_who_gave_it_away_is_not_served_it_again(queue: Queue, tell: Any, move: str) -> None:
    """Who declined or escalated an item is not served it again, others are; by id it stays possible."""
    item = tell(1, priority="high").id
    queue.claim(item, "alice")
    getattr(queue, move)(item, "alice", "not my trade")
    other = tell(2).id
    assert served(queue, "alice") == [other]
    assert served(queue, "bob") == [item]
    queue.release(item, "bob")
    assert queue.claim(item, "alice").assigned_to == "alice"


def test_declining_twice_keeps_one_name(queue: Queue, tell: Any) -> None:
    """`declined_by` holds each name once, in the order of the last time."""
    item = tell().id
    for name in ("alice", "bob", "alice"):
        queue.claim(item, name)
        queue.decline(item, name, "no")
    assert queue.get(item).declined_by == ["bob", "alice"]


def test_a_targeted_item_waits_for_its_team(queue: Queue, tell: Any) -> None:
    """An item escalated to a team is served to that team's people only, in its place in the order of work."""
    targeted, first, last = tell(2, sla_hours=20).id, tell(1, sla_hours=10).id, tell(3, sla_hours=30).id
    queue.escalate(targeted, "dora", "their trade", to="engineering")
    assert queue.waiting_for_teams() == {"engineering": 1}
    assert served(queue, "alice", teams=["support"]) == [first, last]
    for item in (first, last):
        queue.release(item, "alice")
    assert served(queue, "bob", teams=["support", "engineering"]) == [first, targeted, last]


def test_the_teams_of_the_settings_count(new_queue: Any, tell: Any, queue: Queue) -> None:
    """`MRQ_TEAM` names the teams of whoever claims, unless the call does."""
    item = tell().id
    queue.escalate(item, "dora", "their trade", to="engineering")
    assert served(new_queue(), "alice") == []
    engineers = new_queue(team=("engineering",))
    assert served(engineers, "alice", teams=[]) == []
    assert served(engineers, "alice") == [item]


def test_a_targeted_item_can_be_claimed_by_id(queue: Queue, tell: Any) -> None:
    """By id anybody may take what waits for a team, or what is deferred."""
    targeted, deferred = tell(1).id, tell(2).id
    queue.escalate(targeted, "dora", "their trade", to="engineering")
    queue.defer(deferred, "dora", "later", span=HOUR)
    assert queue.claim(targeted, "alice").assigned_to == "alice"
    item = queue.claim(deferred, "alice")
    assert (item.held, item.deferred_until) == (None, None)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter(item_type="a"), {1, 2}), (Filter(priority="high"), {2, 3}),
        (Filter(resource_type="doc", resource_id=3), {3}),
        (Filter(item_type="a", priority="high"), {2}), (Filter(item_type="none"), set()),
        (Filter(), {1, 2, 3}),
    ],
    ids=str,
)  # fmt: skip
def test_filters_limit_what_is_served(queue: Queue, tell: Any, chosen: Filter, expected: set[int]) -> None:
    """A claim under a filter serves what fits it, and all of that."""
    tell(1, item_type="a")
    tell(2, item_type="a", priority="high")
    tell(3, item_type="b", priority="high", resource_type="doc")
    ids = served(queue, chosen=chosen)
    assert {queue.get(item).resource_id for item in ids} == expected


def test_skipped_items_are_not_served(queue: Queue, tell: Any) -> None:
    """A session that skipped items is served the others."""
    one, two = tell(1).id, tell(2).id
    assert served(queue, skipped=[one]) == [two]


# ------------------------------------------------------------------ time


def test_a_lease_ends_by_the_claim_itself(tell: Any, new_queue: Any, clock: Any) -> None:
    """What its owner left is served again after the lease, without a worker; the history names the owner."""
    item = tell().id
    assert new_queue().next("alice").id == item
    clock.forward(minutes=29)
    assert new_queue().next("bob") is None
    clock.forward(minutes=2)
    others = new_queue()
    assert others.next("bob").id == item
    claim, expire, again = others.history(item)[1:]
    assert [claim.actor, expire.actor, again.actor] == ["alice", "mrq", "bob"]
    assert (expire.verb, expire.actor_kind, expire.private) == ("expire", "timeout", {"owner": "alice"})


def test_an_escalated_item_expires_to_escalated(tell: Any, new_queue: Any, clock: Any) -> None:
    """A lease that ends leaves an item escalated that was so before."""
    item = tell().id
    queue = new_queue()
    queue.escalate(item, "dora", "dunno")
    queue.claim(item, "alice")
    clock.forward(minutes=31)
    later = new_queue()
    later.wake(every=0)
    assert later.get(item).status == "escalated"


def test_extending_keeps_the_item(queue: Queue, tell: Any, new_queue: Any, clock: Any) -> None:
    """A renewed lease counts from the renewal; renewing writes no event."""
    item = tell().id
    queue.claim(item, "alice")
    clock.forward(minutes=20)
    queue.extend(item, "alice")
    clock.forward(minutes=20)
    others = new_queue()
    assert others.next("bob") is None
    assert [event.verb for event in others.history(item)] == ["add", "claim"]


def test_claiming_ones_own_again_renews(queue: Queue, tell: Any, clock: Any) -> None:
    """Claiming by id what is one's own already renews the lease and changes nothing else."""
    item = tell().id
    first = queue.claim(item, "alice")
    clock.forward(minutes=20)
    again = queue.claim(item, "alice")
    assert again.version == first.version
    assert again.assigned_at == first.assigned_at
    assert first.lease_until is not None and again.lease_until is not None
    assert again.lease_until > first.lease_until


def test_who_lost_the_lease_is_told(queue: Queue, tell: Any, new_queue: Any, clock: Any) -> None:
    """An owner whose lease ended and whose item was taken is told by whom, and changes nothing."""
    item = tell().id
    queue.claim(item, "alice")
    clock.forward(minutes=31)
    new_queue().next("bob")
    for move in (queue.extend, queue.release):
        with pytest.raises(OwnedByAnother, match="held by bob") as refused:
            move(item, "alice")
        assert refused.value.owner == "bob"


def test_a_deferral_ends_by_the_claim_itself(queue: Queue, tell: Any, new_queue: Any, clock: Any) -> None:
    """A deferred item is served from its time on, not before."""
    item = tell().id
    queue.defer(item, "alice", "wait for the vendor", span=3 * HOUR)
    clock.forward(hours=2, minutes=59)
    assert new_queue().next("alice") is None
    clock.forward(minutes=2)
    later = new_queue()
    assert later.next("alice").id == item
    assert [event.verb for event in later.history(item)] == ["add", "defer", "wake", "claim"]


def test_a_manual_position_ends(queue: Queue, tell: Any, db: Any, new_queue: Any, clock: Any) -> None:
    """A position has an end; after it the deadline counts again."""
    moved, soon = tell(1, sla_hours=90).id, tell(2, sla_hours=50).id
    db.execute(
        "update manual_resolution_queue set position = 1, position_by = 'dora',"
        " position_until = now() + interval '1 hour' where id = %s", [moved],
    )  # fmt: skip
    assert [item.id for item in queue.list()] == [moved, soon]
    clock.forward(hours=2)
    later = new_queue()
    assert [item.id for item in later.list()] == [soon, moved]
    assert later.get(moved).position_by is None


def test_waking_looks_once_a_second(queue: Queue, tell: Any, clock: Any) -> None:
    """One process looks for what is due at most once a second, so that claims stay fast."""
    item = tell().id
    queue.next("alice")
    clock.forward(hours=1)
    assert (queue.wake(), queue.wake(every=0)) == (0, 1)
    assert queue.get(item).status == "pending"


def test_one_wake_ends_everything_due(queue: Queue, tell: Any, clock: Any) -> None:
    """Leases and deferrals of many items end in one go, each with its own event."""
    leased, deferred, kept = tell(1).id, tell(2).id, tell(3).id
    queue.claim(leased, "alice")
    queue.defer(deferred, "alice", "later", span=HOUR)
    queue.defer(kept, "alice", "later", span=3 * HOUR)
    clock.forward(hours=2)
    assert queue.wake(every=0) == 2
    assert [queue.history(item)[-1].verb for item in (leased, deferred, kept)] == ["expire", "wake", "defer"]


# ------------------------------------------------------------------ refusals


def test_a_second_claim_is_told_who_holds_it(queue: Queue, tell: Any) -> None:
    """Claiming by id what another holds is refused and names the owner."""
    item = tell().id
    queue.claim(item, "alice")
    with pytest.raises(OwnedByAnother, match="held by alice"):
        queue.claim(item, "bob")


def test_a_resolved_item_is_not_claimed(queue: Queue, tell: Any) -> None:
    """Claiming a resolved item is refused and says by whom and how it was resolved."""
    item = tell().id
    queue.withdraw("x", "thing", 1, "second night", producer="cleanup.py")
    with pytest.raises(AlreadyResolved, match=r"resolved by producer:cleanup[.]py: Withdrawn: second night"):
        queue.claim(item, "bob")


@pytest.mark.parametrize("item", [1, 2**63 - 1, 0, -1])
def test_what_is_not_there_is_not_found(queue: Queue, item: int) -> None:
    """Every move on an id that no item has says so."""
    moves = [
        lambda: queue.get(item), lambda: queue.claim(item, "a"), lambda: queue.extend(item, "a"),
        lambda: queue.release(item, "a"), lambda: queue.history(item), lambda: queue.examine(item),
        lambda: queue.take_over(item, "a", "r"), lambda: queue.note(item, "a", "n"),
        lambda: queue.reopen(item, "a", "j"), lambda: queue.resolve(item, "defer", "j", "a"),
        lambda: queue.set_priority(item, "a", "low", "j"), lambda: queue.defer(item, "a", "j", span=HOUR),
    ]  # fmt: skip
    for move in moves:
        with pytest.raises(NotFound, match=f"There is no item #{item}"):
            move()


@pytest.mark.parametrize("move", ["extend", "release", "decline", "hand_over"])
def test_only_an_owner_lets_go(queue: Queue, tell: Any, move: str) -> None:
    """Extending, releasing, declining and handing over need the item to be one's own."""
    item = tell().id
    more = {"decline": ("because",), "hand_over": ("carol",)}.get(move, ())
    with pytest.raises(Refused, match="claim it first"):
        getattr(queue, move)(item, "alice", *more)
    queue.claim(item, "alice")
    with pytest.raises(OwnedByAnother, match="held by alice"):
        getattr(queue, move)(item, "bob", *more)
    assert queue.get(item).assigned_to == "alice"
