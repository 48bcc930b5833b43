"""Claiming an item, letting it go, putting it aside, and facts beside its status: one command a move."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import measure, open_queue, print_item, speaker
from manual_resolution.cli.looking import filtered
from manual_resolution.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from manual_resolution.item import Actor, Item
    from manual_resolution.queue import Queue


def register(app: typer.Typer) -> None:
    """Add these commands to `mrq`."""
    for name, command, *examples in (
        ("next", next_, "mrq next --team engineering", "mrq next --wait 10m --json"),
        ("claim", claim, "mrq claim 42"),
        ("extend", extend, "mrq extend 42"),
        ("release", release, "mrq release 42 -m 'out for lunch'"),
        ("hand-over", hand_over, "mrq hand-over 42 --to bob@example.com -m 'you know this customer'"),
        ("take-over", take_over, "mrq take-over 42 -m 'alice is ill'"),
        ("decline", decline, "mrq decline 42 -m 'I know the customer'"),
        (
            "defer",
            defer,
            "mrq defer 42 --for 24h -m 'the blob service is down'",
            "mrq defer 42 --until 2026-10-05T08:00+02:00 -m 'office opens'",
        ),
        ("escalate", escalate, "mrq escalate 42 --to engineering -m 'fails for three days'"),
        ("place", place, "mrq place 42 --before 17 -m 'the customer waits'"),
        ("priority", priority, "mrq priority 42 high -m 'the user called'"),
        ("note", note, "mrq note 42 'asked the customer for the invoice'"),
        ("amend", amend, "mrq amend 42 --set user_id=604 -m 'found by e-mail'"),
        ("reopen", reopen, "mrq reopen 42 -m 'the PDF is still public'"),
    ):
        app.command(name, rich_help_panel=given.DECIDING, epilog=given.example(*examples))(command)


def next_(
    as_: given.As = None,
    type: given.Type = None,
    priority: given.Urgency = None,
    resource: given.Resource = None,
    team: given.Teams = None,
    wait: Annotated[
        str | None, given.option("--wait", metavar="SPAN", help="Wait so long for one to come: 30s, 10m, 8h.")
    ] = None,
    as_json: given.Json = False,
) -> None:
    """Claim the next item and print it. JSON on an empty queue is null."""
    from manual_resolution import intake
    from manual_resolution.cli import show

    who, chosen, teams = speaker(as_), filtered(type, priority, resource), given.chosen_teams(team)
    seconds = 0 if wait is None else intake.wait(wait).total_seconds()
    with closing(open_queue()) as queue:
        item = queue.arrivals.wait(
            lambda: queue.next_given_back(who, chosen=chosen) or queue.next(who, chosen=chosen, teams=teams), seconds
        )
        if as_json:
            print_item(item, as_json)
        elif item is None:
            print(nothing_waits(queue))
        else:
            mask = queue.mask(item)
            lines = show.item_lines(mask.case(queue.examine(item.id)))
            print("\n".join(lines + show.hidden_lines(mask, f"mrq show {item.id} --reveal -m WHY")))


def nothing_waits(queue: "Queue") -> str:
    """What to say on an empty queue: it may be that only nothing waits for this person's teams."""
    from manual_resolution.inert import inert

    waiting = ", ".join(f"{count:,} for {inert(team)}" for team, count in queue.waiting_for_teams().items())
    return f"Nothing waits. For teams: {waiting} (--team)." if waiting else "Nothing waits."


def moved(item: str, as_: str | None, move: "Callable[[Queue, int, Actor], Item]") -> "Item":
    """One item as it is after somebody's move."""
    number, who = given.item_id(item), speaker(as_)
    with closing(open_queue()) as queue:
        return move(queue, number, who)


def claim(item: given.Id, as_: given.As = None, as_json: given.Json = False) -> None:
    """Claim one item. A deferred one or another team's too; your own again renews your lease."""
    print_claimed(moved(item, as_, lambda queue, number, who: queue.claim(number, who)), as_json)


def extend(item: given.Id, as_: given.As = None, as_json: given.Json = False) -> None:
    """Renew your lease."""
    print_claimed(moved(item, as_, lambda queue, number, who: queue.extend(number, who)), as_json)


def print_claimed(found: "Item", as_json: bool) -> None:
    """Whose it is, and until when."""
    from manual_resolution.worded import instant_text

    until = f" until {instant_text(found.lease_until)}" if found.lease_until else ""
    print_item(found, as_json, f"#{found.id} is yours{until}.")


def release(item: given.Id, note: given.Note = None, as_: given.As = None, as_json: given.Json = False) -> None:
    """Give your item back, undecided."""
    found = moved(item, as_, lambda queue, number, who: queue.release(number, who, note))
    print_item(found, as_json, f"#{found.id} waits again.")


def hand_over(
    item: given.Id,
    to: Annotated[str, given.option("--to", metavar="NAME", help="Who gets it.")],
    note: given.Note = None,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Give your item to a colleague."""
    found = moved(item, as_, lambda queue, number, who: queue.hand_over(number, who, to, note))
    print_item(found, as_json, f"#{found.id} is {found.assigned_to}'s now.")


def take_over(item: given.Id, why: given.Why, as_: given.As = None, as_json: given.Json = False) -> None:
    """Take an item from its owner, saying why."""
    found = moved(item, as_, lambda queue, number, who: queue.take_over(number, who, why))
    print_item(found, as_json, f"#{found.id} is yours.")


def decline(item: given.Id, why: given.Why, as_: given.As = None, as_json: given.Json = False) -> None:
    """Give your item back and never be served it again."""
    found = moved(item, as_, lambda queue, number, who: queue.decline(number, who, why))
    print_item(found, as_json, f"#{found.id} waits for somebody else.")


def defer(
    item: given.Id,
    why: given.Why,
    span: Annotated[str | None, given.option("--for", metavar="SPAN", help="How long, such as 24h, 90m, 7d.")] = None,
    until: Annotated[
        str | None,
        given.option("--until", metavar="INSTANT", help="Until when, such as 2026-10-05T08:00+02:00."),
    ] = None,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Put an item aside for a while; its deadline stays."""
    from manual_resolution import intake
    from manual_resolution.cli.show import due_text
    from manual_resolution.worded import instant_text

    if (span is None) == (until is None):
        raise InvalidInput("for", span, "give either --for 24h or --until 2026-10-05T08:00Z")
    number, who = given.item_id(item), speaker(as_)
    length = None if span is None else intake.span(span, "for")
    end = None if until is None else intake.instant(until, "until")
    with closing(open_queue()) as queue:
        found = queue.defer(number, who, why, span=length, until=end)
    assert found.deferred_until is not None
    past = f" That is past its deadline ({due_text(found)})." if found.deferred_until > found.sla_deadline else ""
    print_item(found, as_json, f"#{number} is put aside until {instant_text(found.deferred_until)}.{past}")


def escalate(
    item: given.Id,
    why: given.Why,
    to: Annotated[
        str | None,
        given.option("--to", metavar="TEAM", help="Which team; anybody else if left out.", completion=given.teams),
    ] = None,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Pass an item on to a team. Without --to to anybody else; you are not served it again."""
    found = moved(item, as_, lambda queue, number, who: queue.escalate(number, who, why, to=to))
    print_item(found, as_json, f"#{found.id} waits for {found.escalated_to or 'anybody else'}.")
    measure(found)


def priority(
    item: given.Id,
    to: Annotated[
        str,
        typer.Argument(metavar="PRIORITY", help="critical, high, medium or low.", autocompletion=given.priorities),
    ],
    why: given.Why,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Change an item's priority. A higher one moves its deadline earlier, nothing moves it later."""
    from manual_resolution.cli.show import due_text

    found = moved(item, as_, lambda queue, number, who: queue.set_priority(number, who, to, why))
    print_item(found, as_json, f"#{found.id} is {found.priority} now, {due_text(found)}.")


def place(
    item: given.Id,
    why: given.Note = None,
    before: Annotated[str | None, given.option("--before", metavar="ID", help="Before this item.")] = None,
    after: Annotated[str | None, given.option("--after", metavar="ID", help="Behind this item.")] = None,
    first: Annotated[bool, typer.Option("--first", help="First of those that are not overdue.")] = False,
    by_deadline: Annotated[bool, typer.Option("--by-deadline", help="Let it go by its deadline again.")] = False,
    span: Annotated[str, given.option("--for", metavar="SPAN", help="How long, such as 24h or 7d.")] = "24h",
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Put an item before or behind another of its priority, for a while. Say why with -m."""
    from manual_resolution import intake
    from manual_resolution.browsing import why as why_there

    if sum((before is not None, after is not None, first, by_deadline)) != 1:
        raise InvalidInput("before", before, "give one of --before ID, --after ID, --first, --by-deadline")
    number, who, length = given.item_id(item), speaker(as_), intake.span(span, "for")
    beside = {name: given.item_id(text) for name, text in (("before", before), ("after", after)) if text is not None}
    with closing(open_queue()) as queue:
        if by_deadline:
            found = queue.unplace(number, who, why)
        else:
            found = queue.place(number, who, why or "", span=length, **beside)
    print_item(found, as_json, f"#{number}: {why_there(found)}")


def note(
    item: given.Id,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to remember.", show_default=False)],
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Add a note to an item's history."""
    found = moved(item, as_, lambda queue, number, who: queue.note(number, who, text))
    print_item(found, as_json, f"Noted on #{found.id}.")


def amend(
    item: given.Id,
    why: given.Why,
    values: given.Set = None,
    context: given.Context = None,
    context_file: given.ContextFile = None,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Correct or complete the facts recorded with an item."""
    from manual_resolution.inert import inert

    facts = (given.context(context, context_file) or {}) | given.pairs(values)
    if not facts:
        raise InvalidInput("set", None, "give --set NAME=VALUE, --context or --context-file")
    number, who = given.item_id(item), speaker(as_)
    with closing(open_queue()) as queue:
        found = queue.amend(number, who, facts, why)
    print_item(found, as_json, f"#{number} amended: {inert(', '.join(facts))}.")


def reopen(item: given.Id, why: given.Why, as_: given.As = None, as_json: given.Json = False) -> None:
    """Make a new item from a resolved one."""
    found = moved(item, as_, lambda queue, number, who: queue.reopen(number, who, why))
    print_item(found, as_json, f"#{found.reopened_from} is open again, as #{found.id}.")
