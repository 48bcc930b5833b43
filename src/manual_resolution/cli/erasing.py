"""`mrq erase`: take away what is said of somebody."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue, print_json, speaker
from manual_resolution.cli.progress import progress
from manual_resolution.errors import InvalidInput
from manual_resolution.worded import counted

if TYPE_CHECKING:
    from manual_resolution.erasing import Certificate, Subject

MOST_BYTES = 10_000_000


def register(app: typer.Typer) -> None:
    """Add `mrq erase`."""
    examples = (
        'mrq erase --subject ada@example.com --dry-run -m "request of 2026-10-01"',
        'mrq erase --subject-file - -m "request of 2026-10-01" < addresses',
    )
    app.command("erase", rich_help_panel=given.LOOKING_AFTER, epilog=given.example(*examples))(erase)


def erase(
    why: given.Why,
    subject: Annotated[
        list[str] | None,
        given.option("--subject", metavar="VALUE", help="An address, a name, TYPE:NUMBER; may be repeated."),
    ] = None,
    subject_file: Annotated[
        str | None,
        given.option("--subject-file", metavar="FILE", help="One a line; - for standard input."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    rest: Annotated[bool, typer.Option("--rest", help="Erase all but the items that must be kept.")] = False,
    as_: given.As = None,
    as_json: given.Json = False,
) -> None:
    """Erase what is said of somebody, from tables and indexes, and print a certificate.

    The history stays whole. Open items and items under a hold are listed and refused: exit code 1.
    """
    from manual_resolution import erasing

    who, values = speaker(as_), [*(subject or ()), *(from_file(subject_file) if subject_file else ())]
    if not values:
        raise InvalidInput("subject", None, "--subject VALUE or --subject-file FILE")
    with closing(open_queue()) as queue, progress("Erasing") as advance:
        made = erasing.erase(queue, values, who, why, dry_run=dry_run, rest=rest, progress=advance)
    print_json(made.as_json() | {"dry_run": dry_run}) if as_json else print("\n".join(lines(made, dry_run)))
    if not made.whole:
        fail("The history of what was erased is not whole: see `mrq audit verify`.", 1)
    if not made.is_complete:
        fail(refusal(made, rest), 1)


def from_file(file: str) -> list[str]:
    """One value a line."""
    try:
        text = given.contents(file, MOST_BYTES + 1, "subject_file").decode()
    except UnicodeDecodeError:
        raise InvalidInput("subject_file", file, "text in UTF-8, one value a line") from None
    if len(text) > MOST_BYTES:
        raise InvalidInput("subject_file", file, f"at most {MOST_BYTES:,} bytes")
    return [line.strip() for line in text.splitlines() if line.strip()]


def refusal(made: "Certificate", rest: bool) -> str:
    """What was kept, in one sentence."""
    subjects = sum(one.is_kept for one in made.subjects)
    of = f" of {counted(subjects, 'subject')}" if len(made.subjects) > 1 else ""
    if rest:
        return f"What is listed as kept{of} was not erased."
    return f"Nothing{of} was erased, for what is listed as kept; --rest erases the rest."


def lines(made: "Certificate", dry_run: bool) -> Iterator[str]:
    """The certificate as a person reads it; the subject's value is not in it."""
    from manual_resolution.inert import inert

    yield "Nothing was changed. This would go:" if dry_run else f"Certificate of erasure {made.number}"
    yield f"By {inert(made.by)} ({inert(made.via)}) at {made.at}: {inert(made.why)}"
    for one in made.subjects:
        yield from subject_lines(one)
    if not dry_run:
        yield f"Head before {made.head_before}"
        yield f"Head after  {made.head_after}"
        yield "Chain whole." if made.whole else "CHAIN NOT WHOLE."
    if made.not_vacuumed:
        tables = ", ".join(made.not_vacuumed)
        yield f"Not vacuumed, this role may not: as the tables' owner run VACUUM (ANALYZE) {tables}."


def subject_lines(one: "Subject") -> Iterator[str]:
    """What came of one subject."""
    from manual_resolution.inert import inert

    yield f"Subject {one.name}"
    rows = ", ".join(f"{table} {number:,}" for table, number in one.rows.items())
    yield f"  {counted(len(one.items), 'item')} erased{f'; rows: {rows}' if rows else ''}"
    if one.spooled:
        yield f"  {counted(one.spooled, 'failure')} taken from what the spool had set aside"
    if one.waiting:
        yield f"  kept: {counted(one.waiting, 'failure')} waiting in the spool: `mrq spool replay` first"
    for item_id, why in one.kept.items():
        yield f"  kept: #{item_id}: {inert(why)}"
    if one.left:
        yield f"  left: {', '.join(f'#{n}' for n in one.left)}: only part of a longer word, or the name of who acted"
