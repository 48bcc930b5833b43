"""A bar for long work, on a terminal's stderr only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(doing: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """A bar that is told what is done and how much there is, once there is something to wait for; elsewhere none."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: list[TaskID] = []

        def advance(done: int, total: int | None) -> None:
            if not tasks:
                tasks.append(bar.add_task(doing, total=total))
            bar.update(tasks[0], completed=done, total=total)

        yield advance
