"""`mrq add` and `mrq withdraw`: what scripts in any language say."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import item_json, open_queue, print_item, print_json, refuse_without_database

if TYPE_CHECKING:
    from manual_resolution.item import Added
    from manual_resolution.queue import Queue


def register(app: typer.Typer) -> None:
    """Add these commands to `mrq`."""
    app.command(
        "add",
        rich_help_panel=given.ADDING,
        epilog=given.example(
            "mrq add --type pdf_deletion_failed --resource meal_plan:12345 --priority medium \\",
            "    --reason 'Vercel Blob API returned 503' --context '{\"retry_count\": 3}'",
        ),
    )(add)
    app.command(
        "withdraw",
        rich_help_panel=given.ADDING,
        epilog=given.example(
            "mrq withdraw --type pdf_deletion_failed --resource meal_plan:12345",
        ),
    )(withdraw)


def add(
    type: given.ItemType,
    priority: Annotated[
        str,
        given.option(
            "--priority",
            metavar="PRIORITY",
            help="critical, high, medium or low.",
            completion=given.priorities,
        ),
    ],
    reason: Annotated[str, given.option("--reason", metavar="TEXT", help="Why it needs a person.")],
    resource: given.Thing = None,
    resource_type: given.ThingType = None,
    resource_id: given.ThingId = None,
    resource_key: given.ThingKey = None,
    context: given.Context = None,
    context_file: given.ContextFile = None,
    sla_hours: Annotated[
        float | None,
        typer.Option(
            metavar="HOURS",
            help="Hours until its deadline, instead of the priority's own.",
            show_default=False,
        ),
    ] = None,
    dedup_key: given.DedupKey = None,
    occurred_at: Annotated[
        str | None,
        given.option("--occurred-at", metavar="INSTANT", help="When it happened, such as 2026-10-01T12:00:00Z."),
    ] = None,
    producer: given.Producer = None,
    as_json: given.Json = False,
) -> None:
    """Put what failed before a person. A failure that is open already is counted, not doubled.

    While the database is not reached it is kept in the spool, with a warning on stderr; that is no error. Without any
    database named: exit code 3, and nothing is kept.
    """
    from manual_resolution import intake
    from manual_resolution.producing import named, tell, the_queue

    kind, number, key = given.resource(resource, resource_type, resource_id, resource_key)
    checked = intake.intake(
        type,
        kind,
        number,
        priority,
        reason,
        given.context(context, context_file),
        sla_hours,
        resource_key=key,
        dedup_key=dedup_key,
        producer=named() if producer is None else producer,
        occurred_at=None if occurred_at is None else intake.instant(occurred_at, "occurred_at"),
    )
    refuse_without_database()
    added = tell(checked)
    if added.id is None:
        print_json({"id": None, "spooled": True}) if as_json else print("Kept in the spool.")
        return
    with closing(the_queue()) as queue:
        if as_json:
            print_json(item_json(queue.get(added.id)) | {"repeated": added.repeated, "spooled": False})
        else:
            print(said(queue, added.id, added, late=occurred_at is not None))


def said(queue: "Queue", item_id: int, added: "Added", *, late: bool) -> str:
    """What an add came to; `late`: it may have happened before the item was resolved."""
    if not added.repeated:
        return f"Added #{item_id}."
    if late and queue.get(item_id).status == "resolved":
        return f"#{item_id} was resolved after this had happened: nothing new is open."
    return f"#{item_id} was open already: occurrence {added.occurrences:,}."


def withdraw(
    type: given.ItemType,
    resource: given.Thing = None,
    resource_type: given.ThingType = None,
    resource_id: given.ThingId = None,
    resource_key: given.ThingKey = None,
    reason: Annotated[
        str, given.option("--reason", "-m", metavar="TEXT", help="Why it needs nobody any more.")
    ] = "it succeeded on a later run",
    dedup_key: given.DedupKey = None,
    producer: given.Producer = None,
    as_json: given.Json = False,
) -> None:
    """Say that it has succeeded meanwhile. An unowned item is resolved, an owner is told."""
    from manual_resolution.producing import named

    kind, number, key = given.resource(resource, resource_type, resource_id, resource_key)
    with closing(open_queue()) as queue:
        item = queue.withdraw(
            type,
            kind,
            number,
            reason,
            resource_key=key,
            dedup_key=dedup_key,
            producer=named() if producer is None else producer,
        )
    if item is None:
        print_item(None, as_json, "Nothing like it is open.")
    elif item.status == "resolved":
        print_item(item, as_json, f"Withdrawn: #{item.id} needs nobody any more.")
    else:
        print_item(item, as_json, f"#{item.id} is being worked on by {item.assigned_to}, who is told.")
