"""Carrying a decision out, once (design, Carrying a decision out). The workflows are this file's own."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest

from manual_resolution import (
    AlreadyResolved,
    Call,
    Changed,
    Failed,
    InvalidInput,
    Item,
    MRQError,
    NotPossible,
    OutcomeUnknown,
    OwnedByAnother,
    Plan,
    Queue,
    Refused,
    Touch,
    Workflow,
    choice,
    done,
    fails,
    not_done,
    passes,
    resolved,
    shown,
    unclear,
)
from manual_resolution.answers import Outcome, Resolved

Db = psycopg.Connection[Any]

# ------------------------------------------------------------------ an effect in the same database


@dataclass(frozen=True)
class Booking:
    """Context of `booking_stuck`."""

    seats: int = shown("Seats")


@dataclass(frozen=True)
class Credit:
    """What `credit` asks for."""

    amount: int
    currency: str = choice("Currency", "EUR", "USD", default="EUR")
    due: date = date(2030, 1, 1)


booking_stuck = Workflow("booking_stuck", context=Booking)


@booking_stuck.check("The customer's account is open")
def account(item: Item, db: Db) -> Any:
    row = db.execute("select is_open, balance from account where id = %s", [item.resource_id]).fetchone()
    if row is None:
        return fails("account is gone")
    return passes("account is open", balance=row[1]) if row[0] else fails("account is closed")


cancel = booking_stuck.option("cancel", "Cancel it", effect="database", requires=["account"])


@cancel.plan
def _(item: Item) -> Plan:
    return Plan((Touch("account", item.resource_id or 0, "add one cancellation"),))


@cancel.run
def _(item: Item, db: Db) -> Resolved:
    db.execute("update account set cancelled = cancelled + 1 where id = %s", [item.resource_id])
    return resolved("Cancelled by hand", result="Booking cancelled")


credit = booking_stuck.option("credit", "Credit it", effect="database", values=Credit)


@credit.run
def _(item: Item, db: Db, values: Credit) -> Resolved:
    db.execute("update account set balance = balance + %s where id = %s", [values.amount, item.resource_id])
    return resolved(f"Credited {values.amount} {values.currency}")


broken = booking_stuck.option("broken", "Break", effect="database")


@broken.run
def _(item: Item, db: Db) -> Resolved:
    db.execute("update account set cancelled = 100 where id = %s", [item.resource_id])
    raise RuntimeError("the disk said no\nand more")


refusing = booking_stuck.option("refusing", "Refuse", effect="database")


@refusing.run
def _(item: Item, db: Db) -> Resolved:
    db.execute("update account set cancelled = 100 where id = %s", [item.resource_id])
    raise NotPossible("A payment is still open")


wrong_sql = booking_stuck.option("wrong_sql", "Wrong SQL", effect="database")


@wrong_sql.run
def _(item: Item, db: Db) -> Resolved:
    db.execute("update account set cancelled = 100 where id = %s", [item.resource_id])
    db.execute("update account set cancelled = -1 where id = %s", [item.resource_id])
    return resolved("never")


@pytest.fixture
def accounts(fresh_database_url: str, connect: Any) -> Any:
    """The host's own table, in the same database."""
    db = connect(fresh_database_url)
    db.execute(
        "create table account (id integer primary key, is_open boolean not null default true,"
        " balance integer not null default 0, cancelled integer not null default 0 check (cancelled >= 0))"
    )
    db.execute("insert into account (id) values (1), (2)")
    return db


@pytest.fixture
def bookings(fresh_database_url: str, accounts: Any) -> Iterator[Callable[[], Queue]]:
    """Queues of separate processes that know `booking_stuck`."""
    opened: list[Queue] = []

    def new() -> Queue:
        from manual_resolution import Settings
        from manual_resolution.registry import Registry

        opened.append(
            Queue(fresh_database_url, settings=Settings(), workflows=Registry([("this test", booking_stuck)]))
        )
        return opened[-1]

    yield new
    for queue in opened:
        queue.close()


@pytest.fixture
def booking(bookings: Callable[[], Queue]) -> tuple[Queue, int]:
    queue = bookings()
    return queue, queue.add("booking_stuck", "account", 1, "high", "it hangs", {"seats": 2}).id


def cancelled(db: Any) -> int:
    return int(db.execute("select cancelled from account where id = 1").fetchone()[0])


def test_a_database_effect_and_its_record_are_one(booking: Any, accounts: Any) -> None:
    """Effect, resolution and event are there together, with option, reason and what was checked."""
    queue, item = booking
    answer = queue.resolve(item, "cancel", "the customer asked", "alice")
    after = queue.get(item)
    assert (answer.result, after.resolution) == ("Booking cancelled", "Cancelled by hand")
    assert (after.status, after.assigned_to, cancelled(accounts)) == ("resolved", "alice", 1)
    metadata = after.resolution_metadata
    expected = {
        "option": "cancel", "justification": "the customer asked", "justification_source": "typed",
        "decided_by": "alice", "outcome": "Booking cancelled",
    }  # fmt: skip
    assert {key: metadata[key] for key in expected} == expected
    assert metadata["checks"]["account"] == {"verdict": "pass", "sentence": "account is open"}
    event = queue.history(item)[-1]
    assert (event.verb, event.actor, event.private["shown"]["plan"]) == (
        "resolve", "alice", ["add one cancellation: account #1"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("option", "error", "sentence"),
    [
        ("broken", Failed, "Break failed: RuntimeError: the disk said no. Nothing was done."),
        ("refusing", NotPossible, "A payment is still open"),
        ("wrong_sql", NotPossible, "account_cancelled_check"),
    ],
)  # fmt: skip
def test_an_error_inside_an_effect_undoes_it(
    booking: Any, accounts: Any, option: str, error: type[MRQError], sentence: str
) -> None:
    """Whatever goes wrong inside an effect rolls everything back; the item is as it was, and its owner's."""
    queue, item = booking
    before = queue.claim(item, "alice")
    with pytest.raises(error, match=sentence.replace(".", r"\.")):
        queue.resolve(item, option, "try it", "alice")
    after = queue.get(item)
    assert (after.status, after.version, cancelled(accounts)) == ("assigned", before.version, 0)


def test_a_required_check_that_fails_forbids_the_option(booking: Any, accounts: Any) -> None:
    """An option whose required check does not pass is not possible; the refusal is the check's sentence."""
    queue, item = booking
    accounts.execute("update account set is_open = false")
    assert queue.examine(item).offer("cancel").because == "account is closed"
    with pytest.raises(NotPossible, match=r"Not possible: account is closed[.] Nothing was done"):
        queue.resolve(item, "cancel", "do it", "alice")
    assert (queue.get(item).status, cancelled(accounts)) == ("pending", 0)
    queue.resolve(item, "credit", "instead", "alice", values={"amount": "5"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("update account set is_open = false", "it was pass, now: account is closed"),
        ("update account set balance = 7", "it was pass, now: account is open"),
        ("delete from account", "it was pass, now: account is gone"),
        ("update manual_resolution_queue set context = '{\"seats\": 3}'", "context.seats changed"),
        ("update manual_resolution_queue set context = null", "context.seats changed"),
    ],
)
def test_a_decision_is_bound_to_what_was_seen(booking: Any, accounts: Any, change: str, named: str) -> None:
    """What changed since the person looked refuses the decision and is named; nothing is done."""
    queue, item = booking
    case = queue.examine(item)
    seen = case.seen("cancel", case.offer("cancel").plan)
    accounts.execute(change.encode())
    with pytest.raises(Changed) as refused:
        queue.resolve(item, "cancel", "as I saw it", "alice", seen=seen)
    assert named in refused.value.differences
    assert queue.get(item).status == "pending"


def test_what_does_not_matter_does_not_refuse(booking: Any, accounts: Any, bookings: Any) -> None:
    """Repeats, levels, leases, positions and notes since the person looked do not refuse a decision."""
    queue, item = booking
    queue.claim(item, "alice")
    seen = queue.examine(item).seen("cancel")
    bookings().add("booking_stuck", "account", 1, "critical", "again", {"seats": 99})
    queue.extend(item, "alice")
    queue.note(item, "bob", "hurry")
    accounts.execute("update manual_resolution_queue set escalation_level = 1, escalated_at = now()")
    assert queue.resolve(item, "cancel", "as I saw it", "alice", seen=seen).item.status == "resolved"


def test_a_decision_for_one_option_is_none_for_another(booking: Any) -> None:
    """What was seen for one option does not serve to decide another."""
    queue, item = booking
    seen = queue.examine(item).seen("cancel")
    with pytest.raises(Changed, match="you looked at option cancel"):
        queue.resolve(item, "credit", "j", "alice", values={"amount": 1}, seen=seen)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, "amount"), ({"amount": "much"}, "amount"), ({"amount": "-1"}, "amount"),
        ({"amount": "1", "currency": "GBP"}, "currency"),
        ({"amount": "1", "due": "tomorrow"}, "due"), ({"amount": "1", "to": "me"}, "to"),
    ],
)  # fmt: skip
def test_values_are_checked(booking: Any, values: dict[str, str], named: str) -> None:
    """A value that an option does not take is refused by its name, and nothing is done."""
    queue, item = booking
    with pytest.raises(InvalidInput) as refused:
        queue.resolve(item, "credit", "j", "alice", values=values)
    assert refused.value.parameter == named
    assert queue.get(item).status == "pending"


def test_values_are_recorded(booking: Any, accounts: Any) -> None:
    """Values come typed to the effect and are kept with the resolution."""
    queue, item = booking
    queue.resolve(item, "credit", "j", "alice", values={"amount": "12", "due": "2031-05-01"})
    assert accounts.execute("select balance from account where id = 1").fetchone() == (12,)
    assert queue.get(item).resolution_metadata["values"] == {
        "amount": 12,
        "currency": "EUR",
        "due": "2031-05-01",
    }


@pytest.mark.parametrize("justification", ["", "  ", "\u200b"])
def test_a_decision_needs_a_reason(booking: Any, accounts: Any, justification: str) -> None:
    """Without a justification nothing is decided."""
    queue, item = booking
    with pytest.raises(InvalidInput, match="justification"):
        queue.resolve(item, "cancel", justification, "alice")
    assert cancelled(accounts) == 0


def test_only_the_owner_decides(booking: Any, accounts: Any) -> None:
    """Another's item is not decided; the refusal names the owner."""
    queue, item = booking
    queue.claim(item, "alice")
    with pytest.raises(OwnedByAnother, match="held by alice"):
        queue.resolve(item, "cancel", "j", "bob")
    assert cancelled(accounts) == 0


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Answers, or the errors raised, of threads that start together."""
    gate = Barrier(count)

    def one(n: int) -> Any:
        gate.wait()
        try:
            return work(n)
        except MRQError as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def test_two_operators_resolve_one_item(bookings: Any, booking: Any, accounts: Any) -> None:
    """Of two operators who resolve one item, one wins and the other is told who it was."""
    _, item = booking
    answers = at_once(2, lambda n: bookings().resolve(item, "cancel", "j", f"operator {n}"))
    winner = next(n for n, answer in enumerate(answers) if not isinstance(answer, MRQError))
    loser = answers[1 - winner]
    assert isinstance(loser, AlreadyResolved)
    assert (loser.by, cancelled(accounts)) == (f"operator {winner}", 1)
    assert f"resolved by operator {winner}: Cancelled by hand" in str(loser)


def test_sixteen_decisions_of_one_person(bookings: Any, booking: Any, accounts: Any) -> None:
    """The same decision sent 16 times at once has its effect once."""
    _, item = booking
    answers = at_once(16, lambda n: bookings().resolve(item, "cancel", "j", "alice"))
    assert sum(not isinstance(answer, MRQError) for answer in answers) == 1
    assert cancelled(accounts) == 1


# ------------------------------------------------------------------ an effect outside


class Service(ThreadingHTTPServer):
    """Holds one document; DELETE removes it as `mode` says, and every call is counted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.mode, self.exists, self.deletions, self.questions = "ok", True, 0, 0


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_DELETE(self) -> None:
        self.server.deletions += 1
        if self.server.mode in ("ok", "lost", "done but 500"):
            self.server.exists = False
        if self.server.mode in ("lost", "reset"):
            self.close_connection = True
            return
        self.answer({"ok": 204, "refused": 403}.get(self.server.mode, 500))

    def do_GET(self) -> None:
        self.server.questions += 1
        self.answer(503 if self.server.mode == "blind" else 200 if self.server.exists else 404)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    """A real service on loopback."""
    with Service() as running:
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


def document_stuck(service: Service) -> Workflow:
    """A workflow whose option calls the service."""
    flow = Workflow("document_stuck")
    delete = flow.option("delete", "Delete it", effect="external")

    def ask(method: str) -> int:
        connection = HTTPConnection("127.0.0.1", service.server_port, timeout=5)
        try:
            connection.request(method, "/document")
            return connection.getresponse().status
        finally:
            connection.close()

    @delete.plan
    def plan() -> Plan:
        return Plan(calls=(Call("archive", "delete", "/document"),))

    @delete.call
    def call(item: Item) -> Outcome:
        status = ask("DELETE")
        if status == 204:
            return done("deleted", status=status)
        return not_done("the archive refused") if status == 403 else unclear(f"the archive answered {status}")

    @delete.then
    def then(item: Item, db: Db, outcome: Outcome) -> Resolved:
        if service.mode == "then fails":
            raise RuntimeError("no such row")
        return resolved("Deleted by hand", result=outcome.sentence)

    @delete.probe
    def probe(item: Item) -> Outcome:
        status = ask("GET")
        if status == 404:
            return done("it is gone")
        return not_done("it is still there") if status == 200 else unclear(f"the archive answered {status}")

    return flow


@pytest.fixture
def document(service: Service, new_queue: Any) -> tuple[Queue, int]:
    queue = new_queue(document_stuck(service))
    return queue, queue.add("document_stuck", "document", 1, "high", "it hangs").id


def states(queue: Queue, item: int) -> list[str]:
    return [attempt.state for attempt in queue.attempts(item)]


def verbs(queue: Queue, item: int) -> list[str]:
    return [event.verb for event in queue.history(item)]


def test_a_call_that_is_done_resolves(document: Any, service: Service) -> None:
    """One call, one attempt that succeeded, the item resolved with the attempt's number."""
    queue, item = document
    assert queue.resolve(item, "delete", "j", "alice").result == "deleted"
    assert (service.deletions, states(queue, item), queue.get(item).status) == (1, ["succeeded"], "resolved")
    assert queue.get(item).resolution_metadata["attempt"] == 1
    assert verbs(queue, item) == ["add", "attempt", "resolve"]


def test_a_call_that_is_refused_gives_the_item_back(document: Any, service: Service) -> None:
    """A definite failure is recorded; the item is its owner's again and may be tried anew."""
    queue, item = document
    service.mode = "refused"
    with pytest.raises(Failed, match=r"the archive refused[.] Nothing was done; the item is still yours"):
        queue.resolve(item, "delete", "j", "alice")
    after = queue.get(item)
    assert (after.status, after.assigned_to, after.held, states(queue, item)) == (
        "assigned",
        "alice",
        None,
        ["failed"],
    )
    service.mode = "ok"
    queue.resolve(item, "delete", "once more", "alice")
    assert (service.deletions, states(queue, item)) == (2, ["failed", "succeeded"])


@pytest.mark.parametrize("mode", ["lost", "done but 500"])
def test_an_unclear_call_that_took_effect_resolves(document: Any, service: Service, mode: str) -> None:
    """Without a clear answer the probe decides: what is gone is resolved, and the call is not repeated."""
    queue, item = document
    service.mode = mode
    queue.resolve(item, "delete", "j", "alice")
    assert (service.deletions, states(queue, item), queue.get(item).status) == (
        1,
        ["confirmed_done"],
        "resolved",
    )


@pytest.mark.parametrize("mode", ["reset", "error"])
def test_an_unclear_call_without_effect_gives_the_item_back(document: Any, service: Service, mode: str) -> None:
    """Without a clear answer the probe decides: what is still there goes back to its owner, untouched."""
    queue, item = document
    service.mode = mode
    with pytest.raises(Failed, match=r"it is still there[.] Nothing was done; the item is still yours"):
        queue.resolve(item, "delete", "j", "alice")
    after = queue.get(item)
    assert (after.assigned_to, after.held, states(queue, item)) == ("alice", None, ["confirmed_not_done"])
    assert service.deletions == 1


@pytest.fixture
def unknown(document: Any, service: Service) -> tuple[Queue, int]:
    """An item whose call got no clear answer, nor its probe."""
    queue, item = document
    service.mode = "blind"
    with pytest.raises(OutcomeUnknown, match=f"mrq confirm {item}"):
        queue.resolve(item, "delete", "j", "alice")
    return queue, item


def test_an_unknown_outcome_is_held_and_listed_first(unknown: Any, service: Service) -> None:
    """What nobody knows is unowned, held, listed first, served to nobody, and never repeated silently."""
    queue, item = unknown
    urgent = queue.add("document_stuck", "document", 2, "critical", "r").id
    after = queue.get(item)
    assert (after.status, after.assigned_to, after.held, states(queue, item)) == (
        "pending",
        None,
        "attempt",
        ["unknown"],
    )
    assert [listed.id for listed in queue.list()] == [item, urgent]
    served = queue.next("bob")
    assert served is not None and served.id == urgent
    assert queue.next("bob") is None
    for move in (
        lambda: queue.claim(item, "bob"), lambda: queue.resolve(item, "delete", "j", "bob"),
        lambda: queue.escalate(item, "bob", "j"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=f"mrq confirm {item}"):
            move()
    assert queue.withdraw("document_stuck", "document", 1, "it succeeded") is None
    assert service.deletions == 1


def test_confirmed_as_done(unknown: Any, service: Service) -> None:
    """Whoever knows confirms it as done: resolved as decided, with who confirmed it, without another call."""
    queue, item = unknown
    queue.confirm(item, "bob", done=True, note="I looked")
    after = queue.get(item)
    assert (after.status, states(queue, item), service.deletions) == ("resolved", ["confirmed_done"], 1)
    metadata = after.resolution_metadata
    assert (metadata["decided_by"], metadata["confirmed_by"], metadata["justification"]) == (
        "alice",
        "bob",
        "j",
    )
    assert "bob confirms it: I looked" in metadata["outcome"]


def test_confirmed_as_not_done(unknown: Any) -> None:
    """Confirmed as not done, the item waits again for anybody, the call may be made anew."""
    queue, item = unknown
    queue.confirm(item, "bob", done=False)
    after = queue.get(item)
    assert (after.status, after.held, states(queue, item)) == ("pending", None, ["confirmed_not_done"])
    assert queue.next("carol").id == item


def test_confirmed_by_its_probe(unknown: Any, service: Service) -> None:
    """Without a word from anybody the probe is asked again; no answer leaves it unknown."""
    queue, item = unknown
    with pytest.raises(OutcomeUnknown, match="stays unknown"):
        queue.confirm(item, "bob")
    service.mode, service.exists = "ok", False
    queue.confirm(item, "bob")
    assert (queue.get(item).status, service.deletions) == ("resolved", 1)


def test_confirming_needs_something_unknown(document: Any) -> None:
    """An item without an unknown attempt is not confirmed."""
    queue, item = document
    with pytest.raises(Refused, match="no attempt with an unknown outcome"):
        queue.confirm(item, "bob", done=True)


def test_two_confirm_one_item(unknown: Any, new_queue: Any, service: Service) -> None:
    """Of several people who confirm one outcome at once one wins; the others are told that it is settled."""
    queue, item = unknown
    flow = document_stuck(service)
    answers = at_once(6, lambda n: new_queue(flow).confirm(item, f"operator {n}", done=True))
    losers = [answer for answer in answers if isinstance(answer, MRQError)]
    assert len(losers) == 5
    assert all(isinstance(loser, Refused) for loser in losers)
    assert (states(queue, item), verbs(queue, item).count("resolve")) == (["confirmed_done"], 1)


def test_what_follows_a_call_may_fail(document: Any, service: Service) -> None:
    """A call that was done, but not recorded, is unknown; confirming it as done tries the rest again."""
    queue, item = document
    service.mode = "then fails"
    service.exists = False
    with pytest.raises(OutcomeUnknown):
        queue.resolve(item, "delete", "j", "alice")
    assert (queue.get(item).held, states(queue, item)) == ("attempt", ["unknown"])
    with pytest.raises(OutcomeUnknown, match="RuntimeError: no such row"):
        queue.confirm(item, "bob", done=True)
    service.mode = "ok"
    queue.confirm(item, "bob", done=True)
    assert (queue.get(item).status, service.deletions) == ("resolved", 1)


def test_sixteen_decisions_call_once(document: Any, new_queue: Any, service: Service) -> None:
    """One decision sent 16 times at once, and by others too, makes one call."""
    queue, item = document
    flow = document_stuck(service)
    answers = at_once(16, lambda n: new_queue(flow).resolve(item, "delete", "j", ("alice", "bob")[n % 2]))
    assert sum(not isinstance(answer, MRQError) for answer in answers) == 1
    assert all(isinstance(answer, Refused) for answer in answers if isinstance(answer, MRQError))
    assert (service.deletions, states(queue, item)) == (1, ["succeeded"])


# ------------------------------------------------------------------ SQL in between


RUNBOOK = """
  update manual_resolution_queue
     set status = 'resolved', resolved_at = now(), resolution = 'by hand'
   where id = %s
"""


def test_sql_does_not_resolve_under_a_call(
    service: Service, new_queue: Any, db: Any, document: Any, clock: Any
) -> None:
    """While a call is being made plain SQL neither resolves nor reassigns the item."""
    _, item = document
    refused = []

    def meddle(step: str) -> None:
        if step == "started":
            for change in (
                RUNBOOK,
                "update manual_resolution_queue set assigned_to = 'mallory' where id = %s",
            ):
                with pytest.raises(psycopg.Error) as error:
                    db.execute(change.encode(), [item])
                refused.append(error.value.sqlstate)

    queue = new_queue(document_stuck(service), step=meddle)
    queue.resolve(item, "delete", "j", "alice")
    assert refused == ["MRQ04", "MRQ04"]
    assert (queue.get(item).status, service.deletions) == ("resolved", 1)


def test_sql_settles_an_unknown_outcome(unknown: Any, db: Any) -> None:
    """The runbook's UPDATE on an item with an unknown outcome settles the attempt in its own words."""
    queue, item = unknown
    db.execute(RUNBOOK.encode(), [item])
    (attempt,) = queue.attempts(item)
    assert (attempt.state, attempt.outcome) == ("confirmed_done", "settled by SQL")
    assert (queue.get(item).status, queue.get(item).held) == ("resolved", None)


def test_an_unknown_item_that_sql_claimed_is_not_stuck(unknown: Any, db: Any) -> None:
    """An item with an unknown outcome that somebody took by SQL can still be confirmed, either way."""
    queue, item = unknown
    db.execute("update manual_resolution_queue set status = 'assigned', assigned_to = 'bob'")
    queue.confirm(item, "carol", done=False)
    after = queue.get(item)
    assert (after.assigned_to, after.held, states(queue, item)) == ("bob", None, ["confirmed_not_done"])
    queue.release(item, "bob")


def test_an_attempt_that_overran_becomes_unknown(document: Any, service: Service, new_queue: Any, clock: Any) -> None:
    """An attempt is unknown after its deadline; a result that comes later changes nothing."""
    _, item = document
    seen = []

    def freeze(step: str) -> None:
        if step == "called":
            clock.forward(minutes=2)
            other = new_queue(document_stuck(service))
            other.wake(every=0)
            seen.append((other.get(item).held, states(other, item), verbs(other, item)[-1]))

    queue = new_queue(document_stuck(service), step=freeze)
    with pytest.raises(OutcomeUnknown, match="too late to record it"):
        queue.resolve(item, "delete", "j", "alice")
    assert seen == [("attempt", ["unknown"], "unknown")]
    (attempt,) = queue.attempts(item)
    assert (attempt.state, attempt.evidence["late"]["outcome"]) == ("unknown", "deleted")
    queue.confirm(item, "alice")
    assert (queue.get(item).status, service.deletions) == ("resolved", 1)


def test_a_lease_does_not_end_under_a_call(
    document: Any, service: Service, new_queue: Any, clock: Any, db: Any
) -> None:
    """While a call is being made the item has no lease that could end."""
    _, item = document
    leases = []
    queue = new_queue(
        document_stuck(service),
        step=lambda step: leases.append(queue.get(item).lease_until) if step == "started" else None,
    )
    queue.claim(item, "alice")
    queue.resolve(item, "delete", "j", "alice")
    assert leases == [None]


def test_nobody_takes_over_under_a_call(document: Any, service: Service, new_queue: Any) -> None:
    """While a call is being made taking over is refused, without the advice to take over."""
    _, item = document
    told = []

    def meddle(step: str) -> None:
        if step == "started":
            with pytest.raises(Refused) as refused:
                new_queue().take_over(item, "bob", "hurry")
            told.append(str(refused.value))

    new_queue(document_stuck(service), step=meddle).resolve(item, "delete", "j", "alice")
    assert "take it over first" not in told[0] and "attempt" in told[0]


def test_resolve_and_next(document: Any, new_queue: Any) -> None:
    """Deciding one item and claiming the next is one call for a session."""
    queue, item = document
    other = queue.add("document_stuck", "document", 2, "low", "r").id
    answer, following = queue.resolve_and_next(item, "delete", "j", "alice")
    assert (answer.item.id, following.id, following.assigned_to) == (item, other, "alice")


def test_what_was_just_decided_is_not_served(booking: Any) -> None:
    """An unowned item that is decided by the call that claims the next is not the next itself, but None."""
    queue, item = booking
    answer, following = queue.resolve_and_next(item, "cancel", "the customer asked", "alice")
    assert (answer.item.id, answer.item.status, following) == (item, "resolved", None)
    assert [event.verb for event in queue.history(item)] == ["add", "resolve"]


def test_what_a_confirmer_says_is_on_record(new_queue: Any, tmp_path: Any) -> None:
    """Who confirms an unknown outcome says why under their own name, beside the first person's decision."""
    flow = Workflow("payout_stuck")
    pay = flow.option("pay", "Pay", effect="external")
    pay.call(lambda item: unclear("no answer"))
    pay.probe(lambda item: unclear("no answer either"))
    pay.then(lambda item: resolved("Paid"))
    queue = new_queue(flow)
    item_id = queue.add("payout_stuck", "payout", 1, "low", "bank timed out").id
    with pytest.raises(OutcomeUnknown):
        queue.resolve(item_id, "pay", "she asked twice", "alice@example.com")
    queue.confirm(item_id, "bob@example.com", done=True, note="the bank's list has it")
    kept = queue.get(item_id).resolution_metadata
    assert kept["decided_by"] == "alice@example.com"
    assert kept["justification"] == "she asked twice"
    assert kept["confirmed_by"] == "bob@example.com"
    assert "the bank's list has it" in kept["confirmation"]


@pytest.mark.parametrize("mistake", [lambda: None, lambda: "done", lambda: sys.exit(7)])
def test_a_workflows_mistake_is_one_sentence(new_queue: Any, mistake: Any) -> None:
    """A check or effect that returns the wrong thing, or ends the program, is told in a sentence; nothing is done."""
    flow = Workflow("clumsy")
    flow.check("It is so")(mistake)
    flow.option("do", "Do it", effect="database").run(mistake)
    queue = new_queue(flow)
    item_id = queue.add("clumsy", "thing", 1, "low", "x").id
    assert [answer.verdict for answer in queue.examine(item_id).answers.values()] == ["unknown"]
    with pytest.raises(Failed, match="Nothing was done"):
        queue.resolve(item_id, "do", "because", "alice@example.com")
    assert queue.get(item_id).status == "pending"
