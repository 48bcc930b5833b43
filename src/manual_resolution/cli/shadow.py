"""`mrq shadow`: watch a colleague decide, at one's own terminal, without being able to change anything."""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import item_json, open_queue, print_json, speaker
from manual_resolution.errors import Refused

if TYPE_CHECKING:
    from manual_resolution.case import Case
    from manual_resolution.item import Event
    from manual_resolution.training import Glance, Shadow

SECOND = 1.0
Name = Annotated[str, typer.Argument(metavar="NAME", help="Your colleague.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add `mrq shadow`."""
    examples = given.example("mrq shadow bob@example.com", "mrq shadow bob@example.com --once")
    app.command("shadow", rich_help_panel=given.LEARNING, epilog=examples)(shadow)


def shadow(
    name: Name,
    as_: given.As = None,
    idle: Annotated[
        int,
        typer.Option(metavar="MINUTES", min=1, max=1440, help="End when they hold and do nothing for so long."),
    ] = 15,
    once: Annotated[bool, typer.Option("--once", help="Show what they hold now and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document a line.")] = False,
) -> None:
    """Watch a colleague decide. Reads only; ends with Ctrl-C."""
    from manual_resolution.training import Shadow

    who = speaker(as_)
    with closing(open_queue()) as queue, closing(Shadow(queue, name, who.name)) as watching:
        queue.admit(who, "read")
        watch = Watch(watching, as_json)
        watch.begin()
        try:
            watch.follow(0 if once else idle, once)
        except KeyboardInterrupt:
            print("", end="" if as_json else "\n")
        watch.end()


class Watch:
    """A shadow's terminal: prints what is new, counts decisions."""

    def __init__(self, shadow: "Shadow", as_json: bool, wait: Callable[[float], None] = time.sleep) -> None:
        self.shadow, self.as_json, self.wait = shadow, as_json, wait
        self.count = 0

    def begin(self) -> None:
        if not self.as_json:
            self.say(f"You watch {self.shadow.colleague}, reading only. Ctrl-C ends.")

    def follow(self, idle: int, once: bool = False) -> None:
        """Look once a second until the colleague holds and does nothing for `idle` minutes."""
        glance = self.shadow.look()
        self.show(glance)
        if not glance.cases and not self.as_json:
            self.say(f"{self.shadow.colleague} holds nothing now{'.' if once else ': waiting.'}")
        while not once and glance.idle.total_seconds() < idle * 60:
            self.wait(SECOND)
            glance = self.shadow.look()
            self.show(glance)

    def show(self, glance: "Glance") -> None:
        """What is new, oldest first."""
        for event in glance.events:
            self.event(event)
        for item_id in () if self.as_json else glance.left:
            self.say(f"{self.shadow.colleague} holds #{item_id} no longer.")
        for case in glance.cases:
            self.case(case)

    def event(self, event: "Event") -> None:
        shown = self.shadow.masked(event)
        if self.as_json:
            print_json({"event": shown.as_json()})
        else:
            self.say(event_text(shown))
        try:
            self.count += self.shadow.count(event)
        except Refused as error:
            self.say(f"Not counted: {error}")

    def case(self, case: "Case") -> None:
        from manual_resolution import documents
        from manual_resolution.cli import show

        mask = self.shadow.reading.mask(case.item)
        if self.as_json:
            print_json({"holds": item_json(case.item, mask) | documents.case_json(mask.case(case))})
        else:
            print("\n".join(["", *show.item_lines(mask.case(case)), ""]), flush=True)

    def end(self) -> None:
        """What it came to."""
        from manual_resolution.training import TO_WATCH

        total = self.shadow.watched()
        if self.as_json:
            print_json({"watched": self.count, "in_all": total, "of": TO_WATCH})
        else:
            decisions = "1 decision" if self.count == 1 else f"{self.count} decisions"
            self.say(f"You watched {decisions}: {total} of {TO_WATCH} so far.")

    def say(self, text: str) -> None:
        from manual_resolution.cli.terminal import say

        say(text)


def event_text(event: "Event") -> str:
    """`10:02:11 bob@example.com: resolve #42, option retry: …: "the service is back"`; the time is UTC."""
    from manual_resolution.recounting import verb_text, what

    option = ((event.private or {}).get("resolution_metadata") or {}).get("option")
    parts = [f"{event.verb if event.verb != 'attempt' else verb_text(event)} #{event.item_id}"]
    parts += [f"option {option}"] if option else []
    text = f"{event.at.astimezone(UTC):%H:%M:%S} {event.actor}: {', '.join(parts)}"
    return f"{text}: {told}" if (told := what(event)) else text
