"""Every error MRQ raises. One root; faces turn a class into an exit code or a status in one table each."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any


class MRQError(Exception):
    """Something MRQ could not do; the message is one sentence for a person."""


class InvalidInput(MRQError, ValueError):
    """A value that is not allowed. `parameter` names it, `value` is what came, `allowed` what may come."""

    def __init__(self, parameter: str, value: object, allowed: str) -> None:
        self.parameter, self.value, self.allowed = parameter, value, allowed
        what = "is missing, which is not allowed" if value is None else f"= {shown(value)} is not allowed"
        super().__init__(f"{parameter} {what}: {allowed}.")


class InvalidType(MRQError, TypeError):
    """A value of the wrong type; same facts as `InvalidInput`."""

    def __init__(self, parameter: str, value: object, allowed: str) -> None:
        self.parameter, self.value, self.allowed = parameter, value, allowed
        super().__init__(f"{parameter} = {shown(value)} has type {type(value).__name__}: {allowed}.")


class SettingsError(MRQError, ValueError):
    """One or more settings are wrong; `problems` lists a sentence each, all reported together."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(" ".join(problems))


class Unreachable(MRQError):
    """The database or an outside service did not answer; nothing was done, trying again can help."""


class NotKept(Unreachable):
    """Neither the database nor the spool took it. `failures`: what was to be added, as `add_to_queue`'s arguments."""

    def __init__(self, message: str, *, failures: Sequence[Mapping[str, Any]]) -> None:
        self.failures = failures
        super().__init__(message)


class OutcomeUnknown(MRQError):
    """An outside call was made and its outcome is not known; a person confirms it (design, Carrying a decision out)."""


class WaitsForApproval(MRQError):
    """The decision is recorded as a proposal and waits for a second person; `item_id`, `until` (UTC) when it lapses."""

    def __init__(self, message: str, *, item_id: int, until: datetime) -> None:
        self.item_id, self.until = item_id, until
        super().__init__(message)


class Refused(MRQError):
    """A move the rules do not allow; nothing was done."""


class Forbidden(Refused):
    """Who asks has no role that allows it, or is not known here; the message says which role is needed."""


class NotSignedIn(Refused):
    """Name or password is not right, or the person is disabled: which of these is not told."""


class TooOften(Refused):
    """Tried too often; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class NotFound(Refused):
    """No such item."""


class AlreadyResolved(Refused):
    """The item is resolved already; `by` and `resolution` say who and how."""

    def __init__(self, message: str, *, by: str | None = None, resolution: str | None = None) -> None:
        self.by, self.resolution = by, resolution
        super().__init__(message)


class OwnedByAnother(Refused):
    """Another person holds the item; `owner` names them."""

    def __init__(self, message: str, *, owner: str) -> None:
        self.owner = owner
        super().__init__(message)


class NotPossible(Refused):
    """A check forbids the chosen option, or the database its effect; the message says why.

    `for_good`: the database has a rule against it, so that another try ends alike.
    """

    def __init__(self, message: str, *, for_good: bool = False) -> None:
        self.for_good = for_good
        super().__init__(message)


class Changed(Refused):
    """What the person saw is no longer so; `differences` lists what changed."""

    def __init__(self, message: str, *, differences: tuple[str, ...] = ()) -> None:
        self.differences = differences
        super().__init__(message)


class Stale(Refused):
    """The item has another version than the person saw: `version` now, `changes` since, a few words each."""

    def __init__(self, message: str, *, version: int, changes: tuple[str, ...] = ()) -> None:
        self.version, self.changes = version, changes
        super().__init__(message)


class KeyReused(Refused):
    """The key of a request was used for another one."""


class StillRunning(Refused):
    """The request of this key is being carried out; `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Failed(Refused):
    """The option ran and definitely did not succeed; the item is back with its owner. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


def shown(value: Any, limit: int = 80) -> str:
    """`value` as it may stand in a sentence: escaped (`ascii`), at most `limit` characters."""
    try:
        text = ascii(value.isoformat() if isinstance(value, date) else value)
    except (RecursionError, ValueError):
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"
