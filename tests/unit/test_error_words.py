"""What an error says of a value reads as a person writes it."""

from datetime import UTC, date, datetime

import pytest

from manual_resolution import intake
from manual_resolution.errors import InvalidInput
from manual_resolution.web.sentences import in_console


def test_a_value_is_told_as_people_write_it() -> None:
    """A day is told as a day, what is not there as missing; no type of a program's."""
    assert str(InvalidInput("until", date(2027, 1, 1), "a day to come")).startswith("until = '2027-01-01' is not")
    assert str(InvalidInput("until", None, "a day")) == "until is missing, which is not allowed: a day."


def test_a_page_asks_for_the_reason_that_is_missing() -> None:
    """A page says what to do about an empty reason; what else is not allowed is told as it is."""
    empty = InvalidInput("justification", "", "text that is not blank")
    assert in_console(empty) == "Say why: text that is not blank."
    assert in_console(InvalidInput("justification", "x", "y")).startswith("justification = 'x'")


@pytest.mark.parametrize("text", ["1969-12-31", "9999-12-31"])
def test_a_day_out_of_bounds_is_told_the_bounds(text: str) -> None:
    """Where a day is too early or too late, the days that may be are named."""
    with pytest.raises(InvalidInput, match="from 1970-01-01 to 9998-12-31"):
        intake.day(text)


def test_an_instant_out_of_bounds_is_told_the_bounds() -> None:
    """The last instant that may be is named, not only its year."""
    assert intake.instant("9999-12-31T00:00:00Z") == datetime(9999, 12, 31, tzinfo=UTC)
    with pytest.raises(InvalidInput, match="to 9999-12-31T00:00Z"):
        intake.instant("9999-12-31T00:00:01Z")
