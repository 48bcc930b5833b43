"""What refusals say to do: the same thing as the terminal, by the name that it has in this place."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import manual_resolution
from manual_resolution import Queue
from manual_resolution.web.rendering import about
from manual_resolution.web.sentences import WAYS, in_console, over_http
from tests.web.conftest import CONSOLE, Person, text_of

HERE = Path(manual_resolution.__file__).parent


#: Commands that a sentence may name wherever it is told, for nothing else does it.
STAY = ("mrq audit", "mrq db", "mrq demo", "mrq serve", "mrq spool", "mrq token add")


def texts(path: Path) -> Iterator[str]:
    """The sentences of a module that are no docstrings, a number where a value is filled in."""
    for node in ast.walk(ast.parse(path.read_text())):
        for one in ast.iter_child_nodes(node):
            if isinstance(node, ast.Expr):
                continue
            if isinstance(one, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in one.values)
            elif isinstance(one, ast.Constant) and isinstance(one.value, str) and not isinstance(node, ast.JoinedStr):
                yield one.value


def test_every_command_that_a_sentence_names_has_its_place() -> None:
    """Of all modules that the console and the API load, no sentence sends somebody to a terminal for what is here."""
    code = "import sys, manual_resolution.web.app; print(*(m for m in sys.modules if 'manual_resolution' in m))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    paths = [HERE.parent / f"{name.replace('.', '/')}.py" for name in loaded]
    told = [text for path in paths if path.is_file() for text in texts(path)]
    found = {name for text in told for name in re.findall("`(mrq [^`]+)`", text)}
    assert len(found) > 6
    left = {name for name in found if "`" in in_console(f"`{name}`") + over_http(f"`{name}`")}
    assert {name for name in left if not name.startswith(STAY)} == set()
    used = {command for command, *_ in WAYS if any(re.fullmatch(command, name) for name in found)}
    assert used == {command for command, *_ in WAYS}


def test_a_sentence_in_each_place() -> None:
    """What the terminal says as a command is a button's name on a page, and a request over HTTP."""
    sentence = "#6 has an attempt whose outcome is not known yet; `mrq confirm 6` settles it."
    assert in_console(sentence).endswith("yet; “Ask the service” on its page settles it.")
    assert over_http(sentence).endswith("yet; POST /api/v1/items/6/confirmation settles it.")


def test_what_a_person_wrote_never_becomes_a_link() -> None:
    """Only the number a sentence begins with leads anywhere; what is quoted in it is text."""
    told = about("#6 was resolved by bob: <b>see #7</b>\u202e", "/console")
    assert str(told) == '<a href="/console/6">#6</a> was resolved by bob: &lt;b&gt;see #7&lt;/b&gt;&lt;U+202E&gt;'
    assert str(about("No #6", "/console")) == "No #6"


@pytest.mark.parametrize("named", ["#2", "2"])
def test_a_place_is_given_and_taken_on_the_items_page(person: Person, queue: Queue, named: str) -> None:
    """An item is put before another on its own page, which says so, and goes by its deadline again from there."""
    for number in (1, 2):
        queue.add("parcel_stuck", "parcel", number, "medium", "it is stuck", {"place": "shelf"})
    alice = person("alice")
    alice.move(2, "position", justification="she waits", after="", before="#1", span="2h", place="first")
    assert [item.id for item in queue.list()] == [2, 1]
    assert "Placed here by alice until" in text_of(alice.item(2))
    refused = alice.move(1, "position", justification="so", before=named, after=named, span="2h", place="first")
    assert (refused.status_code, "give one neighbour: before or after" in text_of(refused.text)) == (422, True)
    alice.move(2, "position", justification="", place="by-deadline")
    assert [item.id for item in queue.list()] == [1, 2]
    queue.claim(2, "bob")
    refused = alice.post(f"{CONSOLE}/board/1/position", data={"justification": "so", "before": named[-1]})
    assert f'<a href="{CONSOLE}/2">#2</a> does not wait any more' in refused.text
