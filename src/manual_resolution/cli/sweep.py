"""`mrq sweep`: raise what has passed its deadline (specification, escalate_breaches.py)."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import typer

from manual_resolution.cli import alerts
from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue, print_json

if TYPE_CHECKING:
    from manual_resolution.queue import Queue


def register(app: typer.Typer) -> None:
    """Add `mrq sweep`."""
    cron = "*/30 * * * * DATABASE_URL=postgresql://… mrq sweep"
    app.command("sweep", rich_help_panel=given.LOOKING_AFTER, epilog=given.example("mrq sweep", cron))(sweep)


def sweep(as_json: given.Json = False) -> None:
    """Escalate every item that has passed its deadline.

    Run it every 30 minutes. Whom the settings name is told; see `mrq alerts`. Exit code 1 when an alert that is due
    stayed undelivered, or when alerts go nowhere without MRQ_ALERTS=none.
    """
    from manual_resolution.item import Actor
    from manual_resolution.metrics import emit, escalations, told
    from manual_resolution.via import command

    with closing(open_queue()) as queue:
        settings = queue.settings
        swept = queue.sweep(by=Actor("mrq", "machine", command()))
        event = escalations(swept)
        print_json(event) if as_json else print(told(swept))
        emit(event, settings)
        note(queue, "sweep")
        if settings.alerts == "none":
            return
        if not settings.alert_channels:
            fail(alerts.NO_CHANNEL, 1)
        delivered = alerts.deliver(queue)
        note(queue, "deliver")
    if delivered.sent or delivered.paused or not delivered.is_complete:
        print(alerts.told(delivered), file=sys.stderr if as_json else sys.stdout)
    if not delivered.is_complete:
        raise typer.Exit(1)


def note(queue: "Queue", component: str) -> None:
    """Note that this was done, and is to be done again within the specification's half hour."""
    from manual_resolution.store.beats import beat

    with queue.database.connection() as db:
        beat(db, component, every=1800)
