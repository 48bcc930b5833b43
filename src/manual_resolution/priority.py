"""Priorities and their order (specification, Priorities). Imports nothing of ours."""

from typing import Final, Literal

Priority = Literal["critical", "high", "medium", "low"]

#: In the order of work; the alphabet would put low before medium.
PRIORITIES: Final[tuple[Priority, ...]] = ("critical", "high", "medium", "low")

#: Hours until the deadline, unless a setting or the item says otherwise.
DEFAULT_SLA_HOURS: Final[dict[Priority, float]] = {"critical": 4, "high": 24, "medium": 168, "low": 720}
