"""`mrq spool`: what was added while the database was not reached."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import enter_demo, fail, open_queue, print_json
from manual_resolution.cli.progress import progress

if TYPE_CHECKING:
    from manual_resolution.settings import Settings
    from manual_resolution.spool import Entry, Replayed, Spool

Anywhere = Annotated[
    bool, typer.Option("--any-database", help="Also what was meant for another database: its address has changed.")
]


def register(app: typer.Typer) -> None:
    """Add `mrq spool list` and `mrq spool replay`."""
    about = "What was added while the database was not reached."
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help=about)
    group.command("list", epilog=given.example("mrq spool list", "mrq spool list --json"))(listing)
    cron = "*/5 * * * * DATABASE_URL=postgresql://… mrq spool replay"
    group.command("replay", epilog=given.example("mrq spool replay", cron))(replay)
    app.add_typer(group, name="spool", rich_help_panel=given.LOOKING_AFTER)


def settings_in_force() -> "Settings":
    """The settings in force; the demo's while `MRQ_DEMO` is set."""
    from manual_resolution.settings import Settings

    enter_demo()
    return Settings.from_env()


def listing(as_json: given.Json = False) -> None:
    """List the files of the spool, the oldest first. Needs no database."""
    from manual_resolution.spooling import spool_of

    spool = spool_of(settings_in_force())
    entries = spool.entries()
    if as_json:
        print_json([entry.as_json() | told_of(spool, entry) for entry in entries])
    elif not entries:
        print(f"The spool is empty ({spool.folder}).")
    else:
        print("\n".join(lines(spool, entries)))


def lines(spool: "Spool", entries: "list[Entry]") -> list[str]:
    """A table of the entries, and where they are."""
    from manual_resolution.cli.lines import table
    from manual_resolution.inert import inert
    from manual_resolution.worded import counted, instant_text

    rows = [("since", "state", "failures", "first", "meant for", "file")]
    for entry in entries:
        told = told_of(spool, entry)
        thing = f"{told['item_type']} {told['resource']}" if told["item_type"] else "–"
        where = str(entry.path.relative_to(spool.folder))
        rows.append(
            (instant_text(entry.at), entry.state, str(entry.count), thing, told["database"] or "any database", where)
        )
    total = sum(entry.count for entry in entries)
    return [*table(rows), inert(f"{counted(total, 'failure')} in {spool.folder}.")]


def told_of(spool: "Spool", entry: "Entry") -> dict[str, Any]:
    """What an entry's first failure is about; nulls where that cannot be read."""
    from manual_resolution.item import iso

    nothing: dict[str, Any] = {"item_type": None, "resource": None, "occurred_at": None, "database": None}
    try:
        kept, _ = spool.read(entry)
    except OSError:
        return nothing
    if not kept:
        return nothing
    first = kept[0].intake
    number = f"#{first.resource_id}" if first.resource_id is not None else str(first.resource_key)
    return {
        "item_type": first.item_type,
        "resource": f"{first.resource_type} {number}",
        "occurred_at": iso(first.occurred_at) if first.occurred_at else None,
        "database": kept[0].database,
    }


def replay(anywhere: Anywhere = False, as_json: given.Json = False) -> None:
    """Bring everything in the spool into the queue, each failure once; also what was refused before.

    Exit code 1 when something was set aside, 3 when the database is not reached; what is not in then stays.
    """
    from manual_resolution import spooling

    with closing(open_queue()) as queue, progress("Replaying") as advance:
        spool = spooling.spool_of(queue.settings)
        came_to = spooling.replay(queue, spool, everything=True, anywhere=anywhere, progress=advance)
    if came_to is None:
        fail("Another process replays the spool just now.", 1)
    print_json(as_document(came_to)) if as_json else print(told(came_to))
    for sentence in (*came_to.damaged, *came_to.refused):
        print(sentence, file=sys.stderr)
    if came_to.lost:
        fail(f"{came_to.lost} {came_to.left} of the spool's files wait.", 3)
    if came_to.damaged or came_to.refused:
        sys.exit(1)


def as_document(came_to: "Replayed") -> dict[str, Any]:
    """What a replay came to, JSON-ready."""
    return {
        "recorded": came_to.recorded,
        "known": came_to.known,
        "elsewhere": came_to.elsewhere,
        "left": came_to.left,
        "damaged": came_to.damaged,
        "refused": came_to.refused,
    }


def told(came_to: "Replayed") -> str:
    """`12 failures brought in, 1 known already.`"""
    from manual_resolution.worded import counted

    known = f", {came_to.known:,} known already" if came_to.known else ""
    other = f" {counted(came_to.elsewhere, 'file')} meant for another database (--any-database)." * bool(
        came_to.elsewhere
    )
    return f"{counted(came_to.recorded, 'failure')} brought in{known}.{other}"
