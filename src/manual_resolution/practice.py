"""Practice: ten items on a private PostgreSQL and a stand-in for the blob service, and what MRQ would have chosen."""

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from manual_resolution.demo import find_sample_application, is_ours, name_only, plainly, stopped
from manual_resolution.embedded import EmbeddedPostgres
from manual_resolution.errors import Refused, Unreachable
from manual_resolution.item import Item
from manual_resolution.queue import Queue
from manual_resolution.store.training import DECISIONS, Practised

MARK: Final = "this-is-an-mrq-practice"
FINISHED: Final = "finished.jsonl"
TOKEN: Final = re.compile("TOKEN|KEY|SECRET|WEBHOOK")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One item of a practice: what was chosen (None: nothing yet) beside what MRQ would have chosen, and why."""

    item: Item
    chosen: str | None
    right: str
    why: str
    agrees: bool

    @property
    def passed_on(self) -> bool:
        """Whether it was escalated where MRQ knew better: never wrong for one who is not sure."""
        return self.chosen == "escalate" and not self.agrees

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        chosen = {"chosen": self.chosen, "right": self.right, "agrees": self.agrees, "why": self.why}
        return {"item": self.item.id, "item_type": self.item.item_type, "resource": self.item.resource} | chosen


class Practice:
    """Ten items in `queue`, alone in the folder `home`."""

    def __init__(self, home: Path, queue: Queue, lessons: Sequence[Any]) -> None:
        self.home, self.queue, self.lessons = home, queue, lessons

    def items(self) -> list[Item]:
        """The ten, in the order in which they are practised: low priority first."""
        return [self.queue.get(number) for number in range(1, len(self.lessons) + 1)]

    def verdicts(self, who: str) -> list[Verdict]:
        """What somebody chose, beside what is right."""
        return [self._verdict(item, lesson, who) for item, lesson in zip(self.items(), self.lessons, strict=True)]

    def _verdict(self, item: Item, lesson: Any, who: str) -> Verdict:
        chosen = self._chosen(item, who)
        agrees = chosen == lesson.option and lesson.resolution in (None, item.resolution)
        return Verdict(item, chosen, lesson.option, lesson.why, agrees)

    def _chosen(self, item: Item, who: str) -> str | None:
        if item.resolution_metadata:
            return str(item.resolution_metadata["option"])
        verbs = [event.verb for event in self.queue.history(item.id) if event.actor == who]
        return next((verb for verb in reversed(verbs) if verb in DECISIONS), None)

    def finish(self, who: str, verdicts: Sequence[Verdict]) -> Practised | None:
        """Keep the result in the folder once all ten are decided; None before."""
        if any(verdict.chosen is None for verdict in verdicts):
            return None
        agreed, passed_on = (sum(getattr(one, name) for one in verdicts) for name in ("agrees", "passed_on"))
        done = Practised(uuid.uuid4(), who, len(verdicts), agreed, passed_on)
        with plainly(self.home), (self.home / FINISHED).open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(asdict(done), default=str) + "\n")
        return done


@contextmanager
def practising(folder: str | Path) -> Iterator[Practice]:
    """Ten new items, with the environment naming their world and nothing else; afterwards all is as it was.

    Raises `Refused` where a real token is set or the folder holds something else, `Unreachable` where no private
    PostgreSQL can be had.
    """
    refuse_tokens(os.environ)
    need_blob_package()
    home, before = Path(folder).absolute(), dict(os.environ)
    with ExitStack() as opened, plainly(home):
        clear(home)
        opened.callback(shutil.rmtree, home / "postgres", ignore_errors=True)
        opened.callback(restore, before)
        yield from opened_in(home, opened)


def opened_in(home: Path, opened: ExitStack) -> Iterator[Practice]:
    """The server, the stand-in, the environment that names both, the ten items."""
    import psycopg

    from manual_resolution.store.migrate import migrate

    find_sample_application()
    lessons, blobs = import_module("meal_plan.lessons"), import_module("meal_plan.blob_stand_in")
    address = opened.enter_context(EmbeddedPostgres(home / "postgres", durable=False)).url()
    blob = opened.enter_context(blobs.BlobStandIn())
    name_only(address, blob.environment | {"MRQ_SPOOL_DIR": str(home / "spool")})  # never the person's own
    migrate(address)
    with psycopg.connect(address) as db:
        prepared = lessons.prepare(db, blob)
    queue = Queue.from_env()
    opened.callback(queue.close)
    yield Practice(home, queue, prepared)


def refuse_tokens(environ: Mapping[str, str]) -> None:
    """Raise `Refused` where a token of a real service is set: nothing is practised beside one."""
    real = sorted(name for name in environ if is_ours(name) and TOKEN.search(name) and not name.startswith("PG"))
    if real:
        without = " ".join(f"-u {name}" for name in real)
        raise Refused(
            f"{' and '.join(real)} {'is' if len(real) == 1 else 'are'} set, and nothing is practised beside a real "
            f"token: unset {'it' if len(real) == 1 else 'them'}, or run `env {without} mrq practice`."
        )


def need_blob_package() -> None:
    """Raise `Unreachable` without the package that half of the items speak to their stand-in with."""
    try:
        import_module("vercel.blob")
    except ModuleNotFoundError:
        raise Unreachable("Practice needs one package more: pip install 'manual-resolution-queue[vercel]'.") from None


def clear(home: Path) -> None:
    """Make the folder, without what a practice that was killed left there. Another folder is never taken for one."""
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise Refused(f"{home} is there already and is no practice's: choose another folder with --dir.")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / MARK).touch()
    if (home / "postgres").exists():
        if not stopped(EmbeddedPostgres(home / "postgres", durable=False)):
            raise Refused("Somebody practises in this folder just now: choose another one with --dir.")
        shutil.rmtree(home / "postgres")


def restore(environment: Mapping[str, str]) -> None:
    """Let the environment be as it was."""
    os.environ.clear()
    os.environ.update(environment)


def finished(folder: str | Path) -> list[Practised]:
    """The practices finished in a folder, oldest first; none where nobody practised."""
    kept = Path(folder) / FINISHED
    try:
        lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
        return [read(json.loads(line)) for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{kept} cannot be read as a record of practice: {type(error).__name__}.") from error


def read(kept: Mapping[str, Any]) -> Practised:
    """One line of the record, strictly."""
    counts = [int(kept[name]) for name in ("items", "agreed", "passed_on")]
    if min(counts) < 0 or counts[1] + counts[2] > counts[0]:
        raise ValueError("it does not add up")
    return Practised(uuid.UUID(kept["id"]), str(kept["operator"]), *counts)
