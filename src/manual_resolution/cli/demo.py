"""`mrq demo`: the sample application's bad week in a folder, then the operator's session."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manual_resolution.cli import alerts
from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import print_json, speaker

if TYPE_CHECKING:
    from manual_resolution.demo import Demo
    from manual_resolution.queue import Queue

Progress = Callable[[str, int, int, str], None]
Tell = Callable[[str], None]
Told = tuple[list[str], list[str]]


def register(app: typer.Typer) -> None:
    """Add `mrq demo`."""
    examples = given.example("mrq demo", "mrq demo --no-input")
    app.command("demo", rich_help_panel=given.STARTING, epilog=examples)(demo)


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="FOLDER", envvar="MRQ_DEMO", help="Where everything stays.")
    ] = Path(".mrq-demo"),
    no_input: Annotated[bool, typer.Option("--no-input", help="Print the items and end.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Remove what is there and start anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the items as JSON and end.")] = False,
) -> None:
    """See MRQ at work. Seven nights of cleanup scripts fail, and you decide.

    Needs no server, no account, no network: everything stays in the folder and on 127.0.0.1.
    """
    from manual_resolution import demo as worlds
    from manual_resolution.queue import Queue

    tell: Tell = quiet if as_json else print
    tell(f"MRQ demo. Everything stays in {shown_path(folder)} and on 127.0.0.1.")
    tell("DATABASE_URL and real tokens are ignored here; --as lets you speak for anybody (MRQ_TRUST_AS=1).")
    if reset or worlds.was_cut_short(folder):
        worlds.reset(folder)
    world = worlds.enter(folder)
    queue = Queue.from_env()
    told = live(world, queue, tell)
    if as_json:
        print_json([item.as_json() for item in queue.list()])
    elif no_input:
        listing(queue, folder, told)
    else:
        decide(queue, folder, told)


def quiet(text: str) -> None:
    """Say nothing: only JSON is wanted."""


def shown_path(folder: Path) -> str:
    """A folder as a person types it, harmless whatever it is called."""
    from manual_resolution.inert import inert

    full = folder.absolute()
    return inert(f"./{full.relative_to(Path.cwd())}" if full.is_relative_to(Path.cwd()) else str(full))


def live(world: "Demo", queue: "Queue", tell: Tell) -> Told:
    """Let the week be, once; who was told of a breach, and how it arrived."""
    if not world.is_fresh:
        tell("It is as you left it; --reset starts it anew.")
        return [], []
    tell("Private PostgreSQL (no port, no root needed) is up.")
    tell(f"Meal-plan application: {described(world)}, 7 days")
    tell("Seven nights of cleanup scripts:")
    with progress(tell) as advance:
        world.world.seven_nights(advance)
    queue.sweep()
    alerts.deliver(queue)
    found: Told = world.world.alerts.breach()
    return found


def described(world: "Demo") -> str:
    """`1,180 plans, 940 quiz responses, 611 users`."""
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in world.world.counts().items())


@contextmanager
def progress(tell: Tell) -> Iterator[Progress]:
    """A bar for each script on a terminal; elsewhere one line each, once it is through."""
    if tell is not quiet and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        with bars() as drawn:
            yield drawn
        return
    last: dict[str, str] = {}
    yield lambda script, done, total, summary: last.update({script: summary})
    for script, summary in last.items():
        tell(f"  {script:<29} {summary}")


@contextmanager
def bars() -> Iterator[Progress]:
    """A bar for each script."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("  {task.description:<29}"), BarColumn(12), TextColumn("{task.fields[summary]}"))
    with Bars(*columns) as display:
        tasks: dict[str, Any] = {}

        def drawn(script: str, done: int, total: int, summary: str) -> None:
            if script not in tasks:
                tasks[script] = display.add_task(script, total=total, summary=summary)
            display.update(tasks[script], completed=done, summary=summary)

        yield drawn


def waiting(queue: "Queue", told: Told, folder: Path) -> str:
    """`15 items wait: 1 critical, 2 high, 10 medium, 2 low. 1 is past its deadline: Slack and e-mail were told.`

    Below it the alert as it arrived, where one went out just now.
    """
    depth = queue.depth()
    total, late = depth["total_pending"], depth["items_breaching_sla"]
    by = ", ".join(f"{count} {priority}" for priority, count in depth["by_priority"].items())
    whom = f": {' and '.join(told[0])} {'was' if len(told[0]) == 1 else 'were'} told" if told[0] else ""
    past = f" {late} {'is past its deadline' if late == 1 else 'are past their deadlines'}{whom}." if late else ""
    first = f"{total} {'item waits' if total == 1 else 'items wait'}: {by}.{past}"
    return "\n".join([first, *arrived(told[1], folder)])


def arrived(lines: list[str], folder: Path) -> list[str]:
    """A message of Slack's as a block of its own."""
    from manual_resolution.cli.lines import terminal_width
    from manual_resolution.inert import inert_block

    if not lines:
        return []
    first = f"In Slack (a stand-in; all alerts are in {shown_path(folder / 'alerts')}):"
    return [first, inert_block("\n".join(lines), width=terminal_width())]


def listing(queue: "Queue", folder: Path, told: Told) -> None:
    """The items, and what to try next."""
    from manual_resolution.cli import show

    print(waiting(queue, told, folder))
    print("\n".join(show.list_lines(queue.list())))
    print(f"Next: {called(folder)} process · show ID · resolve ID --option KEY -m WHY · history ID")


def called(folder: Path) -> str:
    """How `mrq` is called on this demo."""
    if folder == Path(".mrq-demo") and Path("mrq").is_file():
        return "./mrq"
    return f"MRQ_DEMO={shlex.quote(shown_path(folder))} mrq"


def decide(queue: "Queue", folder: Path, told: Told) -> None:
    """The operator's session, and the console beside it."""
    from manual_resolution.cli.process import hold
    from manual_resolution.cli.serve import beside
    from manual_resolution.reading import ANY

    who = speaker(None)
    print(waiting(queue, told, folder))
    with beside(queue) if sys.stdin.isatty() else nullcontext("") as console:
        if console:
            print(console)
        print(f"You are {who.name}. ? lists the keys · q quits ({called(folder)} demo brings you back)", flush=True)
        hold(queue, who, ANY, None, queue.settings.batch_size)
