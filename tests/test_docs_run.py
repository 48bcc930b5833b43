"""What the documentation shows, run: Python, SQL and commands of each page, in the order written.

Nothing that could be run is left out without a reason beside it; `curl` and whole `sh` blocks are run by a shell.

Every page has one world: the sample application with items #42 to #47. In what a command prints, `…` stands
for anything. A comment above a block says what is special: `<!-- not run: why -->`, `<!-- exits 1 -->`,
`<!-- exits 0 or 1 -->`, `<!-- file: NAME -->` (kept as a module), `<!-- no rows -->`.
`<!-- serves -->` (a server, until the page ends). `<!-- a new world -->` begins anew.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from meal_plan.blob_stand_in import BlobStandIn

from manual_resolution import OutcomeUnknown, Queue, Settings
from tests.commands import invoke

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RUN = {"python", "sql", "console", "csv", "sh"}
SLOW = "mrq practice"  # makes a database of its own each time
SHOWN = {"text", "json", "cron", "diff"}
NEW_WORLD = "<!-- a new world -->"
FENCE = r"(?:<!-- (?P<remark>[^\n]*?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$"

ALICE = "alice@example.com"
REASON = "Vercel Blob API returned 503 after 3 retry attempts"
HOST = """
insert into users (id, email, name)
values (604, 'lena.novak@example.com', 'Lena'), (871, 'ada@example.com', 'Ada');
insert into quiz_responses (id, email, created_at)
values (67890, 'gone@example.com', now() - interval '9 days');
insert into email_blacklist (id, email, reason)
values (12, 'jonas.weber@example.com', 'three failed payments');
select setval(pg_get_serial_sequence('manual_resolution_queue', 'id'), 42, false);
"""
ORPHAN = {"email": "gone@example.com", "created_at": "2026-10-01T12:00:00Z", "foreign_key_references": []}
APPEAL = {
    "email": "jonas.weber@example.com",
    "blacklist_reason": "three failed payments",
    "appeal_message": "My card had expired.",
    "payment_history": [],
}
FAILURE = {
    "pdf_generated_at": "2026-10-01T12:00:00Z",
    "retry_count": 3,
    "last_error": "ServiceUnavailable: Blob service temporarily unavailable",
}


# ------------------------------------------------------------------ the world


@contextmanager
def documented_world(url: str, patch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """For as long, the environment names this world's database, blob store and operator."""
    ours = {"DATABASE_URL": url, "MRQ_OPERATOR": ALICE, "MRQ_CALL_TIMEOUT": "2", "MRQ_ALERTS": "none"}
    with psycopg.connect(url, autocommit=True) as db, BlobStandIn() as blob:
        for name, value in (blob.environment | ours).items():
            patch.setenv(name, value)
        db.execute(files("meal_plan").joinpath("schema.sql").read_bytes())
        db.execute(HOST)
        queue = Queue(url, settings=Settings.from_env())
        add_items(queue, db, blob)
        queue.close()
        yield db


def add_items(queue: Queue, db: psycopg.Connection, blob: BlobStandIn) -> None:
    """#42 to #47, in this order."""

    def failed_deletion(plan: int, **ago: float) -> int:
        path, when = f"plans/{plan}-Xy7.pdf", datetime.now(UTC) - timedelta(**ago)
        blob.seed([(path, 48_213)])
        address = blob.url_of(path)
        db.execute("insert into meal_plans (id, user_id, pdf_url) values (%s, 871, %s)", [plan, address])
        told = "pdf_deletion_failed", "meal_plan", plan, "medium", REASON, FAILURE | {"pdf_url": address}
        return queue.add(*told, occurred_at=when).id

    failed_deletion(12345, days=3)
    queue.add("quiz_orphaned", "quiz_response", 67890, "high", "Its user was deleted", ORPHAN)
    queue.add("blacklist_disputed", "email_blacklist", 12, "medium", "Appeal by mail", APPEAL)
    lose_the_answer(queue, blob, failed_deletion(12346, hours=2))
    queue.add("retention_exception", "meal_plan", 11020, "medium", "Under a retention hold", held(db, blob))
    failed_deletion(11204, days=8)


def held(db: psycopg.Connection, blob: BlobStandIn) -> dict[str, Any]:
    """A plan's PDF under hold 7; what the script records of it."""
    blob.seed([("plans/11020-Qa2.pdf", 48_213)])
    hold, address = (
        {"hold_reason": "Case 2026-118", "placed_by": "legal@example.com"},
        blob.url_of("plans/11020-Qa2.pdf"),
    )
    db.execute("insert into meal_plans (id, user_id, pdf_url) values (11020, 871, %s)", [address])
    db.execute(
        "insert into retention_holds (id, resource_type, resource_id, reason, placed_by)"
        " values (7, 'meal_plan', 11020, %s, %s)",
        list(hold.values()),
    )
    return hold | {"hold_id": 7, "pdf_url": address}


def lose_the_answer(queue: Queue, blob: BlobStandIn, item_id: int) -> None:
    """The blob service takes a deletion and never answers, nor says afterwards whether it is done."""

    def fall_silent(step: str) -> None:
        if step == "called":
            blob.next("503", times=None, method="GET")

    blob.next("reset-after", method="POST")
    queue.execution.step = fall_silent
    with pytest.raises(OutcomeUnknown):
        queue.resolve(item_id, "retry", "the service is back", ALICE)
    blob.heal()


# ------------------------------------------------------------------ pages


@dataclass(frozen=True)
class Block:
    """One fenced block: its page and line, its language, the comment above it, its text."""

    place: str
    language: str
    remark: str
    text: str

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not self.remark.startswith("not run:")

    def says(self, what: str) -> str:
        """What its comment says behind `what`, else nothing."""
        return self.remark.removeprefix(what).strip() if self.remark.startswith(what) else ""


def blocks(page: Path, text: str, first: int = 1) -> Iterator[Block]:
    """The fenced blocks of a part of a page that begins at line `first`."""
    for found in re.finditer(FENCE, text, re.DOTALL | re.MULTILINE):
        line = first + text[: found.start("text")].count("\n")
        place = f"{page.relative_to(ROOT)}:{line}"
        yield Block(place, found["language"], found["remark"] or "", found["text"])


def parts() -> Iterator[Any]:
    """Pages, cut where a new world begins; only those with something to run."""
    for page in PAGES:
        first = 1
        for number, text in enumerate(page.read_text(encoding="utf-8").split(NEW_WORLD), 1):
            found = [block for block in blocks(page, text, first) if block.is_run]
            first += text.count("\n")
            if found:
                marks = [pytest.mark.slow] if any(SLOW in block.text for block in found) else []
                yield pytest.param(found, id=f"{page.relative_to(ROOT)}-{number}", marks=marks)


def prompts(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each line typed behind `$ `, with the lines shown under it."""
    for part in re.split(r"^\$ ", text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        typed, _, shown = part.partition("\n")
        yield typed, [line for line in shown.splitlines() if line.strip()]


def unmatched(shown: list[str], printed: list[str]) -> str | None:
    """The first line shown that was not printed, in its order; `…` stands for anything."""
    left = iter(printed)
    for line in shown:
        pattern = ".*".join(map(re.escape, line.rstrip().split("…")))
        if not any(re.fullmatch(pattern, other.rstrip()) for other in left):
            return line
    return None


@dataclass
class Reader:
    """Somebody who types what a page shows."""

    db: psycopg.Connection[Any]
    folder: Path
    patch: pytest.MonkeyPatch
    names: dict[str, Any]
    served: list[subprocess.Popen[str]] = field(default_factory=list)

    def do(self, block: Block) -> None:
        if name := block.says("file:"):
            (self.folder / name).write_text(block.text, encoding="utf-8")
        elif block.remark == "serves":
            self.serve()
        elif block.language == "python":
            exec(compile(block.text, block.place, "exec"), self.names)
        elif block.language == "sql":
            found = self.db.execute(block.text.encode())
            assert block.remark != "no rows" or found.fetchall() == [], block.place
        else:
            typed = [(block.text, [])] if block.language == "sh" else prompts(block.text)
            for line, shown in typed:
                self.type(block, line, shown)

    def serve(self) -> None:
        """`mrq serve` for as long as the page is read, on a free port; `API` is where its API is."""
        command = [sys.executable, "-m", "manual_resolution.cli.app", "serve", "--port", "0"]
        server = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.served.append(server)
        assert server.stdout
        port = re.search(r":([0-9]+)/", server.stdout.readline())
        assert port
        self.patch.setenv("API", f"http://127.0.0.1:{port[1]}/api/v1")

    def close(self) -> None:
        for server in self.served:
            with server:
                server.terminate()

    def type(self, block: Block, line: str, shown: list[str]) -> None:
        words = shlex.split(line, comments=True)
        if block.language == "console" and words[0] == "export":
            for name, _, value in (word.partition("=") for word in words[1:]):
                self.patch.setenv(name, value)
            return
        ours = block.language == "console" and words[0] in ("mrq", "./mrq")
        code, output = self.command(words[1:]) if ours else self.shell(line)
        wanted = {int(code) for code in (block.says("exits") or "0").split(" or ")}
        assert code in wanted, f"{block.place}: {line}\nended with {code}:\n{output}"
        missing = unmatched(shown, output.splitlines())
        assert missing is None, f"{block.place}: {line}\nnot printed: {missing}\n{output}"

    def command(self, words: list[str]) -> tuple[int, str]:
        """One of our commands, in this process."""
        ended = invoke(words)
        return ended.exit_code, ended.output

    def shell(self, text: str) -> tuple[int, str]:
        """Anything else, as a shell runs it; nobody is at its terminal."""
        if "curl " in text and not shutil.which("curl"):
            pytest.skip("curl is not installed; the page asks for it")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ended = subprocess.run(
            ["sh", "-euc", text], cwd=self.folder, env=os.environ | {"PATH": path}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
        return ended.returncode, ended.stdout


@pytest.mark.parametrize("found", list(parts()))
def test_what_a_page_shows_runs(
    found: list[Block], fresh_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Python, SQL and commands of a page run in the order written, and print what the page shows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with documented_world(fresh_database_url, monkeypatch) as db:
        reader = Reader(db, tmp_path, monkeypatch, {"__name__": "docs"})
        with closing(reader):
            for block in found:
                reader.do(block)


def test_what_is_not_run_says_why() -> None:
    """Every block is run, or says why not; what is only shown holds no command."""
    for page in PAGES:
        for block in blocks(page, page.read_text(encoding="utf-8")):
            assert block.language in RUN | SHOWN, block.place
            assert block.language not in RUN or block.is_run or len(block.says("not run:")) > 5, block.place
            commands = re.findall(r"^(?:\$ |(?:\./)?mrq |curl |psql ).*", block.text, re.MULTILINE)
            assert block.language not in SHOWN or commands == [], block.place
