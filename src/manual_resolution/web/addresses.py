"""Where things are, behind a proxy's prefix or none."""

from typing import Final

from fastapi import Request

CONSOLE: Final = "/admin/manual-resolution-queue"


def root(request: Request) -> str:
    """The prefix of every address: a proxy's, or none."""
    return str(request.scope.get("root_path", ""))


def path_below(request: Request) -> str:
    """The path that is asked for, without the prefix."""
    return str(request.scope["path"]).removeprefix(root(request))


def console(request: Request) -> str:
    """Where the console begins."""
    return root(request) + CONSOLE
