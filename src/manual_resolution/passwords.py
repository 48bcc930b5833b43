"""Passwords: Argon2id at rest, as slow for a name that nobody has, and never shown."""

import secrets
from functools import lru_cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final
from unicodedata import normalize

from manual_resolution.errors import InvalidInput, Refused

if TYPE_CHECKING:
    from pwdlib import PasswordHash

SHORTEST: Final = 12
LONGEST: Final = 1000

#: Each hashing takes 64 MiB for a moment: at most so many at once in a process.
_hashing: Final = BoundedSemaphore(4)


def password_hash(password: str, name: str) -> str:
    """A password's Argon2 hash; raises `InvalidInput`, which never shows it, for one that is too easy."""
    text = normalize("NFKC", password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise InvalidInput("password", "(hidden)", f"{SHORTEST} to {LONGEST} characters")
    if len(set(text)) < 5 or text.lower() == name.lower():
        raise InvalidInput("password", "(hidden)", "not the name, and not a few characters over and over")
    with _hashing:
        return hasher().hash(text.encode("utf-8", "surrogatepass"))


def fits(password: str, hash_: str) -> bool:
    """Whether a password is the one that was hashed; takes as long where it is not."""
    text = normalize("NFKC", password[: LONGEST + 1])
    with _hashing:
        return hasher().verify(text.encode("utf-8", "surrogatepass"), hash_)


@lru_cache(maxsize=1)
def hasher() -> "PasswordHash":
    """Argon2id; its library is loaded when first asked for."""
    try:
        from pwdlib import PasswordHash
    except ModuleNotFoundError:
        raise Refused("Passwords need an extra: pip install 'manual-resolution-queue[web]'.") from None
    return PasswordHash.recommended()


@lru_cache(maxsize=1)
def nobodys_hash() -> str:
    """What a password is compared with where nobody has that name: it takes as long, and never fits."""
    return hasher().hash(secrets.token_bytes(32))
