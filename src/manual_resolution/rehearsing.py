"""What a decision would touch, and what would keep it from being carried out; nothing is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manual_resolution.decision import By, person, refuse_unless_free
from manual_resolution.queue import Queue


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of trying a decision: the lines of its plan; `because` is none where it is possible now."""

    item_id: int
    option: str
    label: str
    because: str | None
    plan: list[str]
    two_persons: bool

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        told = {"item_id": self.item_id, "option": self.option, "possible": self.because is None}
        return told | {"because": self.because, "plan": self.plan, "two_persons": self.two_persons}


def rehearse(
    queue: Queue, item_id: int, key: str, by: By, *, values: Mapping[str, Any], override: bool = False
) -> Rehearsal:
    """Try a decision: raises what `resolve` raises for an item that is not free, and for values that are wrong."""
    by = queue.admit(by, "read", item_id)
    case = queue.examine(item_id)
    mask = queue.mask(case.item)
    refuse_unless_free(case.item, person(by))
    offer = mask.case(case).offer(key)
    option = offer.option
    outside = option.effect not in ("escalate", "defer")
    lines = queue.plan(item_id, key, values).lines() if outside else ["nothing outside the queue"]
    because = None if override and option.override else offer.because
    two = bool(option.approvals or override)
    return Rehearsal(item_id, key, option.label, because, [mask.text(line) for line in lines], two)
