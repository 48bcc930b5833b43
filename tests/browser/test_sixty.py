"""An operator clears mixed items, in Chromium and in the terminal: keystrokes and waiting, item by item.

`MRQ_SIXTY=60 ./dev test-browser tests/browser/test_sixty.py -s` prints the figures; the suite does a dozen.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

import pexpect
from playwright.sync_api import expect

from manual_resolution import Queue
from tests.browser.conftest import Application
from tests.browser.operator import Operator
from tests.processes import MENU, Terminal

ITEMS = int(os.environ.get("MRQ_SIXTY", "12"))
LONG_AGO = datetime.now(UTC) - timedelta(hours=5)
WHY = "as the checks say"


@dataclass
class Cleared:
    """One item: what was chosen, keys pressed beside the justification, and seconds until the next item stood there."""

    number: int
    what: str
    keys: int
    seconds: float


def mixed(application: Application, queue: Queue) -> None:
    """PDFs to delete again, parcels with two values, quizzes to defer, items of a type that nobody taught."""
    application.db.execute("insert into users (id, email, name) values (871, 'ada@example.com', 'Ada')")
    for n in range(1, ITEMS + 1):
        kinds = (a_pdf, a_parcel, a_pdf, a_quiz, a_pdf, a_coffee, a_pdf, a_pdf)
        kinds[n % len(kinds)](application, queue, n)


def a_pdf(application: Application, queue: Queue, n: int) -> None:
    url, path = application.blob.url_of(f"plans/{n}.pdf"), f"plans/{n}.pdf"
    application.db.execute("insert into meal_plans (id, user_id, pdf_url) values (%s, 871, %s)", [n, url])
    application.blob.seed([(path, 48_213)])
    facts = {"pdf_url": url, "retry_count": 3, "last_error": "ServiceUnavailable: down"}
    queue.add("pdf_deletion_failed", "meal_plan", n, "medium", "It was not deleted", facts, occurred_at=LONG_AGO)


def a_parcel(application: Application, queue: Queue, n: int) -> None:
    queue.add("parcel_stuck", "parcel", n, "high", "No house number", {"place": "here"})


def a_quiz(application: Application, queue: Queue, n: int) -> None:
    email = f"visitor{n}@example.net"
    application.db.execute("insert into quiz_responses (id, email) values (%s, %s)", [n, email])
    facts = {"email": email, "created_at": "2026-11-23T08:00:00Z", "foreign_key_references": []}
    queue.add("quiz_orphaned", "quiz_response", n, "low", "Quiz response without a user", facts)


def a_coffee(application: Application, queue: Queue, n: int) -> None:
    queue.add("coffee_cold", "machine", n, "low", "Nobody drank it")


def told(cleared: list[Cleared], where: str) -> None:
    """Print the table; the promise is about the medians."""
    print(f"\n{where}: item, option, keystrokes beside the justification, seconds waited")  # noqa: T201
    for one in cleared:
        print(f"  #{one.number:<4} {one.what:<14} {one.keys}  {one.seconds:.3f}")  # noqa: T201
    keys, seconds = (median(getattr(one, name) for one in cleared) for name in ("keys", "seconds"))
    print(f"  median of {len(cleared)}: {keys:g} keystrokes, {seconds:.3f} s")  # noqa: T201


def test_in_the_browser(alice: Operator, application: Application, queue: Queue) -> None:
    """Each item takes a digit, an Enter for each value, the reason and Enter; nobody is served what they passed on."""
    mixed(application, queue)
    alice.begins()
    cleared = list(cleared_in_browser(alice))
    told(cleared, "Chromium")
    assert len({one.number for one in cleared}) == len(cleared) == ITEMS
    assert median(one.keys for one in cleared) <= 3
    assert {"resolved", "deferred"} == {item.held or item.status for item in queue.list(resolved=True)}


def cleared_in_browser(alice: Operator) -> Iterator[Cleared]:
    page = alice.page
    page.locator("[data-item]").wait_for()
    while page.locator("[data-item]").count():
        number = int(page.locator("[data-item]").get_attribute("data-item") or 0)
        digit, what = digit_of(page)
        keys = 2
        alice.presses(digit)
        while not page.evaluate("document.activeElement?.matches('[data-why]') ?? false"):
            expect(page.locator(".asks :focus, [data-why]:focus")).to_have_count(1)
            if page.evaluate("document.activeElement.matches('.asks *')"):
                alice.presses("Enter")
                keys += 1
        page.keyboard.insert_text(WHY)
        begun = perf_counter()
        alice.presses("Enter")
        page.wait_for_function(
            "n => !document.querySelector(`[data-item='${n}']`)", arg=str(number), polling="raf"
        )  # fmt: skip
        yield Cleared(number, what, keys, perf_counter() - begun)


def digit_of(page: Any) -> tuple[str, str]:
    """The recommended option, else deferring."""
    found = page.locator(".option:has(.tag.good) input[type=radio], .option input[value=defer]").first
    return str(found.get_attribute("data-digit")), str(found.get_attribute("value"))


def test_in_the_terminal(application: Application, queue: Queue, environment: dict[str, str]) -> None:
    """The same in the terminal: a digit and Enter, Enter for each value, the reason and Enter."""
    mixed(application, queue)
    terminal = Terminal(
        "process", "--limit", str(ITEMS), environment=environment | {"MRQ_OPERATOR": "alice", "TERM": "dumb"}
    )
    try:
        cleared = list(cleared_in_terminal(terminal))
    finally:
        terminal.close()
    told(cleared, "Terminal")
    assert len({one.number for one in cleared}) == len(cleared) == ITEMS, terminal.text[-1500:]
    assert median(one.keys for one in cleared) <= 3


def cleared_in_terminal(terminal: Terminal) -> Iterator[Cleared]:
    asked = [MENU.replace("4", r"\d"), r"\n(?:House number|Street|How long\?|Enter defers|To which team\?)[^\n]* $"]
    ends = [r"\nWhy\?[^\n]* $", pexpect.EOF]
    number, what, keys, begun = 0, "", 0, perf_counter()
    while (found := terminal.child.expect([*asked, *ends])) != 3:
        shown = terminal.child.before.decode()
        if found == 0:
            if number:
                yield Cleared(number, what, keys, perf_counter() - begun)
            number = int(re.findall(r"Queue Item #(\d+)", shown)[-1])
            options = dict(re.findall(r"  (\d)\. ([^\r\n]*)", shown))
            digit = next(iter(re.findall(r"Recommended: (\d)", shown)), None) or next(
                key for key, label in options.items() if label.startswith("Defer")
            )
            what, keys = options[digit][:14], 2
            terminal.types(f"{digit}\n")
        elif found == 1:
            keys += 1
            terminal.types("\n")
        else:
            keys += 1
            begun = perf_counter()
            terminal.types(f"{WHY}\n")
    yield Cleared(number, what, keys, perf_counter() - begun)
