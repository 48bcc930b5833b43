"""The demo's world: a private PostgreSQL and the sample application, all in one folder and on 127.0.0.1."""

import atexit
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from manual_resolution.embedded import EmbeddedPostgres
from manual_resolution.errors import Refused, Unreachable
from manual_resolution.settings import VARIABLES

MARK = "this-is-an-mrq-demo"
CHOSEN = ("MRQ_OPERATOR", "MRQ_PG_BIN", "MRQ_BATCH_SIZE")  # what a person may set for the demo too
_entered: dict[str, "Demo"] = {}


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo as it runs in this process. `is_fresh`: its week has not been yet."""

    folder: Path
    server: EmbeddedPostgres
    world: Any

    @property
    def is_fresh(self) -> bool:
        return self.world.nights is None


def enter(folder: str | Path) -> Demo:
    """Open the demo in `folder`, made the first time, and let the environment name it; ends with the process.

    Whatever the environment named before is ignored: no real database, no real token is ever touched.
    Raises `Refused` for a folder that holds something else, `Unreachable` where the demo cannot be had.
    """
    home = Path(folder).absolute()
    if str(home) not in _entered:
        with plainly(home):
            _entered[str(home)] = _open(home)
    return _entered[str(home)]


@contextmanager
def plainly(home: Path) -> Iterator[None]:
    """Turn what the file system refuses into a sentence."""
    try:
        yield
    except OSError as error:
        where = error.filename or home
        raise Unreachable(f"The demo cannot use {where} ({error.strerror}): choose a folder with --dir.") from error


def is_there(folder: str | Path) -> bool:
    """Whether a demo was made in this folder."""
    return (Path(folder) / MARK).exists()


def _open(home: Path) -> Demo:
    from manual_resolution.store.migrate import migrate

    find_sample_application()
    _mark(home)
    server = EmbeddedPostgres(home / "postgres")
    address = server.start()
    try:
        migrate(address)
    except Refused as error:  # made by another version: nothing in it is worth a conversion
        raise Refused(f"{error} Start the demo anew with --reset.") from error
    stack = ExitStack()
    world = stack.enter_context(import_module("meal_plan.world").World(home, address))
    atexit.register(stack.close)
    ours = {"MRQ_METRICS_FILE": str(home / "metrics.jsonl"), "MRQ_SPOOL_DIR": str(home / "spool")}
    name_only(address, world.environment | ours)
    return Demo(home, server, world)


def _mark(home: Path) -> None:
    """A folder that is not a demo's is never taken for one."""
    if home.exists() and any(home.iterdir()) and not is_there(home):
        raise Refused(f"{home} is there already and is no demo's: choose another folder with --dir.")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / MARK).touch()


def name_only(address: str, environment: dict[str, str]) -> None:
    """Let the environment name the demo and nothing else; who speaks may have been chosen."""
    spoken = {name: os.environ[name] for name in CHOSEN if name in os.environ}
    for name in [name for name in os.environ if is_ours(name)]:
        del os.environ[name]
    os.environ.update(environment | spoken | {"DATABASE_URL": address})


def is_ours(name: str) -> bool:
    """Whether MRQ, the driver or the blob package would read this variable."""
    known = {f"{v.name}{suffix}" for v in VARIABLES for suffix in ("", "_FILE")}
    return name in known or name.startswith(("MRQ_", "VERCEL_", "BLOB_", "PG", "NEXT_PUBLIC_VERCEL_"))


def was_cut_short(folder: str | Path) -> bool:
    """Whether the demo's week was begun and never came to its end."""
    home = Path(folder).absolute()
    if not is_there(home):
        return False
    with suppress(OSError, ValueError):
        return json.loads((home / "world.json").read_text())["nights"] is None
    return True


def reset(folder: str | Path) -> None:
    """Remove a demo, its database and its blobs. Raises `Refused` for a folder that is none, or is in use."""
    home = Path(folder).absolute()
    if not home.exists():
        return
    if not is_there(home):
        raise Refused(f"{home} is no demo's folder: nothing was removed.")
    if (home / "postgres").exists() and not stopped(EmbeddedPostgres(home / "postgres")):
        raise Refused("Another mrq uses this demo just now: end it first. Nothing was removed.")
    with plainly(home):
        shutil.rmtree(home)


def stopped(server: EmbeddedPostgres) -> bool:
    """Whether nobody uses the server any more; one that cannot even be started is used by nobody."""
    try:
        server.start()
    except Unreachable:
        return True
    return server.stop()


def find_sample_application() -> None:
    """Put the sample application on the path: beside the source, or shipped inside the package."""
    here = Path(__file__).parent
    for examples in (here / "examples", here.parents[1] / "examples"):
        if (examples / "meal_plan").is_dir():
            root = examples.parent if (examples.parent / "scripts").is_dir() else here.parent
            sys.path[:0] = [path for path in (str(examples), str(root)) if path not in sys.path]
            return
    raise Unreachable("The sample application is not installed here: clone the project, run `make demo`.")
