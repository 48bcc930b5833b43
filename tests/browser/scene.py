"""A console with something on every page, for whoever looks at all of them."""

from dataclasses import dataclass, field
from datetime import timedelta

from manual_resolution import OutcomeUnknown, Queue, WaitsForApproval
from manual_resolution.item import Actor
from tests.browser.conftest import Application
from tests.browser.operator import CONSOLE
from tests.browser.weeks import through

BOB, ADA = Actor("bob@example.com", "person", "console:bob@example.com"), "ada@example.com"
HERE = {"place": "Depot 7, shelf 12", "email": "jonas.weber@example.com"}


@dataclass
class Scene:
    """The addresses of the pages, by name; the items are numbered as they were added."""

    pages: dict[str, str] = field(default_factory=dict)

    @classmethod
    def made(cls, queue: Queue, application: Application) -> "Scene":
        """The sample application's ten failures, and parcels in every state."""
        application.fails()
        scene = cls({name: CONSOLE + path for name, path in PAGES.items()})
        for n, (name, act) in enumerate(STATES.items()):
            number = queue.add("parcel_stuck", "parcel", 700 + n, "medium", "The label cannot be read", HERE).id
            act(queue, number)
            scene.pages[f"item-{name}"] = f"{CONSOLE}/{number}"
        through(application.db)
        scene.pages["item-advised"] = f"{CONSOLE}/10"
        scene.pages["item-many-facts"] = f"{CONSOLE}/6"
        scene.pages["no-such-page"] = f"{CONSOLE}/nowhere"
        return scene


PAGES = {
    "queue": "",
    "queue-narrowed": "?text=appeal&status=pending",
    "queue-empty": "?text=zeppelin",
    "board": "/board",
    "next": "/next",
    "approvals": "/approvals",
    "unknown": "/unknown",
    "report": "/report",
    "people": "/people",
    "own": "/own",
}


def proposed(queue: Queue, number: int) -> None:
    try:
        queue.resolve(number, "burn", "it smells, and the sender does not want it back", BOB)
    except WaitsForApproval:
        return


def lost(queue: Queue, number: int) -> None:
    try:
        queue.resolve(number, "shout", "they did not hear the bell", BOB)
    except OutcomeUnknown:
        return


STATES = {
    "free": lambda queue, number: None,
    "mine": lambda queue, number: queue.claim(number, ADA),
    "anothers": lambda queue, number: queue.claim(number, BOB),
    "waiting": proposed,
    "unknown": lost,
    "resolved": lambda queue, number: queue.resolve(number, "give_back", "nobody wants it", BOB),
    "failed-check": lambda queue, number: queue.amend(number, BOB, {"place": "nowhere"}, "there is no depot 7"),
    "placed": lambda queue, number: queue.place(number, BOB, "the customer rings every hour", span=timedelta(hours=4)),
    "aside": lambda queue, number: queue.note(
        queue.escalate(number, BOB, "theirs", to="support").id, BOB, "rang twice"
    ),
}
