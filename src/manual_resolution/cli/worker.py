"""`mrq worker`: do what time demands, in one loop."""

import os
import select
import signal
import sys
from contextlib import closing, suppress
from types import FrameType
from typing import Annotated, Self

import typer

from manual_resolution.cli import alerts
from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue

Once = Annotated[bool, typer.Option("--once", help="One round, then the end: for cron.")]
Every = Annotated[
    float | None, typer.Option("--every", metavar="SECONDS", min=1, max=3600, help="From round to round.")
]
JsonLines = Annotated[bool, typer.Option("--json", help="Log lines as JSON.")]


def register(app: typer.Typer) -> None:
    """Add `mrq worker`."""
    examples = given.example("mrq worker", "mrq worker --every 30 --json", "mrq worker --once")
    app.command("worker", rich_help_panel=given.LOOKING_AFTER, epilog=examples)(worker)


def worker(once: Once = False, every: Every = None, as_json: JsonLines = False) -> None:
    """Do what time demands, until SIGTERM or Ctrl-C.

    Every 15 seconds: ends leases, deferrals, proposals and attempts that are due, escalates breaches, delivers
    alerts, asks what became of unknown outcomes, replays the spool, mails the report. Any number may run, cron
    beside them. With --once exit code 1 when a step failed or an alert stayed undelivered, 3 without a database.
    Logs go to stderr.
    """
    from manual_resolution.channels import configured
    from manual_resolution.via import through
    from manual_resolution.worker import EVERY, Worker

    through("worker")
    with closing(open_queue()) as queue, Stop() as stop:
        names = queue.settings.alert_channels
        if not names and queue.settings.alerts != "none":
            fail(alerts.NO_CHANNEL, 1)
        log = Log(as_json)
        channels = [] if queue.settings.alerts == "none" else configured(queue.settings)
        runner = Worker(queue, channels, log.say, stop, every or EVERY)
        if once:
            ended = runner.cycle()
            if not ended.reached:
                raise typer.Exit(3)
            if ended.failed or not runner.delivered.is_complete:
                raise typer.Exit(1)
            return
        log.say("worker", f"Looking every {runner.every:g} s. Alerts go to {', '.join(names) or 'nobody'}.")
        runner.run()
        log.say("worker", "Stopped, as asked.")


class Stop:
    """SIGTERM and Ctrl-C ask to stop, once what is in hand is done; a second one ends the process at once."""

    def __init__(self) -> None:
        self.came = False
        self.reads, self.writes = os.pipe()
        os.set_blocking(self.writes, False)

    def __enter__(self) -> Self:
        self.before = {number: signal.signal(number, self._came) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *raised: object) -> None:
        self._restore()
        os.close(self.reads)
        os.close(self.writes)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether it was asked to stop. The pipe is never read: it stays asked."""
        select.select([self.reads], [], [], max(0.0, seconds))
        return self.came

    def _came(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        self._restore()
        with suppress(OSError):
            os.write(self.writes, b"!")

    def _restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


class Log:
    """Lines on stderr, plain or JSON; what others wrote is harmless in both."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, step: str, sentence: str, is_wrong: bool = False) -> None:
        """One line: when, how grave, which step, what."""
        from manual_resolution.inert import inert, inert_json
        from manual_resolution.metrics import timestamp

        if self.as_json:
            level = "error" if is_wrong else "info"
            line = inert_json({"at": timestamp(), "level": level, "step": step, "message": sentence})
        else:
            line = f"{timestamp()} {'WRONG ' if is_wrong else ''}{step}: {inert(sentence)}"
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)
