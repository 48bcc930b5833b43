"""The server: uvicorn, which ends open streams the moment it is asked to stop; several processes on one socket."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

RESTART_AFTER: Final = 1.0  # seconds: a process that dies at once must not be started without end


class Server(uvicorn.Server):
    """Sets `app.state.stopping` (an asyncio event that streams wait for) when it is asked to stop."""

    def __init__(self, app: FastAPI, log_level: str = "warning") -> None:
        config = uvicorn.Config(
            app,
            log_level=log_level,
            access_log=False,
            proxy_headers=False,  # the guard reads them, from the proxies we know
            server_header=False,
            timeout_graceful_shutdown=10,
            lifespan="off",
        )
        super().__init__(config)
        self.app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Make the event, in the loop that serves."""
        self.loop = asyncio.get_running_loop()
        self.app.state.stopping = asyncio.Event()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: streams end at once and nobody waits for items any longer; what is being answered is answered."""
        self.app.state.queue.arrivals.close()
        if hasattr(self, "loop"):
            self.loop.call_soon_threadsafe(self.app.state.stopping.set)
        super().handle_exit(sig, frame)


def serve(make: Callable[[], FastAPI], sock: socket.socket, workers: int = 1) -> None:
    """Serve what `make` makes until SIGTERM or Ctrl-C, in as many processes."""
    if workers == 1:
        Server(make()).run(sockets=[sock])
    else:
        Workers(make, sock, workers).run()


class Workers:
    """The parent of several serving processes: one that dies is replaced, and all end with it."""

    def __init__(self, make: Callable[[], FastAPI], sock: socket.socket, count: int) -> None:
        self.make, self.sock, self.count = make, sock, count
        self.children: set[int] = set()
        self.stopping = False

    def run(self) -> None:
        """Until asked to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self.stopping or self.children:
            while len(self.children) < self.count and not self.stopping:
                self._start()
            self._wait()

    def _start(self) -> None:
        if child := os.fork():
            self.children.add(child)
            return
        try:
            serve(self.make, self.sock)
        finally:
            sys.stderr.flush()
            os._exit(0)

    def _wait(self) -> None:
        try:
            child, _ = os.wait()
        except ChildProcessError:
            return
        self.children.discard(child)
        if not self.stopping:
            sys.stderr.write(f"Process {child} ended and is replaced.\n")
            time.sleep(RESTART_AFTER)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True
        for child in self.children:
            os.kill(child, signal.SIGTERM)
