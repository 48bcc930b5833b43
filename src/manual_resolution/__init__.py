"""The Manual Resolution Queue: what automation could not finish and a person must decide.

The public names; each is loaded when first used, so that importing the package costs a script nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manual_resolution.errors import (
        AlreadyResolved,
        Changed,
        Failed,
        InvalidInput,
        InvalidType,
        MRQError,
        NotFound,
        NotPossible,
        OutcomeUnknown,
        OwnedByAnother,
        Refused,
        SettingsError,
        Unreachable,
    )
    from manual_resolution.item import Actor, Added, Event, Item
    from manual_resolution.priority import Priority
    from manual_resolution.producing import add_many, add_to_queue, withdraw
    from manual_resolution.queue import Queue
    from manual_resolution.settings import Settings
    from manual_resolution.workflow import (
        Call,
        Plan,
        Recommendation,
        Touch,
        Workflow,
        done,
        fails,
        not_done,
        passes,
        recommend,
        resolved,
        shown,
        unclear,
        unknown,
    )

_HOMES = {
    "errors": (
        "AlreadyResolved Changed Failed InvalidInput InvalidType MRQError NotFound NotPossible OutcomeUnknown"
        " OwnedByAnother Refused SettingsError Unreachable"
    ),
    "item": "Actor Added Event Item",
    "priority": "Priority",
    "producing": "add_many add_to_queue withdraw",
    "queue": "Queue",
    "settings": "Settings",
    "workflow": (
        "Call Plan Recommendation Touch Workflow done fails not_done passes recommend resolved shown unclear unknown"
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [  # noqa: PLE0604
    *sorted(_HOME)
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'manual_resolution' has no attribute {name!r}")
    return getattr(import_module(f"manual_resolution.{_HOME[name]}"), name)
