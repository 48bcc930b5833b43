"""The worker's report: one each day from nine on, however many workers and crons there are."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from manual_resolution import Queue, Settings
from manual_resolution.report_mail import send
from manual_resolution.worker import Worker
from tests.smtp_sink import SmtpSink


class Never:
    """A `Stop` that never comes."""

    came = False

    def wait(self, seconds: float) -> bool:
        return False


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def new_worker(database_url: str, sink: SmtpSink) -> Iterator[Callable[[], Worker]]:
    """A worker as another process would have it, who mails to `sink`."""
    settings = Settings(smtp_url=sink.url, mail_from="mrq@example.com", report_to=("lead@example.com",))
    queues: list[Queue] = []

    def new() -> Worker:
        queues.append(Queue(database_url, settings=settings))
        return Worker(queues[-1], (), lambda *told: None, Never())

    yield new
    for queue in queues:
        queue.close()


def to_hour(clock: Any, hour: int) -> None:
    """Move the clock to the next day's `hour`, UTC."""
    now = datetime.now(UTC) + timedelta(seconds=clock.offset)
    day = now.replace(hour=hour, minute=0, second=1) + timedelta(days=1)
    clock.forward(seconds=(day - now).total_seconds())


def test_no_report_before_nine_and_one_after(new_worker: Callable[[], Worker], clock: Any, sink: SmtpSink) -> None:
    """At half past eight nothing is mailed; at nine the report is; a worker that comes later mails no second one."""
    to_hour(clock, 8)
    worker = new_worker()
    assert worker.report() == "" and sink.raw == []
    clock.forward(hours=1)
    assert "was mailed" in worker.report() and worker.report() == ""
    clock.forward(hours=6)
    assert new_worker().report() == "" and len(sink.raw) == 1


@pytest.mark.parametrize("days", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_two_workers_and_a_cron_mail_one_report_a_day(
    new_worker: Callable[[], Worker], clock: Any, sink: SmtpSink, days: int
) -> None:
    """Days seen by two workers and a cron at the same moment: as many reports, each of its own day.

    Slow for fifty days, each of which has its figures and three processes' work.
    """
    workers, cron = [new_worker(), new_worker()], new_worker().queue
    for _ in range(days):
        to_hour(clock, 9)
        threads = [
            *(threading.Thread(target=worker.report) for worker in workers),
            threading.Thread(target=send, args=(cron.database, cron.settings)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(sink.raw) == days
    assert len({message["Subject"] for message in sink.messages}) == days


def test_a_report_that_is_not_taken_is_tried_again_later(
    new_worker: Callable[[], Worker], clock: Any, sink: SmtpSink
) -> None:
    """A mail server that refuses makes the step fail, is not asked in every cycle, and gets the report in the end."""
    to_hour(clock, 9)
    sink.answers["RCPT"] = "451 come back later"
    worker = new_worker()
    assert worker.cycle().failed == ["report"] == worker.cycle().failed
    asked = sum(command.lower().startswith("rcpt") for command in sink.commands)
    assert asked == 1
    sink.answers.clear()
    worker.mailing_again = float("-inf")
    assert worker.cycle().failed == []
    assert len(sink.raw) == 1
