"""Decisions that need two persons (design, Workflows: proposal). The workflow is this file's own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import psycopg
import pytest

from manual_resolution import (
    Actor,
    AlreadyResolved,
    Changed,
    Failed,
    InvalidInput,
    Item,
    MRQError,
    NotPossible,
    OutcomeUnknown,
    Plan,
    Queue,
    Refused,
    Settings,
    SettingsError,
    Touch,
    WaitsForApproval,
    Workflow,
    done,
    fails,
    not_done,
    passes,
    resolved,
    unclear,
    unknown,
)
from manual_resolution.answers import Answer, Outcome, Resolved
from manual_resolution.registry import Registry

Db = psycopg.Connection[Any]

ALICE = Actor("alice@example.com", "person", "cli:alice@desk")
BOB = Actor("bob@example.com", "person", "cli:bob@desk")


@dataclass(frozen=True)
class Amount:
    """What `pay` asks for."""

    amount: int


workflow = Workflow("payment_held")
ACCOUNT: dict[str, Any] = {}  # the world that is checked
PAID: list[int] = []  # what took effect in the database
CALLS: list[int] = []  # what took effect outside
ANSWERS: dict[str, Any] = {}


@workflow.check("The account is open")
def account() -> Answer:
    owner = ACCOUNT["owner"]
    if owner is None:
        return unknown("the bank does not answer")
    return (
        passes("the account is open", owner=owner) if ACCOUNT["open"] else fails("the account is closed", owner=owner)
    )


pay = workflow.option("pay", "Pay it out", effect="database", requires=["account"], values=Amount, approvals=1)


@pay.plan
def _(item: Item, values: Amount) -> Plan:
    return Plan((Touch("account", item.resource_id or 0, f"pay {values.amount} {ACCOUNT['currency']}"),))


@pay.run
def _(values: Amount) -> Resolved:
    PAID.append(values.amount)
    return resolved(f"Paid {values.amount}")


wire = workflow.option("wire", "Wire it", effect="external", requires=["account"], approvals=1)


@wire.call
def _(item: Item) -> Outcome:
    CALLS.append(item.resource_id or 0)
    outcome: Outcome = ANSWERS["call"]("the bank answered")
    return outcome


@wire.then
def _() -> Resolved:
    return resolved("Wired")


@wire.probe
def _() -> Outcome:
    outcome: Outcome = ANSWERS["probe"]("the bank was asked")
    return outcome


close = workflow.option("close", "Close it", effect="database", requires=["account"])


@close.run
def _() -> Resolved:
    return resolved("Closed")


never = workflow.option("never", "Never against the check", effect="database", requires=["account"], override=False)


@never.run
def _() -> Resolved:
    return resolved("Done")


breaks = workflow.option("breaks", "Break", effect="database", approvals=1)


@breaks.run
def _() -> Resolved:
    raise RuntimeError("the disk said no")


book = workflow.option("book", "Book it", effect="database", approvals=1)


@book.run
def _(db: Db) -> Resolved:
    db.execute("insert into entry values (7)")
    return resolved("Booked")


NewQueue = Callable[..., Queue]


@pytest.fixture
def db(database_url: str, connect: Any) -> Db:
    """A foreign client."""
    found: Db = connect(database_url)
    return found


@pytest.fixture(autouse=True)
def world() -> None:
    """The world as each test finds it."""
    PAID.clear()
    CALLS.clear()
    ACCOUNT.update(open=True, owner="carol", currency="EUR")
    ANSWERS.update(call=done, probe=unclear)


@pytest.fixture
def new(database_url: str) -> Iterator[NewQueue]:
    """`new(trust_as=True)`: a queue as another process would have it."""
    opened = []

    def one(**settings: Any) -> Queue:
        registry = Registry([("this test", workflow)])
        opened.append(Queue(database_url, settings=Settings(**settings), workflows=registry))
        return opened[-1]

    yield one
    for queue in opened:
        queue.close()


@pytest.fixture
def queue(new: NewQueue) -> Queue:
    return new()


def propose(queue: Queue, option: str = "pay", by: Actor | str = ALICE, *, number: int = 1, **more: Any) -> int:
    """An item whose option waits for a second person; its number."""
    item_id = queue.add("payment_held", "payment", number, "high", "the bank stopped it", {"iban": "DE1"}).id
    values = {"amount": 5} if option == "pay" else {}
    with pytest.raises(WaitsForApproval):
        queue.resolve(item_id, option, "the customer called", by, values=values, **more)
    return item_id


def verbs(queue: Queue, item_id: int) -> list[tuple[str, str]]:
    """Its history: verb and actor."""
    return [(event.verb, event.actor) for event in queue.history(item_id)]


# ------------------------------------------------------------------ proposing


def test_an_option_for_two_persons_is_proposed_and_does_nothing(queue: Queue) -> None:
    """The decision is kept whole, the item stays its proposer's without a lease, and nothing is carried out."""
    item_id = propose(queue)
    item, (found,) = queue.get(item_id), queue.approvals()
    assert (item.status, item.assigned_to, item.held, item.lease_until) == ("assigned", ALICE.name, "approval", None)
    assert (found.item.id, found.proposal.option, found.proposal.values) == (item_id, "pay", {"amount": 5})
    assert (found.proposal.proposer, found.proposal.justification) == (ALICE.name, "the customer called")
    assert found.proposal.plan == ["pay 5 EUR: account #1"]
    assert found.proposal.checks == {"account": {"verdict": "pass", "sentence": "the account is open"}}
    assert "DE1" not in str(found.proposal.seen)
    assert (item.hold_until, PAID) == (found.proposal.expires_at, [])
    assert verbs(queue, item_id)[1:] == [("propose", ALICE.name)]


def test_the_sentence_says_who_must_do_what(queue: Queue) -> None:
    """Whoever proposes is told that another person must approve, how, and until when."""
    item_id = queue.add("payment_held", "payment", 1, "high", "stopped").id
    with pytest.raises(WaitsForApproval) as told:
        queue.resolve(item_id, "pay", "the customer called", ALICE, values={"amount": 5})
    until = f"{told.value.until:%Y-%m-%d %H:%M} UTC"
    assert str(told.value) == (
        f"#{item_id} waits for a second person until {until}: somebody else than alice@example.com says "
        f"`mrq approve {item_id}`, or `mrq deny {item_id} -m WHY`."
    )


def test_what_waits_for_approval_is_nobodys_to_move(queue: Queue) -> None:
    """While a proposal is open, neither its proposer nor anybody else decides, releases, hands over or takes it."""
    item_id = propose(queue)
    moves: list[Callable[[Actor], object]] = [
        lambda by: queue.resolve(item_id, "close", "enough", by),
        lambda by: queue.claim(item_id, by),
        lambda by: queue.release(item_id, by),
        lambda by: queue.decline(item_id, by, "not me"),
        lambda by: queue.hand_over(item_id, by, "carol@example.com"),
        lambda by: queue.take_over(item_id, by, "mine"),
        lambda by: queue.escalate(item_id, by, "up"),
    ]
    for move in moves:
        for by in (ALICE, BOB):
            with pytest.raises(Refused, match="waits"):
                move(by)
    assert [verb for verb, _ in verbs(queue, item_id)] == ["add", "propose"]


def test_an_option_declares_one_approval_or_none() -> None:
    """Any other number of approvals is refused when it is declared."""
    for approvals in (2, -1, True, "1"):
        with pytest.raises(SettingsError, match="is neither 0 nor 1"):
            Workflow("x").option("a", "A", effect="database", approvals=approvals)  # type: ignore[arg-type]


# ------------------------------------------------------------------ approving


def test_approving_carries_out_and_records_both_persons(queue: Queue) -> None:
    """The effect takes place in the approving transaction; the record names who decided and who approved."""
    item_id = propose(queue)
    ended = queue.approve(item_id, BOB, "checked the contract")
    told = ended.item.resolution_metadata or {}
    assert (ended.item.status, ended.item.assigned_to, PAID) == ("resolved", ALICE.name, [5])
    assert [told[key] for key in ("decided_by", "approved_by", "justification", "option", "values")] == [
        ALICE.name, BOB.name, "the customer called", "pay", {"amount": 5},
    ]  # fmt: skip
    assert verbs(queue, item_id)[1:] == [("propose", ALICE.name), ("approve", BOB.name), ("resolve", ALICE.name)]
    (proposal,) = queue.proposals(item_id)
    assert (proposal.state, proposal.ended_by, proposal.ended_why) == ("approved", BOB.name, "checked the contract")
    assert set(proposal.seen) == {"item_type", "resource", "option", "digest", "plan", "checks"}
    assert queue.approvals() == []


#: Proposer and approver as (name, way), whether names are trusted, and whether the approval is let through.
WAYS = [
    ("alice", "cli:alice@desk", "bob", "cli:bob@desk", False, True),
    ("alice", "cli:alice@desk", "alice", "cli:alice@desk", False, False),
    ("alice", "cli:alice@desk", "alice", "cli:bob@desk", False, False),
    ("alice", "cli:alice@desk", "ALICE", "cli:bob@desk", False, False),
    ("alice", "cli:alice@desk", "bob", "cli:alice@desk", False, False),
    ("alice", "cli:alice@desk", "bob", "lib:alice@desk", False, False),
    ("alice", "cli:alice@desk", "bob", "cli:alice@server", False, False),
    ("alice", "cli:alice@corp@desk", "bob", "cli:alice@corp@server", False, False),
    ("alice", "cli:alice@corp@desk", "bob", "cli:alice@home@desk", False, True),
    ("alice", "cli:alice@desk", "bob", "token:7", False, True),
    ("alice", "token:7", "bob", "token:8", False, True),
    ("alice", "token:7", "bob", "token:7", False, False),
    ("alice", "token:7", "alice", "token:8", False, False),
    ("alice", "lib", "bob", "cli:bob@desk", False, False),
    ("alice", "cli:alice@desk", "bob", "", False, False),
    ("alice", "cli:alice@desk", "bob", "cli:", False, False),
    ("alice", "cli:alice@desk", "bob", "cli:alice@desk", True, True),
    ("alice", "lib", "bob", "lib", True, True),
    ("alice", "cli:alice@desk", "alice", "cli:alice@desk", True, False),
    ("alice", "cli:alice@desk", "alice", "cli:bob@desk", True, False),
    ("alice", "cli:alice@desk", "Alice", "cli:bob@desk", True, False),
]


@pytest.mark.parametrize(("name", "via", "other", "other_via", "trusted", "is_let"), WAYS)
def test_nobody_approves_what_they_proposed(
    new: NewQueue, name: str, via: str, other: str, other_via: str, trusted: bool, is_let: bool
) -> None:
    """An approver is another name and another system user, whatever the combination; MRQ_TRUST_AS trusts names only."""
    queue = new(trust_as=trusted)
    item_id = propose(queue, by=Actor(name, "person", via))
    approver = Actor(other, "person", other_via)
    if is_let:
        assert queue.approve(item_id, approver).item.status == "resolved"
        assert queue.proposals(item_id)[0].names_trusted == trusted
    else:
        with pytest.raises(Refused, match=r"You proposed|proposed by"):
            queue.approve(item_id, approver)
        assert (queue.get(item_id).held, PAID) == ("approval", [])


@pytest.mark.parametrize(("name", "via", "other", "other_via", "trusted", "is_let"), WAYS)
def test_the_database_knows_the_same_rule(
    queue: Queue, db: Db, name: str, via: str, other: str, other_via: str, trusted: bool, is_let: bool
) -> None:
    """A foreign client that writes an approval itself is held to the same rule."""
    item_id = propose(queue, by=Actor(name, "person", via))
    approve = (
        "update mrq_proposal set state = 'approved', ended_by = %s, ended_via = %s, names_trusted = %s"
        " where item_id = %s"
    )
    if is_let:
        db.execute(approve, [other, other_via, trusted, item_id])
    else:
        with pytest.raises(psycopg.errors.CheckViolation, match="approver_is_another"):
            db.execute(approve, [other, other_via, trusted, item_id])


def test_only_a_person_approves_or_denies(queue: Queue) -> None:
    """A machine neither approves nor denies."""
    item_id = propose(queue)
    worker = Actor("worker", "machine", "worker:1")
    for move in (lambda: queue.approve(item_id, worker), lambda: queue.deny(item_id, worker, "no")):
        with pytest.raises(Refused, match="a person's to approve or deny"):
            move()


def test_sixteen_approvers_at_once_carry_it_out_once(new: NewQueue) -> None:
    """However many approve at the same instant, one approval counts and the effect takes place once."""
    queues = [new() for _ in range(16)]
    item_id = propose(queues[0])
    line = Barrier(16)

    def approve(number: int) -> str:
        line.wait()
        try:
            queues[number].approve(item_id, Actor(f"person{number}", "person", f"cli:person{number}@desk"))
        except MRQError as error:
            return type(error).__name__
        return "approved"

    with ThreadPoolExecutor(16) as pool:
        came = sorted(pool.map(approve, range(16)))
    assert came.count("approved") == 1
    assert set(came) <= {"approved", "AlreadyResolved", "Refused"}
    assert PAID == [5]
    assert [verb for verb, _ in verbs(queues[0], item_id)] == ["add", "propose", "approve", "resolve"]


def test_sixteen_approvers_of_an_outside_effect_make_one_call(new: NewQueue) -> None:
    """An approved outside effect is called once, however many approve at the same instant."""
    queues = [new() for _ in range(16)]
    item_id = propose(queues[0], "wire")
    line = Barrier(16)

    def approve(number: int) -> bool:
        line.wait()
        try:
            queues[number].approve(item_id, Actor(f"person{number}", "person", f"cli:person{number}@desk"))
        except MRQError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(approve, range(16))) == 1
    assert (CALLS, len(queues[0].attempts(item_id))) == ([1], 1)


def test_a_failed_effect_leaves_the_proposal_open(queue: Queue) -> None:
    """Where the option itself breaks, nothing was done and the proposal still waits."""
    item_id = propose(queue, "breaks")
    with pytest.raises(Failed, match=r"the disk said no[.] Nothing was done"):
        queue.approve(item_id, BOB)
    assert (queue.get(item_id).held, len(queue.approvals())) == ("approval", 1)


@pytest.mark.parametrize("when", ["", "deferrable initially deferred"])
def test_what_the_database_refuses_ends_the_proposal_with_the_reason(queue: Queue, db: Db, when: str) -> None:
    """A rule of the host's tables, kept at once or at the commit: nothing was done, the proposer finds the reason."""
    db.execute("create table ledger (account int primary key)")
    db.execute(f"create table entry (account int references ledger {when})".encode())
    item_id = propose(queue, "book")
    with pytest.raises(
        NotPossible, match=r"entry_account_fkey.*The proposal has ended, the item is alice@example.com's"
    ):
        queue.approve(item_id, BOB)
    item, (proposal,) = queue.get(item_id), queue.proposals(item_id)
    assert (item.status, item.held, item.assigned_to, queue.approvals()) == ("assigned", None, ALICE.name, [])
    assert (proposal.state, proposal.ended_by) == ("void", BOB.name)
    assert "entry_account_fkey" in (proposal.ended_why or "")
    assert db.execute("select count(*) from entry").fetchone() == (0,)


def test_an_approval_is_of_the_proposal_that_was_looked_at(queue: Queue) -> None:
    """Who looked at one proposal does not approve the next one unseen."""
    item_id = propose(queue)
    first = queue.approvals()[0].proposal.id
    queue.deny(item_id, BOB, "too much")
    with pytest.raises(WaitsForApproval):
        queue.resolve(item_id, "pay", "more", ALICE, values={"amount": 500})
    with pytest.raises(Refused, match="another proposal by now"):
        queue.approve(item_id, BOB, seen=first)
    queue.approve(item_id, BOB, seen=queue.approvals()[0].proposal.id)
    assert PAID == [500]


# ------------------------------------------------------------------ outside effects


@pytest.mark.parametrize("face", ["approved", "failed", "unknown", "confirmed"])
def test_an_approved_outside_effect_follows_the_attempt_protocol(queue: Queue, face: str) -> None:
    """Done, definitely not done and unknown come to the same as without an approval; both persons are on record."""
    call = {"approved": done, "failed": not_done}.get(face, unclear)
    ANSWERS.update(call=call, probe=done if face == "confirmed" else unclear)
    item_id = propose(queue, "wire")
    if face == "failed":
        with pytest.raises(Failed, match=r"the item is alice@example\.com's again"):
            queue.approve(item_id, BOB)
        item = queue.get(item_id)
        assert (item.status, item.assigned_to, item.held, item.lease_until is not None) == (
            "assigned", ALICE.name, None, True,
        )  # fmt: skip
        return
    if face == "unknown":
        with pytest.raises(OutcomeUnknown):
            queue.approve(item_id, BOB)
        assert queue.get(item_id).held == "attempt"
        queue.confirm(item_id, "carol@example.com", done=True)
    else:
        queue.approve(item_id, BOB)
    told = queue.get(item_id).resolution_metadata or {}
    assert (told["decided_by"], told["approved_by"], told["attempt"]) == (ALICE.name, BOB.name, 1)
    (attempt,) = queue.attempts(item_id)
    assert (attempt.actor, attempt.approved_by) == (ALICE.name, BOB.name)
    assert CALLS == [1]


# ------------------------------------------------------------------ what ends a proposal


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "the check fails now": ({"open": False}, "it was pass, now: the account is closed"),
    "a fact changed": ({"owner": "dave"}, "it was pass, now: the account is open"),
    "the plan changed": ({"currency": "USD"}, "it would now touch: pay 5 USD"),
    "the context changed": ({}, "context.iban changed"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_since_ends_the_proposal_and_is_told(queue: Queue, change: str) -> None:
    """A changed check, fact, plan or context voids the proposal, does nothing, and is told."""
    item_id = propose(queue)
    now, told = CHANGES[change]
    ACCOUNT.update(now)
    if not now:
        queue.amend(item_id, BOB, {"iban": "DE2"}, "it was mistyped")
    with pytest.raises(Changed, match="Changed since alice@") as refused:
        queue.approve(item_id, BOB)
    assert told in refused.value.differences[0]
    item, (proposal,) = queue.get(item_id), queue.proposals(item_id)
    assert (item.status, item.assigned_to, item.held, PAID) == ("assigned", ALICE.name, None, [])
    assert (proposal.state, proposal.ended_by, proposal.justification) == ("void", BOB.name, "the customer called")
    assert told in (proposal.ended_why or "")
    assert verbs(queue, item_id)[-1] == ("void", BOB.name)
    with pytest.raises(Refused, match="has ended"):
        queue.approve(item_id, BOB)


def test_a_check_that_gets_no_answer_is_no_change(queue: Queue) -> None:
    """What cannot be found out just now refuses the approval and leaves the proposal open."""
    item_id = propose(queue)
    ACCOUNT["owner"] = None
    with pytest.raises(NotPossible, match=r"the bank does not answer[.] Nothing was done, the proposal stays open"):
        queue.approve(item_id, BOB)
    ACCOUNT["owner"] = "carol"
    assert queue.approve(item_id, BOB).item.status == "resolved"


def test_what_does_not_matter_does_not_end_it(queue: Queue, clock: Any) -> None:
    """Repeats, priority, notes, levels and the deadline passing leave a proposal open."""
    item_id = propose(queue)
    queue.add("payment_held", "payment", 1, "high", "again")
    queue.set_priority(item_id, BOB, "critical", "the user called")
    queue.note(item_id, BOB, "looked at it")
    clock.forward(minutes=50)
    assert queue.sweep().escalated == 0
    assert queue.approve(item_id, BOB).item.status == "resolved"


def test_deny_gives_it_back_with_both_reasons_kept(queue: Queue) -> None:
    """Denied, the item is its proposer's with a fresh lease; what was proposed and why it was denied are kept."""
    item_id = propose(queue)
    item = queue.deny(item_id, BOB, "the amount is wrong")
    assert (item.status, item.assigned_to, item.held) == ("assigned", ALICE.name, None)
    assert item.lease_until is not None and item.hold_until is None
    (proposal,) = queue.examine(item_id).proposals
    assert (proposal.state, proposal.ended_by, proposal.ended_why, proposal.justification) == (
        "denied", BOB.name, "the amount is wrong", "the customer called",
    )  # fmt: skip
    assert verbs(queue, item_id)[-1] == ("deny", BOB.name)
    assert PAID == []


def test_the_proposer_takes_a_proposal_back_by_denying_it(queue: Queue) -> None:
    """One's own proposal can be denied by oneself, and the item then be decided otherwise."""
    item_id = propose(queue)
    queue.deny(item_id, ALICE, "I misread it")
    assert queue.resolve(item_id, "close", "closed instead", ALICE).item.status == "resolved"


def test_a_proposal_lapses(new: NewQueue, clock: Any) -> None:
    """Not approved in time, the proposal ends by itself and the item is its proposer's again, with a lease."""
    queue = new(approval_minutes=90)
    item_id = propose(queue)
    clock.forward(minutes=89)
    assert len(queue.approvals()) == 1
    clock.forward(minutes=2)
    with pytest.raises(Refused, match="was not approved in time"):
        queue.approve(item_id, BOB)
    item, (proposal,) = queue.get(item_id), queue.proposals(item_id)
    assert (item.status, item.assigned_to, item.held) == ("assigned", ALICE.name, None)
    assert (proposal.state, proposal.ended_by, verbs(queue, item_id)[-1]) == ("expired", "mrq", ("lapse", "mrq"))
    clock.forward(minutes=31)
    queue.wake(every=0)
    assert (queue.get(item_id).status, verbs(queue, item_id)[-1][0]) == ("pending", "expire")


RUNBOOK = "update manual_resolution_queue set status = 'resolved', resolved_at = now(), resolution = 'by hand'"
BY_SQL = {
    RUNBOOK: "resolve",
    "update manual_resolution_queue set status = 'pending', assigned_to = null, assigned_at = null": "release",
    "update manual_resolution_queue set assigned_to = 'carol'": "hand-over",
    "update manual_resolution_queue set held = null": "edit",
}


@pytest.mark.parametrize("statement", BY_SQL)
def test_plain_sql_that_moves_the_item_ends_the_proposal(queue: Queue, db: Db, statement: str) -> None:
    """The runbook's UPDATE, or any other that takes the item from its hold, voids the proposal."""
    item_id = propose(queue)
    db.execute(statement.encode())
    item, (proposal,) = queue.get(item_id), queue.proposals(item_id)
    assert (item.held, item.hold_until, proposal.state, PAID) == (None, None, "void", [])
    assert (queue.history(item_id)[-1].verb, queue.history(item_id)[-1].actor_kind) == (BY_SQL[statement], "sql")
    with pytest.raises(Refused):
        queue.approve(item_id, BOB)


def test_an_item_is_held_only_for_a_proposal(queue: Queue, db: Db) -> None:
    """Nobody holds an item for approval where nothing was proposed, and nobody changes what was."""
    item_id = queue.add("payment_held", "payment", 1, "high", "stopped").id
    queue.claim(item_id, ALICE)
    with pytest.raises(psycopg.Error, match="nothing was proposed"):
        db.execute("update manual_resolution_queue set held = 'approval', lease_until = null")
    with pytest.raises(WaitsForApproval):
        queue.resolve(item_id, "pay", "why", ALICE, values={"amount": 5})
    for change in (
        """ "values" = '{"amount": 500}' """, "proposer = 'dave'", "via = 'token:9'", "expires_at = now()",
        "justification = 'x'", "seen = '{}'", "option = 'wire'",
    ):  # fmt: skip
        with pytest.raises(psycopg.Error, match="never changes"):
            db.execute(f"update mrq_proposal set {change}".encode())  # noqa: S608
    queue.deny(item_id, BOB, "no")
    for change in ("state = 'open', ended_at = null", "state = 'approved'", "ended_by = 'dave'"):
        with pytest.raises(psycopg.Error, match="is denied already"):
            db.execute(f"update mrq_proposal set {change}".encode())  # noqa: S608


def test_what_has_no_proposal_is_neither_approved_nor_denied(queue: Queue) -> None:
    """Without an open proposal there is nothing to approve or deny, and the refusal says why."""
    item_id = queue.add("payment_held", "payment", 1, "high", "stopped").id
    for move in (lambda: queue.approve(item_id, BOB), lambda: queue.deny(item_id, BOB, "no")):
        with pytest.raises(Refused, match="nothing waits for a second person"):
            move()
    queue.resolve(item_id, "close", "closed", ALICE)
    with pytest.raises(AlreadyResolved):
        queue.approve(item_id, BOB)


# ------------------------------------------------------------------ given back


def test_what_was_given_back_is_served_to_its_proposer_once(queue: Queue) -> None:
    """An item whose proposal ended is served to its proposer, in one terminal only, and to nobody else."""
    item_id = propose(queue)
    assert queue.next_given_back(ALICE) is None
    queue.deny(item_id, BOB, "no")
    assert queue.next_given_back(BOB) is None
    item = queue.next_given_back(ALICE)
    assert item is not None and item.id == item_id
    assert queue.next_given_back(ALICE) is None


# ------------------------------------------------------------------ overriding


def test_a_failed_check_is_overridden_by_two_persons(queue: Queue) -> None:
    """An option that a check forbids becomes a proposal that names the check; both persons are on record."""
    ACCOUNT["open"] = False
    item_id = queue.add("payment_held", "payment", 1, "high", "stopped").id
    with pytest.raises(NotPossible, match="the account is closed"):
        queue.resolve(item_id, "close", "all the same", ALICE)
    with pytest.raises(WaitsForApproval):
        queue.resolve(item_id, "close", "all the same", ALICE, override=True)
    ((waiting),) = queue.approvals()
    assert waiting.proposal.overridden == ["account"]
    with pytest.raises(Refused, match="You proposed"):
        queue.approve(item_id, ALICE)
    told = queue.approve(item_id, BOB).item.resolution_metadata or {}
    assert (told["overridden"], told["approved_by"], told["justification"]) == (["account"], BOB.name, "all the same")


def test_an_override_is_of_what_was_seen(queue: Queue) -> None:
    """An overridden check that answers otherwise by now ends the proposal like any other change."""
    ACCOUNT["open"] = False
    item_id = propose(queue, "close", override=True)
    ACCOUNT["owner"] = "dave"
    with pytest.raises(Changed, match="it was fail, now: the account is closed"):
        queue.approve(item_id, BOB)


def test_an_override_needs_something_to_override(queue: Queue) -> None:
    """Nothing to override, no check at all, or an option that is never decided so: refused, and nothing is kept."""
    item_id = queue.add("payment_held", "payment", 1, "high", "stopped").id
    with pytest.raises(Refused, match="There is nothing to override"):
        queue.resolve(item_id, "close", "why", ALICE, override=True)
    with pytest.raises(InvalidInput, match="requires no check"):
        queue.resolve(item_id, "breaks", "why", ALICE, override=True)
    ACCOUNT["open"] = False
    with pytest.raises(NotPossible, match="never decided against its checks"):
        queue.resolve(item_id, "never", "why", ALICE, override=True)
    assert queue.approvals() == [] and queue.get(item_id).status == "pending"


def test_two_persons_do_not_pass_a_failed_check_unasked(queue: Queue) -> None:
    """A check that fails forbids an option for two persons too, unless it is overridden expressly."""
    ACCOUNT["open"] = False
    item_id = queue.add("payment_held", "payment", 1, "high", "stopped").id
    with pytest.raises(NotPossible):
        queue.resolve(item_id, "pay", "why", ALICE, values={"amount": 5})
    assert propose(queue, override=True, number=1) == item_id
    assert queue.approve(item_id, BOB).item.status == "resolved"
