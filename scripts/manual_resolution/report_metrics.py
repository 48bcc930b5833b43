"""Show how the queue is doing; with --mail daily at 9:00 UTC (specification, report_metrics.py)."""

import sys

try:
    from manual_resolution.cli.app import main
except ModuleNotFoundError as missing:
    sys.exit(f"{missing}: run this with the python of the environment that MRQ is installed in.")

if __name__ == "__main__":
    main("report")
