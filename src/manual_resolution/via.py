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


def speaker(via: str) -> str:
    """Whose way it was, for a sentence: `the system user alice`, `token:7`; the database's `mrq_speaker` decides."""
    face, colon, who = via.partition(":")
    if not (colon and who):
        return f"{via or 'somewhere'}, which names nobody"
    return f"the system user {who.rpartition('@')[0] or who}" if face in ("cli", "lib", "link") else via


def command() -> str:
    """The way of a command in the terminal."""
    return f"cli:{where()}"
