"""Which way a move came: `lib:user@host`, `cli:user@host`. Travels with every change into the history."""

import os
import socket
from functools import lru_cache


@lru_cache(maxsize=1)
def where() -> str:
    """`user@host` of this process; the operating system's user, not a name somebody typed."""
    import pwd

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


_face = "lib"


def through(face: str) -> None:
    """Say once which face this process is: `cli`. Until then it is the library."""
    global _face  # noqa: PLW0603  # a process has one
    _face = face


def here() -> str:
    """The way of a move made in this process."""
    return f"{_face}:{where()}"


def command() -> str:
    """The way of a command in the terminal."""
    return f"cli:{where()}"
