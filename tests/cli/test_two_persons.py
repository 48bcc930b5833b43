"""Proposing, approving and denying at the terminal, by commands and in the session."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from manual_resolution import Queue, Settings
from manual_resolution.cli.process import held, summary
from manual_resolution.cli.session import Session
from manual_resolution.cli.terminal import Leave
from manual_resolution.item import Actor, Filter

Run = Callable[..., Any]
Add = Callable[..., int]

BOB = ("--as", "bob@example.com")
REFUND = ("--option", "refund", "--set", "amount=5", "-m", "it never came")
WORLD = "tests.cli.two_persons_world"
ALICE = Actor("alice@example.com", "person", "cli:alice@desk")


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """Both persons sit at one account here, as in the demo."""
    return environment | {"MRQ_WORKFLOWS": WORLD, "MRQ_TRUST_AS": "1"}


@pytest.fixture
def lost(add: Add) -> Callable[..., int]:
    """`lost(searched="no")`: a lost parcel's item."""
    return lambda number=1, **context: add(number, type="parcel_lost", **context)


def test_a_decision_for_two_persons_ends_with_5(mrq: Run, lost: Any) -> None:
    """Deciding for an option of two persons prints who must do what on stderr and ends with exit code 5."""
    number = lost()
    ended = mrq("resolve", number, *REFUND)
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith(f"#{number} waits for a second person until ")
    assert f"`mrq approve {number}`" in ended.err and "somebody else than alice@example.com" in ended.err
    again = mrq("resolve", number, *REFUND, *BOB)
    assert (again.code, again.err.startswith(f"#{number} waits until ")) == (1, True)


def test_what_waits_is_listed_and_shown(mrq: Run, lost: Any) -> None:
    """The proposal is in `approvals`, `show`, `list` and `history`: what, by whom, why, plan, until when."""
    assert mrq("approvals").out == "Nothing waits for a second person.\n"
    number = lost()
    told = mrq("resolve", number, *REFUND, "--json")
    assert told.code == 5 and '"justification": "it never came"' in told.out
    head, row = mrq("approvals").out.splitlines()
    assert head.split() == ["#", "priority", "type", "resource", "option", "proposed", "by", "until", "because"]
    for part in ("parcel_lost", "parcel #1", "refund amount 5", "alice@example.com", "it never came"):
        assert part in row
    (one,) = mrq("approvals", "--json").json
    assert (one["state"], one["plan"], one["item"]["id"]) == ("open", ["refund 5: parcels #1"], number)
    for shown in (mrq("show", number).out, mrq("show", number, "--no-checks").out):
        assert 'Proposed: refund amount 5 by alice@example.com, because "it never came"\n' in shown
        assert "  - would touch: refund 5: parcels #1\n" in shown
        assert "  - waits for a second person until " in shown
    assert "waits for a second person until " in mrq("list").out
    assert 'propose    alice@example.com  refund amount 5: "it never came"' in mrq("history", number).out
    assert mrq("show", number, "--json").json["proposals"][0]["option"] == "refund"


def test_approve_carries_out_and_names_both(mrq: Run, lost: Any) -> None:
    """Another person's approval carries it out; the answer, `show` and the history name both persons."""
    number = lost()
    mrq("resolve", number, *REFUND)
    own = mrq("approve", number)
    assert (own.code, own.err) == (1, f"You proposed #{number} yourself: another person must approve it.\n")
    ended = mrq("approve", number, "-m", "saw the receipt", *BOB)
    assert ended.out == (
        'Result: ✓ Refunded 5\nResolution recorded: "Refunded 5"\n'
        "Decided by alice@example.com, approved by bob@example.com.\n"
    )
    assert "approved by bob@example.com" in mrq("show", number).out
    assert 'approve    bob@example.com    refund: "saw the receipt"' in mrq("history", number).out
    assert mrq("approve", number, *BOB).code == 1


def test_one_account_is_one_person(mrq: Run, lost: Any) -> None:
    """Without MRQ_TRUST_AS a second name at the same account does not approve, and is told why."""
    number = lost()
    mrq("resolve", number, *REFUND)
    refused = mrq("approve", number, *BOB, MRQ_TRUST_AS="0")
    assert refused.code == 1
    assert "that may be one person" in refused.err and "MRQ_TRUST_AS" in refused.err


def test_only_the_proposal_looked_at_is_approved(mrq: Run, lost: Any) -> None:
    """--proposal refuses another proposal than the one it names."""
    number = lost()
    mrq("resolve", number, *REFUND)
    (one,) = mrq("approvals", "--json").json
    refused = mrq("approve", number, "--proposal", one["id"] + 1, *BOB)
    assert (refused.code, "another proposal by now" in refused.err) == (1, True)
    assert mrq("approve", number, "--proposal", one["id"], *BOB).code == 0


def test_deny_and_take_back(mrq: Run, lost: Any) -> None:
    """A denied proposal's item is its proposer's again; `show` says who denied it and why; one's own is taken back."""
    number = lost()
    mrq("resolve", number, *REFUND)
    denied = mrq("deny", number, "-m", "it came today", *BOB)
    assert denied.out == f"#{number}: not approved. The item is alice@example.com's again.\n"
    assert '  - denied by bob@example.com, because "it came today"\n' in mrq("show", number).out
    assert [item["id"] for item in mrq("mine", "--json").json] == [number]
    mrq("resolve", number, *REFUND)
    mrq("deny", number, "-m", "wrong amount")
    assert '  - taken back, because "wrong amount"\n' in mrq("show", number).out
    gone = mrq("deny", number, "-m", "again", *BOB)
    assert (gone.code, "was denied by alice@example.com" in gone.err) == (1, True)


def test_what_changed_is_told_to_the_approver_and_kept(mrq: Run, lost: Any) -> None:
    """A changed context ends the proposal; approver, `show` and history say what changed."""
    number = lost()
    mrq("resolve", number, *REFUND)
    mrq("amend", number, "--set", "place=cellar", "-m", "found the note")
    refused = mrq("approve", number, *BOB)
    assert (refused.code, "context.place changed" in refused.err) == (1, True)
    assert "ended when bob@example.com was to approve it: context.place changed" in mrq("show", number).out
    assert "void       bob@example.com    refund: context.place changed" in mrq("history", number).out


def test_an_override_is_proposed_and_shown(mrq: Run, lost: Any) -> None:
    """--override makes a proposal of a forbidden option; the approver is shown the check, the record keeps it."""
    number = lost(searched="no")
    words = ("resolve", number, "--option", "write_off", "-m", "not worth a search")
    assert mrq(*words).err == "Not possible: nobody searched for it. Nothing was done.\n"
    assert mrq(*words, "--override", "--dry-run").out.endswith(
        "It is possible now, with a second person. Nothing was done.\n"
    )
    assert mrq(*words, "--override").code == 5
    assert "  - overrides a check: nobody searched for it\n" in mrq("show", number).out
    assert "write_off (overrides)" in mrq("approvals").out
    assert mrq("approve", number, *BOB).code == 0
    assert "against the checks searched" in mrq("show", number).out


def test_types_say_which_options_need_two_persons(mrq: Run) -> None:
    """`mrq types` marks the options for two persons."""
    assert "  option refund: Refund it (--set amount=…), two persons\n" in mrq("types").out


# ------------------------------------------------------------------ the session


@pytest.fixture
def queue(database_url: str) -> Iterator[Queue]:
    opened = Queue(database_url, settings=Settings(workflows=(WORLD,), trust_as=True))
    yield opened
    opened.close()


Play = Callable[..., Session]


@pytest.fixture
def play(queue: Queue) -> Play:
    """`play("1", "5", "why")`: a session given these answers."""

    def session(*answers: str) -> Session:
        left = list(answers)

        def read(prompt: str) -> str:
            sys.stdout.write(prompt)
            if not left:
                raise Leave
            return left.pop(0)

        one = Session(queue, ALICE, Filter(), None, 10, read=read)
        one.run()
        assert not left, "not all answers were asked for"
        return one

    return session


def test_the_session_proposes_and_goes_on(play: Play, lost: Any, queue: Queue, capsys: Any) -> None:
    """A two-person option says that it waits for approval, the next item is served, the summary counts it."""
    first, second = lost(1), lost(2)
    session = play("1", "5", "it never came", "q")
    shown = capsys.readouterr().out
    assert "1. Refund it     a second person approves\n" in shown
    assert f"Proposed: #{first} waits for a second person until " in shown
    assert "Queue Item #2" in shown
    assert (session.tally.proposed, queue.get(first).held, queue.get(second).status) == (1, "approval", "pending")
    assert "0 resolved, 1 proposed, 0 failed" in summary(session)


def test_what_was_denied_comes_back_with_what_was_typed(play: Play, lost: Any, queue: Queue, capsys: Any) -> None:
    """A denied item is served first to its proposer, with the denial shown and the reason offered again."""
    lost(2)
    number = lost(1)
    queue.claim(number, ALICE)
    play("q")
    queue.claim(number, ALICE)
    with pytest.raises(Exception, match="waits for a second person"):
        queue.resolve(number, "refund", "it never came", ALICE, values={"amount": 5})
    queue.deny(number, "bob@example.com", "which parcel?")
    capsys.readouterr()
    session = play("1", "7", "", "q")
    shown = capsys.readouterr().out
    assert shown.index(f"Queue Item #{number} ") < shown.index("Queue Item #1 ")
    assert '  - denied by bob@example.com, because "which parcel?"\n' in shown
    assert "Why? [it never came] " in shown
    assert (session.tally.proposed, queue.approvals()[0].proposal.values) == (1, {"amount": 7})


def test_the_session_overrides_with_a_key(play: Play, lost: Any, queue: Queue, capsys: Any) -> None:
    """`o` names the forbidden options and their checks, asks why, and proposes; any other answer does nothing."""
    number = lost(1, searched="no")
    session = play("2", "o", "9", "o", "2", "not worth a search")
    shown = capsys.readouterr().out
    assert "Not possible: nobody searched for it. Nothing was done.\n" in shown
    assert "Override the checks of which option? [1, 2] Nothing was done.\n" in shown
    assert "Overrides: nobody searched for it\n" in shown
    assert session.tally.proposed == 1
    assert queue.proposals(number)[0].overridden == ["searched"]


def test_there_may_be_nothing_to_override(play: Play, lost: Any, capsys: Any) -> None:
    """Where every option is possible, `o` says so."""
    lost(1)
    play("o", "q")
    assert "there is nothing to override" in capsys.readouterr().out


def test_a_session_whose_database_is_gone_says_what_becomes_of_the_item() -> None:
    """Where the database is not reached at the end, the summary says so instead of saying nothing of what is held."""
    with closing(Queue("postgresql://127.0.0.1:1/nowhere", settings=Settings())) as queue:
        told = held(SimpleNamespace(queue=queue, who=ALICE))  # type: ignore[arg-type]
    assert told == "; the database is not reached, and an item you held waits again when its lease ends"
