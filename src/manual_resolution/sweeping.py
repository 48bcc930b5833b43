"""Finding breaches: every item past its deadline is raised, and what is to be told is written with it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from manual_resolution.item import Actor
from manual_resolution.registry import Registry
from manual_resolution.settings import Settings
from manual_resolution.store import due
from manual_resolution.store.connection import Database
from manual_resolution.store.due import Telling

#: A batch holds its locks for about so many seconds; how many items that are is found out on the way.
LOCKED: Final = 0.12
FEWEST, MOST = 100, 5000


@dataclass(slots=True)
class Swept:
    """What one sweep came to: how many breached items were raised, by the level they reached."""

    escalated: int = 0
    by_level: dict[int, int] = field(default_factory=dict)
    by_priority: dict[str, int] = field(default_factory=dict)

    def count(self, level: int, priority: str) -> None:
        """Count one item."""
        self.escalated += 1
        self.by_level[level] = self.by_level.get(level, 0) + 1
        self.by_priority[priority] = self.by_priority.get(priority, 0) + 1


def sweep(
    database: Database,
    settings: Settings,
    workflows: Registry,
    by: Actor,
    size: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Swept:
    """Raise every breached item to the level that is due, a batch a transaction; then the arrivals and warnings.

    `size` is how many items a batch has; where it is left out, as many as hold their locks shortly.
    """
    telling, swept, batch = telling_of(settings, workflows), Swept(), size or FEWEST
    with database.connection(3600) as db:
        late, noticeable = due.waiting(db)
        while late:
            begun = monotonic()
            raised = due.sweep(db, by, batch, telling)
            if not raised:
                break
            for _, level, priority in raised:
                swept.count(level, priority)
            batch = size or fitting(batch, monotonic() - begun)
            if progress:
                progress(swept.escalated)
        while noticeable and due.notice(db, FEWEST * 10, telling) == FEWEST * 10:
            pass
    return swept


def fitting(batch: int, took: float) -> int:
    """How many items the next batch takes, by what this one took; at most three times as many."""
    return round(min(MOST, max(FEWEST, min(batch * LOCKED / max(took, 1e-6), batch * 3))))


def telling_of(settings: Settings, workflows: Registry) -> Telling:
    """What alerts say beside the item: whom, what its type recommends, where the console is."""
    known = {workflow.item_type: workflow.recommended for workflow in workflows if workflow.recommended}
    console = settings.console_url.rstrip("/") if settings.console_url else None
    return Telling(settings.alert_channels, known, console, settings.warn_at)
