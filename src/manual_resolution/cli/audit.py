"""`mrq audit`: prove that nobody rewrote the history."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue, print_json

if TYPE_CHECKING:
    from manual_resolution.audit import Verdict

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Only these items.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add `mrq audit verify` and `mrq audit head`."""
    about = "Prove that nobody rewrote the history."
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help=about)
    group.command("verify", epilog=given.example("mrq audit verify", "mrq audit verify 42"))(verify)
    group.command("head", epilog=given.example("mrq audit head >> /mnt/elsewhere/mrq-heads"))(head)
    app.add_typer(group, name="audit", rich_help_panel=given.LOOKING_AFTER)


def verify(ids: Ids = None, as_json: given.Json = False) -> None:
    """Recompute every entry's hash and name the first wrong one of each item.

    Exit code 1 when an entry was altered, removed, reordered or added, or an item's row says what its
    history does not.
    """
    from manual_resolution import audit

    chosen = [given.item_id(text) for text in ids or ()]
    with closing(open_queue()) as queue, progress() as advance:
        verdict = audit.verify(queue.database, chosen, progress=advance)
    print_json(verdict.as_json()) if as_json else print(told(verdict))
    if not verdict.is_whole:
        fail(f"The history is not whole: {verdict.found} of {counted(verdict.items, 'item')} found wrong.", 1)


def told(verdict: "Verdict") -> str:
    """The verdict as a person reads it."""
    if verdict.is_whole:
        erased = f", {verdict.erased} of them erased" if verdict.erased else ""
        head = f" Head {verdict.head[:4]}…{verdict.head[-2:]}." if verdict.head else ""
        events, items = counted(verdict.events, "event"), counted(verdict.items, "item")
        return f"{events} of {items}{erased}: chain whole.{head}"
    more = verdict.found - len(verdict.named)
    return "\n".join([*map(str, verdict.named), *([f"… and {counted(more, 'more item')}."] if more else [])])


def head(as_json: given.Json = False) -> None:
    """Print one line over all items, to keep where nobody who can write this database can reach it."""
    from manual_resolution import audit

    with closing(open_queue()) as queue:
        found = audit.head(queue.database)
    print_json(asdict(found)) if as_json else print(found)


def counted(number: int, noun: str) -> str:
    """`1 item`, `15 items`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@contextmanager
def progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal's stderr, once there is something to wait for; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: list[TaskID] = []

        def advance(done: int, total: int) -> None:
            if not tasks:
                tasks.append(bar.add_task("Verifying", total=total))
            bar.update(tasks[0], completed=done, total=total)

        yield advance
