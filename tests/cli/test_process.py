"""The session's keys, wrong answers and lease, its answers given one by one instead of typed."""

import io
import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from manual_resolution import Queue, Settings
from manual_resolution.cli.lease import RENEWALS, Lease
from manual_resolution.cli.session import Session, Tally
from manual_resolution.cli.terminal import Leave, line
from manual_resolution.item import Actor, Filter

ALICE = Actor("alice@example.com", "person", "cli:test")

Play = Callable[..., Tally]


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    settings = Settings(workflows=("tests.cli.small_world",))
    opened = Queue(database_url, settings=settings)
    yield opened
    opened.close()


@pytest.fixture
def parcel(queue: Queue) -> Callable[..., int]:
    """`parcel(7)`: the id of an item whose world is its own context."""

    def one(number: int = 7, *, priority: str = "medium", **facts: Any) -> int:
        context = {"place": "shelf", "there": "pass", **facts}
        return queue.add("parcel_stuck", "parcel", number, priority, "stuck", context).id

    return one


@pytest.fixture
def play(queue: Queue) -> Play:
    """`play("1", "", "why")`: a session given these answers; the prompts it asked are in `play.prompts`."""

    def session(*answers: str, limit: int = 10, **more: Any) -> Tally:
        left = list(answers)
        session.prompts = []  # type: ignore[attr-defined]

        def read(prompt: str) -> str:
            session.prompts.append(prompt)  # type: ignore[attr-defined]
            if not left:
                raise Leave
            return left.pop(0)

        tally = Session(queue, ALICE, more.pop("chosen", Filter()), None, limit, read=read).run()
        assert not left, "not all answers were asked for"
        return tally

    return session


SEND = ("1", "", "", "it is on the shelf")  # house and speed as proposed


# ------------------------------------------------------------------ keys beside the digits


def test_skip_goes_on_and_does_not_serve_the_item_again(play: Play, parcel: Any, queue: Queue, capsys: Any) -> None:
    """Skip gives the item back and goes to the next; a session serves no item twice."""
    first, second = parcel(1), parcel(2)
    play("s", "s")
    shown = capsys.readouterr().out
    assert f"#{first} skipped: it waits again.\n" in shown and f"#{second} skipped" in shown
    assert "1 of 2 · " in shown and "2 of 2 · " in shown
    assert {queue.get(first).status, queue.get(second).status} == {"pending"}


def test_the_limit_ends_a_session(play: Play, parcel: Any, capsys: Any) -> None:
    """At most `limit` items are served, and the counter says so."""
    parcel(1), parcel(2), parcel(3)
    play("s", "s", limit=2)
    assert "2 of 2 · " in capsys.readouterr().out


def test_filters_choose_what_is_served(play: Play, parcel: Any, capsys: Any) -> None:
    """Only items of the chosen priority are served and counted."""
    parcel(1, priority="low"), parcel(2, priority="critical")
    play("s", chosen=Filter(priority="low"))
    shown = capsys.readouterr().out
    assert "1 of 1 · " in shown and "LOW priority" in shown and "CRITICAL" not in shown


def test_a_note_goes_into_the_history_and_the_menu_stays(play: Play, parcel: Any, queue: Queue, capsys: Any) -> None:
    """A note is kept with its author; an empty one is none."""
    item_id = parcel()
    play("n", "called the shop", "n", "", "q")
    assert "Noted.\n" in capsys.readouterr().out
    notes = [event for event in queue.history(item_id) if event.verb == "note"]
    assert [(note.actor, note.private["note"]) for note in notes if note.private] == [(ALICE.name, "called the shop")]


def test_a_note_that_is_too_long_is_refused_and_the_session_goes_on(play: Play, parcel: Any, capsys: Any) -> None:
    """A text the history does not take ends nothing: one sentence, then the menu."""
    parcel()
    play("n", "\ud800", "n", "x" * 4000, "q")
    shown = capsys.readouterr().out
    assert "note = " in shown and shown.count("Noted.") == 1


def test_plan_history_and_context_show_and_change_nothing(play: Play, parcel: Any, queue: Queue, capsys: Any) -> None:
    """p says what each option would touch, h what happened, a all facts; none of them moves the item."""
    item_id = parcel(place="shelf/4", weight=3)
    play("p", "h", "a", "?", "q")
    shown = capsys.readouterr().out
    assert "  1. Send it on\n       send to house 7: parcels #7\n" in shown
    assert "  2. Recall it\n       recall at the post: shelf/4\n" in shown
    assert " claim      alice@example.com\n" in shown
    assert "  - Place: shelf\n" in shown and "  - place: shelf/4\n" in shown and "  - weight: 3\n" in shown
    for key in "snphaq":
        assert f"\n  {key}  " in shown
    assert [event.verb for event in queue.history(item_id)] == ["add", "claim", "release"]


def test_quit_releases_the_item(play: Play, parcel: Any, queue: Queue) -> None:
    """q gives the item back and ends the session; nothing was put aside, nothing resolved."""
    item_id = parcel()
    tally = play("q")
    assert (tally.resolved, tally.put_aside, tally.failed, tally.unknown) == (0, 0, 0, 0)
    assert (queue.get(item_id).status, queue.get(item_id).assigned_to) == ("pending", None)


# ------------------------------------------------------------------ wrong answers


WRONG = [
    "",
    " ",
    "0",
    "5",
    "-1",
    "+1",
    "1.",
    "01",
    "1 1",
    "１",
    "١",
    "1\x00",
    "\x0c1",
    "\x1b[A",
    "S",
    "ss",
    "x" * 100_000,
]


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: ascii(answer)[:12])
def test_nothing_but_an_exact_answer_acts(play: Play, parcel: Any, queue: Queue, capsys: Any, answer: str) -> None:
    """Whatever is not exactly a number of the menu or a key is asked again, and nothing is done."""
    item_id = parcel()
    play(answer, "q")
    assert " answer " in capsys.readouterr().out
    assert [event.verb for event in queue.history(item_id)] == ["add", "claim", "release"]


def test_an_empty_justification_goes_back_and_does_nothing(play: Play, parcel: Any, queue: Queue, capsys: Any) -> None:
    """Without a reason there is no decision: the menu again, the item as it was."""
    item_id = parcel()
    play("1", "", "", "  ", "q")
    assert "No reason, no decision: nothing was done.\n" in capsys.readouterr().out
    assert [event.verb for event in queue.history(item_id)] == ["add", "claim", "release"]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (("1", "seven"), "house = 'seven' is not allowed: a whole number. Nothing was done."),
        (("1", "8", "sideways"), "speed = 'sideways' is not allowed: one of slow, fast. Nothing was done."),
        (("4", "24"), "span = '24' is not allowed: a time such as 24h, 90m, 7d or 1h30m"),
        (("4", "400d"), "span = '400d' is not allowed"),
    ],
)
def test_a_value_that_is_not_allowed_goes_back(
    play: Play, parcel: Any, queue: Queue, capsys: Any, answers: tuple[str, ...], told: str
) -> None:
    """A wrong value is named with what is allowed; nothing was done."""
    item_id = parcel()
    play(*answers, "q")
    assert told in capsys.readouterr().out
    assert queue.get(item_id).status == "pending"


def test_an_option_that_is_not_possible_says_why(play: Play, parcel: Any, capsys: Any) -> None:
    """The check that forbids an option is named in the menu and when it is chosen; nothing is asked then."""
    parcel(there="fail")
    play("1", "q")
    shown = capsys.readouterr().out
    assert "1. Send it on     not possible: the shelf says fail\n" in shown
    assert "Not possible: the shelf says fail. Nothing was done.\n" in shown


# ------------------------------------------------------------------ what an option asks


def test_proposed_values_are_taken_by_enter(play: Play, parcel: Any, queue: Queue, capsys: Any) -> None:
    """Enter takes what the recommendation or the workflow proposes; the prompt shows it."""
    item_id = parcel()
    tally = play(*SEND)
    assert play.prompts[1:] == ["House [7]: ", "Speed (slow, fast) [slow]: ", "Why? "]  # type: ignore[attr-defined]
    assert "Action: Send it on...\nResult: ✓ Sent to house 7, slow\n" in capsys.readouterr().out
    assert (queue.get(item_id).resolution, tally.resolved) == ("Sent to house 7", 1)


def test_a_deferral_past_the_deadline_needs_a_second_enter(play: Play, parcel: Any, queue: Queue, capsys: Any) -> None:
    """`How long? [24h]`: past the deadline only after another Enter; anything else goes back to the menu."""
    item_id = parcel(priority="high")
    play("4", "23h", "tomorrow")
    assert play.prompts == ["Your choice [1-4]: ", "How long? [24h] ", "Why? "]  # type: ignore[attr-defined]
    other = parcel(8, priority="high")
    play("4", "", "no", "4", "", "", "after the holidays")
    assert "That is past its deadline (due in 23 h).\n" in capsys.readouterr().out
    assert queue.get(item_id).held == queue.get(other).held == "deferred"


def test_an_escalation_without_a_team_asks_for_one(play: Play, queue: Queue) -> None:
    """The generic escalation asks to whom; Enter means anybody else, a name that is none goes back."""
    queue.add("unheard_of", "thing", 1, "low", "nobody taught MRQ this")
    play("1", "No Team!", "1", "engineering", "not mine")
    assert queue.get(1).escalated_to == "engineering"


# ------------------------------------------------------------------ what comes between looking and deciding


def test_a_world_that_changed_is_said_and_shown_again(queue: Queue, parcel: Any, capsys: Any, connect: Any) -> None:
    """A decision is bound to what was shown: a difference is said, nothing done, the item shown anew."""
    item_id = parcel()
    answers = iter(["1", "", "", "it is there", "q"])

    def read(prompt: str) -> str:
        if prompt == "Why? ":
            queue.amend(item_id, "bob@example.com", {"there": "fail"}, "I looked")
        return next(answers)

    Session(queue, ALICE, Filter(), None, 10, read=read).run()
    shown = capsys.readouterr().out
    assert "Changed since you looked: context.there changed; it was pass, now: the shelf says fail. Nothing" in shown
    assert shown.count("1 of 1 · ") == 2 and queue.get(item_id).status == "pending"


def test_what_was_typed_is_proposed_again_after_a_failure(play: Play, parcel: Any, queue: Queue) -> None:
    """After a definite failure the item is shown again and Enter takes the same reason."""
    item_id = parcel(called="not_done")
    tally = play("2", "the post answers", "4", "2h", "")
    assert play.prompts[-1] == "Why? [the post answers] "  # type: ignore[attr-defined]
    assert (tally.failed, tally.put_aside) == (1, 1) and queue.get(item_id).held == "deferred"


def test_an_unknown_outcome_goes_on_to_the_next_item(play: Play, parcel: Any, queue: Queue, capsys: Any) -> None:
    """Where nobody knows, the session says so and how to settle it, and serves the next item."""
    lost, _ = parcel(1, called="unclear"), parcel(2)
    tally = play("2", "the post answers", "s")
    assert f"`mrq confirm {lost}` settles it." in capsys.readouterr().out
    assert tally.unknown == 1 and queue.get(lost).held == "attempt"


def test_a_skip_of_what_was_taken_over_ends_nothing(queue: Queue, parcel: Any, capsys: Any) -> None:
    """Somebody took the item over while its prompt was open: skipping it leaves it theirs and goes on."""
    taken, _ = parcel(1), parcel(2)
    answers = iter(["s", "s"])

    def read(prompt: str) -> str:
        if queue.get(taken).assigned_to == ALICE.name:
            queue.take_over(taken, "bob@example.com", "alice is at lunch")
        return next(answers)

    Session(queue, ALICE, Filter(), None, 10, read=read).run()
    assert queue.get(taken).assigned_to == "bob@example.com" and "2 of 2" in capsys.readouterr().out


# ------------------------------------------------------------------ the lease


def lease_until(queue: Queue, item_id: int) -> Any:
    return queue.get(item_id).lease_until


def test_a_lease_is_renewed_four_times_without_an_answer(queue: Queue, parcel: Any, clock: Any) -> None:
    """Renewed while the prompt is open, at most four times; an answer starts the count anew."""
    item_id = parcel()
    queue.claim(item_id, ALICE)
    lease, seen = Lease(queue, item_id, ALICE), {lease_until(queue, item_id)}
    for _ in range(RENEWALS + 3):
        clock.forward(minutes=15)
        lease.renew()
        seen.add(lease_until(queue, item_id))
    assert len(seen) == 1 + RENEWALS == 5
    queue.wake(every=0)
    assert queue.next("bob@example.com") is not None  # the lease is over
    queue.take_over(item_id, ALICE, "back from lunch")
    lease.answered()
    clock.forward(minutes=15)
    before = lease_until(queue, item_id)
    lease.renew()
    assert lease_until(queue, item_id) > before


def test_the_lease_is_renewed_by_a_thread_of_its_own(queue: Queue, parcel: Any, clock: Any) -> None:
    """While the person reads, half the lease's time after half of it, the claim is renewed without them."""
    item_id = parcel()
    queue.claim(item_id, ALICE)
    before = lease_until(queue, item_id)
    clock.forward(minutes=20)
    assert Lease(queue, item_id, ALICE).period == queue.lease.total_seconds() / 2 == 900
    with Lease(queue, item_id, ALICE, period=0.001) as lease:
        while lease.left > 0:
            lease.over.wait(0.001)
    assert lease_until(queue, item_id) > before and not lease.thread.is_alive()


def test_a_lease_that_is_lost_is_no_error(queue: Queue, parcel: Any) -> None:
    """A renewal that comes too late leaves the item to whoever has it now."""
    item_id = parcel()
    queue.claim(item_id, "bob@example.com")
    Lease(queue, item_id, ALICE).renew()
    assert queue.get(item_id).assigned_to == "bob@example.com"


# ------------------------------------------------------------------ reading, and the command


def test_the_end_of_input_leaves(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """End of input, or none at all, is leaving; the prompt goes to standard output."""
    for stdin in (io.StringIO(""), None):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(Leave):
            line("Your choice [1-4]: ")
    assert capsys.readouterr() == ("Your choice [1-4]: \n" * 2, "")


def test_the_command_says_why_nothing_is_served(mrq: Any, queue: Queue) -> None:
    """An empty queue says so, and how many wait for which team."""
    assert mrq("process").out == "Nothing waits.\n"
    queue.add("parcel_stuck", "parcel", 1, "low", "stuck")
    queue.escalate(1, "bob@example.com", "not mine", to="engineering")
    assert mrq("process").out == "Nothing waits. For teams: 1 for engineering (--team).\n"


def test_the_command_takes_only_what_it_knows(mrq: Any) -> None:
    """A mode, filter or limit that is none is refused by name, with what is allowed."""
    for words, told in (
        (("--mode", "web"), "mode = 'web' is not allowed: cli, or ui for the console in the browser."),
        (("--priority", "urgent"), "priority = 'urgent' is not allowed"),
        (("--resource", "meal_plan:x"), "'x' is not allowed"),
        (("--limit", "0"), "--limit"),
    ):
        ended = mrq("process", *words)
        assert ended.code == 2 and told in ended.err


@pytest.mark.owner
def test_the_specifications_ui_mode_is_the_console(mrq: Any) -> None:
    """`--mode ui` listens where `mrq serve` does; a port that is taken is told in one sentence."""
    with socket.socket() as taken:
        with suppress(OSError):  # somebody has it already
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        ended = mrq("process", "--mode", "ui")
    assert ended.code == 1 and ended.err.startswith("127.0.0.1:8787 cannot be listened on")


def test_the_tally_is_printed_as_json(mrq: Any, parcel: Any) -> None:
    """--json ends with what the session came to as one JSON line."""
    parcel()
    ended = mrq("process", "--json", input="2\nthe post answers\n")
    came_to = json.loads(ended.out.splitlines()[-1])
    assert came_to.pop("seconds_per_item") >= 0
    counted = {"resolved": 1, "put_aside": 0, "proposed": 0, "failed": 0, "unknown": 0}
    assert came_to == {"operator": "alice@example.com"} | counted


def test_a_database_that_is_gone_is_said_once(play: Play, parcel: Any, queue: Queue, capsys: Any) -> None:
    """When the database goes away at the prompt, a sentence says so and the reason is kept."""
    parcel()
    working = queue.database.url
    answers = iter(["1", "", "", "it is there", "1", "", "", ""])

    def read(prompt: str) -> str:
        if prompt == "Why? ":
            queue.database.close()
            queue.database.url = "postgresql://nobody@127.0.0.1:1/none"
        elif prompt == "Your choice [1-4]: ":
            queue.database.url = working
        return next(answers)

    tally = Session(queue, ALICE, Filter(), None, 10, read=read).run()
    assert "The database was not reached: " in capsys.readouterr().out
    assert tally.resolved == 1 and queue.get(1).resolution_metadata["justification"] == "it is there"
