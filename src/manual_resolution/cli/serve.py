"""`mrq serve`: the web console and the API."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from manual_resolution.cli import parameters as given
from manual_resolution.cli.face import fail, open_queue

if TYPE_CHECKING:
    from fastapi import FastAPI

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
    with closing(open_queue()) as queue:
        queue.reach()
    run(host, port, workers)


def run(host: str, port: int, workers: int) -> None:
    """Listen, say where, serve."""
    try:
        from manual_resolution.web.serving import listen, serve
    except ModuleNotFoundError as missing:
        fail(f"The console needs {missing.name}: pip install 'manual-resolution-queue[web]'.", 2)
    if host not in HERE:
        fail(f"{host} is not this machine alone, and nobody can sign in yet: nothing was opened.", 2)
    try:
        sock = listen(host, port)
    except OSError as error:
        fail(f"{host}:{port} cannot be listened on ({error.strerror}): choose another with --port.", 1)
    with sock:
        print(f"Console: http://{shown_host(host)}:{sock.getsockname()[1]}/", flush=True)
        serve(application, sock, workers)


def application() -> "FastAPI":
    """The application over the environment's queue."""
    from manual_resolution.via import through
    from manual_resolution.web.app import create_app

    through("console")
    return create_app(open_queue())


def shown_host(host: str) -> str:
    """As it stands in an address."""
    return f"[{host}]" if ":" in host else host
