"""Who asks: a session's cookie for pages. Nobody else gets further."""

from typing import Annotated

from fastapi import Depends, Request

from manual_resolution.item import Actor


class SignedOut(Exception):
    """Nobody is signed in, or the session has ended."""


def person(request: Request) -> Actor:
    """Who is signed in; raises `SignedOut`."""
    raise SignedOut


Who = Annotated[Actor, Depends(person)]
