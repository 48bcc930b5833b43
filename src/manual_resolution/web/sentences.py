"""What an error says to do, in this place: its sentence names a terminal's command, the page or the route stands here.

A command that exists nowhere else stays as it is: who migrates a database sits at a terminal.
"""

import re
from typing import Final

#: A command in a sentence; what does the same in the console; what does it over HTTP.
WAYS: Final[tuple[tuple[str, str, str], ...]] = (
    (r"mrq approve (\d+)", "“Approve” on its page", r"POST /api/v1/items/\1/approval"),
    (r"mrq deny (\d+) -m WHY", "“Deny” there", r"POST /api/v1/items/\1/denial"),
    (r"mrq confirm (\d+) --done", "“It was done” on its page", r'POST /api/v1/items/\1/confirmation {"done": true}'),
    (r"mrq confirm (\d+)", "“Ask the service” on its page", r"POST /api/v1/items/\1/confirmation"),
    (r"mrq history (\d+)", "the history on its page", r"GET /api/v1/items/\1/history"),
    (r"mrq user add(?: \S+ --role admin)?", "“Add a person”, under People,", "POST /api/v1/users"),
)


def in_console(error: Exception | str) -> str:
    """An error's sentence, as a page tells it."""
    return re.sub(r"^justification = '(\\n| )*' is not allowed: ", "Say why: ", _said(str(error), 0))


def over_http(error: Exception | str) -> str:
    """An error's sentence, as the API tells it."""
    return _said(str(error), 1)


def _said(sentence: str, place: int) -> str:
    for command, *ways in WAYS:
        sentence = re.sub(f"`{command}`", ways[place], sentence)
    return sentence
