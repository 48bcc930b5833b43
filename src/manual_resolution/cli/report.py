"""`mrq report`: how the queue is doing, and who resolves it (specification, report_metrics.py)."""

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue, print_json
from manual_resolution.errors import InvalidInput

if TYPE_CHECKING:
    from manual_resolution.queue import Queue

Days = Annotated[int, typer.Option("--days", metavar="N", help="How many whole days (UTC), the last included.")]
Until = Annotated[str | None, given.option("--until", metavar="DATE", help="The last day; else today.")]
Top = Annotated[int | None, typer.Option("--top", metavar="N", help="Show so many types and resolvers.")]
Quick = Annotated[bool, typer.Option("--quick", help="Leave out percentiles, come-backs and the audit's head.")]
Html = Annotated[str | None, given.option("--html", metavar="FILE", help="Write it as a web page, too; - for stdout.")]
Mail = Annotated[bool, typer.Option("--mail", help="Mail it to MRQ_REPORT_TO, once a day.")]
Again = Annotated[bool, typer.Option("--again", help="With --mail: once more, under the same Message-ID.")]

#: Exit codes by what became of a mail.
CODES = {"sent": 0, "already": 0, "partly": 1, "later": 3, "never": 1, "unknown": 4}


def register(app: typer.Typer) -> None:
    """Add `mrq report`."""
    lines = ("mrq report", "mrq report --days 7 --top 10", "mrq report --json", "0 9 * * * mrq report --mail")
    app.command("report", rich_help_panel=given.LOOKING_AFTER, epilog=given.example(*lines))(report)


def report(
    days: Days = 30,
    until: Until = None,
    top: Top = None,
    quick: Quick = False,
    html: Html = None,
    mail: Mail = False,
    again: Again = False,
    as_json: given.Json = False,
) -> None:
    """Show what waits, how fast it is resolved, and by whom.

    Items that producers withdrew are left out and counted apart. Figures hold all item types and resolvers; the text
    shows three and two of them without --top, --json all.
    """
    from manual_resolution import intake
    from manual_resolution.report_html import as_html
    from manual_resolution.report_text import as_text
    from manual_resolution.reports import as_json as document
    from manual_resolution.reports import figures

    last = None if until is None else intake.day(until, "until")
    if again and not mail:
        raise InvalidInput("again", again, "together with --mail")
    with closing(open_queue()) as queue:
        if mail:
            if (days, top, html, quick) != (30, None, None, False):
                raise InvalidInput("mail", mail, "without --days, --top, --quick and --html: it is the same every day")
            send(queue, last, again, as_json)
            return
        found = figures(queue.database, days, last, top, settings=queue.settings, quick=quick)
    if html == "-":
        print(as_html(found), end="")
        return
    if html:
        with open(html, "w", encoding="utf-8") as file:
            file.write(as_html(found))
    print_json(document(found)) if as_json else print(as_text(found, more=True), end="")


def send(queue: "Queue", last: date | None, again: bool, as_json: bool) -> None:
    """Mail it, and say what became of it."""
    from dataclasses import asdict

    from manual_resolution.report_mail import send as run

    mailed = run(queue.database, queue.settings, until=last, again=again)
    if as_json:
        print_json(asdict(mailed))
    elif CODES[mailed.outcome]:
        fail(mailed.sentence, CODES[mailed.outcome])
    else:
        print(mailed.sentence)
    if CODES[mailed.outcome]:
        raise typer.Exit(CODES[mailed.outcome])
