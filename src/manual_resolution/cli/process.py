"""`mrq process`: decide at the terminal, then say what it came to (specification, process_queue.py)."""

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import open_queue, print_json, speaker
from manual_resolution.cli.serve import HERE, run
from manual_resolution.errors import InvalidInput, MRQError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manual_resolution.cli.session import Session
    from manual_resolution.item import Actor, Filter
    from manual_resolution.queue import Queue


def register(app: typer.Typer) -> None:
    """Add `mrq process`."""
    examples = given.example("mrq process", "mrq process --type pdf_deletion_failed --limit 3")
    app.command("process", rich_help_panel=given.DECIDING, epilog=examples)(process)


def process(
    mode: Annotated[str, given.option("--mode", metavar="cli|ui", help="This terminal, or the browser.")] = "cli",
    as_: given.As = None,
    type: given.Type = None,
    priority: given.Urgency = None,
    resource: given.Resource = None,
    team: given.Teams = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=1000, help="At most so many items; else MRQ_BATCH_SIZE."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Where nothing waits, wait for the next item.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="At the end, print the tally as JSON.")] = False,
) -> None:
    """Decide the next items one by one."""
    from manual_resolution.cli.looking import filtered

    if mode == "ui":
        run(HERE[0], 8787, 1)
        return
    if mode != "cli":
        raise InvalidInput("mode", mode, "cli, or ui for the console in the browser")
    chosen, teams = filtered(type, priority, resource), given.chosen_teams(team)
    with closing(open_queue()) as queue:
        who = speaker(as_)  # the demo, once open, names somebody
        hold(queue, who, chosen, teams, limit or queue.settings.batch_size, as_json, waits=wait)


def hold(
    queue: "Queue",
    who: "Actor",
    chosen: "Filter",
    teams: "Sequence[str] | None",
    limit: int,
    as_json: bool = False,
    waits: bool = False,
) -> None:
    """Hold a session at this process's terminal; however it ends, say and emit what it came to."""
    from manual_resolution.cli.session import Session
    from manual_resolution.cli.terminal import Stops, accept_any_bytes

    accept_any_bytes()
    with Stops() as stops:
        session = Session(queue, who, chosen, teams, limit, stops=stops, waits=waits)
        try:
            session.run()
        finally:
            with stops.waiting():
                end(session, as_json)
        stops.check()


def end(session: "Session", as_json: bool) -> None:
    """The summary, or why there was nothing to do; then the metric events."""
    from manual_resolution.cli.terminal import say
    from manual_resolution.metrics import emit

    if as_json:
        print_json(came_to(session))
    elif session.passed:
        say(summary(session))
    elif not session.waits and (told := nothing(session)):
        say(told)
    with suppress(MRQError):  # the database is gone: that was said
        for event in ({"metric": "manual_resolution_session", **came_to(session)}, session.queue.depth()):
            emit(event, session.queue.settings)


def came_to(session: "Session") -> dict[str, Any]:
    """The tally with its operator."""
    tally = session.tally
    return {
        "operator": session.who.name,
        "resolved": tally.resolved,
        "put_aside": tally.put_aside,
        "proposed": tally.proposed,
        "failed": tally.failed,
        "unknown": tally.unknown,
        "seconds_per_item": tally.seconds_per_item,
    }


def summary(session: "Session") -> str:
    """`2 resolved, 0 failed, 0 unknown, nothing held by you. 13 wait. Time per item: 70 s.`"""
    tally = session.tally
    aside = f", {tally.put_aside} put aside" if tally.put_aside else ""
    aside += f", {tally.proposed} proposed" if tally.proposed else ""
    parts = [f"{tally.resolved} resolved{aside}, {tally.failed} failed, {tally.unknown} unknown{held(session)}."]
    if tally.seconds_per_item is not None:
        parts.append(f"Time per item: {tally.seconds_per_item:.0f} s.")
    return " ".join(parts)


def held(session: "Session") -> str:
    """What the operator still holds, and how many items wait; that it is not known where the database is gone."""
    with suppress(MRQError):
        mine = session.queue.list(owner=session.who.name, status="assigned", by=session.who)
        numbers = ", ".join(f"#{item.id}" for item in mine)
        waiting = session.queue.depth()["total_pending"]
        return f", {f'you hold {numbers}' if mine else 'nothing held by you'}. {waiting:,} wait"
    return "; the database is not reached, and an item you held waits again when its lease ends"


def nothing(session: "Session") -> str:
    """Why nothing is served: an empty queue, or all of it waits for others."""
    from manual_resolution.cli.moving import nothing_waits

    with suppress(MRQError):
        return nothing_waits(session.queue)
    return ""
