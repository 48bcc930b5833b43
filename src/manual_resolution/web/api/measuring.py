"""Metric events of what is done through the API, as of what is done in the terminal."""

from manual_resolution import metrics
from manual_resolution.item import Item
from manual_resolution.queue import Queue


def measure(queue: Queue, item: Item) -> None:
    """Emit the metric event of what was just decided, where it is one."""
    if event := metrics.moved(item):
        metrics.emit(event, queue.settings)
