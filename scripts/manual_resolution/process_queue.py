"""Decide the queue's items one by one: `python process_queue.py --mode cli` (specification, process_queue.py)."""

import sys

try:
    from manual_resolution.cli.app import main
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}: run this with the python of the environment that MRQ is installed in.")

if __name__ == "__main__":
    main("process")
