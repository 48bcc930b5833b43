"""`mrq audit`: prove that nobody rewrote the history."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli.face import exits, fail, open_queue, print_json

if TYPE_CHECKING:
    from manual_resolution.audit import Verdict

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add `mrq audit verify` and `mrq audit head`."""
    group = typer.Typer(no_args_is_help=True, help="Prove that nobody rewrote the history.")
    group.command("verify")(verify)
    group.command("head")(head)
    app.add_typer(group, name="audit", rich_help_panel="Looking after it")


def verify(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Only these items.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every entry's hash; name the first altered, missing or reordered one. Exit code 1 when one is.

    Example: mrq audit verify 42
    """
    with exits():
        from manual_resolution import audit

        queue = open_queue()
        with progress() as advance:
            verdict = audit.verify(queue.database, ids or (), progress=advance)
        if as_json:
            print_json(verdict.as_json())
        else:
            print(told(verdict))
        if not verdict.is_whole:
            fail(f"The history is not whole: {verdict.found} of {counted(verdict.items, 'item')} found wrong.", 1)


def told(verdict: "Verdict") -> str:
    """The verdict as a person reads it."""
    if verdict.is_whole:
        erased = f", {verdict.erased} of them erased" if verdict.erased else ""
        head = f" Head {verdict.head[:4]}…{verdict.head[-2:]}." if verdict.head else ""
        return f"{counted(verdict.events, 'event')} of {counted(verdict.items, 'item')}{erased}: chain whole.{head}"
    more = verdict.found - len(verdict.named)
    return "\n".join([*map(str, verdict.named), *([f"… and {counted(more, 'more item')}."] if more else [])])


def head(as_json: AsJson = False) -> None:
    """Print one line over all items, to keep where nobody who can write the database can reach it.

    Example: mrq audit head >> /mnt/elsewhere/mrq-heads
    """
    with exits():
        from dataclasses import asdict

        from manual_resolution import audit

        found = audit.head(open_queue().database)
        print_json(asdict(found)) if as_json else print(found)


def counted(number: int, noun: str) -> str:
    """`1 item`, `15 items`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@contextmanager
def progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal's stderr, seen from 1,000 items on; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: list[object] = []

        def advance(done: int, total: int) -> None:
            if not tasks:
                tasks.append(bar.add_task("Verifying", total=total))
            bar.update(tasks[0], completed=done, total=total)  # type: ignore[arg-type]

        yield advance
