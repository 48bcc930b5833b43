"""The Manual Resolution Queue: what automation could not finish and a person must decide.

The public names; each is loaded when first used, so that importing the package costs a script nothing.
"""

TYPE_CHECKING = False  # what checkers take for typing's own: importing that would be most of what importing this costs
if TYPE_CHECKING:
    from typing import Any

    from manual_resolution.answers import (
        Answer,
        Call,
        Outcome,
        Plan,
        Recommendation,
        Resolved,
        Touch,
        done,
        fails,
        not_done,
        passes,
        recommend,
        resolved,
        unclear,
        unknown,
    )
    from manual_resolution.catching import resolves_manually
    from manual_resolution.errors import (
        AlreadyResolved,
        Changed,
        Failed,
        Forbidden,
        InvalidInput,
        InvalidType,
        MRQError,
        NotFound,
        NotKept,
        NotPossible,
        OutcomeUnknown,
        OwnedByAnother,
        Refused,
        SettingsError,
        Stale,
        Unreachable,
        WaitsForApproval,
    )
    from manual_resolution.item import Actor, Added, Event, Item
    from manual_resolution.priority import Priority
    from manual_resolution.producing import add_many, add_to_queue, withdraw
    from manual_resolution.queue import Queue
    from manual_resolution.settings import Settings
    from manual_resolution.values import choice, shown
    from manual_resolution.workflow import Workflow

#: Each public name and the module it lives in.
_HOME: dict[str, str] = {
    name: module
    for module, names in {
        "answers": "Answer Call Outcome Plan Recommendation Resolved Touch "
        "done fails not_done passes recommend resolved unclear unknown",
        "catching": "resolves_manually",
        "errors": "AlreadyResolved Changed Failed Forbidden InvalidInput InvalidType MRQError NotFound NotKept "
        "NotPossible OutcomeUnknown OwnedByAnother Refused SettingsError Stale Unreachable WaitsForApproval",
        "item": "Actor Added Event Item",
        "priority": "Priority",
        "producing": "add_many add_to_queue withdraw",
        "queue": "Queue",
        "settings": "Settings",
        "values": "choice shown",
        "workflow": "Workflow",
    }.items()
    for name in names.split()
}

__all__ = [
    "Actor",
    "Added",
    "AlreadyResolved",
    "Answer",
    "Call",
    "Changed",
    "Event",
    "Failed",
    "Forbidden",
    "InvalidInput",
    "InvalidType",
    "Item",
    "MRQError",
    "NotFound",
    "NotKept",
    "NotPossible",
    "Outcome",
    "OutcomeUnknown",
    "OwnedByAnother",
    "Plan",
    "Priority",
    "Queue",
    "Recommendation",
    "Refused",
    "Resolved",
    "Settings",
    "SettingsError",
    "Stale",
    "Touch",
    "Unreachable",
    "WaitsForApproval",
    "Workflow",
    "add_many",
    "add_to_queue",
    "choice",
    "done",
    "fails",
    "not_done",
    "passes",
    "recommend",
    "resolved",
    "resolves_manually",
    "shown",
    "unclear",
    "unknown",
    "withdraw",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module 'manual_resolution' has no attribute {name!r}")
    return getattr(import_module(f"manual_resolution.{_HOME[name]}"), name)
