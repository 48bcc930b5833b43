"""What the queue tells: items, their histories, a case laid out for a decision, how much there is."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from time import monotonic
from typing import Any, Final

from manual_resolution import intake as strict
from manual_resolution import registry
from manual_resolution.admission import Admission
from manual_resolution.answers import Plan
from manual_resolution.arrivals import Arrivals
from manual_resolution.case import Case
from manual_resolution.decision import By
from manual_resolution.errors import NotFound, Refused
from manual_resolution.execution import Execution, Step
from manual_resolution.item import Event, Filter, Item, iso
from manual_resolution.masking import Mask, mask_of
from manual_resolution.priority import PRIORITIES
from manual_resolution.proposing import Proposing, Waiting
from manual_resolution.settings import Settings
from manual_resolution.store import attempts, due, events, items, metrics, proposals
from manual_resolution.store.attempts import Attempt
from manual_resolution.store.connection import Database
from manual_resolution.store.proposals import Proposal
from manual_resolution.via import here
from manual_resolution.workflow import Option

ANY: Final = Filter()


class Reading(Admission):
    """What anybody may ask of the queue in `database`; a list ends first what is due.

    `by` is who asks, where it is a person or a program with roles of its own; without it nothing is limited.
    """

    def __init__(self, database: Database, settings: Settings, workflows: registry.Registry | None, step: Step) -> None:
        self.database, self.settings = database, settings
        self._workflows, self._step = workflows, step
        self.arrivals, self._woken = Arrivals(database), float("-inf")

    @cached_property
    def workflows(self) -> registry.Registry:
        """The workflows in force; loaded when first asked for, so that adding needs none of them."""
        return self._workflows or registry.load(self.settings.workflows)

    @cached_property
    def execution(self) -> Execution:
        """What examines items and carries decisions out."""
        return Execution(self.database, self.workflows, self.settings, self._step)

    @cached_property
    def proposing(self) -> Proposing:
        """What keeps decisions for a second person."""
        return Proposing(self.execution)

    def get(self, item_id: int, *, by: By | None = None) -> Item:
        """One item."""
        self.reader(by, item_id)
        with self.database.connection() as db:
            return self._found(items.get(db, item_id), item_id)

    def mask(self, item: Item, *contexts: Mapping[str, Any] | None, reveal: bool = False) -> Mask:
        """What is not shown of an item; `contexts` are those it had before."""
        return mask_of(self.workflows.of(item.item_type), item.context, *contexts, reveal=reveal)

    def reveal(self, item_id: int, by: By, justification: str) -> Item:
        """An item whose personal facts are to be shown: its history keeps to whom, and why."""
        who, text = self.admit(by, "reveal", item_id), strict.justification(justification)
        item = self.get(item_id)
        if not (labels := self.mask(item).labels):
            raise Refused(f"#{item_id} hides nothing personal.")
        with self.database.connection() as db:
            return self._found(items.reveal(db, item_id, who, list(labels), text), item_id)

    def history(self, item_id: int, *, by: By | None = None) -> Sequence[Event]:
        """An item's events, oldest first."""
        self.reader(by, item_id)
        with self.database.connection() as db:
            found = events.of_item(db, item_id)
        if not found:
            raise NotFound(f"There is no item #{item_id}.")
        return found

    def attempts(self, item_id: int, *, by: By | None = None) -> Sequence[Attempt]:
        """An item's attempts, oldest first."""
        self.reader(by, item_id)
        with self.database.connection() as db:
            return attempts.of_item(db, item_id)

    def approvals(self, *, by: By | None = None) -> Sequence[Waiting]:
        """What waits for a second person, the first to lapse first."""
        who = self.reader(by)
        self.wake()
        return [one for one in self.proposing.waiting() if self.is_readable(one.item, who)]

    def proposals(self, item_id: int, *, by: By | None = None) -> Sequence[Proposal]:
        """An item's proposals, oldest first."""
        self.reader(by, item_id)
        with self.database.connection() as db:
            return proposals.of_item(db, item_id)

    def examine(self, item_id: int, *, by: By | None = None) -> Case:
        """Lay an item out for a decision: live checks, recommendation, options, plans."""
        self.reader(by, item_id)
        return self.execution.examine(item_id)

    def plan(self, item_id: int, option: str, values: Mapping[str, Any], *, by: By | None = None) -> Plan:
        """What deciding so would touch; does nothing."""
        self.reader(by, item_id)
        return self.execution.plan(item_id, self._option(item_id, option), values)

    def reach(self) -> None:
        """Raise `Unreachable` unless the database answers within two seconds."""
        self.database.reach(2)

    def depth(self, *, by: By | None = None) -> dict[str, Any]:
        """The metric of the queue as it stands (specification, Monitoring)."""
        by and self.admit(by, "report")
        with self.database.connection(60) as db:
            found = metrics.gauges(db)
        by_priority = {priority: found.by_priority.get(priority, 0) for priority in PRIORITIES}
        return {
            "metric": "manual_resolution_queue_depth",
            "total_pending": sum(by_priority.values()),
            "by_priority": by_priority,
            "oldest_item_hours": int(found.oldest_seconds // 3600),
            "items_breaching_sla": found.breaching,
            "timestamp": iso(found.at.replace(microsecond=0)),
        }

    def waiting_for_teams(self, *, by: By | None = None) -> dict[str, int]:
        """How many items wait for which team."""
        self.reader(by)
        with self.database.connection() as db:
            return items.waiting_for_teams(db)

    def wake(self, *, every: float = 1.0) -> int:
        """End the leases, deferrals and attempts due, count what callers committed; at most once in `every` seconds."""
        if monotonic() - self._woken < every:
            return 0
        with self.database.connection(60) as db:
            woken = len(due.wake(db, here()))
            woken += due.fold(db, here())
        self._woken = monotonic()
        return woken

    def _option(self, item_id: int, key: str) -> Option:
        return self.workflows.of(self.get(item_id).item_type).option_named(key)

    def _found(self, item: Item | None, item_id: int) -> Item:
        if item is None:
            raise NotFound(f"There is no item #{item_id}.")
        return item
