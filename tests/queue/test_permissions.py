"""Who may do what: the matrix of roles and moves, on items of one's own type, of another's, and added by oneself."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from manual_resolution import Queue, Refused
from manual_resolution.errors import Forbidden, NotFound, WaitsForApproval
from manual_resolution.item import Actor, Browse
from manual_resolution.permission import MOVES, ROLES, WHOLE, Grants

WHY = "because of the test"
ADMIN = "cleanup"  # who added the item: a program of this name

#: What each of the queue's methods that a person calls asks for, and a call of it. `next` and its like are asked
#: without an item.
CALLS: Mapping[str, tuple[str, Callable[[Queue, int, Actor], Any]]] = {
    "get": ("read", lambda queue, item, by: queue.get(item, by=by)),
    "list": ("read", lambda queue, item, by: queue.list(by=by)),
    "browse": ("read", lambda queue, item, by: queue.browse(by=by)),
    "count": ("read", lambda queue, item, by: queue.count(by=by)),
    "select": ("read", lambda queue, item, by: queue.select(Browse(), by=by)),
    "item_types": ("read", lambda queue, item, by: queue.item_types(by=by)),
    "of_same_resource": ("read", lambda queue, item, by: queue.of_same_resource(queue.get(item), 5, by=by)),
    "history": ("read", lambda queue, item, by: queue.history(item, by=by)),
    "attempts": ("read", lambda queue, item, by: queue.attempts(item, by=by)),
    "approvals": ("read", lambda queue, item, by: queue.approvals(by=by)),
    "proposals": ("read", lambda queue, item, by: queue.proposals(item, by=by)),
    "examine": ("read", lambda queue, item, by: queue.examine(item, by=by)),
    "plan": ("read", lambda queue, item, by: queue.plan(item, "escalate", {}, by=by)),
    "depth": ("report", lambda queue, item, by: queue.depth(by=by)),
    "waiting_for_teams": ("read", lambda queue, item, by: queue.waiting_for_teams(by=by)),
    "reveal": ("reveal", lambda queue, item, by: queue.reveal(item, by, WHY)),
    "next": ("claim", lambda queue, item, by: queue.next(by)),
    "next_given_back": ("claim", lambda queue, item, by: queue.next_given_back(by)),
    "count_served": ("claim", lambda queue, item, by: queue.count_served(by)),
    "claim": ("claim", lambda queue, item, by: queue.claim(item, by)),
    "extend": ("extend", lambda queue, item, by: queue.extend(item, by)),
    "release": ("release", lambda queue, item, by: queue.release(item, by)),
    "decline": ("decline", lambda queue, item, by: queue.decline(item, by, WHY)),
    "hand_over": ("hand_over", lambda queue, item, by: queue.hand_over(item, by, "bob")),
    "take_over": ("take_over", lambda queue, item, by: queue.take_over(item, by, WHY)),
    "defer": ("defer", lambda queue, item, by: queue.defer(item, by, WHY, span=timedelta(hours=1))),
    "escalate": ("escalate", lambda queue, item, by: queue.escalate(item, by, WHY)),
    "set_priority": ("set_priority", lambda queue, item, by: queue.set_priority(item, by, "high", WHY)),
    "place": ("place", lambda queue, item, by: queue.place(item, by, WHY)),
    "unplace": ("place", lambda queue, item, by: queue.unplace(item, by)),
    "note": ("note", lambda queue, item, by: queue.note(item, by, WHY)),
    "amend": ("amend", lambda queue, item, by: queue.amend(item, by, {"a": 1}, WHY)),
    "resolve": ("resolve", lambda queue, item, by: queue.resolve(item, "escalate", WHY, by)),
    "resolve_and_next": ("resolve", lambda queue, item, by: queue.resolve_and_next(item, "escalate", WHY, by)),
    "approve": ("approve", lambda queue, item, by: queue.approve(item, by)),
    "deny": ("deny", lambda queue, item, by: queue.deny(item, by, WHY)),
    "confirm": ("confirm", lambda queue, item, by: queue.confirm(item, by, done=True)),
    "reopen": ("reopen", lambda queue, item, by: queue.reopen(item, by, WHY)),
    "add": ("add", lambda queue, item, by: queue.add("x", "thing", 99, "low", "it failed", by=by)),
    "withdraw": ("withdraw", lambda queue, item, by: queue.withdraw("x", "thing", 1, WHY, by=by)),
}
#: What asks for no item: a role for another type is refused nothing, and shown nothing.
OF_NO_ITEM = {"list", "browse", "count", "select", "item_types", "approvals", "depth"} | {
    "waiting_for_teams", "next", "next_given_back", "count_served",
}  # fmt: skip
#: What the host's own programs and time do, what tells nothing of an item, and what is asked before.
NOBODYS = {
    "from_env", "close", "sweep", "wake", "reach", "mask", "lease", "workflows", "execution", "proposing", "searching",
    "people", "admit", "reader", "is_readable", "browsable_fields",
    "tell", "add_many", "add_once", "replay",
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """An item of type x that `cleanup` added."""

    queue: Queue
    item: int

    def __call__(self, method: str, by: Actor) -> Exception | None:
        """What a call was refused by, if anything."""
        try:
            CALLS[method][1](self.queue, self.item, by)
        except (Refused, WaitsForApproval) as refused:
            return refused
        return None


@pytest.fixture
def world(queue: Queue) -> World:
    """One item, added by the program `cleanup`."""
    added = queue.add("x", "thing", 1, "low", "it failed", by=somebody("service", name=ADMIN)).id
    assert added is not None
    return World(queue, added)


def somebody(*roles: str, name: str = "bob", kind: Any = "person") -> Actor:
    """An actor with these roles."""
    return Actor(name, kind, f"console:{name}", Grants.of(*roles))


def test_every_method_that_a_person_calls_is_in_the_matrix() -> None:
    """A method of the queue that is neither in the matrix nor known to be nobody's fails here; so does a stray row."""
    methods = {name for name in dir(Queue) if not name.startswith("_")}
    assert methods == CALLS.keys() | NOBODYS
    asked = {move for move, _ in CALLS.values()}
    assert asked <= MOVES.keys()
    assert MOVES.keys() - asked == {"take_back", "probe", "people", "erase", "look_after"}
    for name in CALLS:
        assert "by" in inspect.signature(getattr(Queue, name)).parameters, name


@pytest.mark.parametrize("role", ROLES)
def test_roles_and_moves(world: World, role: str) -> None:
    """Each role may make the moves that the table gives it, on any item, and is refused every other one by name."""
    for method, (move, _) in CALLS.items():
        refused = world(method, somebody(role))
        if role in MOVES[move] and role != "service":
            assert not isinstance(refused, Forbidden | NotFound), (method, refused)
        elif role == "service":
            continue  # below
        else:
            assert isinstance(refused, Forbidden), (method, refused)
            assert "that needs the role" in str(refused)


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ("admin", "service")])
def test_roles_for_one_type(world: World, role: str) -> None:
    """A role for the item's type is as good as one for all; with one for another type there is no such item."""
    for method, (move, _) in CALLS.items():
        fitting, other = world(method, somebody(f"{role}:x")), world(method, somebody(f"{role}:y"))
        allowed = role in MOVES[move] and move not in WHOLE
        assert isinstance(fitting, Forbidden) != allowed and not isinstance(fitting, NotFound), (method, fitting)
        if method in OF_NO_ITEM or not allowed:
            assert (other is None) if allowed else isinstance(other, Forbidden | NotFound), (method, other)
        else:
            assert isinstance(other, NotFound | Forbidden), (method, other)


def test_a_role_for_another_type_finds_nothing(world: World) -> None:
    """Lists, counts and the next item hold nothing of a type that one may not see."""
    queue, other, both = world.queue, somebody("operator:y"), somebody("operator:y", "viewer:x")
    assert list(queue.list(by=other)) == list(queue.browse(by=other).items) == []
    assert list(queue.select(Browse(), by=other)) == []
    assert str(queue.count(by=other)) == "0" and queue.count_served(other) == 0 and queue.next(other) is None
    assert [item.id for item in queue.list(by=both)] == [world.item]
    assert queue.next(both) is None
    with pytest.raises(Forbidden, match="may not claim: that needs the role operator or approver for x; bob has"):
        queue.claim(world.item, both)


def test_a_service_sees_and_withdraws_its_own(world: World) -> None:
    """It reads and withdraws what it added and nothing else, adds in its own name, and makes no person's move."""
    queue, mine, others = world.queue, somebody("service", name=ADMIN), somebody("service", name="other")
    second = queue.add("x", "thing", 2, "low", "it failed", producer="cleanup", by=others).id
    assert second is not None
    assert queue.history(second)[0].actor == "other"
    for method, (move, _) in CALLS.items():
        if method == "withdraw":
            continue
        refused = world(method, mine)
        assert isinstance(refused, Forbidden) != ("service" in MOVES[move]), (method, refused)
    assert [item.id for item in queue.list(by=others)] == [second]
    assert str(queue.count(by=others)) == "1"
    for wrong in (
        lambda: queue.get(world.item, by=others),
        lambda: queue.history(world.item, by=others),
        lambda: queue.withdraw("x", "thing", 1, WHY, by=others),
    ):
        with pytest.raises(NotFound, match=f"There is no item #{world.item} that other may see"):
            wrong()
    assert queue.get(world.item).status == "pending"
    with pytest.raises(Forbidden):
        queue.add("y", "thing", 3, "low", "r", by=somebody("service:x", name=ADMIN))
    withdrawn = queue.withdraw("x", "thing", 1, WHY, by=mine)
    assert withdrawn is not None and withdrawn.status == "resolved"


def test_there_is_no_telling_whether_an_item_is_there(world: World) -> None:
    """Who may not see an item hears the same as where there is none."""
    told = []
    for item in (world.item, 999):
        with pytest.raises(NotFound) as refused:
            world.queue.get(item, by=somebody("viewer:y"))
        told.append(str(refused.value).replace(str(item), "N"))
    assert told[0] == told[1]


def test_a_token_is_limited_by_its_scopes_and_its_person(world: World) -> None:
    """It does what both allow, item types included."""
    person = Grants.of("operator:x", "operator:y")
    token = Actor("bob", "person", "token:1", Grants.of("operator:y", within=person))
    assert isinstance(world("claim", token), NotFound)
    assert isinstance(world("approve", token), NotFound)
    token = Actor("bob", "person", "token:1", Grants.of("operator", within=person))
    assert world("claim", token) is None


def test_an_operator_takes_back_their_own_proposal_and_probes(world: World) -> None:
    """Ending one's own proposal and asking what became of a call is an operator's; the rest is an approver's."""
    assert "operator" in MOVES["take_back"] and "operator" in MOVES["probe"]
    assert not isinstance(refusal := try_probe(world, somebody("operator")), Forbidden), refusal
    assert isinstance(try_probe(world, somebody("viewer")), Forbidden)


def try_probe(world: World, by: Actor) -> Exception | None:
    """What asking a probe was refused by."""
    try:
        world.queue.confirm(world.item, by)
    except Refused as refused:
        return refused
    return None


def test_a_colleague_must_be_able_to_take_an_item(world: World) -> None:
    """While people are kept an item is handed only to somebody known who may claim it."""
    queue, root = world.queue, Actor("root", "person", "cli:root@host")
    queue.people.add(root, "alice", ["admin", "operator"])
    alice = Actor("alice", "person", "cli:root@host")
    queue.people.add(alice, "bob", ["viewer"])
    queue.people.add(alice, "carol", ["operator:x"])
    queue.claim(world.item, alice)
    with pytest.raises(Forbidden, match="bob may not claim"):
        queue.hand_over(world.item, alice, "bob")
    with pytest.raises(ValueError, match="somebody who is kept here"):
        queue.hand_over(world.item, alice, "nobody")
    assert queue.hand_over(world.item, alice, "carol").assigned_to == "carol"


def test_a_terminal_name_has_its_roles(world: World) -> None:
    """Who speaks in the terminal is looked up with every move: a role taken is gone at once."""
    queue, root = world.queue, Actor("root", "person", "cli:root@host")
    assert queue.note(world.item, root, "hello").version == 2
    queue.people.add(root, "alice", ["admin", "operator"])
    with pytest.raises(Forbidden, match="root is not known here"):
        queue.note(world.item, root, "hello")
    alice = Actor("alice", "person", "cli:root@host")
    assert queue.note(world.item, alice, "hello").version == 3
    queue.people.revoke(alice, "alice", "operator")
    with pytest.raises(
        Forbidden, match="alice may not note: that needs the role operator or approver; alice has admin"
    ):
        queue.note(world.item, alice, "hello")
    assert queue.note(world.item, Actor("script", "person", "lib:root@host"), "hello").version == 4
