"""Working through the queue: which items this person has passed on the way, and what they limited it to.

It travels in the address and in each form, so that two tabs are two ways, and nothing of it is kept on the server.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import urlencode

from manual_resolution.item import Filter

LONGEST: Final = 100  # items remembered


@dataclass(frozen=True, slots=True)
class Flow:
    """`on`: after a decision the next item comes. `passed` are ids, the latest last."""

    on: bool = False
    passed: tuple[int, ...] = ()
    item_type: str | None = None
    priority: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """Out of an address or a form; what cannot be read is left out."""
        passed = re.fullmatch(r"(\d{1,18}(-\d{1,18})*)?", given.get("flow", "x"))
        ids = tuple(map(int, passed[0].split("-"))) if passed and passed[0] else ()
        return cls(passed is not None, ids[-LONGEST:], given.get("type") or None, given.get("priority") or None)

    def after(self, item_id: int) -> "Flow":
        """The same with one item more behind."""
        return replace(self, on=True, passed=(*(one for one in self.passed if one != item_id), item_id)[-LONGEST:])

    @property
    def fields(self) -> dict[str, str]:
        """As form fields."""
        if not self.on:
            return {}
        limits = {"type": self.item_type or "", "priority": self.priority or ""}
        return {"flow": "-".join(map(str, self.passed))} | {name: text for name, text in limits.items() if text}

    @property
    def query(self) -> str:
        """As part of an address, `?` included."""
        return f"?{urlencode(self.fields)}" if self.on else ""

    @property
    def chosen(self) -> Filter:
        """What it is limited to."""
        return Filter(item_type=self.item_type, priority=self.priority)
