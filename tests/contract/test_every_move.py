"""What one face can do the others can: every move of the table of permissions, by its name in each of them."""

import re
from collections.abc import Iterator
from typing import Any, Final

import typer

from manual_resolution import Queue
from manual_resolution.permission import MOVES
from manual_resolution.web.addresses import CONSOLE
from manual_resolution.web.api.app import MOVED
from manual_resolution.web.pages import ROUTERS, moving, own, people
from tests.commands import COMMAND

#: Each move: the library's methods, the terminal's commands, the console's pages and forms. The API's operations are
#: `web.api.app.MOVED`, beside which stand here those that have another name there.
FACES: Final[dict[str, tuple[str, str, str]]] = {
    "read": (
        "get list browse count select item_types of_same_resource history attempts proposals approvals examine plan",
        "list mine show history types approvals",
        "GET: GET:board GET:next GET:approvals GET:unknown GET:7 plan",
    ),
    "claim": ("next next_given_back claim", "next claim process", "claim POST:next POST:claims"),
    "extend": ("extend", "extend", "extension"),
    "release": ("release", "release", "release"),
    "decline": ("decline", "decline", "decline"),
    "hand_over": ("hand_over", "hand-over", "hand-over"),
    "take_over": ("take_over", "take-over", "take-over"),
    "defer": ("defer", "defer", "deferral"),
    "escalate": ("escalate", "escalate", "escalation"),
    "set_priority": ("set_priority", "priority", "priority POST:board/7/priority"),
    "place": ("place unplace", "place", "position POST:board/7/position"),
    "note": ("note", "note", "note"),
    "amend": ("amend", "amend", "amendment"),
    "reveal": ("reveal", "show", "reveal"),
    "reopen": ("reopen", "reopen", "reopening"),
    "resolve": ("resolve resolve_and_next", "resolve", "resolution"),
    "take_back": ("deny", "deny", "denial"),
    "probe": ("confirm", "confirm", "confirmation"),
    "approve": ("approve", "approve", "approval"),
    "deny": ("deny", "deny", "denial"),
    "confirm": ("confirm", "confirm", "confirmation"),
    "add": ("add add_many", "add import", ""),
    "withdraw": ("withdraw", "withdraw", ""),
    "report": ("depth", "report metrics operator-show audit-head audit-verify alerts-list", "GET:report"),
    "people": (
        "people",
        "user-add user-disable user-enable user-grant user-history user-link user-list user-password user-revoke"
        " token-add token-list token-revoke",
        "GET:people POST:people/add POST:people/grant POST:people/revoke POST:people/disable POST:people/enable"
        " POST:people/password POST:people/token POST:people/end-token POST:people/end-session",
    ),
    "erase": ("", "erase", ""),
    "look_after": ("", "alerts-retry alerts-pause", ""),
}
#: Moves that a face lacks, and why.
LACKING: Final = {
    ("add", "console"): "failures come from programs",
    ("withdraw", "console"): "successes come from programs",
    ("erase", "library"): "erasing.erase: it goes through every table, which is no use case of the queue",
    ("erase", "api"): "it needs rights on the database that no server is given",
    ("erase", "console"): "it needs rights on the database that no server is given",
    ("look_after", "library"): "outbox.retry, outbox.pause: about alerts, not about items",
    ("look_after", "console"): "alerts are steered where they are set up",
    ("probe", "api"): "confirm, without `done`",
    ("take_back", "api"): "deny, by the proposer",
}
#: Commands that are no moves: they begin something, or look after the database and this machine.
TERMINALS_OWN: Final = (
    "demo init serve practice shadow operator-record sweep worker doctor spool-list spool-replay alerts-test"
    " audit-export db-grants db-migrate db-shell db-status"
)
#: Forms that are no moves: signing in, what is kept for oneself, what is typed and not sent.
CONSOLES_OWN: Final = "GET:own POST:own/look POST:own/{} POST:7/draft POST:7/no-draft GET:7/{} GET:board/7/{}"


def test_every_move_is_in_every_face() -> None:
    """Each move of the table has its method, its command, its operation and its form; what lacks one says why."""
    assert FACES.keys() == MOVES.keys()
    for move, (library, terminal, console) in FACES.items():
        api = [name for name, asked in MOVED.items() if asked == move]
        for face, has in (("library", library), ("terminal", terminal), ("api", api), ("console", console)):
            assert bool(has) != ((move, face) in LACKING), (move, face)
    missing = {name for library, *_ in FACES.values() for name in library.split() if not hasattr(Queue, name)}
    assert missing == set()


def test_every_command_is_a_move_or_the_terminals_own() -> None:
    """No command is left out of the table, and the table names none that there is not."""
    named = {name for _, terminal, _ in FACES.values() for name in terminal.split()}
    assert set(commands(COMMAND)) == named | set(TERMINALS_OWN.split())


def test_every_form_is_a_move_or_the_consoles_own() -> None:
    """No page or form is left out of the table, and the table names none that there is not."""
    named = {name for *_, console in FACES.values() for name in console.split()}
    whole = {name if ":" in name else f"POST:7/{name}" for name in named}
    assert set(forms()) == whole | set(CONSOLES_OWN.split())


def commands(group: Any, before: str = "") -> Iterator[str]:
    """Every command's name, `db-migrate` for one of a group."""
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, f"{name}-")
        else:
            yield before + name


def forms() -> Iterator[str]:
    """Every address of the console below its root, `7` for an item, each move by its name."""
    for route in [one for router in ROUTERS for one in router.routes]:
        path, methods = str(getattr(route, "path", "")), getattr(route, "methods", set())
        if not path.startswith(CONSOLE):
            continue
        below = path.removeprefix(CONSOLE).removeprefix("/").replace("{number}", "7")
        names = {"7/{move}": moving.MOVES, "people/{change}": people.CHANGES_BY_NAME}.get(below)
        for method in methods:
            if names and method == "POST":
                yield from (f"POST:{re.sub('{.*}', name, below)}" for name in names)
            else:
                yield f"{method}:{re.sub('{.*}', '{}', below)}"
    assert own.CHANGES.keys() == {"work", "password", "token", "end-token", "end-session"}
