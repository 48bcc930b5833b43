"""What every command shares: whose queue, who speaks, how answers and errors leave. Light at the top."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

from manual_resolution.errors import MRQError, OutcomeUnknown, Refused, SettingsError, Unreachable, WaitsForApproval

if TYPE_CHECKING:
    from manual_resolution.item import Actor, Item
    from manual_resolution.masking import Mask
    from manual_resolution.queue import Queue

#: Exit codes by error, the first that fits. 0 is done.
EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (SettingsError, 2),
    (WaitsForApproval, 5),
    (OutcomeUnknown, 4),
    (Unreachable, 3),
    (Refused, 1),
    (ValueError, 2),
    (TypeError, 2),
    (MRQError, 1),
)


def exit_code(error: Exception) -> int:
    """The exit code of an error: 1 refused, 2 wrong usage, 3 not reached, 4 outcome unknown, 5 waits for approval."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


@contextmanager
def exits() -> Iterator[None]:
    """Turn our errors into one sentence on stderr and their exit code; no traceback reaches a user."""
    try:
        yield
        sys.stdout.flush()
    except MRQError as error:
        fail(str(error), exit_code(error))
    except KeyboardInterrupt:
        fail("Stopped.", 130)
    except OSError as error:
        drop_output()
        if isinstance(error, BrokenPipeError):
            sys.exit(0)  # the reader went away, as `head` does
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.", 1)


def drop_output() -> None:
    """Send what is still to be printed nowhere, so that the interpreter's last flush cannot fail again."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(sentence: str, code: int) -> NoReturn:
    """One sentence on stderr, then the end."""
    from manual_resolution.inert import inert

    sys.stdout.flush()
    print(inert(sentence), file=sys.stderr)
    sys.exit(code)


def open_queue() -> "Queue":
    """The queue the environment names; the demo's while `MRQ_DEMO` is set."""
    from manual_resolution.queue import Queue

    enter_demo()
    return Queue.from_env()


def refuse_without_database() -> None:
    """Raise `Unreachable` where no database is named: a person is told so, where a script's failure is spooled."""
    from manual_resolution.settings import NO_DATABASE, Settings

    enter_demo()
    settings = Settings.from_env()
    if not (settings.database_url or settings.embedded):
        raise Unreachable(NO_DATABASE)


def enter_demo() -> None:
    """Let the environment name the demo, its database and who speaks in it, while `MRQ_DEMO` is set."""
    if folder := os.environ.get("MRQ_DEMO"):
        from manual_resolution.demo import enter, is_there

        if not is_there(folder):
            fail(f"There is no demo in {folder} (MRQ_DEMO): `mrq demo --dir {folder}` makes one.", 3)
        enter(folder)


def speaker(name: str | None) -> "Actor":
    """Who speaks: `--as`, else `MRQ_OPERATOR`. Ends with exit code 2 when neither is given."""
    from manual_resolution.intake import operator
    from manual_resolution.item import Actor
    from manual_resolution.via import command

    enter_demo()
    chosen = name or os.environ.get("MRQ_OPERATOR")
    if not chosen:
        fail("Who are you? Give --as you@example.com, or export MRQ_OPERATOR=you@example.com.", 2)
    return Actor(operator(chosen), "person", command())


def asking(name: str | None = None) -> "Actor":
    """Who asks for something to read, or looks after people: `--as`, else `MRQ_OPERATOR`, else the system's user."""
    from manual_resolution.item import Actor
    from manual_resolution.via import command, where

    enter_demo()
    if name or os.environ.get("MRQ_OPERATOR"):
        return speaker(name)
    return Actor(where().rpartition("@")[0], "person", command())


def measure(item: "Item") -> None:
    """Emit the metric event of what was just decided, where it is one."""
    from manual_resolution.metrics import moved, note
    from manual_resolution.settings import Settings

    if event := moved(item):
        note(event, Settings.from_env())


def print_json(value: Any) -> None:
    """One JSON document on stdout; ASCII, so that nothing in it can move a cursor."""
    print(json.dumps(value, ensure_ascii=True, default=str))


def item_json(item: "Item", mask: "Mask | None" = None) -> dict[str, Any]:
    """An item as `--json` shows it: what is hidden is marked, and named under `masked`."""
    from manual_resolution import documents

    return documents.item_json(item, mask_for(item) if mask is None else mask)


def mask_for(item: "Item") -> "Mask":
    """What is not shown of an item, by the workflows that the environment names."""
    from manual_resolution.masking import mask_of
    from manual_resolution.registry import load
    from manual_resolution.settings import Settings

    return mask_of(load(Settings.from_env().workflows).of(item.item_type), item.context)


def print_item(item: "Item | None", as_json: bool, sentence: str = "") -> None:
    """An item as JSON, or the sentence about it."""
    from manual_resolution.inert import inert

    if as_json:
        print_json(None if item is None else item_json(item))
    else:
        print(inert(sentence, lines=True))
