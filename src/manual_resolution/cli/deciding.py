"""`mrq resolve` and `mrq confirm`: decide, and have it carried out once."""

import os
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import asking, mask_for, measure, open_queue, print_item, print_json, speaker
from manual_resolution.errors import InvalidInput, NotPossible, WaitsForApproval

if TYPE_CHECKING:
    from manual_resolution.decision import Resolution
    from manual_resolution.queue import Queue


def register(app: typer.Typer) -> None:
    """Add these commands to `mrq`."""
    app.command(
        "resolve",
        rich_help_panel=given.DECIDING,
        epilog=given.example(
            "mrq resolve 42 --option retry -m 'the blob service is back'",
            "mrq resolve 43 --option associate --set user_id=604 -m 'same e-mail' --dry-run",
        ),
    )(resolve)
    app.command(
        "confirm",
        rich_help_panel=given.DECIDING,
        epilog=given.example(
            "mrq confirm 42",
            "mrq confirm 42 --done -m 'the file is gone from the store'",
        ),
    )(confirm)


def resolve(
    item: given.Id,
    option: Annotated[
        str,
        given.option(
            "--option",
            metavar="KEY",
            help="What to do; mrq show ID lists the options.",
            completion=given.options,
        ),
    ],
    why: Annotated[
        str | None,
        given.option("-m", "--justification", metavar="TEXT", help="Why; kept in the history. Not asked by --dry-run."),
    ] = None,
    values: given.Set = None,
    override: Annotated[
        bool, typer.Option("--override", help="Although checks do not pass; a second person must approve.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would touch; do nothing.")] = False,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Decide an item. The option is carried out once and recorded with your reason.

    An option for two persons becomes a proposal first: exit code 5.
    """
    number, chosen = given.item_id(item), given.pairs(values)
    if dry_run:
        with closing(open_queue()) as queue:
            queue.admit(asking(as_), "read", number)
            print_plan(queue, number, option, chosen, as_ or os.environ.get("MRQ_OPERATOR"), as_json, override)
        return
    if why is None:
        raise typer.BadParameter("say why, with -m TEXT", param_hint="'-m' / '--justification'")
    who = speaker(as_)
    with closing(open_queue()) as queue:
        try:
            ended = queue.resolve(number, option, why, who, values=chosen, override=override)
        except WaitsForApproval:
            if as_json:
                (found,) = queue.mask(queue.get(number)).proposals(queue.proposals(number)[-1:])
                print_json(found.as_json())
            raise
    print_resolution(ended, as_json)


def print_resolution(ended: "Resolution", as_json: bool) -> None:
    """The item as JSON, or the specification's two lines."""
    from manual_resolution.inert import inert

    hide = mask_for(ended.item).text
    sentence = f"Result: ✓ {inert(hide(ended.result))}"
    if ended.item.status == "resolved":
        sentence += f'\nResolution recorded: "{inert(hide(ended.item.resolution or ""))}"'
        told = ended.item.resolution_metadata or {}
        if told.get("approved_by"):
            sentence += f"\nDecided by {inert(str(told['decided_by']))}, approved by {inert(str(told['approved_by']))}."
    print_item(ended.item, as_json, sentence)
    measure(ended.item)


def print_plan(
    queue: "Queue",
    number: int,
    key: str,
    values: dict[str, str],
    name: str | None,
    as_json: bool,
    override: bool = False,
) -> None:
    """What deciding so would touch; raises what would keep it from being done."""
    from manual_resolution.inert import inert
    from manual_resolution.item import Actor
    from manual_resolution.rehearsing import rehearse

    tried = rehearse(queue, number, key, Actor(name or ""), values=values, override=override)
    if as_json:
        print_json(tried.as_json())
    else:
        print(f"{inert(tried.label)}, for #{number}, would touch:")
        print("\n".join(f"  - {inert(line)}" for line in tried.plan))
    if tried.because:
        raise NotPossible(f"Not possible: {tried.because}. Nothing was done.")
    if not as_json:
        print(f"It is possible now{', with a second person' if tried.two_persons else ''}. Nothing was done.")


def confirm(
    item: given.Id,
    done: Annotated[
        bool | None,
        typer.Option("--done/--not-done", help="What you found out yourself.", show_default=False),
    ] = None,
    note: given.Note = None,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Settle an unknown outcome. Without --done or --not-done the service is asked."""
    from manual_resolution.decision import Resolution

    if note is not None and done is None:
        raise InvalidInput("note", note, "it goes with --done or --not-done")
    number, who = given.item_id(item), speaker(as_)
    with closing(open_queue()) as queue:
        ended = queue.confirm(number, who, done=done, note=note)
    if isinstance(ended, Resolution):
        print_resolution(ended, as_json)
    else:
        print_item(ended, as_json, f"#{number}: it was not done. The item waits again.")
