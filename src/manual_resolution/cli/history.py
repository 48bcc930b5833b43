"""An item's history as plain lines, in the words of the trade. Every text is made inert here."""

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from manual_resolution.cli.lines import Lines, labelled, padded
from manual_resolution.inert import columns, inert
from manual_resolution.recounting import verb_text, what

if TYPE_CHECKING:
    from manual_resolution.item import Event


def lines_of(events: Sequence["Event"]) -> Lines:
    """One line an event, `HH:MM:SS verb actor what` in UTC; a line with the date before each new day."""
    who = max((columns(inert(event.actor)) for event in events), default=0)
    day, lines, before = "", Lines(), dict[str, Any]()
    for event in events:
        at = event.at.astimezone(UTC)
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            lines.append(f"{day} UTC")
        start = f"{at:%H:%M:%S} {inert(verb_text(event)):<10} {padded(inert(event.actor), who)}  "
        lines += [line.rstrip() for line in labelled(start, inert(what(event, before)))]
        before = (event.private or {}).get("context") or before
    return lines
