"""Processes as a person, a shell or cron would start them, quick enough for hundreds of tests.

`mrq` and Python scripts are forked from a server that has imported everything already: processes and terminals as real
as any, without the third of a second that each new interpreter spends on imports. Only what depends on how an
interpreter starts (its encoding, its imports) needs an executed `command`, or `subprocess`.
"""

import multiprocessing
import os
import pty
import runpy
import signal
import sys
import tempfile
import termios
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pexpect
from pexpect.fdpexpect import fdspawn

ROOT = Path(__file__).parents[1]
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(
    ["manual_resolution.cli.app", "manual_resolution.cli.session", "manual_resolution.workflows", "vercel.blob.sync"]
)
#: At the start of a line, where nothing that others wrote can stand.
MENU = r"\nYour choice \[1-4\]: $"
QUESTION = r"\n(How long\?|Enter defers|User|To which team\?|Note|Why\?)[^\n]* $"


@dataclass(frozen=True)
class Start:
    """What a process begins with: `mrq` and its words, or a Python script, or a command that is executed."""

    words: tuple[str, ...]
    environment: dict[str, str]
    script: str = ""
    command: tuple[str, ...] = ()
    cwd: Path = ROOT


def become(start: Start, streams: tuple[str, str, str], begun: Connection) -> None:
    """Be the process, with these files as its streams and this environment only: what runs in the child."""
    os.setsid()  # the first terminal that a session's leader opens controls it
    for fd, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR), fd)
    begun.send(True)
    os.closerange(3, 1024)
    os.chdir(start.cwd)
    if start.command:
        os.execvpe(start.command[0], [*start.command, *start.words], start.environment)
    os.environ.clear()
    os.environ.update(start.environment)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, "rw"[fd > 0], encoding="utf-8") for fd in range(3))
    sys.argv = [start.script or "mrq", *start.words]
    if start.script:
        sys.path[0] = str(Path(start.script).parent)
        runpy.run_path(start.script, run_name="__main__")
    else:
        from manual_resolution.cli.app import main

        main()


def begin(start: Start, *streams: str) -> multiprocessing.process.BaseProcess:
    """Start it; it has opened its streams when this returns."""
    begins, begun = FORK.Pipe(duplex=False)
    process = FORK.Process(target=become, args=(start, streams, begun))
    process.start()
    begun.close()
    begins.recv()
    begins.close()
    return process


@dataclass(frozen=True)
class Ended:
    """How a process ended; minus the number where a signal ended it."""

    code: int | None
    out: str
    err: str


def run(*words: object, environment: dict[str, str], script: str = "", cwd: Path = ROOT) -> Ended:
    """`run("list", environment=…)`: `mrq list`, or a Python script, to its end."""
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
        process = begin(Start(tuple(map(str, words)), environment, script, cwd=cwd), os.devnull, out.name, err.name)
        process.join(120)
        return Ended(process.exitcode, *(Path(file.name).read_text() for file in (out, err)))


class Terminal:
    """A command on a terminal of its own, and all it has shown so far."""

    def __init__(
        self, *words: str, environment: dict[str, str], columns: int = 200, command: tuple[str, ...] = ()
    ) -> None:
        self.raw = b""
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (50, columns))
        self.process = begin(Start(words, environment, command=command), *3 * [os.ttyname(slave)])
        os.close(slave)
        self.child = fdspawn(master, timeout=60)
        self.child.logfile_read = self

    def write(self, data: bytes) -> None:
        self.raw += data

    def flush(self) -> None:
        pass

    @property
    def text(self) -> str:
        return self.raw.decode().replace("\r\n", "\n")

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def sees(self, *texts: str) -> "Terminal":
        """Wait for these texts, one after the other."""
        for text in texts:
            self.child.expect_exact(text)
        return self

    def answers(self, *pairs: tuple[str, str]) -> "Terminal":
        """Wait for a prompt, type the answer, and so on."""
        for prompt, answer in pairs:
            self.sees(prompt).types(f"{answer}\n")
        return self

    def chooses(self, *keys: str) -> "Terminal":
        """A digit or key at the menu, then what its questions are answered with."""
        self.child.expect(MENU)
        self.types(f"{keys[0]}\n")
        for answer in keys[1:]:
            self.child.expect(QUESTION)
            self.types(f"{answer}\n")
        return self

    def types(self, keys: str | bytes) -> "Terminal":
        self.child.send(keys)
        return self

    def ends(self, code: int = 0) -> str:
        """Wait for the end, which must have this exit code; all that was shown."""
        self.child.expect(pexpect.EOF)
        self.process.join(10)
        self.child.close()
        assert self.process.exitcode == code, self.text
        assert "Traceback" not in self.text
        return self.text

    def dies(self, number: int = signal.SIGKILL) -> None:
        """Send a signal and wait for the end, however it is."""
        assert self.process.pid
        os.kill(self.process.pid, number)
        self.process.join(10)
        self.close()

    def close(self) -> None:
        """End it, if it has not ended yet."""
        self.process.kill()
        self.process.join()
        if self.child.child_fd >= 0:
            self.child.close()
