"""An item as data."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from manual_resolution import Item
from manual_resolution.item import COLUMNS, iso

NOW = datetime(2026, 1, 3, 15, tzinfo=UTC)
NOTHING = dict.fromkeys(
    (
        "resource_key", "context", "assigned_to", "assigned_at", "lease_until", "held", "deferred_until",
        "hold_until",
        "wake_at", "escalated_at", "escalated_to", "next_level_at", "position_by", "position_reason",
        "position_until",
        "resolved_at", "resolution", "resolution_metadata", "succeeded_at", "reopened_from",
    )
)  # fmt: skip
ITEM = Item(
    id=42, item_type="pdf_deletion_failed", resource_type="meal_plan", resource_id=12345, priority="medium",
    reason="503",
    status="pending", created_at=NOW - timedelta(days=3), sla_deadline=NOW + timedelta(days=4),
    sla_seconds=604800,
    escalation_level=0, declined_by=[], position=float("inf"), occurrences=1, last_occurred_at=NOW,
    dedup_key="k",
    fingerprint="f", version=1, read_at=NOW, **NOTHING,
)  # type: ignore[arg-type]  # fmt: skip


def test_age_and_time_left_are_as_of_reading() -> None:
    """Age and time to the deadline count from the database's clock when the item was read."""
    assert (ITEM.age, ITEM.due_in, ITEM.is_overdue) == (timedelta(days=3), timedelta(days=4), False)


@pytest.mark.parametrize(
    ("late", "status", "overdue"),
    [
        (-1, "pending", False),
        (0, "pending", False),
        (1, "pending", True),
        (1, "assigned", True),
        (1, "resolved", False),
    ],
)
def test_overdue_is_past_the_deadline_and_open(late: int, status: str, overdue: bool) -> None:
    """An item is overdue after its deadline, and only while it is open."""
    item = replace(ITEM, status=status, sla_deadline=NOW - timedelta(seconds=late))  # type: ignore[arg-type]
    assert item.is_overdue is overdue


def test_a_resource_is_shown_by_number_or_key() -> None:
    """`meal_plan #12345`, or the key of what has no number."""
    assert ITEM.resource == "meal_plan #12345"
    assert replace(ITEM, resource_id=None, resource_key="plans/1.pdf").resource == "meal_plan plans/1.pdf"


def test_json_has_the_columns_names() -> None:
    """`as_json` has the table's columns, no position as null, times in UTC, and can be written as JSON."""
    row = ITEM.as_json()
    assert tuple(row) == COLUMNS
    assert (row["position"], row["created_at"], row["sla_deadline"]) == (
        None, "2025-12-31T15:00:00Z", "2026-01-07T15:00:00Z",
    )  # fmt: skip
    assert replace(ITEM, position=1.5).as_json()["position"] == 1.5
    assert "read_at" not in json.loads(json.dumps(row, allow_nan=False))


def test_times_are_shown_in_utc() -> None:
    """An instant is ISO 8601 with a Z, whatever offset it came with."""
    assert (
        iso(datetime(2026, 1, 3, 20, 45, 1, 5, tzinfo=timezone(timedelta(hours=5, minutes=45))))
        == "2026-01-03T15:00:01.000005Z"
    )


def test_an_item_is_frozen() -> None:
    """Nobody changes an item by assigning to it."""
    with pytest.raises(AttributeError):
        ITEM.status = "resolved"  # type: ignore[misc]
