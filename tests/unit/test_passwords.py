"""Passwords at rest, as they are hashed outside the tests that make it cheap."""

from manual_resolution.passwords import fits, password_hash

PASSWORD = "correct horse battery"


def test_hashing_is_slow_on_purpose() -> None:
    """Argon2id with 64 MiB: whoever gets the table tries few passwords a second."""
    hashed = password_hash(PASSWORD, "ada")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert fits(PASSWORD, hashed)
    assert not fits(f"{PASSWORD}!", hashed)
