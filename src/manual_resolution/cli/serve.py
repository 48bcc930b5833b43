"""`mrq serve`: the web console and the API."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.util import find_spec
from threading import Event, Thread
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue
from manual_resolution.web.listening import listen

if TYPE_CHECKING:
    from fastapi import FastAPI

    from manual_resolution.item import Actor
    from manual_resolution.queue import Queue

HERE = ("127.0.0.1", "localhost", "::1")


def register(app: typer.Typer) -> None:
    """Add `mrq serve`."""
    examples = given.example("mrq serve", "mrq serve --port 9000 --workers 2")
    app.command("serve", rich_help_panel=given.DECIDING, epilog=examples)(serve)


def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = HERE[0],
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8787,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="How many processes.")] = 1,
) -> None:
    """Open the console in the browser, until Ctrl-C.

    On this machine only, unless --host says else. Behind a proxy, MRQ_CONSOLE_URL is the public address and MRQ_PROXY
    the proxy's own.
    """
    run(host, port, workers)


def run(host: str, port: int, workers: int) -> None:
    """Listen, say where, serve."""
    try:
        from manual_resolution.web.serving import serve
    except ModuleNotFoundError as missing:
        fail(f"The console needs {missing.name}: pip install 'manual-resolution-queue[web]'.", 2)
    token = admission(host)
    try:
        sock = listen(host, port)
    except OSError as error:
        fail(f"{host}:{port} cannot be listened on ({error.strerror}): choose another with --port.", 1)
    with sock:
        print(address(host, sock, token), flush=True)
        serve(partial(application, host), sock, workers)


def admission(host: str) -> str | None:
    """A one-time link's token while nobody has an account; ends where nobody but this machine's user should get in."""
    from manual_resolution.people import People

    with closing(open_queue()) as queue:
        people = People(queue.database, queue.settings)
        kept = people.are_kept()
        if host not in HERE and not kept:
            fail(f"{host} is beyond this machine, and nobody can sign in: `mrq user add NAME --role admin` first.", 2)
        if host in ("0.0.0.0", "::") and not queue.settings.console_url:  # it is refused
            fail(f"{host} is every address: set MRQ_CONSOLE_URL to the one that browsers name.", 2)
        return None if kept else people.link(one_here())


def application(host: str) -> "FastAPI":
    """The application over the environment's queue."""
    from manual_resolution.via import through
    from manual_resolution.web.app import create_app
    from manual_resolution.web.guard import LOOPBACK

    through("console")
    return create_app(open_queue(), served=(*LOOPBACK, shown_host(host)))


@contextmanager
def beside(queue: "Queue") -> Iterator[str]:
    """The console in a thread of this process, for as long as the block lasts: the line that says where.

    An empty line where it cannot be had. What only it needs is imported in its thread: nobody waits for that.
    """
    from manual_resolution.people import People

    try:
        sock = first_free(8787)
    except OSError:
        sock = None
    if sock is None or find_spec("uvicorn") is None:
        yield ""
        return
    with sock:
        token, over = People(queue.database, queue.settings).link(one_here()), Event()
        server = Thread(target=_serve_until, args=(over, queue, sock), daemon=True)
        server.start()
        try:
            yield address(HERE[0], sock, token)
        finally:
            over.set()
            server.join(5)


def _serve_until(over: Event, queue: "Queue", sock: socket.socket) -> None:
    from manual_resolution.web.app import create_app
    from manual_resolution.web.serving import Server

    server = Server(create_app(queue), log_level="critical")  # the terminal is somebody's session

    def end() -> None:
        over.wait()
        server.handle_exit(signal.SIGTERM, None)

    Thread(target=end, daemon=True).start()
    server.run(sockets=[sock])


def first_free(port: int) -> socket.socket:
    """The usual port, else any."""
    try:
        return listen(HERE[0], port)
    except OSError:
        return listen(HERE[0], 0)


def one_here() -> "Actor":
    """Whoever sits at this machine: the name they chose, else the system user's."""
    from manual_resolution.intake import operator
    from manual_resolution.item import Actor
    from manual_resolution.via import command, where

    name = os.environ.get("MRQ_OPERATOR") or where().partition("@")[0]
    return Actor(operator(name), "person", command())


def address(host: str, sock: socket.socket, token: str | None) -> str:
    """`Console: http://127.0.0.1:8787/?token=…  opens once, for 5 minutes`."""
    where = f"Console: http://{shown_host(host)}:{sock.getsockname()[1]}/"
    return f"{where}?token={token}  opens once, for 5 minutes" if token else where


def shown_host(host: str) -> str:
    """As it stands in an address."""
    return f"[{host}]" if ":" in host else host
