"""What is the same for every test of a process and slow to make: made once, or made cheaper, without being another."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest

#: What was included or described before.
MADE: dict[Any, Any] = {}


@lru_cache(maxsize=1)
def quick() -> Any:
    """Argon2id with next to no memory."""
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),))


@pytest.fixture(scope="module", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashing a password takes a moment instead of a good while, as tests/unit/test_passwords.py holds it to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("manual_resolution.passwords.hasher", quick)
        yield


@pytest.fixture(scope="module", autouse=True)
def routes_made_once() -> Iterator[None]:
    """Each test has an application of its own; what all of them share, routes and documentation, is made once."""
    from fastapi import APIRouter

    from manual_resolution.web.api import app as api

    include, describe = APIRouter.include_router, api.described

    def include_once(self: APIRouter, router: APIRouter, **options: Any) -> None:
        include(self, router, **options)
        self.routes[-1] = MADE.setdefault((id(router), repr(options)), self.routes[-1])

    def describe_once(application: Any) -> Any:
        if "document" not in MADE:
            MADE["document"] = describe(application)
        return MADE["document"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(APIRouter, "include_router", include_once)
        patch.setattr(api, "described", describe_once)
        yield
