"""An operator's record, and watching a colleague: `mrq operator`, `mrq shadow`."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from manual_resolution import Queue, Refused, Settings
from manual_resolution.answers import passes
from manual_resolution.cli import shadow
from manual_resolution.errors import WaitsForApproval
from manual_resolution.registry import Registry, load
from manual_resolution.training import Shadow
from manual_resolution.workflow import Workflow
from tests.processes import Terminal

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    """The queue of the test, with the item type of `small_world`."""
    made = Queue(database_url, settings=Settings(workflows=("tests.cli.small_world",)))
    yield made
    made.close()


@pytest.fixture
def parcel(queue: Queue) -> Callable[..., int]:
    """`parcel(7)`: the id of a stuck parcel."""

    def one(number: int = 7, reason: str = "stuck") -> int:
        context = {"place": "shelf", "there": "pass"}
        return queue.add("parcel_stuck", "parcel", number, "high", reason, context).id

    return one


# ------------------------------------------------------------------ the record


def practised(folder: Path, *scores: tuple[str, int, int]) -> None:
    lines = [
        {"id": str(uuid.uuid4()), "operator": who, "items": 10, "agreed": agreed, "passed_on": passed_on}
        for who, agreed, passed_on in scores
    ]
    (folder / "finished.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_new_operators_record_is_empty_and_says_so(mrq: Any, tmp_path: Path) -> None:
    """Nobody has seen the name yet: each line says what is not there."""
    assert mrq("operator", "show", BOB, "--dir", tmp_path).out == (
        "Operator bob@example.com\nTraining:\n  - Practice: not finished yet (mrq practice)\n"
        "  - Shadow: 0 of 5 decisions watched\nHolds: nothing\nResolved: 0\nEscalated: 0\nDeferred: 0\n"
    )


def test_the_record_counts_what_a_person_decided_and_holds(mrq: Any, queue: Queue, parcel: Any, tmp_path: Path) -> None:
    """Resolved by type, escalated, deferred, held; what others and machines did is not counted."""
    ids = [parcel(number) for number in range(1, 7)]
    queue.resolve(ids[0], "send", "the post answers", BOB, values={"house": "7"})
    queue.escalate(ids[1], BOB, "not mine")
    queue.resolve(ids[2], "defer", "tomorrow", BOB)
    queue.claim(ids[3], BOB)
    queue.resolve(ids[4], "send", "the post answers", ALICE, values={"house": "7"})
    told = mrq("operator", "show", BOB, "--dir", tmp_path, "--json").json
    assert told["decided"] == {
        "resolved": 1, "resolved_by_type": {"parcel_stuck": 1}, "escalated": 1, "deferred": 1,
    }  # fmt: skip
    assert told["holds"] == [ids[3]] and told["operator"] == BOB
    shown = mrq("operator", "show", BOB, "--dir", tmp_path).out
    assert f"Holds: #{ids[3]}\nResolved: 1\n  - parcel_stuck: 1\nEscalated: 1\nDeferred: 1\n" in shown


def test_a_finished_practice_is_recorded_once_and_only_ones_own(mrq: Any, tmp_path: Path) -> None:
    """Before, the record says that it waits; a second record adds nothing; a colleague's stays theirs."""
    practised(tmp_path, (ALICE, 7, 2), (BOB, 10, 0), (ALICE, 9, 1))
    show, record = ("operator", "show", "--dir", tmp_path), ("operator", "record", "--dir", tmp_path)
    assert "    2 finished practices not recorded yet: mrq operator record\n" in mrq(*show).out
    assert mrq(*show, "--json").json["practice"] == {"finished": 0, "results": [], "not_recorded": 2}
    assert mrq(*record).out == "Recorded 2 finished practices of alice@example.com: 2 in all.\n"
    assert mrq(*record).out.startswith("Nothing to record: ")
    assert mrq(*record, "--json").json == {"operator": ALICE, "recorded": 0, "practices": 2}
    assert "Practice: finished 2 times, the last with " in mrq(*show).out and "not recorded" not in mrq(*show).out
    assert mrq("operator", "show", BOB, "--dir", tmp_path, "--json").json["practice"]["finished"] == 0


# ------------------------------------------------------------------ watching


def rows(connect: Any) -> Any:
    """Everything in the queue but what a watcher's own record adds."""
    db = connect()
    return [db.execute(f"select t::text from {name} t order by 1").fetchall()  # noqa: S608
            for name in ("manual_resolution_queue", "mrq_event", "mrq_occurrence", "mrq_attempt")]  # fmt: skip


class Minutes:
    """What happens while the watcher waits: one step a second, then so long a time that nothing comes any more."""

    def __init__(self, clock: Any, *steps: Callable[[], object]) -> None:
        self.clock, self.steps = clock, list(steps)

    def __call__(self, seconds: float) -> None:
        if self.steps:
            self.steps.pop(0)()
        else:
            self.clock.forward(minutes=16)


def watch(queue: Queue, wait: Callable[[float], None], as_json: bool = False) -> None:
    with_me = Shadow(queue, BOB, ALICE)
    shown = shadow.Watch(with_me, as_json, wait)
    shown.begin()
    shown.follow(15)
    shown.end()
    with_me.close()


def test_a_colleagues_session_is_followed_to_its_end(queue: Queue, parcel: Any, clock: Any, capsys: Any) -> None:
    """What they hold, as they see it; what they choose, with the reason; ends when nothing comes any more."""
    first, second, third = parcel(1), parcel(2), parcel(3)
    queue.claim(first, BOB)
    queue.resolve(third, "send", "before I was watched", BOB, values={"house": "7"})
    steps = (
        lambda: queue.resolve(first, "send", "the post answers", BOB, values={"house": "7"}),
        lambda: queue.note(second, ALICE, "not bob's doing"),
        lambda: queue.claim(second, BOB),
        lambda: queue.take_over(second, ALICE, "bob went home"),
    )
    watch(queue, Minutes(clock, *steps))
    shown = capsys.readouterr().out
    assert shown.startswith(f"You watch {BOB}, reading only. Ctrl-C ends.\n\nQueue Item #{first} (HIGH priority")
    assert "Checks, just now:\n" in shown and "Resolution options:\n" in shown
    assert f'{BOB}: resolve #{first}, option send: Sent to house 7: "the post answers"\n' in shown
    assert f"Queue Item #{second} (HIGH" in shown and f"{BOB} holds #{second} no longer.\n" in shown
    assert "before I was watched" not in shown and "not bob's doing" not in shown
    assert shown.endswith("You watched 1 decision: 1 of 5 so far.\n")


def test_watching_changes_nothing_but_the_watchers_record(
    database_url: str, queue: Queue, parcel: Any, clock: Any, connect: Any, capsys: Any
) -> None:
    """Not a row of the queue differs, and a check that writes is stopped by PostgreSQL itself."""
    rogue = Workflow("rogue")

    @rogue.check("It is quiet")
    def quiet(db: Any) -> Any:
        db.execute("update mrq_setting set value = '0' where name = 'sla_low'")
        return passes("It wrote")

    writing = Queue(database_url, workflows=Registry([("rogue", rogue), *places()]))
    held = writing.add("rogue", "thing", 1, "critical", "let me write").id
    queue.claim(held, BOB), queue.claim(parcel(), BOB)
    before = rows(connect)
    watch(writing, Minutes(clock))
    assert rows(connect) == before
    assert "could not be asked (ReadOnlySqlTransaction" in capsys.readouterr().out
    assert connect().execute("select value from mrq_setting where name = 'sla_low'").fetchone() == ("720",)
    writing.close()


def places() -> Iterator[tuple[str, Workflow]]:
    known = load(("tests.cli.small_world",))
    return ((known.place_of(one.item_type), one) for one in known)


def test_five_decisions_are_counted_each_once(queue: Queue, parcel: Any, clock: Any, mrq: Any, capsys: Any) -> None:
    """Two watchers' seconds over the same decisions count them once for each; notes and claims are no decisions."""
    ids = [parcel(number) for number in range(1, 6)]
    moves = [lambda id=id: queue.resolve(id, "escalate", "not mine", BOB) for id in ids]
    other = Shadow(queue, BOB, ALICE)
    watch(queue, Minutes(clock, lambda: queue.claim(ids[0], BOB), lambda: queue.note(ids[0], BOB, "hm"), *moves), True)
    *events, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"]["verb"] for line in events if "event" in line] == ["claim", "note", *["escalate"] * 5]
    assert [line["holds"]["id"] for line in events if "holds" in line] == [ids[0]]
    assert last == {"watched": 5, "in_all": 5, "of": 5}
    assert [other.count(event) for event in other.look().events] == [False] * 7
    assert "  - Shadow: 5 of 5 decisions watched (bob@example.com 5)\n" in mrq("operator", "show").out
    other.close()


def test_an_event_committed_late_is_seen(queue: Queue, parcel: Any, connect: Any) -> None:
    """An event is dated before it can be seen: one whose transaction ends after the next look is not lost."""
    item_id, watching = parcel(), Shadow(queue, BOB, ALICE)
    with connect(autocommit=False) as slow:
        slow.execute(
            """update manual_resolution_queue set priority = 'critical', changed_by = %s, changed_how = 'priority',
                      changed_for = version + 1, changed_note = '{"kind": "person", "via": "cli"}' where id = %s""",
            [BOB, item_id],
        )
        assert watching.look().events == ()
        slow.commit()
    assert [event.verb for event in watching.look().events] == ["priority"] and watching.look().events == ()
    watching.close()


def test_text_of_others_stays_on_its_line(queue: Queue, parcel: Any, clock: Any, capsys: Any) -> None:
    """A reason with line breaks and escapes forges no line and moves no cursor."""
    queue.claim(parcel(7, "stuck\n12:00:00 bob@example.com: resolve #1\x1b[2J"), BOB)
    watch(queue, Minutes(clock, lambda: queue.note(1, BOB, "a\nYou watched 5 decisions\x1b[1A")))
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith(("12:00:00 bob", "You watched 5")) or "\x1b" in line for line in lines)


def test_what_is_personal_stays_hidden_from_who_watches(queue: Queue, clock: Any, capsys: Any) -> None:
    """Neither the item nor an event says what the item's workflow hides, in words or JSON."""
    hiding = Queue(queue.database.url, settings=Settings(workflows=("tests.cli.personal_world",)))
    address = "jonas.weber@example.com"
    item_id = hiding.add("complaint", "order", 3, "high", f"{address} complains", {"email": address}).id
    for as_json in (False, True):
        hiding.claim(item_id, BOB)
        watch(hiding, Minutes(clock, lambda: hiding.note(item_id, BOB, f"called {address}")), as_json)
        shown = capsys.readouterr().out
        assert "called " in shown and address not in shown
        hiding.wake(every=0)
    hiding.close()


def test_one_watches_a_colleague(mrq: Any, queue: Queue) -> None:
    """Oneself, or a name that is none, is refused; `--once` looks and ends."""
    assert mrq("shadow", ALICE).err == "You watch a colleague, not yourself.\n"
    assert mrq("shadow", "", "--once").code == 2
    told = mrq("shadow", BOB, "--once")
    assert told.out.endswith("bob@example.com holds nothing now.\nYou watched 0 decisions: 0 of 5 so far.\n")
    assert mrq("shadow", BOB, "--once", "--json").json == {"watched": 0, "in_all": 0, "of": 5}
    with pytest.raises(Refused):
        Shadow(queue, ALICE, ALICE)


def test_ctrl_c_ends_with_what_was_watched(environment: dict[str, str], queue: Queue) -> None:
    """At a real terminal Ctrl-C says what it came to, and is no failure."""
    watching = Terminal("shadow", BOB, environment=os.environ | environment).sees("holds nothing now: waiting.")
    watching.types("\x03")
    assert watching.ends().endswith("You watched 0 decisions: 0 of 5 so far.\n")


def test_a_proposal_is_a_decision_and_its_approval_none(queue: Queue, clock: Any, capsys: Any) -> None:
    """With two persons the choice is the proposal: seen, it counts; what the approval brings about does not again."""
    two = Queue(queue.database.url, settings=Settings(workflows=("tests.cli.two_persons_world",), trust_as=True))
    item_id = two.add("parcel_lost", "parcel", 3, "high", "lost", {"searched": "yes"}).id

    def propose() -> None:
        with pytest.raises(WaitsForApproval):
            two.resolve(item_id, "refund", "it never came", BOB, values={"amount": 5})

    watch(two, Minutes(clock, propose, lambda: two.approve(item_id, "carol@example.com")))
    shown = capsys.readouterr().out
    assert f"{BOB}: propose #{item_id}" in shown and f"{BOB}: resolve #{item_id}, option refund" in shown
    assert "You watched 1 decision: 1 of 5 so far." in shown
    two.close()
