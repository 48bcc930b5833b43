"""The one table of moves: which status may follow which, and by what (design, The four statuses stay four).

`docs/design/moves.md` is printed from it, and a test tries every pair of statuses against the database with it.
"""

from dataclasses import dataclass
from typing import Final

from manual_resolution.item import STATUSES, Status


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table: from any of `before` to any of `after`, by the named verbs."""

    before: tuple[Status, ...]
    after: tuple[Status, ...]
    by: str


ADD: Final = "add"
OPEN: Final[tuple[Status, ...]] = ("pending", "assigned", "escalated")

MOVES: Final[tuple[Move, ...]] = (
    Move((), ("pending",), ADD),
    Move(("pending", "escalated"), ("assigned",), "claim (next, or by id)"),
    Move(("assigned",), ("assigned",), "hand over; take over (reason)"),
    Move(
        ("assigned",),
        ("pending", "escalated"),
        "release, decline, lease expired, outcome unknown; escalated when it was before",
    ),
    Move(OPEN, ("escalated",), "escalate: an operator's choice (sets escalated_at and escalated_to, ends a deferral)"),
    Move(("pending",), ("escalated",), "sweep (a deferral stays: alerted and listed as breached, not served)"),
    Move(("pending", "assigned"), ("pending",), "defer, when never escalated"),
    Move(OPEN, ("escalated",), "defer, when escalated before"),
    Move(OPEN, ("resolved",), "resolve (from unowned: claims in the same statement), the runbook's UPDATE"),
    Move(("pending", "escalated"), ("resolved",), "withdraw"),
    *(
        Move((status,), (status,), "priority, position, note, amend, level, occurrence, extend, wake, hold")
        for status in OPEN
    ),
)


def may_follow(before: Status, after: Status) -> bool:
    """Whether any move leads from `before` to `after`. Nothing follows resolved, not even itself."""
    return any(before in move.before and after in move.after for move in MOVES)


def as_markdown() -> str:
    """The table as it stands in `docs/design/moves.md`."""
    rows = [f"| {', '.join(move.before) or '–'} | {', '.join(move.after)} | {move.by} |" for move in MOVES]
    rows.append("| resolved | – | final: `reopen` and a later failure of the same thing make a new item |")
    pairs = ["| from \\ to | " + " | ".join(STATUSES) + " |", "|---" * (len(STATUSES) + 1) + "|"]
    for before in STATUSES:
        pairs.append(
            f"| {before} | " + " | ".join("yes" if may_follow(before, after) else "no" for after in STATUSES) + " |"
        )
    return "\n".join(["| from | to | by |", "|---|---|---|", *rows, "", *pairs, ""])
