"""When the sample application's week happens, counted back from `now`: the moment the demo is made."""

from datetime import datetime, timedelta

NIGHTS = 7


def first_run(now: datetime) -> datetime:
    """The script was tried by hand the afternoon before the first night, seven and a half days ago."""
    return now - timedelta(hours=180.5)


def night(number: int, now: datetime) -> datetime:
    """The nightly run 1 to 7; the last was a good twenty hours ago."""
    return now - timedelta(hours=20.3 + 24 * (NIGHTS - number))


def hourly_run(now: datetime) -> datetime:
    """Deletion requests are honoured hourly; this is the run that failed today."""
    return now - timedelta(hours=2, minutes=8)


def last_mail(now: datetime) -> datetime:
    """When the appeal came in."""
    return now - timedelta(minutes=12)


def runs(now: datetime) -> list[datetime]:
    """Every run of the PDF script, oldest first: by hand, seven nights, today's hourly one."""
    return [first_run(now), *(night(number, now) for number in range(1, NIGHTS + 1)), hourly_run(now)]
