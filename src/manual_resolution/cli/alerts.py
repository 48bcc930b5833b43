"""`mrq alerts`: what was told to whom, what was not, and what to do about it."""

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue, print_json
from manual_resolution.errors import InvalidInput

if TYPE_CHECKING:
    from manual_resolution.outbox import Delivered
    from manual_resolution.queue import Queue
    from manual_resolution.store.outbox import Message

NO_CHANNEL = (
    "Alerts go nowhere: set MRQ_ALERT_SLACK_WEBHOOK, MRQ_ALERT_PAGERDUTY_KEY or MRQ_ALERT_MAIL_TO, or MRQ_ALERTS=none."
)
ON_PURPOSE = (
    "Alerts go nowhere, as MRQ_ALERTS=none says: set MRQ_ALERT_SLACK_WEBHOOK, MRQ_ALERT_PAGERDUTY_KEY or "
    "MRQ_ALERT_MAIL_TO to try a channel."
)

State = Annotated[str | None, typer.Option("--state", metavar="STATE", help="Only waiting, sent, dead or cancelled.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, the newest first.")]
Ids = Annotated[list[int] | None, typer.Argument(metavar="NUMBER", help="Alerts by number.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every one that is dead or missed somebody.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="An instant, or a span such as 2h.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; shown to everybody who asks.")]
End = Annotated[bool, typer.Option("--end", help="End the pause now.")]


def register(app: typer.Typer) -> None:
    """Add `mrq alerts list|retry|test|pause`."""
    group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="See and steer who is told what.")
    for name, command, *examples in (
        ("list", list_alerts, "mrq alerts list", "mrq alerts list --state dead --json"),
        ("retry", retry, "mrq alerts retry 17", "mrq alerts retry --all"),
        ("test", test, "mrq alerts test"),
        ("pause", pause, "mrq alerts pause --until 2h --reason 'Database maintenance'", "mrq alerts pause --end"),
    ):
        group.command(name, epilog=given.example(*examples))(command)
    app.add_typer(group, name="alerts", rich_help_panel=given.LOOKING_AFTER)


def list_alerts(state: State = None, limit: Limit = 50, as_json: given.Json = False) -> None:
    """List alerts, the newest first: to whom, about what, whether they arrived and what was answered."""
    from manual_resolution import outbox

    with closing(open_queue()) as queue:
        found, pause = outbox.listed(queue.database, queue.workflows, state, limit), outbox.paused(queue.database)
    if as_json:
        print_json([asdict(message) for message in found])
        return
    if pause:
        print(said(f"Paused until {pause.until:%Y-%m-%d %H:%M} UTC by {pause.by}: {pause.reason}"))
    print("\n".join(line(message) for message in found) or "No alerts.")


def retry(ids: Ids = None, every: All = False, as_json: given.Json = False) -> None:
    """Send alerts again that are dead or did not reach everybody, now."""
    if bool(ids) == every:
        raise InvalidInput("NUMBER", ids, "alerts by number, or --all")
    from manual_resolution import outbox

    with closing(open_queue()) as queue:
        count = outbox.retry(queue.database, None if every else ids)
        delivered = deliver(queue)
    print_json({"retried": count} | asdict(delivered)) if as_json else print(told(delivered))
    if not delivered.is_complete:
        raise typer.Exit(1)


def test(as_json: given.Json = False) -> None:
    """Send a test message to every channel and say what each answered."""
    from manual_resolution.store import outbox
    from manual_resolution.via import command

    with closing(open_queue()) as queue:
        if not queue.settings.alert_channels:
            fail(ON_PURPOSE if queue.settings.alerts == "none" else NO_CHANNEL, 1)
        with queue.database.connection() as db:
            numbers = [outbox.write_test(db, channel, command()) for channel in queue.settings.alert_channels]
        deliver(queue)
        with queue.database.connection() as db:
            found = [message for number in numbers if (message := outbox.get(db, number))]
    print_json([asdict(message) for message in found]) if as_json else print("\n".join(map(line, found)))
    if any(message.state != "sent" for message in found):
        raise typer.Exit(1)


def pause(until: Until = None, reason: Reason = None, end: End = False, as_json: given.Json = False) -> None:
    """Hold all alerts back for a while. What is due meanwhile is sent afterwards; nothing is lost."""
    from manual_resolution import outbox
    from manual_resolution.cli.face import speaker

    if end == bool(until or reason) or (not end and not (until and reason and reason.strip())):
        raise InvalidInput("until", until, "--until TIME with --reason TEXT, or --end alone")
    with closing(open_queue()) as queue:
        who = speaker(None).name
        if end:
            outbox.unpause(queue.database)
        else:
            outbox.pause(queue.database, str(until), str(reason), who)
        now = outbox.paused(queue.database)
    if as_json:
        print_json(None if now is None else asdict(now))
    else:
        print(said(f"Paused until {now.until:%Y-%m-%d %H:%M} UTC: {now.reason}") if now else "Alerts are sent again.")


def deliver(queue: "Queue", seconds: float = 30) -> "Delivered":
    """Deliver what is due on the channels of the settings."""
    from manual_resolution.channels import configured
    from manual_resolution.outbox import deliver as run

    return run(queue.database, configured(queue.settings), queue.workflows, seconds=seconds)


def told(delivered: "Delivered") -> str:
    """`2 alerts sent, 1 put off (slack: no answer).`"""
    return said(delivered.sentence)


def line(message: "Message") -> str:
    """One alert on one line."""
    about = f"#{message.item_id}" if message.item_id else "MRQ"
    level = f" level {message.level}" if message.kind == "breach" else ""
    tries = f", {message.attempts} tries" if message.attempts > 1 else ""
    answer = f": {message.answer}" if message.answer else ""
    when = f"{message.ended_at or message.due_at:%Y-%m-%d %H:%M}"
    return said(
        f"{message.id:>6}  {when}  {message.state:<9} {message.channel:<9} {message.kind}{level} {about}{tries}{answer}"
    )


def said(text: str) -> str:
    """Text for a terminal, whatever a provider put into it."""
    from manual_resolution.inert import inert

    return inert(text)
