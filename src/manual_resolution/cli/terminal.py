"""The person's side of a terminal: a line read, a sentence said, what ends it all."""

import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Self

from manual_resolution.cli.lines import labelled
from manual_resolution.inert import inert


class Leave(Exception):
    """The person quits, or their input ended."""


class Stops:
    """Ctrl-C, SIGTERM and a hang-up end a session; what must not be cut in two is finished first."""

    def __init__(self) -> None:
        self.came = self.busy = False

    def __enter__(self) -> Self:
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        self.before = {number: signal.signal(number, self.stop) for number in signals}
        return self

    def __exit__(self, *raised: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def stop(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            mute()
        self.came = True
        if not self.busy:
            self.check()

    def check(self) -> None:
        if self.came:
            self.came = False
            raise KeyboardInterrupt

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A stop inside is heeded at the next `check`."""
        before, self.busy = self.busy, True
        try:
            yield
        finally:
            self.busy = before


def say(text: str) -> None:
    """One sentence whose text may hold what others wrote."""
    print("\n".join(labelled("", inert(text))), flush=True)


def line(prompt: str) -> str:
    """One line from the person; what they pasted behind an earlier answer is dropped. `Leave` at the end."""
    forget_typed_ahead()
    print(prompt, end="", flush=True)  # input() itself would write it to stderr
    try:
        return input()
    except (EOFError, OSError, RuntimeError):  # RuntimeError: there is no standard input at all
        print()
        raise Leave from None
    except KeyboardInterrupt:
        print()
        raise


def typed() -> str | None:
    """A line that the person has typed unasked; None where there is none. `Leave` at the end."""
    try:
        if not select.select([sys.stdin], [], [], 0)[0]:
            return None
        said = sys.stdin.readline()
    except (OSError, ValueError, TypeError):  # there is no standard input at all
        raise Leave from None
    if not said:
        raise Leave
    return said.strip()


def forget_typed_ahead() -> None:
    """Drop what waits in the terminal's own buffer."""
    if sys.stdin and sys.stdin.isatty():
        import termios

        with suppress(termios.error):  # it was hung up meanwhile: reading will say so
            termios.tcflush(sys.stdin, termios.TCIFLUSH)


def mute() -> None:
    """The terminal is gone: what is printed from now on has no place to go."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def accept_any_bytes() -> None:
    """Bytes that are no text in the terminal's encoding are taken as they are written: `\\xff`."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="backslashreplace")
