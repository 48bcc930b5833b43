"""The specification's import: `from scripts.manual_resolution.add_to_queue import add_to_queue`."""

from manual_resolution import add_many, add_to_queue, withdraw

__all__ = ["add_many", "add_to_queue", "withdraw"]

if __name__ == "__main__":
    from manual_resolution.cli.app import main

    main("add")
