"""Metric events: single JSON lines for whatever collects them (specification, Monitoring)."""

import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from manual_resolution.exposition import Metric, Sample, by, histogram, text
from manual_resolution.inert import inert_json
from manual_resolution.item import Item, iso
from manual_resolution.priority import PRIORITIES
from manual_resolution.settings import Settings
from manual_resolution.store import metrics as store
from manual_resolution.store.connection import Database

if TYPE_CHECKING:
    from manual_resolution.sweeping import Swept

PREFIX: Final = "manual_resolution_queue"


def emit(event: Mapping[str, Any], settings: Settings) -> None:
    """Write one event as one JSON line to `MRQ_METRICS_FILE`, or to stderr; never to stdout, never an error.

    The line is appended in one write, so that processes may share the file.
    """
    line = inert_json(dict(event)) + "\n"
    if settings.metrics_file and _appended(settings.metrics_file, line):
        return
    sys.stderr.write(line)
    sys.stderr.flush()


def timestamp() -> str:
    """Now, as the specification's metric has it: `2026-01-03T15:00:00Z`."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def note(event: Mapping[str, Any], settings: Settings) -> None:
    """Emit what a person's own command did: not on their terminal, where the command has said it already."""
    if settings.metrics_file or not sys.stderr.isatty():
        emit(event, settings)


# ------------------------------------------------------------------ the events


def escalations(swept: "Swept") -> dict[str, Any]:
    """What a sweep raised, in the manner of the specification's metric."""
    return {
        "metric": "manual_resolution_escalations",
        "total": swept.escalated,
        "by_priority": {priority: swept.by_priority.get(priority, 0) for priority in PRIORITIES},
        "by_level": {str(level): count for level, count in sorted(swept.by_level.items())},
        "timestamp": timestamp(),
    }


def told(swept: "Swept") -> str:
    """`3 items escalated: 1 critical, 2 medium; levels 1: 2, 2: 1.`"""
    if not swept.escalated:
        return "Nothing has passed its deadline."
    by = ", ".join(f"{swept.by_priority[p]} {p}" for p in PRIORITIES if p in swept.by_priority)
    levels = ", ".join(f"{level}: {count}" for level, count in sorted(swept.by_level.items()))
    return f"{swept.escalated:,} item{'' if swept.escalated == 1 else 's'} escalated: {by}; levels {levels}."


def moved(item: Item) -> dict[str, Any] | None:
    """The event of an item as a decision left it: resolved, or escalated by an operator; none for another move.

    Neither a person's name nor a producer's words are in it.
    """
    if item.status == "resolved" and item.resolved_at:
        seconds = (item.resolved_at - item.created_at).total_seconds()
        return _event("resolved", item) | {
            "option": (item.resolution_metadata or {}).get("option"),
            "resolution_seconds": round(seconds),
            "within_sla": item.resolved_at <= item.sla_deadline,
            "timestamp": iso(item.resolved_at.replace(microsecond=0)),
        }
    if item.status == "escalated" and not item.held:
        return _event("escalated", item) | {
            "escalated_to": item.escalated_to,
            "timestamp": iso(item.read_at.replace(microsecond=0)),
        }
    return None


def _event(name: str, item: Item) -> dict[str, Any]:
    return {
        "metric": f"manual_resolution_{name}",
        "item_id": item.id,
        "item_type": item.item_type,
        "priority": item.priority,
        "escalation_level": item.escalation_level,
    }


# ------------------------------------------------------------------ for a scraper


def prometheus(database: Database) -> str:
    """The queue's metrics in Prometheus' text format 0.0.4, all of one moment; no item, person or reason in them."""
    with database.connection(60) as db:
        found = store.gauges(db)
    return text([*_of_queue(found), *_of_resolutions(found), *_of_alerts_and_jobs(found)])


def _of_queue(found: store.Gauges) -> Iterator[Metric]:
    depth = {str(priority): found.by_priority.get(priority, 0) for priority in PRIORITIES}
    yield Metric(f"{PREFIX}_depth", "gauge", "Open items.", by("priority", depth))
    since = "Since the oldest open item happened."
    yield Metric(f"{PREFIX}_oldest_item_age_seconds", "gauge", since, [Sample(found.oldest_seconds)])
    late = "Open items past their deadline."
    yield Metric(f"{PREFIX}_sla_breached_items", "gauge", late, [Sample(found.breaching)])


def _of_resolutions(found: store.Gauges) -> Iterator[Metric]:
    counts = {item_type: sum(spans["within"].values()) for item_type, spans in found.resolved.items()}
    resolved = "Items resolved, without those withdrawn."
    yield Metric(f"{PREFIX}_items_resolved_total", "counter", resolved, by("item_type", counts))
    took = [one for item_type, spans in found.resolved.items() for one in _spread(item_type, spans)]
    yield Metric(f"{PREFIX}_resolution_seconds", "histogram", "From happening to resolution.", took)


def _spread(item_type: str, spans: store.Spans) -> list[Sample]:
    """What stayed within all bounds is in the first bucket, within none in the last."""
    counts = [spans["within"].get(str(bounds), 0) for bounds in range(len(store.BOUNDS), -1, -1)]
    return histogram({"item_type": item_type}, store.BOUNDS, counts, spans["sum"])


def _of_alerts_and_jobs(found: store.Gauges) -> Iterator[Metric]:
    yield Metric(f"{PREFIX}_alerts", "gauge", "Alerts that wait or are dead.", by("state", found.alerts))
    for name, told, what in (
        ("last_success_timestamp", "at", "When each part last did its work."),
        ("interval", "every", "How often it should."),
        ("duration", "seconds", "How long it took."),
    ):
        values = {job: float(detail[told]) for job, detail in found.jobs.items() if detail.get(told) is not None}
        yield Metric(f"{PREFIX}_job_{name}_seconds", "gauge", what, by("job", values))


# ------------------------------------------------------------------ where they go


def _appended(path: str, line: str) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as problem:
        sys.stderr.write(f"MRQ_METRICS_FILE cannot be written ({problem.strerror}); the metric goes here.\n")
        return False
    try:
        return os.write(descriptor, line.encode()) == len(line.encode())
    except OSError:
        return False
    finally:
        os.close(descriptor)
