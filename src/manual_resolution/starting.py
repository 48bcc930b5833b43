"""What `mrq init` writes: the specification's entry points, a sample of the settings, a first item type, its test."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from manual_resolution.errors import Refused
from manual_resolution.settings import CHOSEN, Settings

PACKAGE: Final = Path(__file__).parent
FACES: Final = "scripts/manual_resolution"
#: The specification's four. One whose module this version does not have yet is left out.
ENTRY_POINTS: Final = ("add_to_queue.py", "process_queue.py", "escalate_breaches.py", "report_metrics.py")

Done = Literal["wrote", "overwrote", "kept", "differs"]


@dataclass(frozen=True, slots=True)
class Step:
    """One file by its path in the folder: written, overwritten, kept as it was, or kept although it differs."""

    path: str
    did: Done


def start(folder: Path, *, embedded: bool = False, force: bool = False) -> Iterator[Step]:
    """Write the files into `folder`, one step each; a file that differs is kept unless `force`.

    `embedded` chooses the private PostgreSQL for commands and scripts that run in this folder.
    """
    for path, text in (*faces().items(), *sample().items(), *(chosen() if embedded else {}).items()):
        yield Step(path, _put(folder / path, text, force))


def faces() -> dict[str, str]:
    """The entry points by path, as this installation has them: beside the package, or in its clone."""
    for root in (PACKAGE.parent, PACKAGE.parent.parent):
        found = [root / FACES / name for name in ENTRY_POINTS if (root / FACES / name).is_file()]
        if found:
            return {f"{FACES}/{path.name}": path.read_text(encoding="utf-8") for path in found}
    raise Refused(f"This installation lacks the folder {FACES}: install manual-resolution-queue again.")


def missing() -> list[str]:
    """Entry points of the specification that come with a later version."""
    return [name for name in ENTRY_POINTS if f"{FACES}/{name}" not in faces()]


def sample() -> dict[str, str]:
    """The other files by path."""
    root = PACKAGE / "sample"
    found = sorted(root.rglob("*.txt"))
    return {path.relative_to(root).as_posix().removesuffix(".txt"): path.read_text(encoding="utf-8") for path in found}


def chosen() -> dict[str, str]:
    """What marks a folder as one that chose the private PostgreSQL. It stays out of version control, by itself."""
    home = Settings().embedded_dir
    why = "`mrq init --embedded` chose the private PostgreSQL here. Remove this file to choose it no more.\n"
    return {f"{home}/{CHOSEN}": why, f"{home}/.gitignore": "*\n"}


def _put(path: Path, text: str, force: bool) -> Done:
    is_there = path.exists()
    if is_there and path.read_bytes() == text.encode():
        return "kept"
    if is_there and not force:
        return "differs"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return "overwrote" if is_there else "wrote"
