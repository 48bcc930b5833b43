"""The HTTP status of every error, for pages and API alike; what is no error of ours is a 500 without its text."""

from typing import Final

from manual_resolution.errors import (
    Forbidden,
    InvalidInput,
    InvalidType,
    KeyReused,
    MRQError,
    NotFound,
    NotSignedIn,
    OutcomeUnknown,
    Refused,
    SettingsError,
    TooOften,
    Unreachable,
    WaitsForApproval,
)

#: The first that fits.
STATUSES: Final[tuple[tuple[type[MRQError], int], ...]] = (
    (NotFound, 404),
    (NotSignedIn, 401),
    (Forbidden, 403),
    (TooOften, 429),
    (KeyReused, 422),
    (Refused, 409),
    (InvalidInput, 422),
    (InvalidType, 422),
    (WaitsForApproval, 202),
    (OutcomeUnknown, 202),
    (Unreachable, 503),
    (SettingsError, 500),
    (MRQError, 500),
)


def status_of(error: MRQError) -> int:
    """The HTTP status that says what kind of error it is."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))
