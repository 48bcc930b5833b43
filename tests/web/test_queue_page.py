"""The queue's page: narrowed, a page at a time, each row with why it stands there."""

import re
from urllib.parse import urlencode

import pytest

from manual_resolution import Queue
from tests.web.conftest import CONSOLE, Browser, text_of


@pytest.fixture
def some(queue: Queue) -> Queue:
    """Four items, no two alike."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "Ulm"})
    queue.add("parcel_stuck", "parcel", 2, "low", "eaten by a dog", {"place": "Bonn"})
    queue.add("letter_lost", "letter", 3, "low", "never came")
    queue.add("letter_lost", "letter", 4, "low", "came late")
    queue.claim(3, "alice")
    queue.resolve(4, "escalate", "for them", "bob", values={"to": "support"})
    return queue


def numbers(page: str) -> list[int]:
    """The items listed, in their order."""
    return [int(number) for number in re.findall(r'<li class="row[^"]*" id="item-(\d+)"', page)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"type": "letter_lost"}, [3, 4]),
        ({"priority": "high"}, [1]),
        ({"status": "escalated"}, [4]),
        ({"owner": "me"}, [3]),
        ({"assignee": "alice"}, [3]),
        ({"team": "support"}, [4]),
        ({"text": "house num"}, [1]),
        ({"text": "ulm"}, [1]),
        ({"field": "place", "value": "Bonn"}, [2]),
        ({"resource": "letter:3"}, [3]),
        ({"age": "1h"}, []),
        ({"breached": "1"}, []),
        ({"priority": "low", "type": "letter_lost", "text": "never"}, [3]),
    ],
)
def test_the_list_is_narrowed(alice: Browser, some: Queue, asked: dict[str, str], expected: list[int]) -> None:
    """Each filter and their combination show what fits and nothing else, and the form keeps what was chosen."""
    page = alice.get(f"{CONSOLE}?{urlencode(asked)}").text
    assert sorted(numbers(page)) == expected
    for text in asked.values():
        assert f'value="{text}"' in page or f"<option selected>{text}<" in page or f'value="{text}" selected' in page


@pytest.mark.parametrize(
    "asked",
    [
        {"priority": "urgent"},
        {"age": "old"},
        {"text": "!"},
        {"field": "email", "value": "x"},
        {"after": "x"},
        {"resource": ":"},
    ],
)
def test_what_cannot_be_asked_is_told(alice: Browser, some: Queue, asked: dict[str, str]) -> None:
    """A filter that is none, or names a hidden field, is told in a sentence; nothing else breaks."""
    page = alice.get(f"{CONSOLE}?{urlencode(asked)}")
    assert page.status_code == 200
    assert "is not allowed" in text_of(page.text)


def test_nothing_matches(alice: Browser, some: Queue) -> None:
    """A list narrowed to nothing leads back to everything."""
    assert "Nothing matches." in text_of(alice.get(f"{CONSOLE}?text=zebra").text)


def test_pages_follow_each_other(alice: Browser, queue: Queue) -> None:
    """After and before lead through all items, each shown once, in the order of work."""
    for n in range(1, 121):
        queue.add("letter_lost", "letter", n, "low", "lost")
    seen: list[int] = []
    page = alice.get(f"{CONSOLE}?type=letter_lost").text
    while True:
        seen += numbers(page)
        link = re.search(r'href="([^"]*after=[^"]*)"', page)
        if not link:
            break
        page = alice.get(link[1].replace("&amp;", "&")).text
    assert (len(seen), len(set(seen))) == (120, 120)
    back = re.search(r'href="([^"]*before=[^"]*)"', page)
    assert back
    assert numbers(alice.get(back[1].replace("&amp;", "&")).text) == seen[50:100]


def test_rows_say_why_they_stand_there(alice: Browser, some: Queue) -> None:
    """An ordinary item stands by its deadline, others say what keeps or places them."""
    told = text_of(alice.get(CONSOLE).text)
    assert "Among high items by its deadline" in told
    assert "With alice" in told
    assert "Waits for support" in told


def test_what_is_selected_is_claimed(alice: Browser, some: Queue) -> None:
    """Selected items are claimed as far as they may be, and worked through one after the other."""
    some.claim(2, "bob")
    answer = alice.post(f"{CONSOLE}/claims", data={"item": ["1", "2", "x", "4"]})
    assert answer.url.path in (f"{CONSOLE}/1", f"{CONSOLE}/3")
    assert [some.get(number).assigned_to for number in (1, 2, 4)] == ["alice", "bob", "alice"]


def test_htmx_gets_the_rows_alone(alice: Browser, some: Queue) -> None:
    """Where htmx asks for the list, only the list is sent."""
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    page = alice.get(CONSOLE, headers=headers).text
    assert sorted(numbers(page)) == [1, 2, 3, 4]
    assert "<html" not in page


def test_a_type_without_a_workflow_can_be_chosen(alice: Browser, queue: Queue) -> None:
    """What an older release or plain SQL left behind is among the types that the list is narrowed by."""
    number = queue.add("of_an_old_release", "parcel", 1, "low", "it is stuck").id
    for page in (CONSOLE, f"{CONSOLE}/board", f"{CONSOLE}/next"):
        assert "<option>of_an_old_release</option>" in alice.get(page).text
    assert f'id="item-{number}"' in alice.get(f"{CONSOLE}?type=of_an_old_release").text
