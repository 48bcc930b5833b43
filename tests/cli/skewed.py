"""`python skewed.py SECONDS WORDS…`: `mrq WORDS…` on a machine whose clock is so many seconds off."""

import datetime
import sys
import time

SKEW = float(sys.argv.pop(1))
real_time, real_datetime = time.time, datetime.datetime


class Skewed(real_datetime):
    """An instant as this machine's clock tells it."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "Skewed":
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> "Skewed":
        return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)


time.time = lambda: real_time() + SKEW
time.time_ns = lambda: int((real_time() + SKEW) * 1e9)
datetime.datetime = Skewed  # type: ignore[misc]

from manual_resolution.cli.app import main  # noqa: E402

main()
