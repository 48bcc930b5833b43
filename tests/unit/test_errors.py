"""Errors: one root, the parameter named, values harmless."""

from datetime import UTC, datetime

import pytest

from manual_resolution import errors
from manual_resolution.errors import InvalidInput, InvalidType, MRQError, Refused, SettingsError, shown


def test_every_error_is_an_mrq_error() -> None:
    """One `except MRQError` catches whatever the library raises."""
    classes = [
        value for value in vars(errors).values() if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert all(issubclass(value, MRQError) for value in classes)


def test_wrong_input_is_a_value_or_type_error() -> None:
    """Callers who know nothing of MRQ catch ValueError and TypeError."""
    assert issubclass(InvalidInput, ValueError) and issubclass(InvalidType, TypeError)
    assert not issubclass(Refused, ValueError)


def test_wrong_input_names_itself() -> None:
    """The sentence has the parameter, the value and what is allowed; the parts can be read apart."""
    error = InvalidInput("priority", "urgent", "one of critical, high")
    assert str(error) == "priority = 'urgent' is not allowed: one of critical, high."
    assert (error.parameter, error.value, error.allowed) == ("priority", "urgent", "one of critical, high")
    assert str(InvalidType("resource_id", "12", "a number")) == "resource_id = '12' has type str: a number."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x1b[2J\n", r"'a\x1b[2J\n'"),
        ("\u202e", r"'\u202e'"),
        (None, "None"),
        (b"\0", r"b'\x00'"),
        ("é", r"'\xe9'"),
    ],
)
def test_a_value_is_shown_harmlessly(value: object, text: str) -> None:
    """Control and direction characters are escaped."""
    assert shown(value) == text


def test_an_instant_is_shown_as_it_is_written() -> None:
    """An instant stands in a sentence as ISO 8601, not as Python's call."""
    assert shown(datetime(1, 1, 1, tzinfo=UTC)) == "'0001-01-01T00:00:00+00:00'"


def test_a_value_is_shown_briefly() -> None:
    """What is long is clipped, what cannot be written is named by its type."""
    assert len(shown("x" * 1000)) == 80
    assert shown("x" * 1000).endswith("…")
    assert shown(10**5000) == "<int>"
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "<list>"


def test_settings_are_reported_together() -> None:
    """All that is wrong is in one message, and each sentence apart."""
    error = SettingsError(["One.", "Two."])
    assert (str(error), error.problems) == ("One. Two.", ["One.", "Two."])
