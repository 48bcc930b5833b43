"""Decide the queue's items one by one: `python process_queue.py --mode cli` (specification, process_queue.py)."""

from manual_resolution.cli.app import main

if __name__ == "__main__":
    main("process")
