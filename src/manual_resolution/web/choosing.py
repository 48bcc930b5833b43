"""What a page's address limits it to: the same names for Queue, Board and what watches them."""

from collections.abc import Mapping
from typing import Any, Final

from manual_resolution.browsing import browse_from
from manual_resolution.item import Actor, Browse

#: What an address may narrow the list by, as `browse_from` calls it.
NARROWS: Final = ("text", "type", "priority", "status", "held", "owner", "team", "age", "resource")


def chosen_from(asked: Mapping[str, str], who: Actor) -> Browse:
    """What an address asks for. Raises `InvalidInput`."""
    given: dict[str, Any] = {name: asked[name].strip() for name in NARROWS if asked.get(name, "").strip()}
    if asked.get("assignee", "").strip():  # what `owner` was called
        given.setdefault("owner", asked["assignee"].strip())
    if given.get("owner") == "me":
        given["owner"] = who.name
    if asked.get("field") and asked.get("value"):
        given["field"] = [f"{asked['field']}={asked['value'].strip()}"]
    breached = True if asked.get("breached") else None
    return browse_from(**given, breached=breached, resolved=bool(asked.get("resolved")))
