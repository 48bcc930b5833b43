"""A process that spools and replays and may be killed at any line: used by test_spool_kills.py, run as a program.

    python spooler.py DATABASE_URL            reads "keep NUMBER LINE" or "replay 0 LINE" lines

Each line is one forked child that dies by SIGKILL when it comes to the LINE-th line of spool.py, counted as it runs.
Printed: the same words and `done` or `killed`.
"""

import os
import signal
import sys
from types import FrameType
from typing import Any

from manual_resolution import Queue, Settings, add_to_queue, spool, spooling


def die_at(line: int) -> None:
    """Kill this process at the so manieth line of spool.py that it runs."""
    left = [line]

    def within(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return within

    sys.settrace(lambda frame, event, _: within if frame.f_code.co_filename == spool.__file__ else None)


def work(what: str, number: int, line: int) -> None:
    """Spool one failure, or replay all of them."""
    if what == "keep":
        os.environ.pop("DATABASE_URL", None)
        die_at(line)
        assert add_to_queue("x", "thing", number, "low", "it failed").spooled
    else:
        queue = Queue(sys.argv[1], settings=Settings.from_env())
        die_at(line)
        spooling.replay(queue, spooling.spool_of(queue.settings), everything=True)


def main() -> None:
    """Fork a child for each line and say how it ended."""
    Queue(sys.argv[1], settings=Settings.from_env()).depth()  # what a child would load is loaded
    print("ready", flush=True)
    for words in sys.stdin:
        what, number, line = words.split()
        child = os.fork()
        if child == 0:
            work(what, int(number), int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(words.strip(), "done" if status == 0 else "killed" if os.WIFSIGNALED(status) else "broken", flush=True)


if __name__ == "__main__":
    main()
