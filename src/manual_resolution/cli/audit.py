"""`mrq audit`: prove that nobody rewrote the history, hand it to an auditor."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.exporting import export
from manual_resolution.cli.face import fail, open_queue, print_json
from manual_resolution.cli.progress import progress
from manual_resolution.errors import InvalidInput
from manual_resolution.worded import counted

if TYPE_CHECKING:
    from manual_resolution.audit import Verdict
    from manual_resolution.heads import Against
    from manual_resolution.queue import Queue

Kept = Annotated[
    str | None, given.option("--against", metavar="FILE", help="Compare with what `mrq audit head` printed then.")
]
Items = Annotated[bool, typer.Option("--items", help="First a line for each item, so that --against can name it.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Only these items.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add `mrq audit verify`, `mrq audit head` and `mrq audit export`."""
    about = "Prove that nobody rewrote the history; hand it to an auditor."
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help=about)
    for name, command, *examples in (
        (
            "verify",
            verify,
            "mrq audit verify",
            "mrq audit verify 42",
            "mrq audit verify --against /mnt/elsewhere/mrq-head",
        ),
        ("head", head, "mrq audit head", "mrq audit head --items > /mnt/elsewhere/mrq-head"),
        ("export", export, "mrq audit export --from 2026-10-01 --to 2026-10-31 --format csv -o october.csv"),
    ):
        group.command(name, epilog=given.example(*examples))(command)
    app.add_typer(group, name="audit", rich_help_panel=given.LOOKING_AFTER)


def verify(ids: Ids = None, against: Kept = None, as_json: given.Json = False) -> None:
    """Recompute every entry's hash and name the first wrong one of each item.

    Exit code 1 when an entry was altered, removed, reordered or added, an item's row says what its
    history does not, entries of a day that the worker counted are missing, or the history is not
    the one kept in --against.
    """
    from manual_resolution import audit

    chosen = [given.item_id(text) for text in ids or ()]
    if chosen and against is not None:
        raise InvalidInput("against", against, "a file for all items: give no numbers beside it")
    with closing(open_queue()) as queue:
        with progress("Verifying") as advance:
            verdict = audit.verify(queue.database, chosen, progress=advance)
        kept = None if against is None else compared(queue, against)
    print_json(verdict.as_json() | ({"against": kept.as_json()} if kept else {})) if as_json else print(told(verdict))
    if kept and not as_json:
        print(told_against(kept, str(against)))
    if not verdict.is_whole:
        days = f", and {len(verdict.missed)} of {counted(verdict.days, 'day')}" if verdict.missed else ""
        fail(f"The history is not whole: {verdict.found} of {counted(verdict.items, 'item')} found wrong{days}.", 1)
    if kept and kept.named:
        fail(f"The history is not the one kept in {against}.", 1)


def compared(queue: "Queue", file: str) -> "Against":
    """What comparing every history with a kept file came to."""
    from manual_resolution import heads

    with opened(file) as lines, progress("Comparing") as advance:
        return heads.compare(queue.database, lines, progress=(lambda done: advance(done, None)) if advance else None)


@contextmanager
def opened(file: str) -> Iterator[Iterator[str]]:
    """The lines of a kept file."""
    try:
        with open(file, encoding="ascii", errors="replace") as lines:
            yield lines
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        why = getattr(error, "strerror", None) or "it is not a file name"
        raise InvalidInput("against", file, f"a file that can be read ({why})") from None


def told_against(kept: "Against", file: str) -> str:
    """What comparing came to, as a person reads it."""
    from manual_resolution.inert import inert

    if kept.named:
        return kept.named
    items = f"{counted(kept.items, 'item')}, " if kept.items else ""
    return f"Against {inert(file)}: {items}{counted(kept.heads, 'head')}: every history begins as it was kept."


def told(verdict: "Verdict") -> str:
    """The verdict as a person reads it."""
    if verdict.is_whole:
        erased = f", {verdict.erased} of them erased" if verdict.erased else ""
        head = f" Head {verdict.head[:4]}…{verdict.head[-2:]}." if verdict.head else ""
        events, items = counted(verdict.events, "event"), counted(verdict.items, "item")
        days = f" {counted(verdict.days, 'day')} counted." if verdict.days else ""
        return "\n".join([f"{events} of {items}{erased}: chain whole.{head}{days}", *verdict.perhaps])
    more = verdict.found - len(verdict.named)
    rest = [f"… and {counted(more, 'more item')}."] if more else []
    return "\n".join([*map(str, verdict.named), *rest, *verdict.missed, *verdict.perhaps])


def head(items: Items = False, as_json: given.Json = False) -> None:
    """Print one line over all items, to keep where nobody who can write this database can reach it."""
    from manual_resolution import heads

    if items and as_json:
        raise InvalidInput("items", items, "lines of text, without --json")
    tell: Callable[[str], object] | None = print if items else None
    with closing(open_queue()) as queue:
        found = heads.head(queue.database, tell=tell)
    print_json(asdict(found)) if as_json else print(found)
