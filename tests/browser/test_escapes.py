"""What producers and operators write stays text: on every page that shows it, in a real browser."""

import pytest
from playwright.sync_api import expect

from manual_resolution import OutcomeUnknown, Queue, WaitsForApproval
from manual_resolution.item import Actor
from tests.browser.conftest import Come
from tests.browser.operator import CONSOLE, Operator

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=document.title='owned'>",
    "</textarea></title><h1 id=owned>owned</h1>",
    "javascript:document.title='owned'",
    "{{ 7*7 }}${7*7}{% raw %}",
    "<a href=\"javascript:document.title='owned'\" hx-get=/sign-out hx-trigger=load>here</a>",
    "pay \u202efdp.exe\u2066 now",
    "zero\u200bwidth\ufeff",
    "\x1b[31mred\x1b]8;;http://evil.example\x07link",
    "=cmd|'/c calc'!A1",
    "line\u2028separator\x85next",
)
HIDDEN = "\u202e\u2066\u200b\ufeff\x1b\x07\u2028\x85"
BOB = Actor("bob", via="console:bob")


@pytest.fixture
def poisoned(queue: Queue) -> Queue:
    """Items with the corpus in every field that takes text: free, waiting for approval, unknown, resolved."""
    text = "\n".join(HOSTILE)
    facts = {"place": text, "<b>name</b>\u202e": text, "list": [text, {"deep": text}]}
    for number in range(1, 5):
        queue.add("parcel_stuck", "parcel", number, "high", text, facts)
        queue.note(number, BOB, text)
    with pytest.raises(WaitsForApproval):
        queue.resolve(2, "burn", text, BOB)
    with pytest.raises(OutcomeUnknown):
        queue.resolve(3, "shout", text, BOB)
    queue.resolve(4, "send", text, BOB, values={"house": "7", "street": "Main"})
    queue.add("odd_thing", "thing", 5, "low", text, {"x": text})
    queue.escalate(5, BOB, text, to="support")
    return queue


def test_nothing_acts_and_nothing_hides(alice: Operator, poisoned: Queue) -> None:
    """No page runs, links or hides what an item carries; it stands there to be read."""
    shown = [CONSOLE, f"{CONSOLE}?resolved=1", f"{CONSOLE}/board", f"{CONSOLE}/next", f"{CONSOLE}/approvals",
             f"{CONSOLE}/unknown", *(f"{CONSOLE}/{number}" for number in range(1, 6))]  # fmt: skip
    for address in shown:
        alice.page.goto(address)
        expect(alice.page.locator("main")).to_be_visible()
        content = alice.page.content()
        assert alice.page.title().endswith("· MRQ"), address
        for selector in ("#owned", "main script", "main svg", "main img", "main iframe", "a[href^=javascript]"):
            assert alice.page.locator(selector).count() == 0, (address, selector)
        assert alice.page.locator("main i").count() == 0
        assert [f"U+{ord(one):04X}" for one in HIDDEN if one in content] == [], address
    alice.page.goto(f"{CONSOLE}/1")
    for text in (HOSTILE[0], "<U+202E>", r"\x1b[31m", "=cmd|'/c calc'!A1", "{{ 7*7 }}"):
        alice.sees(text)


def test_what_is_typed_comes_back_as_text(operator: Come, queue: Queue) -> None:
    """A refused decision returns its text into the field, not into the page; a search returns it into the search."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    alice = operator("alice")
    alice.opens(1)
    alice.decides(1, "</textarea><h1 id=owned>", '"><h1 id=owned>')
    alice.is_told("is not allowed")
    alice.has_typed("</textarea><h1 id=owned>")
    alice.page.goto(f"{CONSOLE}?text=%22%3E%3Ch1%20id%3Downed%3E&age=%3Ch1%20id%3Downed%3E")
    expect(alice.page.get_by_role("searchbox")).to_have_value('"><h1 id=owned>')
    assert alice.page.locator("#owned").count() == 0
