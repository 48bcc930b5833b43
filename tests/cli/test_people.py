"""People and tokens at the terminal, and what a name may do there once anybody is kept."""

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from manual_resolution import Queue
from tests.processes import Terminal

Run = Callable[..., Any]
Add = Callable[..., int]
PASSWORD = "correct horse battery"
ADA = ("--as", "ada@example.com")


@pytest.fixture
def environment(environment: dict[str, str], database_url: str, as_role: Callable[[str, str], str]) -> dict[str, str]:
    """Whoever looks after people may write their tables."""
    return environment | {"DATABASE_URL": as_role(database_url, "console")}


@pytest.fixture
def ada(mrq: Run) -> None:
    """Ada is the first person, an admin; alice@example.com, who speaks by MRQ_OPERATOR, is an operator."""
    assert mrq("user", "add", "ada@example.com", "--role", "admin", "--no-password").code == 0
    mrq("user", "add", "alice@example.com", "--role", "operator", "--no-password", *ADA)


def test_the_first_person_ends_the_free_for_all(mrq: Run, add: Add) -> None:
    """Nothing is limited before; afterwards a name that is not kept may do nothing, and is told how to be."""
    number = add(1)
    assert mrq("claim", number).code == 0
    refused = mrq("user", "add", "bob@example.com", "--role", "operator", "--no-password")
    assert (refused.code, "mrq user add bob@example.com --role admin" in refused.err) == (1, True)
    first = mrq("user", "add", "ada@example.com", "--role", "admin", "--no-password")
    assert first.out == "ada@example.com is added: admin.\n" and "From now on only people" in first.err
    for words in ("list", f"show {number}", f"history {number}", f"note {number} hello", "approvals", "next"):
        ended = mrq(*words.split())
        assert (ended.code, ended.out) == (1, ""), words
        assert "alice@example.com is not known here, or is disabled" in ended.err
    assert mrq("add", "--type", "t", "--resource", "r:1", "--priority", "low", "--reason", "x").code == 0


def test_roles_limit_what_a_name_does(mrq: Run, add: Add, ada: None) -> None:
    """Each role does its part and is refused the rest in a sentence that names the role it needs."""
    number = add(1)
    assert mrq("claim", number).code == 0
    refused = mrq("approve", number)
    assert (refused.code, "may not approve: that needs the role approver" in refused.err) == (1, True)
    told = mrq("claim", number, *ADA).err
    assert "may not claim: that needs the role operator or approver; ada@example.com has admin" in told
    assert mrq("user", "list").code == 1
    assert mrq("erase", "--subject", "user:604", "-m", "asked", "--dry-run").code == 1
    mrq("user", "revoke", "alice@example.com", "operator", *ADA)
    mrq("user", "grant", "alice@example.com", "operator:another", *ADA)
    assert mrq("list").out == "Nothing waits.\n"
    assert f"There is no item #{number} that alice@example.com may see" in mrq("show", number).err


def test_a_disabled_person_is_refused_at_once(mrq: Run, add: Add, ada: None) -> None:
    """Who is disabled may do nothing; the last admin cannot be."""
    number = add(1)
    assert mrq("user", "disable", "alice@example.com", *ADA).code == 0
    assert "is disabled" in mrq("note", number, "hello").err
    last = mrq("user", "disable", "ada@example.com", *ADA)
    assert (last.code, "nobody would be left who is admin" in last.err) == (1, True)
    assert mrq("user", "enable", "alice@example.com", *ADA).code == 0
    assert mrq("note", number, "hello").code == 0


def test_a_token_is_printed_once(mrq: Run, ada: None, database_url: str) -> None:
    """The token alone is on stdout, its facts on stderr; no list shows it; revoked it is none."""
    mrq("user", "add", "cleanup", "--role", "service", "--no-password", *ADA)
    made = mrq("token", "add", "cleanup", "--scope", "service", "--label", "nightly", "--days", "30", *ADA)
    assert re.fullmatch(r"mrq_1_[\w-]{43}\n", made.out) and "It is not shown again." in made.err
    listed = mrq("token", "list", *ADA)
    assert listed.out.startswith("1  cleanup  nightly: service  (until ") and made.out.strip() not in listed.out
    with closing(Queue(database_url)) as queue:
        assert queue.people.by_token(made.out.strip()) is not None
        assert mrq("token", "revoke", "1", *ADA).out == "Token 1 has ended.\n"
        assert queue.people.by_token(made.out.strip()) is None
    verbs = [one["verb"] for one in mrq("user", "history", "cleanup", "--json", *ADA).json]
    assert verbs == ["revoke token", "add token", "grant", "add"]


def test_a_password_from_standard_input(mrq: Run, database_url: str) -> None:
    """One line, without its line end; too short a one is refused and not shown, and so is none at all."""
    words = ("user", "add", "ada@example.com", "--role", "admin")
    short = mrq(*words, "--password-stdin", input="hunter2\n")
    assert (short.code, "hunter2" in short.err, "(hidden)" in short.err) == (2, False, True)
    nowhere = mrq(*words, input="")
    assert (nowhere.code, "--password-stdin" in nowhere.err) == (2, True)
    assert mrq(*words, "--password-stdin", input=f"{PASSWORD}\n").code == 0
    with closing(Queue(database_url)) as queue:
        assert queue.people.sign_in("ada@example.com", PASSWORD)


def test_a_password_is_typed_hidden_and_twice(environment: dict[str, str], database_url: str) -> None:
    """At a terminal nothing of it is shown, and two that differ are refused."""
    words = ("user", "add", "ada@example.com", "--role", "admin")
    terminal = Terminal(*words, environment=environment)
    terminal.answers(("12 characters or more): ", PASSWORD), ("The same again: ", PASSWORD))
    terminal.sees("ada@example.com is added: admin.")
    assert PASSWORD not in terminal.ends()
    terminal = Terminal("user", "password", "ada@example.com", *ADA, environment=environment)
    terminal.answers(("12 characters or more): ", PASSWORD), ("The same again: ", PASSWORD[::-1]))
    terminal.sees("typed the same twice")
    terminal.ends(2)
    with closing(Queue(database_url)) as queue:
        assert queue.people.sign_in("ada@example.com", PASSWORD)


def test_a_link_signs_somebody_in_once(mrq: Run, ada: None, database_url: str) -> None:
    """It stands alone on stdout, at the console's public address where there is one."""
    printed = mrq("user", "link", "alice@example.com", *ADA, MRQ_CONSOLE_URL="https://ops.example.com/mrq").out
    found = re.fullmatch(r"https://ops\.example\.com/mrq/\?token=([\w-]{43})\n", printed)
    assert found
    with closing(Queue(database_url)) as queue:
        secret = queue.people.by_link(found[1])
        assert secret and queue.people.by_link(found[1]) is None
        who = queue.people.by_session(secret)
        assert who and who.name == "alice@example.com" and who.via.startswith("link:")


def test_a_session_at_the_terminal_needs_an_operator(mrq: Run, add: Add, ada: None) -> None:
    """`mrq process` is refused to who may claim nothing, before an item is touched."""
    add(1)
    ended = mrq("process", *ADA)
    assert (ended.code, "may not claim" in ended.err) == (1, True)
    assert mrq("process", input="q\n").code == 0
