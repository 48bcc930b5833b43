"""Spans and instants in words. Pure."""

from datetime import UTC, datetime, timedelta


def age_text(age: timedelta) -> str:
    """`3 days`, `2 hours`, `5 minutes`: the largest unit that says something, rounded down."""
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 60:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 48 * 60 else counted(minutes // 1440, "day")


def span_text(span: timedelta) -> str:
    """`1 h 52 min`, `13 h`, `6 days`: short, rounded down, minutes only below ten hours."""
    minutes = max(0, int(span.total_seconds() // 60))
    hours, left = divmod(minutes, 60)
    if hours >= 48:
        return counted(hours // 24, "day")
    if hours >= 10 or (hours and not left):
        return f"{hours} h"
    return f"{hours} h {left} min" if hours else f"{left} min"


def lag_text(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def counted(number: int, thing: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def instant_text(at: datetime) -> str:
    """`2026-10-01 12:00 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
