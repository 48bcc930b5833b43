"""Escalate what has passed its deadline, every 30 minutes (specification, escalate_breaches.py)."""

from manual_resolution.cli.app import main

if __name__ == "__main__":
    main("sweep")
