"""What a newcomer finds without a database: help, examples, completion, the version."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from manual_resolution import __version__
from manual_resolution.cli.app import app
from manual_resolution.cli.front import PAGE
from tests.commands import invoke

COMMANDS = """
    add withdraw list show next mine claim extend release hand-over take-over decline defer escalate priority
    note amend resolve confirm reopen history types process practice shadow operator sweep audit doctor db demo
"""
WITHOUT_JSON = {"db grants", "db shell", "serve", "audit export"}  # SQL; psql has the terminal; JSON lines as it is


def leaves(command: Any, words: list[str]) -> Iterator[list[str]]:
    """The words of every command below this one."""
    inside = getattr(command, "commands", None)
    if not inside:
        yield words
    for name, one in (inside or {}).items():
        yield from leaves(one, [*words, name])


LEAVES = [" ".join(words) for words in leaves(typer.main.get_command(app), [])]


def said(*words: str, **env: str) -> str:
    """What a command prints that needs nothing."""
    ended = invoke(words, env=env)
    assert ended.exit_code == 0, ended.stderr
    return ended.stdout


def test_help_lists_every_command_in_its_panel() -> None:
    """The first help names each command once, grouped by what people want."""
    lines = said("--help").splitlines()
    for panel in ("Deciding:", "Reading:", "Learning:", "Adding:", "Looking after it:"):
        assert panel in lines
    for command in COMMANDS.split():
        assert len([line for line in lines if line.startswith(f"  {command} ")]) == 1, command


def test_the_kept_page_is_the_help_of_the_commands() -> None:
    """The page that `mrq --help` prints at once says what the commands themselves say.

    Where it does not: `COLUMNS=80 .venv/bin/python -m manual_resolution.cli.app -h >src/manual_resolution/cli/help.txt`
    """
    assert Path(PAGE).read_text(encoding="ascii") == said("--help", COLUMNS="80")


@pytest.mark.parametrize("command", LEAVES)
def test_every_command_explains_itself_with_an_example_and_speaks_json(command: str) -> None:
    """Every command has a help with an example of its own, and `--json`."""
    words = command.split()
    text = said(*words, "--help")
    assert f"mrq {words[0]}" in text.partition("Example")[2]
    assert command in WITHOUT_JSON or "--json" in text


def test_version() -> None:
    """`mrq --version` names the version."""
    assert said("--version") == f"mrq {__version__}\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["add"], "--type"),
        (["add", "--type", "t", "--priority", "low"], "--reason"),
        (["resolve", "1"], "--option"),
        (["resolve", "1", "--option", "send"], "--justification"),
        (["defer", "1"], "--justification"),
        (["hand-over", "1"], "--to"),
        (["show"], "ID"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--limit", "1001"], "--limit"),
        (["nonsense"], "nonsense"),
        (["list", "--nonsense"], "--nonsense"),
    ],
)
def test_what_is_missing_or_strange_is_named(words: list[str], named: str) -> None:
    """Wrong usage ends with 2 and names what is missing or not known."""
    ended = invoke(words, env={"MRQ_OPERATOR": "alice"})
    assert ended.exit_code == 2
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_imports_nothing_heavy() -> None:
    """Help answers at once: neither the driver nor rich nor the queue is loaded for it."""
    heavy = ("psycopg", "rich", "asyncio", "manual_resolution.queue", "manual_resolution.intake")
    program = f"import sys, manual_resolution.cli.app; print([m for m in {heavy} if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("mrq list --priority ", {"critical", "high", "medium", "low"}),
        ("mrq list --status e", {"escalated"}),
        ("mrq add --type parcel", {"parcel_stuck"}),
        ("mrq resolve 1 --option re", {"recall"}),
        ("mrq escalate 1 --to ", {"support"}),
        ("mrq hist", {"history"}),
    ],
)
def test_completion_offers_what_fits(words: str, offered: set[str]) -> None:
    """The shell is offered the words that fit, without a database."""
    told = said(_MRQ_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")),
                MRQ_WORKFLOWS="tests.cli.small_world")  # fmt: skip
    assert set(told.split()) == offered
