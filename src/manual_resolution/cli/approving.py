"""`mrq approvals`, `mrq approve`, `mrq deny`: the second person."""

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import asking, open_queue, print_item, print_json, speaker
from manual_resolution.cli.moving import moved

if TYPE_CHECKING:
    from manual_resolution.proposing import Waiting
    from manual_resolution.queue import Queue


def register(app: typer.Typer) -> None:
    """Add these commands to `mrq`."""
    for name, command, example in (
        ("approvals", approvals, "mrq approvals"),
        ("approve", approve, "mrq approve 44 -m 'checked the case'"),
        ("deny", deny, "mrq deny 44 -m 'the case is still open'"),
    ):
        app.command(name, rich_help_panel=given.DECIDING, epilog=given.example(example))(command)


def approvals(as_: given.As = None, as_json: given.Json = False) -> None:
    """List what waits for a second person. The first to lapse comes first."""
    from manual_resolution.cli.proposed import approval_lines
    from manual_resolution.documents import waiting_json

    with closing(open_queue()) as queue:
        found = queue.approvals(by=asking(as_))
        if as_json:
            print_json([waiting_json(one, queue.mask(one.item)) for one in found])
            return
        lines = approval_lines([shown(queue, one) for one in found])
    print("\n".join(lines) if found else "Nothing waits for a second person.")


def shown(queue: "Queue", waiting: "Waiting") -> "Waiting":
    """A proposal with its item as they may be shown."""
    mask = queue.mask(waiting.item)
    return replace(waiting, item=mask.item(waiting.item), proposal=mask.proposals([waiting.proposal])[0])


def approve(
    item: given.Id,
    note: given.Note = None,
    proposal: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only the proposal you looked at, by its id (--json).", show_default=False),
    ] = None,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Approve a proposal. It is carried out once; look at it first with mrq show ID."""
    from manual_resolution.cli.deciding import print_resolution

    number, who = given.item_id(item), speaker(as_)
    with closing(open_queue()) as queue:
        print_resolution(queue.approve(number, who, note, seen=proposal), as_json)


def deny(item: given.Id, why: given.Why, as_: given.As = None, as_json: given.Json = False) -> None:
    """End a proposal. Its proposer finds your reason; you take your own back so, too."""
    found = moved(item, as_, lambda queue, number, who: queue.deny(number, who, why))
    print_item(found, as_json, f"#{found.id}: not approved. The item is {found.assigned_to}'s again.")
