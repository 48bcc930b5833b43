"""An outside call whose answer was lost: shown, never repeated, asked about, told."""

import pytest

from manual_resolution import Queue
from tests.browser.conftest import Application, Come
from tests.browser.operator import CONSOLE, Operator


@pytest.fixture
def unknown(alice: Operator, queue: Queue) -> int:
    """A parcel somebody shouted at; nobody answered."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    alice.opens(1)
    alice.decides(5, "they are deaf")
    alice.sees("What came of it is not known")
    return 1


def test_it_is_never_repeated_by_itself(alice: Operator, queue: Queue, unknown: int) -> None:
    """The item stands under Unknown; asking the service once more leaves it there while nobody answers."""
    alice.presses("U")
    alice.sees("alice chose Shout")
    alice.clicks("Ask the service")
    alice.is_at(unknown)
    alice.sees("What came of it is not known")
    assert queue.get(unknown).held == "attempt"
    assert len(queue.attempts(unknown)) == 1


def test_another_person_says_what_they_found_out(operator: Come, queue: Queue, unknown: int) -> None:
    """It was done: a person says so and how they know, and the item is resolved."""
    bob = operator("bob")
    bob.opens(unknown)
    bob.page.locator("[data-why]:visible").fill("I heard them")
    bob.clicks("It was done")
    bob.sees("Resolved")
    assert queue.get(unknown).resolution == "Shout"


def test_a_lost_answer_of_the_blob_store(alice: Operator, application: Application, queue: Queue) -> None:
    """The store deletes the PDF and its answer is lost: it is asked at once what came of it, and deletes once."""
    application.fails()
    path = "plans/12345-Xy7.pdf"
    application.blob.script_for(path, "reset-after", method="POST")
    alice.page.goto(f"{CONSOLE}?text=12345")
    alice.page.locator("li.row a").first.click()
    alice.is_at(10)
    alice.decides(1, "they must be gone")
    alice.sees("PDF gone, as the blob service said after a retry without an answer")
    assert len(application.blob.calls_to(path, "POST")) == 1
    assert not application.blob.has(path)
