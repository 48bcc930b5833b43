"""Metric events: single JSON lines for whatever collects them (specification, Monitoring)."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from manual_resolution.inert import inert_json
from manual_resolution.settings import Settings


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
