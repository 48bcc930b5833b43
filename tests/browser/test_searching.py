"""Find an item: by words, by filters, by a fact of its context; page on."""

import pytest
from playwright.sync_api import expect

from manual_resolution import Queue
from tests.browser.operator import CONSOLE, Operator


@pytest.fixture
def parcels(queue: Queue) -> Queue:
    """Three parcels and an item of a type nobody taught."""
    for n, (priority, place) in enumerate((("critical", "harbour"), ("high", "attic"), ("low", "cellar")), 1):
        queue.add("parcel_stuck", "parcel", n, priority, f"stuck in the {place}", {"place": place})
    queue.add("coffee_cold", "machine", 9, "low", "nobody drank it")
    return queue


def test_by_words(alice: Operator, parcels: Queue) -> None:
    """A slash leads to the search; what it finds stands there, and the address can be sent to somebody."""
    alice.opens_queue()
    alice.sees_items(1, 2, 3, 4)
    alice.searches("attic")
    alice.sees_items(2)
    alice.page.goto(alice.page.url)
    alice.sees_items(2)
    alice.page.get_by_role("link", name="Clear").click()
    alice.sees_items(1, 2, 3, 4)


def test_what_is_chosen_narrows_at_once(alice: Operator, parcels: Queue) -> None:
    """A choice of type or priority needs no button; the back button takes it away again."""
    alice.opens_queue()
    alice.page.get_by_label("Type").select_option("parcel_stuck")
    alice.sees_items(1, 2, 3)
    alice.page.go_back()
    alice.sees_items(1, 2, 3, 4)
    alice.page.get_by_label("Priority").select_option("low")
    alice.sees_items(3, 4)


def test_by_a_fact(alice: Operator, parcels: Queue) -> None:
    """A declared fact of the context narrows the list."""
    alice.opens_queue()
    alice.page.get_by_text("More").click()
    alice.page.get_by_label("Fact").select_option(label="Place")
    alice.page.get_by_label("is", exact=True).fill("cellar")
    alice.presses("Enter")
    alice.sees_items(3)


def test_nothing_found_says_what_to_do(alice: Operator, parcels: Queue) -> None:
    """Where nothing matches, the way back to everything stands there."""
    alice.opens_queue()
    alice.searches("zeppelin")
    alice.sees("Nothing matches.")
    alice.page.get_by_role("link", name="Show everything that waits").click()
    alice.sees_items(1, 2, 3, 4)


def test_a_page_at_a_time(alice: Operator, queue: Queue) -> None:
    """Keys lead to the next page and back."""
    for n in range(60):
        queue.add("parcel_stuck", "parcel", n + 1, "low", "stuck", {"place": "here"})
    alice.opens_queue()
    expect(alice.page.locator("li.row")).to_have_count(50)
    alice.presses("n")
    alice.sees_items(*range(51, 61))
    alice.presses("p")
    expect(alice.page.locator("#item-1")).to_be_visible()


def test_what_is_selected_is_claimed_together(alice: Operator, parcels: Queue) -> None:
    """Rows selected by keys are claimed with one more, and the work through them begins."""
    alice.opens_queue()
    alice.presses("j", "x", "j", "j", "x")
    alice.sees("2 selected")
    alice.presses("t")
    alice.is_at(1)
    assert [parcels.get(n).assigned_to for n in (1, 2, 3)] == ["alice", None, "alice"]
    alice.decides(3, "nobody wants it")
    alice.is_at(3)
    assert alice.page.url.startswith(alice.page.url.partition("/admin")[0] + CONSOLE)
