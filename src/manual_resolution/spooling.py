"""What the database did not take goes to the spool, and comes back from it."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Final

from manual_resolution.errors import MRQError, NotKept
from manual_resolution.inert import inert
from manual_resolution.intake import Intake
from manual_resolution.settings import Settings
from manual_resolution.via import here

if TYPE_CHECKING:
    from manual_resolution.queue import Queue
    from manual_resolution.spool import Replayed, Spool

#: Seconds that an add may spend on bringing in what the spool holds.
REPLAYING: Final = 0.25


def keep(intakes: Sequence[Intake], lost: Exception, queue: "Queue | None") -> None:
    """Put failures into the spool that `queue` (None: no database is named) did not take because of `lost`, and warn.

    Each has its `add_id` and `occurred_at`. Raises `NotKept`, which carries them, where the spool fails too.
    """
    if not intakes:
        return
    settings = queue.settings if queue else Settings.as_far_as_right()
    spool = spool_of(settings)
    try:
        place = spool.keep(unsecret(intakes, settings), queue.database.place if queue else None, here())
    except OSError as error:
        raise not_kept(intakes, lost, f"{error.filename or spool.named}: {error.strerror or error}") from lost
    warn(f"{lost} In the spool until a later add or `mrq spool replay`: {briefly(intakes)} ({place}).")


def unsecret(intakes: Sequence[Intake], settings: Settings) -> Sequence[Intake]:
    """These failures without what their types declare secret, as the queue would have kept them."""
    from manual_resolution.adding import declaring, without_declared_secrets

    known = declaring(settings.workflows)
    return [without_declared_secrets(one, known) for one in intakes] if known else intakes


def not_kept(intakes: Sequence[Intake], lost: Exception, why: str) -> NotKept:
    """The error that carries what nothing took; said on stderr too, for callers that catch everything."""
    from manual_resolution.spool_line import arguments_of

    sentence = f"In neither the queue nor the spool: {briefly(intakes)}. {lost} {why}."
    with suppress(OSError, ValueError, AttributeError):  # a closed stderr, or none
        sys.stderr.write(f"MRQ: {inert(sentence)}\n")
        sys.stderr.flush()
    return NotKept(sentence, failures=[arguments_of(intake) for intake in intakes])


def briefly(intakes: Sequence[Intake]) -> str:
    """`pdf_deletion_failed of meal_plan #7`, and how many more; nothing that may be personal."""
    first = intakes[0]
    number = f" #{first.resource_id}" if first.resource_id is not None else ""
    more = f" and {len(intakes) - 1:,} more" if len(intakes) > 1 else ""
    return f"{first.item_type} of {first.resource_type}{number}{more}"


def warn(sentence: str) -> None:
    """A warning in the log of whoever called; on stderr where nobody set one up."""
    import logging

    logging.getLogger("manual_resolution").warning("%s", inert(sentence))


def replay_some(queue: "Queue", ends: float) -> None:
    """Bring in a little of what the spool holds, before `ends` (monotonic seconds); never an error to the caller."""
    seconds = min(REPLAYING, ends - monotonic())
    try:
        spool = spool_of(queue.settings)
        if seconds <= 0 or not spool.is_due():
            return
        came_to = replay(queue, spool, seconds=seconds)
    except (OSError, MRQError) as error:
        warn(f"The spool was not replayed: {error}")
        return
    for sentence in (*came_to.damaged, *came_to.refused) if came_to else ():
        warn(f"In the spool: {sentence}.")


def replay(
    queue: "Queue",
    spool: "Spool",
    *,
    seconds: float = float("inf"),
    everything: bool = False,
    anywhere: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> "Replayed | None":
    """Replay the spool into the queue, once each; None while another process does.

    `everything`: what was refused before, too. `anywhere`: also what was meant for another database.
    """
    ends = monotonic() + seconds
    return spool.replay(
        lambda batch, via: queue.replay(batch, via, min(60.0, max(0.05, ends - monotonic()))),
        queue.database.place,
        seconds=seconds,
        states=("waiting", "refused") if everything else ("waiting",),
        anywhere=anywhere,
        progress=progress,
    )


def spool_of(settings: Settings) -> "Spool":
    """The spool that the settings name, one for this process."""
    return _spool(settings.spool_dir, settings.spool_max_mb)


@lru_cache(maxsize=4)
def _spool(folder: str, limit_mb: float) -> "Spool":
    from manual_resolution.spool import Spool

    return Spool(folder, limit_mb * 1_000_000)
