"""What an operator does with the console, in the words of the trade: by keys, else by the mouse."""

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

CONSOLE = "/admin/manual-resolution-queue"


@dataclass
class Operator:
    """Somebody at a browser."""

    page: Page
    name: str

    # -------------------------------------------------------------- going somewhere

    def signs_in(self, password: str, to: str = "/") -> None:
        self.page.goto(f"/sign-in?to={to}")
        self.enters(password)
        expect(self.page.locator(".me")).to_have_text(self.name)

    def enters(self, password: str) -> None:
        """Name and password into the sign-in page that is open."""
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password").fill(password)
        self.clicks("Sign in")

    def opens_queue(self) -> None:
        self.page.goto(CONSOLE)

    def opens(self, number: int) -> None:
        self.page.goto(f"{CONSOLE}/{number}")

    def begins(self) -> None:
        """Takes the next item."""
        self.page.goto(f"{CONSOLE}/next")
        self.clicks("Take the next item")

    def is_at(self, number: int) -> None:
        """The page is this item's."""
        expect(self.page.locator(f"[data-item='{number}']")).to_be_visible()

    # -------------------------------------------------------------- seeing

    def sees(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)

    def does_not_see(self, text: str) -> None:
        expect(self.page.locator("main")).not_to_contain_text(text)

    def is_told(self, text: str) -> None:
        """A notice says so."""
        expect(self.page.get_by_role("alert")).to_contain_text(text)

    def sees_items(self, *numbers: int) -> None:
        """The list holds exactly these, in this order."""
        ids = [f"item-{number}" for number in numbers]
        rows = self.page.locator("li.row")
        expect(rows).to_have_count(len(ids))
        assert rows.evaluate_all("rows => rows.map(row => row.id)") == ids

    # -------------------------------------------------------------- typing and clicking

    def presses(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def types(self, text: str) -> None:
        """Into what has the focus."""
        expect(self.page.locator("input:focus, textarea:focus, select:focus")).to_have_count(1)
        self.page.keyboard.type(text)

    def clicks(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(re.compile(rf"^{re.escape(label)}")).locator("visible=true").first

    def has_typed(self, text: str) -> None:
        """The reason still stands in its field."""
        expect(self.page.locator("[data-why]")).to_have_value(text)

    # -------------------------------------------------------------- the moves

    def claims(self) -> None:
        self.presses("c")
        self.sees("Yours")

    def gives_back(self) -> None:
        self.presses("r")

    def decides(self, digit: int, why: str, *values: str) -> None:
        """Chooses by digit, answers what is asked, says why, Enter."""
        self.presses(str(digit))
        for value in values:
            self.types(value)
            self.presses("Enter")
        self.types(why)
        self.presses("Enter")

    def notes(self, text: str) -> None:
        self.presses("n")
        self.types(text)
        self.presses("Enter")

    def defers(self, span: str, why: str) -> None:
        self.presses("d")
        self.types(span)
        self.page.locator("details[open] textarea").fill(why)
        self.clicks("Put it aside")

    def searches(self, text: str) -> None:
        """From the keyboard, wherever the focus is."""
        self.presses("/")
        self.types(text)
        self.presses("Enter")

    def approves(self, note: str = "") -> None:
        if note:
            self.page.locator("[data-why]:visible").fill(note)
        self.clicks("Approve")

    def denies(self, why: str) -> None:
        self.page.locator("[data-why]:visible").fill(why)
        self.clicks("Deny")

    def reads_aloud(self) -> str:
        """All text of the page's main part."""
        return self.page.locator("main").inner_text()

    def escalates(self, team: str, why: str) -> None:
        self.presses("e")
        self.types(team)
        self.page.locator("details[open] textarea").fill(why)
        self.clicks("Pass it on")
