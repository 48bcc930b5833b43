"""`mrq sweep`: raise what has passed its deadline (specification, escalate_breaches.py)."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import typer

from manual_resolution.cli import alerts
from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue, print_json

if TYPE_CHECKING:
    from manual_resolution.sweeping import Swept


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
    from manual_resolution.metrics import emit
    from manual_resolution.via import command

    with closing(open_queue()) as queue:
        settings = queue.settings
        swept = queue.sweep(by=Actor("mrq", "machine", command()))
        event = metric(swept)
        print_json(event) if as_json else print(told(swept))
        emit(event, settings)
        if settings.alerts == "none":
            return
        if not settings.alert_channels:
            fail(alerts.NO_CHANNEL, 1)
        delivered = alerts.deliver(queue)
    if delivered.sent or delivered.paused or not delivered.is_complete:
        print(alerts.told(delivered), file=sys.stderr if as_json else sys.stdout)
    if not delivered.is_complete:
        raise typer.Exit(1)


def metric(swept: "Swept") -> dict[str, Any]:
    """What a sweep raised, in the manner of the specification's metric."""
    from manual_resolution.metrics import timestamp
    from manual_resolution.priority import PRIORITIES

    return {
        "metric": "manual_resolution_escalations",
        "total": swept.escalated,
        "by_priority": {priority: swept.by_priority.get(priority, 0) for priority in PRIORITIES},
        "by_level": {str(level): count for level, count in sorted(swept.by_level.items())},
        "timestamp": timestamp(),
    }


def told(swept: "Swept") -> str:
    """`3 items escalated: 1 critical, 2 medium; levels 1: 2, 2: 1.`"""
    from manual_resolution.priority import PRIORITIES

    if not swept.escalated:
        return "Nothing has passed its deadline."
    by = ", ".join(f"{swept.by_priority[p]} {p}" for p in PRIORITIES if p in swept.by_priority)
    levels = ", ".join(f"{level}: {count}" for level, count in sorted(swept.by_level.items()))
    return f"{swept.escalated:,} item{'' if swept.escalated == 1 else 's'} escalated: {by}; levels {levels}."
