"""Failures that the database did not take, kept in local files until it does (design, Adding).

One file for an add, a folder of files for a batch: written aside, synced, renamed into place. A process killed at any
instruction leaves either nothing it had acknowledged, or a whole entry. Every line carries its own checksum; what is
damaged, or refused by the database, is set aside under another name and stands in nobody's way. Each failure keeps
the `add_id` it was first tried with, so that it is recorded once, however often it is replayed.
"""

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, time, time_ns
from typing import Any, Final, Literal

from manual_resolution.errors import Refused, Unreachable
from manual_resolution.intake import Intake
from manual_resolution.spool_line import Kept, kept_of, line_of, whole

State = Literal["waiting", "refused", "damaged"]
#: Records a batch; how many of them came in anew.
Record = Callable[[Sequence[Intake], str], int]

#: So many failures of a batch share a file, and a transaction when they are replayed.
CHUNK: Final = 100
#: Seconds after which an unfinished file is nobody's any more.
ABANDONED: Final = 600.0
#: Seconds for which the size of the spool is believed before it is measured again.
MEASURED: Final = 10.0
SUFFIXES: Final[dict[str, State]] = {".spooled": "waiting", ".refused": "refused", ".damaged": "damaged"}
_NAME: Final = re.compile(r"([0-9]{20})-[0-9a-f]{32}-([0-9]{1,9})\.(spooled|refused|damaged|batch)")
_WAITING: Final = re.compile(r"[.](spooled|batch|tmp)$")
_CHUNK_NAME: Final = re.compile(r"[0-9]{6}-([0-9]{1,4})\.(spooled|refused|damaged)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the spool: when the failure was put there (UTC), how many it holds, what became of it."""

    path: Path
    state: State
    at: datetime
    count: int

    def as_json(self) -> dict[str, Any]:
        """The entry, JSON-ready."""
        at = self.at.isoformat().replace("+00:00", "Z")
        return {"path": str(self.path), "state": self.state, "at": at, "count": self.count}


@dataclass(slots=True)
class Replayed:
    """What a replay came to. `recorded` are new, `known` had been recorded before; the rest counts entries."""

    recorded: int = 0
    known: int = 0
    elsewhere: int = 0
    damaged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    left: int = 0
    lost: Unreachable | None = None


class Spool:
    """The spool in `folder`, up to about `limit` bytes. Writing raises OSError; any number of processes share it."""

    def __init__(self, folder: str, limit: float) -> None:
        self.named, self.limit = folder, limit
        self._size, self._measured_at = 0, float("-inf")
        self._looked_at = float("-inf")

    @property
    def folder(self) -> Path:
        """Where it is. Raises OSError where `~` leads nowhere."""
        try:
            return Path(self.named).expanduser().absolute()
        except RuntimeError:
            raise OSError(errno.ENOENT, "there is no home folder, set MRQ_SPOOL_DIR", self.named) from None

    # -------------------------------------------------------------- writing

    def keep(self, intakes: Sequence[Intake], database: str | None, via: str) -> Path:
        """Keep failures that have an `add_id` and an `occurred_at`, all or none; they are on the disk on return."""
        lines = [line_of(Kept(intake, database, via)) for intake in intakes]
        folder = self._ready()
        self._looked_at = float("-inf")
        self._make_room(sum(map(len, lines)))
        name = f"{time_ns():020}-{str(intakes[0].add_id).replace('-', '')}-{len(lines)}"
        if len(lines) <= CHUNK:
            return _into_place(folder, f"{name}.spooled", lambda unfinished: _write(unfinished, lines))
        return _into_place(folder, f"{name}.batch", lambda unfinished: _write_chunks(unfinished, lines))

    def _ready(self) -> Path:
        folder = self.folder
        _make(folder)
        if folder.stat().st_mode & stat.S_IWOTH:
            raise OSError(errno.EPERM, "everybody may write there: chmod o-w it", str(folder))
        return folder

    def _make_room(self, size: int) -> None:
        if monotonic() - self._measured_at > MEASURED:
            self._size, self._measured_at = sum(map(_size_of, self.entries())), monotonic()
        if self._size + size > self.limit:
            full = f"the spool is full: {self._size / 1e6:,.0f} MB of {self.limit / 1e6:,.0f} (MRQ_SPOOL_MAX_MB)"
            raise OSError(errno.EDQUOT, full, str(self.folder))
        self._size += size

    # -------------------------------------------------------------- reading

    def entries(self, *states: State) -> list[Entry]:
        """Every entry, or those in these states, oldest first; unreadable files of others are left alone."""
        found: list[Entry] = []
        for name in sorted(_names(self.folder)):
            if match := _NAME.fullmatch(name):
                at = datetime.fromtimestamp(int(match[1]) / 1e9, UTC)
                found += _entries_of(self.folder / name, at, int(match[2]))
        return [entry for entry in found if not states or entry.state in states]

    def is_due(self) -> bool:
        """Whether something waits: one look at the folder, and in this process one in a second, for every add asks."""
        if monotonic() - self._looked_at < 1:
            return False
        self._looked_at = monotonic()
        return any(map(_WAITING.search, _names(self.folder)))

    def read(self, entry: Entry) -> tuple[list[Kept], str | None]:
        """The failures of one entry that are whole, and what is wrong with the others."""
        found: list[Kept] = []
        lines = entry.path.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], 1):
            try:
                found.append(kept_of(line))
            except (ValueError, TypeError, KeyError):
                return found + whole(lines[number:-1]), f"{entry.path}: line {number} is damaged"
        if lines[-1] or len(found) != entry.count:
            return found, f"{entry.path} is cut short: {len(found)} of {entry.count} are whole"
        return found, None

    # -------------------------------------------------------------- replaying

    def replay(
        self,
        record: Record,
        database: str | None,
        *,
        seconds: float = float("inf"),
        states: tuple[State, ...] = ("waiting",),
        anywhere: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Replayed | None:
        """Hand every entry that was meant for `database`, or for none, to `record`, oldest first, and remove it.

        Begins no other entry after `seconds`; stops when `record` raises `Unreachable`. `anywhere`: also what was
        meant for another database. None while another process replays it.
        """
        ends, came_to = monotonic() + seconds, Replayed()
        with self._alone() as is_mine:
            if not is_mine:
                return None
            self._adopt_abandoned()
            entries = self.entries(*states)
            for number, entry in enumerate(entries):
                if came_to.lost or monotonic() > ends:
                    came_to.left = len(entries) - number
                    break
                self._replay_one(entry, record, came_to, lambda meant: anywhere or meant in (None, database))
                if progress:
                    progress(number + 1, len(entries))
        self._measured_at = float("-inf")
        return came_to

    def _replay_one(
        self, entry: Entry, record: Record, came_to: Replayed, belongs: Callable[[str | None], bool]
    ) -> None:
        try:
            kept, flaw = self.read(entry)
        except OSError as error:
            came_to.damaged.append(f"{entry.path} cannot be read: {error.strerror}")
            return
        if not all(belongs(one.database) for one in kept):
            came_to.elsewhere += 1
            return
        try:
            refusals = self._record(kept, record, came_to)
        except Unreachable as lost:
            came_to.lost, came_to.left = lost, came_to.left + 1
            return
        if flaw:
            came_to.damaged.append(f"{flaw}; set aside as {_set_aside(entry, '.damaged').name}")
        elif refusals:
            came_to.refused.append(f"{refusals[0]} Set aside as {_set_aside(entry, '.refused')}")
        else:
            _remove(entry)

    def _record(self, kept: Sequence[Kept], record: Record, came_to: Replayed) -> list[str]:
        """Record these; what the database refuses among them is told, and the others are recorded."""
        if not kept:
            return []
        try:
            new = record([one.intake for one in kept], kept[0].via)
        except Refused as refusal:
            if len(kept) == 1:
                return [str(refusal)]
            return [sentence for one in kept for sentence in self._record([one], record, came_to)]
        came_to.recorded += new
        came_to.known += len(kept) - new
        return []

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether this process alone replays now; the lock ends with the process."""
        try:
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            yield True  # no folder, nothing in it
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # a child forked meanwhile must not keep it
            os.close(lock)

    def _adopt_abandoned(self) -> None:
        """Take over what a killed process had not finished: whole, it is replayed; torn, it is set aside and named."""
        for name in _names(self.folder):
            path = self.folder / name
            if name.startswith(".") and name.endswith(".tmp"):
                with suppress(OSError):
                    if time() - path.stat().st_mtime > ABANDONED:
                        path.rename(self.folder / name[1:-4])

    # -------------------------------------------------------------- looking after it

    def trouble(self) -> str | None:
        """Why nothing could be kept here now; None when something could. Leaves nothing behind."""
        import tempfile

        try:
            folder = self.folder
            if folder.exists() and folder.stat().st_mode & stat.S_IWOTH:
                return "everybody may write there: chmod o-w it"
            there = next(place for place in (folder, *folder.parents) if place.exists())
            with tempfile.TemporaryFile(dir=there) as probe:
                probe.write(b"x" * 4096)
                probe.flush()
        except OSError as error:
            return error.strerror or str(error)
        return None


# ------------------------------------------------------------------ files


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _entries_of(path: Path, at: datetime, count: int) -> Iterator[Entry]:
    if path.suffix != ".batch":
        yield Entry(path, SUFFIXES[path.suffix], at, count)
        return
    for name in sorted(_names(path)):
        if match := _CHUNK_NAME.fullmatch(name):
            yield Entry(path / name, SUFFIXES[f".{match[2]}"], at, int(match[1]))


def _size_of(entry: Entry) -> int:
    try:
        return entry.path.stat().st_size
    except OSError:
        return 0


def _make(folder: Path) -> None:
    """Make a folder of ours alone, and everything above it that is missing, so that they survive a power cut."""
    if folder.is_dir():
        return
    _make(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    _sync(folder.parent)


def _into_place(folder: Path, name: str, write: Callable[[Path], None]) -> Path:
    """Write under a name that nobody reads, then rename; nothing half made stays after an error."""
    unfinished, place = folder / f".{name}.tmp", folder / name
    try:
        write(unfinished)
        unfinished.rename(place)
        _sync(folder)
    except BaseException:
        import shutil

        for path in (unfinished, place):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        raise
    return place


def _write(path: Path, lines: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(descriptor)


def _write_chunks(folder: Path, lines: Sequence[bytes]) -> None:
    folder.mkdir(mode=0o700)
    for number, first in enumerate(range(0, len(lines), CHUNK)):
        chunk = lines[first : first + CHUNK]
        _write(folder / f"{number:06}-{len(chunk)}.spooled", chunk)
    _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _set_aside(entry: Entry, suffix: str) -> Path:
    return entry.path.rename(entry.path.with_suffix(suffix))


def _remove(entry: Entry) -> None:
    entry.path.unlink(missing_ok=True)
    if entry.path.parent.suffix == ".batch":
        with suppress(OSError):
            entry.path.parent.rmdir()
