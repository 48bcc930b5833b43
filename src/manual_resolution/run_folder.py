"""One folder for all processes of a test run, in memory where there is room: 10 times faster databases."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from manual_resolution.embedded import EmbeddedPostgres
from manual_resolution.errors import Unreachable

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def run_folder(base: Path, name: str) -> Iterator[Path]:
    """The run's folder: the same for every process that gives the same `base`, a folder of the run.

    The last to leave stops the servers in it and removes it; so does the next run of this `name` after a killed one.
    """
    EmbeddedPostgres(base)  # says where none can run
    memory = Path("/dev/shm")
    is_roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 << 30
    parent, prefix = memory if is_roomy else base, f"{name}-{os.geteuid()}"
    folder = parent / f"{prefix}-{base.stat().st_ino}"
    with _alone(parent / f"{prefix}.lock"):
        for old in parent.glob(f"{prefix}-*"):
            _remove_unused(old)
        # As root PostgreSQL may have to run as nobody, who must get through to a folder of their own inside.
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
        if folder.lstat().st_uid != os.geteuid():  # others may write to the parent too
            raise Unreachable(f"{folder} belongs to somebody else: remove it.")
        lease = (folder / "lease").open("w")
        fcntl.flock(lease, fcntl.LOCK_SH)
    try:
        yield folder
    finally:
        with _alone(parent / f"{prefix}.lock"):
            lease.close()
            _remove_unused(folder)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _remove_unused(folder: Path) -> None:
    if folder.lstat().st_uid != os.geteuid():
        return
    with contextlib.suppress(BlockingIOError), (folder / "lease").open("w") as lease:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for data in folder.glob("*/pg"):
            EmbeddedPostgres(data.parent).stop()
        shutil.rmtree(folder)
