"""What the commands share: parameters, their completion, and the strict reading of what was typed."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from manual_resolution.errors import InvalidInput
from manual_resolution.priority import PRIORITIES

if TYPE_CHECKING:
    from manual_resolution.registry import Registry

#: Panels of the help, in their order.
STARTING: Final = "Starting"
DECIDING: Final = "Deciding"
READING: Final = "Reading"
LEARNING: Final = "Learning"
ADDING: Final = "Adding"
LOOKING_AFTER: Final = "Looking after it"
PANELS: Final = (STARTING, DECIDING, READING, LEARNING, ADDING, LOOKING_AFTER)


def example(*lines: str) -> str:
    """The end of a command's help."""
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)))


# ------------------------------------------------------------------ completion


def types(incomplete: str) -> list[str]:
    """Known item types."""
    return among((workflow.item_type for workflow in registry()), incomplete)


def options(incomplete: str) -> list[str]:
    """Options of the known item types."""
    return among({key for workflow in registry() for key in workflow.options}, incomplete)


def teams(incomplete: str) -> list[str]:
    """Teams that the known item types pass items on to."""
    found = {option.team for workflow in registry() for option in workflow.options.values()}
    return among({team for team in found if team}, incomplete)


def priorities(incomplete: str) -> list[str]:
    """The four priorities, the most urgent first."""
    return [priority for priority in PRIORITIES if priority.startswith(incomplete)]


def statuses(incomplete: str) -> list[str]:
    """The four statuses."""
    from manual_resolution.item import STATUSES

    return [status for status in STATUSES if status.startswith(incomplete)]


def formats(incomplete: str) -> list[str]:
    """The formats of files that `mrq import` reads."""
    return among(("csv", "jsonl"), incomplete)


def registry() -> "Registry":
    """The workflows that the environment names; none where that fails: a completion cannot tell an error."""
    from manual_resolution.registry import Registry, load
    from manual_resolution.settings import Settings

    with suppress(Exception):
        return load(Settings.from_env().workflows)
    return Registry()


def among(words: Any, incomplete: str) -> list[str]:
    """The words that begin so, sorted."""
    return sorted(word for word in words if word.startswith(incomplete))


# ------------------------------------------------------------------ parameters


def option(*names: str, help: str, metavar: str, completion: Callable[[str], list[str]] | None = None) -> Any:
    """A text option; its value is read strictly by the command, not by the parser."""
    return typer.Option(*names, help=help, metavar=metavar, autocompletion=completion, show_default=False)


Id = Annotated[str, typer.Argument(metavar="ID", help="The item's number.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
As = Annotated[str | None, option("--as", metavar="NAME", help="Who you are; else MRQ_OPERATOR.")]
Why = Annotated[str, option("-m", "--justification", metavar="TEXT", help="Why; kept in the history.")]
WhyRevealed = Annotated[
    str | None, option("-m", "--justification", metavar="TEXT", help="Why you must see them; kept in the history.")
]
Note = Annotated[str | None, option("-m", "--note", metavar="TEXT", help="A note for the history.")]
Type = Annotated[str | None, option("--type", metavar="TYPE", help="Only this item type.", completion=types)]
Urgency = Annotated[
    str | None, option("--priority", metavar="PRIORITY", help="Only this priority.", completion=priorities)
]
Resource = Annotated[
    str | None, option("--resource", metavar="TYPE[:NUMBER]", help="Only this kind of resource, or this one.")
]
Teams = Annotated[
    list[str] | None,
    option("--team", metavar="TEAM", help="Also what waits for this team; else MRQ_TEAM.", completion=teams),
]
ItemType = Annotated[str, option("--type", metavar="TYPE", help="The item type.", completion=types)]
Thing = Annotated[
    str | None, option("--resource", metavar="TYPE:NUMBER", help="The resource, such as meal_plan:12345.")
]
ThingType = Annotated[
    str | None,
    option("--resource-type", metavar="TYPE", help="The resource's type, where --resource is not given."),
]
ThingId = Annotated[str | None, option("--resource-id", metavar="NUMBER", help="Its number.")]
ThingKey = Annotated[str | None, option("--resource-key", metavar="TEXT", help="Its name, where it has no number.")]
DedupKey = Annotated[
    str | None,
    option("--dedup-key", metavar="TEXT", help="What makes it the same failure, instead of its resource."),
]
Producer = Annotated[str | None, option("--producer", metavar="NAME", help="Which script says so; else MRQ_PRODUCER.")]
Context = Annotated[str | None, option("--context", metavar="JSON", help="Facts recorded at failure: a JSON object.")]
ContextFile = Annotated[
    str | None,
    option("--context-file", metavar="FILE", help="The same from a file, or - for standard input."),
]
Set = Annotated[list[str] | None, option("--set", metavar="NAME=VALUE", help="A value; may be repeated.")]


# ------------------------------------------------------------------ reading


def item_id(text: str) -> int:
    """The item's number."""
    from manual_resolution import intake

    return intake.item_id(text)


def resource(
    thing: str | None, kind: str | None = None, number: str | None = None, key: str | None = None
) -> tuple[str, int | None, str | None]:
    """Type, number and key of a resource, from `--resource` or from the options for each."""
    from manual_resolution import intake

    if thing is None:
        if kind is None:
            raise InvalidInput("resource", None, "TYPE:NUMBER, or --resource-type with --resource-key")
        return kind, None if number is None else intake.item_id(number, "resource_id"), key
    if (kind, number, key) != (None, None, None):
        allowed = "either --resource, or --resource-type with --resource-id or --resource-key"
        raise InvalidInput("resource", thing, allowed)
    kind, colon, number = thing.partition(":")
    if not colon:
        allowed = "TYPE:NUMBER, such as meal_plan:12345; without a number --resource-type with --resource-key"
        raise InvalidInput("resource", thing, allowed)
    return kind, intake.item_id(number, "resource_id"), None


def chosen_teams(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """The teams named; None means those of MRQ_TEAM."""
    from manual_resolution import intake

    return tuple(intake.team(name) for name in names) if names else None


def context(text: str | None, file: str | None) -> dict[str, Any] | None:
    """The context given as JSON text, or in a file, read strictly."""
    from manual_resolution.context import MAX_CONTEXT_BYTES, parse_context

    if text is not None and file is not None:
        raise InvalidInput("context_file", file, "only one of --context and --context-file may be given")
    if file is not None:
        return parse_context(contents(file, MAX_CONTEXT_BYTES + 1))
    return None if text is None else parse_context(text)


def contents(file: str, limit: int, parameter: str = "context_file") -> bytes:
    """At most `limit` bytes of a file, or of standard input for `-`."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(limit)
        with open(file, "rb") as opened:
            return opened.read(limit)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not a file name"
        raise InvalidInput(parameter, file, f"a file that can be read ({why})") from None


def pairs(given: Sequence[str] | None) -> dict[str, str]:
    """`--set name=value …` as a dict."""
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name or name in found:
            raise InvalidInput("set", text, "NAME=VALUE, each name once")
        found[name] = value
    return found
