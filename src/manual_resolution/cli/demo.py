"""`mrq demo`: the sample application's bad week in a folder, then the operator's session."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manual_resolution.cli.face import exits, print_json, speaker

if TYPE_CHECKING:
    from manual_resolution.demo import Demo
    from manual_resolution.queue import Queue

Progress = Callable[[str, int, int, str], None]


def register(app: typer.Typer) -> None:
    """Add `mrq demo`."""
    app.command("demo", rich_help_panel="Starting")(demo)


def demo(
    folder: Annotated[Path, typer.Option("--dir", envvar="MRQ_DEMO", help="Where everything stays.")] = Path(".mrq-demo"),
    no_input: Annotated[bool, typer.Option("--no-input", help="Print the items and end.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Remove what is there and start anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the items as JSON and end.")] = False,
) -> None:
    """See MRQ at work: seven nights of cleanup scripts that fail, and you decide.

    Needs no server, no account, no network: everything stays in the folder and on 127.0.0.1.

    Example: mrq demo --no-input
    """
    with exits():
        from manual_resolution import demo as worlds
        from manual_resolution.queue import Queue

        tell = quiet if as_json else print
        if reset:
            worlds.reset(folder)
        tell(f"MRQ demo. Everything stays in {shown_path(folder)} and on 127.0.0.1. DATABASE_URL and real tokens are ignored here.")
        world = worlds.enter(folder)
        queue = Queue.from_env()
        live(world, tell)
        queue.sweep()
        if as_json:
            print_json([item.as_json() for item in queue.list()])
        elif no_input:
            listing(queue)
        else:
            decide(queue)


def quiet(text: str = "") -> None:
    """Say nothing: only JSON is wanted."""


def shown_path(folder: Path) -> str:
    """A folder as a person types it."""
    here = Path.cwd()
    return f"./{folder.absolute().relative_to(here)}" if folder.absolute().is_relative_to(here) else str(folder.absolute())


def live(world: "Demo", tell: Callable[[str], None]) -> None:
    """Let the week be, once."""
    if not world.fresh:
        tell("The demo is as you left it; --reset starts it anew.")
        return
    tell("Private PostgreSQL (no port, no root needed) is up.")
    tell(f"Meal-plan application: {described(world)}, 7 days")
    tell("Seven nights of cleanup scripts:")
    with progress(tell) as advance:
        world.world.seven_nights(advance)


def described(world: "Demo") -> str:
    """`1,180 plans, 940 quiz responses, 611 users`."""
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in world.world.counts().items())


@contextmanager
def progress(tell: Callable[[str], None]) -> Iterator[Progress]:
    """A bar for each script on a terminal; elsewhere one line each, once it is through."""
    last: dict[str, tuple[int, int, str]] = {}

    def plain(script: str, done: int, total: int, summary: str) -> None:
        last[script] = (done, total, summary)

    if not sys.stdout.isatty() or tell is quiet:
        yield plain
        for script, (_, _, summary) in last.items():
            tell(f"  {script:<29} {summary}")
        return
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    with Bars(TextColumn("  {task.description:<29}"), BarColumn(12), TextColumn("{task.fields[summary]}")) as bars:
        tasks: dict[str, Any] = {}

        def drawn(script: str, done: int, total: int, summary: str) -> None:
            if script not in tasks:
                tasks[script] = bars.add_task(script, total=total, summary=summary)
            bars.update(tasks[script], completed=done, summary=summary)

        yield drawn


def waiting(queue: "Queue") -> str:
    """`15 items wait: 1 critical, 2 high, 10 medium, 2 low. 1 is past its deadline.`"""
    depth = queue.depth()
    by = ", ".join(f"{count} {priority}" for priority, count in depth["by_priority"].items())
    late = depth["items_breaching_sla"]
    past = f" {late} {'is past its deadline' if late == 1 else 'are past their deadlines'}." if late else ""
    return f"{depth['total_pending']} items wait: {by}.{past}"


def listing(queue: "Queue") -> None:
    """The items, and what to try next."""
    from manual_resolution.cli import show

    print(waiting(queue))
    for text in show.list_lines(queue.list()):
        print(text)
    print("Next: ./mrq process · ./mrq next · ./mrq resolve ID --option KEY -m WHY · ./mrq history ID")


def decide(queue: "Queue") -> None:
    """The operator's session."""
    from manual_resolution.cli.process import Session, end
    from manual_resolution.queue import ANY

    who = speaker(None)
    print(waiting(queue))
    print(f"You are {who.name}. ? lists the keys · q quits (make demo brings you back)")
    session = Session(queue, who, ANY, None, queue.settings.batch_size)
    try:
        session.run()
    finally:
        end(session, False)
