"""`mrq operator`: an operator's record, and counting the practices they finished."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import open_queue, print_json, speaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manual_resolution.store.training import Practised
    from manual_resolution.training import Operator

Folder = Annotated[Path, typer.Option("--dir", metavar="FOLDER", help="Where you practised.")]
Name = Annotated[str | None, typer.Argument(metavar="NAME", help="Who; else you.", show_default=False)]
PRACTICE = Path(".mrq-practice")


def register(app: typer.Typer) -> None:
    """Add `mrq operator show`, `mrq operator record`."""
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Operators and their training.")
    for name, command, *examples in (
        ("show", show, "mrq operator show", "mrq operator show bob@example.com --json"),
        ("record", record, "mrq operator record"),
    ):
        group.command(name, epilog=given.example(*examples))(command)
    app.add_typer(group, name="operator", rich_help_panel=given.LEARNING)


def show(name: Name = None, folder: Folder = PRACTICE, as_json: given.Json = False) -> None:
    """Show an operator's training, what they hold and what they decided."""
    from manual_resolution.training import operator

    with closing(open_queue()) as queue:
        found = operator(queue, speaker(name).name)
    waiting = unrecorded(found, folder)
    if as_json:
        document = found.as_json()
        print_json(document | {"practice": document["practice"] | {"not_recorded": len(waiting)}})
    else:
        print("\n".join(lines(found, waiting)))


def record(as_: given.As = None, folder: Folder = PRACTICE, as_json: given.Json = False) -> None:
    """Count the practices you finished: keep them in the queue's database, each once."""
    from manual_resolution.cli.terminal import say
    from manual_resolution.practice import finished
    from manual_resolution.training import operator, record_practices

    with closing(open_queue()) as queue:
        who = speaker(as_).name
        new = record_practices(queue, [one for one in finished(folder) if one.operator == who])
        total = len(operator(queue, who).practised)
    if as_json:
        print_json({"operator": who, "recorded": new, "practices": total})
    elif new:
        say(f"Recorded {new} finished {'practice' if new == 1 else 'practices'} of {who}: {total} in all.")
    else:
        say(f"Nothing to record: {folder} holds no finished practice of {who} that is not recorded yet.")


def unrecorded(found: "Operator", folder: Path) -> list["Practised"]:
    """What this person finished in this folder and has not recorded."""
    from manual_resolution.practice import finished

    known = {one.id for one in found.practised}
    return [one for one in finished(folder) if one.operator == found.name and one.id not in known]


def lines(found: "Operator", waiting: list["Practised"]) -> "Iterator[str]":
    """An operator's record for a person."""
    from manual_resolution.inert import inert
    from manual_resolution.training import TO_WATCH
    from manual_resolution.worded import counted

    yield f"Operator {inert(found.name)}"
    yield "Training:"
    yield f"  - Practice: {practice_text(found.practised)}"
    if waiting:
        yield f"    {counted(len(waiting), 'finished practice')} not recorded yet: mrq operator record"
    colleagues = ", ".join(f"{inert(name)} {count}" for name, count in found.watched.items())
    whose = f" ({colleagues})" if colleagues else ""
    yield f"  - Shadow: {found.watched_in_all} of {TO_WATCH} decisions watched{whose}"
    yield f"Holds: {', '.join(f'#{id}' for id in found.holds) or 'nothing'}"
    yield f"Resolved: {sum(found.resolved.values()):,}"
    for item_type, count in found.resolved.items():
        yield f"  - {inert(item_type)}: {count:,}"
    yield f"Escalated: {found.escalated:,}"
    yield f"Deferred: {found.deferred:,}"


def practice_text(done: "tuple[Practised, ...]") -> str:
    """`finished twice …`, with the last result."""
    from manual_resolution.worded import counted

    if not done:
        return "not finished yet (mrq practice)"
    return f"finished {counted(len(done), 'time')}, the last with {score(done[-1])}"


def score(done: "Practised") -> str:
    """`8 of 10 as MRQ would have chosen, 1 passed on`."""
    passed = f", {done.passed_on} passed on" if done.passed_on else ""
    return f"{done.agreed} of {done.items} as MRQ would have chosen{passed}"
