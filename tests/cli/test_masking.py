"""What a workflow declares personal is hidden until somebody says why; what it declares secret is never kept."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from manual_resolution import Queue, Settings
from manual_resolution.cli.session import Session
from manual_resolution.item import Actor, Filter
from manual_resolution.masking import PERSONAL, SECRET, mask_of
from manual_resolution.workflow import Workflow

from .personal_world import workflow

Run = Callable[..., Any]
ADDRESS, TOKEN = "jonas.weber@example.com", "s3cr3t-t0k3n"
CONTEXT = {"email": ADDRESS, "name": "Jonas Weber", "token": TOKEN, "order": f"3 for {ADDRESS}"}
ALICE = Actor("alice@example.com", "person", "cli:test")


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The item type of `personal_world`."""
    return environment | {"MRQ_WORKFLOWS": "tests.cli.personal_world"}


@pytest.fixture
def complaint(mrq: Run) -> int:
    """An item about somebody, whose reason names them too."""
    words = ["--type", "complaint", "--resource", "order:3", "--priority", "high", "--reason", f"{ADDRESS} complains"]
    added = mrq("add", *words, "--context", json.dumps(CONTEXT), "--json")
    assert ADDRESS not in added.out
    return int(added.json["id"])


def leaks(text: str) -> list[str]:
    """What of the person is in a text."""
    return [hidden for hidden in (ADDRESS, "Jonas Weber", TOKEN) if hidden.lower() in text.lower()]


def test_every_command_hides_it(mrq: Run, complaint: int) -> None:
    """No command shows a personal or secret fact, by list, item, plan, outcome or history, in words or JSON."""
    commands: list[tuple[Any, ...]] = [
        ("list",), ("list", "--json"), ("show", 1), ("show", 1, "--json"), ("show", 1, "--all-context"),
        ("show", 1, "--no-checks"), ("show", 1, "--no-checks", "--json"), ("next",), ("mine",), ("mine", "--json"),
        ("claim", 1, "--json"), ("note", 1, f"called {ADDRESS}", "--json"),
        ("resolve", 1, "--option", "dun", "--dry-run"),
        ("resolve", 1, "--option", "refund", "--dry-run"), ("resolve", 1, "--option", "refund", "--dry-run", "--json"),
        ("history", 1), ("amend", 1, "--set", "name=JONAS WEBER", "-m", "spelling", "--json"), ("history", 1, "--json"),
        ("resolve", 1, "--option", "refund", "-m", f"{ADDRESS} is right"), ("show", 1), ("show", 1, "--json"),
        ("history", 1), ("history", 1, "--json"), ("list", "--all", "--json"), ("reopen", 1, "-m", "again", "--json"),
    ]  # fmt: skip
    for words in commands:
        ended = mrq(*words)
        assert ended.code == (1 if "dun" in words else 0), (words, ended)
        assert leaks(ended.out + ended.err) == [], (words, ended)
    assert PERSONAL in mrq("show", 1).out


def test_a_program_gets_the_item_as_it_is(mrq: Run, complaint: int, database_url: str) -> None:
    """A program that calls the queue reads the context as it was told, all but the secret."""
    queue = Queue(database_url, settings=Settings(workflows=("tests.cli.personal_world",)))
    assert queue.get(complaint).context == CONTEXT | {"token": SECRET}
    queue.close()


def test_json_names_what_is_hidden(mrq: Run, complaint: int) -> None:
    """JSON says which keys of the context are marks."""
    document = mrq("show", complaint, "--json").json
    assert document["masked"] == ["email", "name", "token"]
    assert document["context"] == {
        "email": PERSONAL, "name": PERSONAL, "token": SECRET, "order": f"3 for {PERSONAL}",
    }  # fmt: skip


def test_revealing_is_an_event(mrq: Run, complaint: int) -> None:
    """Who sees personal facts says why, and both are in the item's history; a resolved item's too."""
    assert "Hidden: E-mail, Name. mrq show 1 --reveal -m WHY shows it" in mrq("show", complaint).out
    assert ADDRESS in mrq("show", complaint, "--reveal", "-m", "the customer is on the phone").out
    mrq("resolve", complaint, "--option", "refund", "-m", "paid twice")
    shown = mrq("show", complaint, "--reveal", "-m", "the bank asks", "--json").json
    assert (shown["context"]["email"], shown["context"]["token"]) == (ADDRESS, SECRET)
    told = [event for event in mrq("history", complaint, "--json").json if event["verb"] == "reveal"]
    assert [(event["actor"], event["private"]["justification"]) for event in told] == [
        ("alice@example.com", "the customer is on the phone"), ("alice@example.com", "the bank asks"),
    ]  # fmt: skip
    assert 'reveal     alice@example.com  saw E-mail, Name: "the bank asks"' in mrq("history", complaint).out
    assert mrq("audit", "verify").code == 0


@pytest.mark.parametrize("words", [("--reveal",), ("-m", "why")])
def test_revealing_needs_a_reason(mrq: Run, complaint: int, words: tuple[str, ...]) -> None:
    """Without a reason nothing is shown; a reason alone asks for nothing."""
    ended = mrq("show", complaint, *words)
    assert (ended.code, leaks(ended.out)) == (2, [])


def test_where_nothing_is_hidden_nothing_is_revealed(mrq: Run) -> None:
    """An item without personal facts gets no event that says somebody saw them."""
    mrq("add", "--type", "complaint", "--resource", "order:4", "--priority", "low", "--reason", "lost")
    ended = mrq("show", 1, "--reveal", "-m", "why not")
    assert (ended.code, ended.err) == (1, "#1 hides nothing personal.\n")
    assert len(mrq("history", 1, "--json").json) == 1


def test_an_undeclared_type_hides_nothing(mrq: Run) -> None:
    """Of a type that declares nothing everything is shown."""
    facts = ["--resource", "order:5", "--priority", "low", "--reason", "lost", "--context", json.dumps(CONTEXT)]
    mrq("add", "--type", "unheard_of", *facts)
    assert ADDRESS in mrq("show", 1).out
    assert "masked" not in mrq("show", 1, "--json").json


def test_a_secret_is_not_stored(mrq: Run, connect: Callable[..., Any], database_url: str) -> None:
    """No table holds a secret value, however it came: by command, library, batch, a caller's transaction, amended."""
    queue = Queue(database_url, settings=Settings(workflows=("tests.cli.personal_world",)))
    told = ("complaint", "order", 6, "low", "lost", CONTEXT)
    queue.add(*told)
    queue.add(*told)
    with connect() as db, db.transaction():
        queue.add(*told, connection=db)
    queue.amend(1, ALICE, {"token": TOKEN}, "told anew")
    queue.close()
    mrq("add", "--type", "complaint", "--resource", "order:7", "--priority", "low", "--reason", "lost",
        "--context", json.dumps(CONTEXT))  # fmt: skip
    assert leaks(everything(connect())) == [ADDRESS, "Jonas Weber"]


def everything(db: psycopg.Connection[Any]) -> str:
    """All rows that hold what somebody said."""
    tables = ("manual_resolution_queue", "mrq_event", "mrq_occurrence")
    return "".join(str(db.execute(f"select to_jsonb(t) from {name} t".encode()).fetchall()) for name in tables)  # noqa: S608


def test_the_session_hides_and_reveals(mrq: Run, complaint: int, database_url: str, capsys: Any) -> None:
    """In the session `r` asks why, then shows; before it neither item, plan, history nor context do."""
    queue = Queue(database_url, settings=Settings(workflows=("tests.cli.personal_world",)))
    answers: Iterator[str] = iter(["p", "h", "a", "?", "2", "r", "she is on the phone", "1", "paid twice"])

    def read(prompt: str) -> str:
        said = next(answers)
        if said == "r":
            assert leaks(capsys.readouterr().out) == []
        return said

    Session(queue, ALICE, Filter(), None, 1, read=read).run()
    assert ADDRESS in capsys.readouterr().out
    assert [event.verb for event in queue.history(complaint)].count("reveal") == 1
    queue.close()


def test_short_values_are_hidden_in_their_place_only() -> None:
    """A value of less than four characters is hidden in the context, not wherever its letters stand."""
    mask = mask_of(workflow, {"email": "a@b", "name": "", "order": "a@b"})
    assert mask.context({"email": "a@b", "name": "", "order": "a@b"}) == {"email": PERSONAL, "name": "", "order": "a@b"}


def test_a_longer_word_is_not_cut() -> None:
    """A hidden text is hidden where it stands alone, whatever its case, and not within a longer word."""
    mask = mask_of(workflow, {"name": "Anna"})
    assert mask.text("ANNA, Annabel and anna") == f"{PERSONAL}, Annabel and {PERSONAL}"


def test_nothing_is_hidden_by_default() -> None:
    """A workflow that declares no personal field masks nothing."""
    assert mask_of(Workflow("plain"), {"email": ADDRESS}).context({"email": ADDRESS}) == {"email": ADDRESS}
