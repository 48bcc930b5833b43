"""Manual order: placed by hand for a while, never before critical or overdue items; refusals say why."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from manual_resolution import InvalidInput, Queue, Refused
from manual_resolution.browsing import why
from manual_resolution.errors import Forbidden, Stale
from manual_resolution.item import Actor
from manual_resolution.permission import Grants
from manual_resolution.placing import places_between

Tell = Callable[..., Any]


@pytest.fixture
def lane(queue: Queue, tell: Tell) -> list[int]:
    """Five items of one priority, by deadline."""
    return [tell(n, priority="high").id for n in range(1, 6)]


def order(queue: Queue) -> list[int]:
    return [item.id for item in queue.list()]


@pytest.mark.parametrize(
    ("moved", "beside", "expected"),
    [
        (5, {}, [5, 1, 2, 3, 4]), (5, {"before": 1}, [5, 1, 2, 3, 4]), (5, {"before": 3}, [1, 2, 5, 3, 4]),
        (5, {"after": 1}, [1, 5, 2, 3, 4]), (1, {"after": 3}, [2, 3, 1, 4, 5]), (1, {"after": 5}, [2, 3, 4, 5, 1]),
        (2, {"before": 5}, [1, 3, 4, 2, 5]),
    ],
)  # fmt: skip
def test_an_item_stands_where_it_was_put(
    queue: Queue, lane: list[int], moved: int, beside: dict[str, int], expected: list[int]
) -> None:
    """Before or behind any other of its lane, placed or not, or first: the order is as it was seen and dropped."""
    placed = queue.place(moved, "alice", "the customer waits", **beside)  # type: ignore[arg-type]
    assert order(queue) == expected
    assert (placed.position_by, placed.position_reason) == ("alice", "the customer waits")
    assert why(placed).startswith("Placed here by alice until 20")
    event = queue.history(moved)[-1]
    assert (event.verb, event.actor, (event.private or {})["justification"]) == ("place", "alice", "the customer waits")


def test_many_moves_keep_every_order(queue: Queue, lane: list[int]) -> None:
    """However often items are put between the same two, the order is what was asked for."""
    wanted = list(lane)
    for n in range(60):
        moved, before = wanted[-1], wanted[1]
        wanted = [wanted[0], moved, *wanted[1:-1]]
        queue.place(moved, "alice", f"move {n}", before=before)
        assert order(queue) == wanted


@pytest.mark.parametrize("ahead", [[], [1.0], [1.0, 2.0], [float("inf")] * 3, [1.0, float("inf")]])
@pytest.mark.parametrize("behind", [float("inf"), 2.5, -7.0])
def test_places_always_rise(ahead: list[float], behind: float) -> None:
    """Those ahead keep their order, the new place comes behind them and before what follows."""
    places = [*places_between(ahead, behind), behind]
    assert places == sorted(set(places))
    assert len(places) == len(ahead) + 2


def test_no_place_is_left_between_equal_numbers() -> None:
    """Where no number is left, those ahead are counted anew before what follows; huge ones refuse."""
    between = places_between([1.0, 1.0 + 2**-52], 1.0 + 2**-51)
    assert between == sorted(set(between))
    with pytest.raises(Refused, match="Nothing more can be placed there"):
        places_between([1e308], 1e308)


def test_a_place_ends(queue: Queue, lane: list[int], clock: Any) -> None:
    """After its time the deadline counts again, as it does where somebody takes the place away."""
    queue.place(5, "alice", "until lunch", span=timedelta(hours=1))
    queue.place(4, "alice", "too")
    assert order(queue) == [4, 5, 1, 2, 3]
    queue.unplace(4, "bob")
    clock.forward(hours=2)
    queue.wake(every=0)
    assert order(queue) == [1, 2, 3, 4, 5]
    with pytest.raises(Refused, match="#5 was not placed by hand"):
        queue.unplace(5, "alice")


def test_what_may_not_be_placed_says_why(queue: Queue, lane: list[int], tell: Tell, clock: Any) -> None:
    """Critical, overdue, owned, held and resolved items keep their places, and neighbours of another lane are none."""
    critical, low = tell(8, priority="critical").id, tell(9, priority="low").id
    queue.claim(1, "bob")
    queue.defer(2, "bob", "later", span=timedelta(days=1))
    queue.withdraw("x", "thing", 3, "went well")
    for item, beside, told in (
        (critical, {}, "critical items go by their deadline"), (1, {}, "#1 is with bob"), (2, {}, "#2 is put aside"),
        (3, {}, "#3 is resolved"), (4, {"before": low}, f"#{low} is low, #4 high"), (4, {"after": 4}, "beside itself"),
        (4, {"after": 1}, "#1 does not wait any more"), (4, {"before": 99}, "no item #99"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=told):
            queue.place(item, "alice", "x", **beside)  # type: ignore[arg-type]
    clock.forward(hours=25)
    with pytest.raises(Refused, match="#4 is overdue"):
        queue.place(4, "alice", "x")
    queue.sweep()
    tell(10, priority="high")
    with pytest.raises(Refused, match="#4 is overdue and comes first"):
        queue.place(max(order(queue)), "alice", "x", before=4)


def test_nobody_places_what_they_may_not_move(queue: Queue, tell: Tell) -> None:
    """Whoever may move one type pins no item of another by placing behind it; what stands first needs no other."""
    foreign, own, last = tell(1, item_type="y").id, tell(2).id, tell(3).id
    by = Actor("carol", "person", "console:carol", Grants.of("viewer", "operator:x"))
    with pytest.raises(Forbidden, match="carol may not move every item that stands before that place"):
        queue.place(last, by, "soon", before=own)
    assert (order(queue), queue.get(foreign).version) == ([foreign, own, last], 1)
    queue.place(last, by, "soon")
    queue.place(own, by, "soon", after=last)
    assert (order(queue), queue.get(foreign).position_by) == ([last, own, foreign], None)


def test_what_makes_no_sense_is_named(queue: Queue, lane: list[int]) -> None:
    """Two neighbours, no reason, or a time of no length are refused by name."""
    with pytest.raises(InvalidInput, match="one neighbour"):
        queue.place(1, "alice", "x", before=2, after=3)
    with pytest.raises(InvalidInput, match="justification"):
        queue.place(1, "alice", " ")
    with pytest.raises(InvalidInput, match="30 days"):
        queue.place(1, "alice", "x", span=timedelta(days=31))


def test_a_stale_move_does_nothing(queue: Queue, lane: list[int]) -> None:
    """A move made from an older version says what happened since and by whom."""
    queue.note(5, "bob", "called them")
    with pytest.raises(Stale, match="note by bob"):
        queue.place(5, "alice", "x", version=1)
    assert order(queue) == [1, 2, 3, 4, 5]


def test_two_who_place_at_once_both_succeed(queue: Queue, lane: list[int], new_queue: Any) -> None:
    """Places of one lane are given one after another: no deadlock, no two items on one place."""
    failed: list[Exception] = []

    def place(other: Queue, mine: list[int]) -> None:
        for n in range(20):
            try:
                other.place(mine[n % 2], "alice", "x", after=mine[(n + 1) % 2] if n % 3 else None)
            except Exception as error:  # noqa: BLE001  # told below
                failed.append(error)

    threads = [Thread(target=place, args=(new_queue(), mine)) for mine in ([1, 2], [4, 5])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    positions = [item.position for item in queue.list() if item.position != float("inf")]
    assert failed == []
    assert positions == sorted(set(positions))
