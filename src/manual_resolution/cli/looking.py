"""Commands that change nothing: list, mine, show, history, types."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import asking, item_json, open_queue, print_json, speaker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manual_resolution.item import Filter, Item
    from manual_resolution.queue import Queue

MOST = 1000


def register(app: typer.Typer) -> None:
    """Add these commands to `mrq`."""
    for name, command, *examples in (
        ("list", list_, "mrq list --priority high --type quiz_orphaned"),
        ("show", show_, "mrq show 42"),
        ("mine", mine, "mrq mine"),
        ("history", history, "mrq history 42"),
        ("types", types, "mrq types"),
    ):
        app.command(name, rich_help_panel=given.READING, epilog=given.example(*examples))(command)


def filtered(item_type: str | None, priority: str | None, resource: str | None) -> "Filter":
    """What a claim or a session is limited to; `resource` is `meal_plan` or `meal_plan:12345`."""
    from manual_resolution.browsing import filter_from

    return filter_from(item_type, priority, resource)


def list_(
    type: given.Type = None,
    priority: given.Urgency = None,
    resource: given.Resource = None,
    team: Annotated[
        str | None,
        given.option("--team", metavar="TEAM", help="Only what was passed on to this team.", completion=given.teams),
    ] = None,
    status: Annotated[
        str | None,
        given.option("--status", metavar="STATUS", help="Only this status.", completion=given.statuses),
    ] = None,
    owner: Annotated[
        str | None, given.option("--owner", "--assignee", metavar="NAME", help="Only what this person holds.")
    ] = None,
    text: Annotated[
        str | None,
        given.option("--text", metavar="WORDS", help="Only what says these words; the last may be unfinished."),
    ] = None,
    age: Annotated[
        str | None, given.option("--age", metavar="SPAN", help="Only what is at least so old, such as 3d.")
    ] = None,
    field: Annotated[
        list[str] | None,
        given.option("--field", metavar="NAME=VALUE", help="Only this fact; for a date also FIRST..LAST."),
    ] = None,
    held: Annotated[
        str | None, given.option("--held", metavar="WHY", help="Only what is held: deferred, approval, attempt, batch.")
    ] = None,
    overdue: Annotated[
        bool | None, typer.Option("--overdue/--not-overdue", help="Only what is past its deadline, or is not.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Resolved items too.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", help=f"At most so many, 1 to {MOST}.", min=1, max=MOST)] = 100,
    after: Annotated[
        str | None, given.option("--after", metavar="CURSOR", help="Go on behind a page; it said this cursor.")
    ] = None,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """List items in the order of work. Those whose outcome is unknown come first, resolved ones last."""
    from manual_resolution.browsing import browse_from

    chosen = browse_from(
        type=type,
        priority=priority,
        resource=resource,
        status=status,
        owner=owner,
        team=team,
        held=held,
        breached=overdue,
        age=age,
        text=text,
        field=field or (),
        resolved=all_,
    )
    with closing(open_queue()) as queue:
        page = queue.browse(chosen, after=after, limit=limit, by=asking(as_))
        narrow = after is not None or chosen != browse_from(resolved=all_)
        print_items(queue, page.items, as_json, "Nothing matches." if narrow else "Nothing waits.")
    if page.after:
        print(
            f"These are the first {limit:,}; there are more: raise --limit, narrow the list, or go on with"
            f" --after {page.after}",
            file=sys.stderr,
        )
    if not page.whole:
        print("Not every item can be found by its words yet: try again, or let mrq worker run.", file=sys.stderr)


def mine(as_: given.As = None, as_json: given.Json = False) -> None:
    """List what you hold."""
    who = speaker(as_)
    with closing(open_queue()) as queue:
        items = queue.list(status="assigned", owner=who.name, limit=MOST, by=who)
        print_items(queue, items, as_json, "You hold nothing.")


def print_items(queue: "Queue", items: "Sequence[Item]", as_json: bool, none: str) -> None:
    """A JSON array, a table, or the sentence for no items."""
    from manual_resolution.cli import show

    if as_json:
        print_json([item_json(item, queue.mask(item)) for item in items])
    else:
        print("\n".join(show.list_lines([queue.mask(item).item(item) for item in items])) if items else none)


def show_(
    item: given.Id,
    checks: Annotated[bool, typer.Option("--checks/--no-checks", help="Ask the live checks.")] = True,
    all_context: Annotated[bool, typer.Option("--all-context", help="All facts recorded, uncut.")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Personal facts too; recorded, say why with -m.")] = False,
    why: given.WhyRevealed = None,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Show one item. What happened, what the checks say now, what may be decided."""
    from manual_resolution import documents
    from manual_resolution.cli import show
    from manual_resolution.cli.proposed import proposal_lines

    number = given.item_id(item)
    if reveal == (why is None):
        raise typer.BadParameter("--reveal and -m TEXT go together", param_hint="'--reveal'")
    who = speaker(as_) if reveal else asking(as_)
    with closing(open_queue()) as queue:
        found = queue.reveal(number, who, str(why)) if reveal else queue.get(number, by=who)
        mask = queue.mask(found, reveal=reveal)
        document = item_json(found, mask)
        if checks and found.status != "resolved":
            case = mask.case(queue.examine(number))
            document |= documents.case_json(case)
            lines = show.item_lines(case, all_context=all_context)
        else:
            workflow = queue.workflows.of(found.item_type)
            attempts = mask.attempts(queue.attempts(number))
            proposals = mask.proposals(queue.proposals(number))
            document["attempts"] = [documents.attempt_json(attempt) for attempt in attempts]
            document["proposals"] = [proposal.as_json() for proposal in proposals]
            lines = show.plain_lines(workflow, mask.item(found), all_context=all_context)
            lines += show.attempt_lines(attempts) + proposal_lines(proposals)
        lines += show.hidden_lines(mask, f"mrq show {number} --reveal -m WHY")
    if as_json:
        print_json(document)
    else:
        print("\n".join(lines))


def history(item: given.Id, as_: given.As = None, as_json: given.Json = False) -> None:
    """Show what happened to an item. Times are in UTC."""
    from manual_resolution.cli.history import lines_of

    number = given.item_id(item)
    with closing(open_queue()) as queue:
        events = queue.history(number, by=asking(as_))
        item_now = queue.get(number)
        mask = queue.mask(item_now, *((event.private or {}).get("context") for event in events))
        events = mask.events(events)
    if as_json:
        print_json([event.as_json() for event in events])
    else:
        print("\n".join(lines_of(events)))


def types(as_json: given.Json = False) -> None:
    """List the known item types with their options."""
    from manual_resolution import documents
    from manual_resolution.cli.item_types import type_lines
    from manual_resolution.registry import load
    from manual_resolution.settings import Settings

    known = load(Settings.from_env().workflows)
    if as_json:
        print_json(documents.types_json(known))
    else:
        print("\n".join(type_lines(known)) or "No item type is known: MRQ_WORKFLOWS names none.")
