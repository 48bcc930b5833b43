"""Where `mrq` begins. Its first help is a page kept beside this file: there before the command line's library is."""

import os
import sys

#: What `mrq --help` prints at 80 columns; a test holds it to the commands.
PAGE = os.path.join(os.path.dirname(__file__), "help.txt")


def main() -> None:
    """Run `mrq` with this process's arguments."""
    if sys.argv[1:] in (["--help"], ["-h"]) and is_wide() and printed():
        return
    from manual_resolution.cli.app import main as run

    run()


def is_wide() -> bool:
    """Whether the page fits; a pipe is as wide as one likes."""
    try:
        return (int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size().columns) >= 80
    except (ValueError, OSError):
        return True


def printed() -> bool:
    """Whether the page went out whole; where it did not, the commands' own help says why."""
    with open(PAGE, "rb") as file:
        page = file.read()
    try:
        return os.write(1, page) == len(page)
    except OSError:
        return False
