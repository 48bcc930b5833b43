"""The documentation, tested: what a page shows runs, and what there is, a page names.

A page's blocks run in the order written, in one world (`docs_world`). A comment above a block says what is special:
`<!-- not run: why -->`, `<!-- exits 1 -->`, `<!-- file: NAME -->` (kept as a module), `<!-- no rows -->`;
`<!-- a new world -->` begins anew. In what a command prints, `…` stands for anything.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from docs_world import documented_world
from typer.testing import CliRunner

import manual_resolution
from manual_resolution import Settings, errors
from manual_resolution.cli import face
from manual_resolution.cli.app import app
from manual_resolution.registry import load
from manual_resolution.settings import VARIABLES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RUN = {"python", "sql", "console"}
SHOWN = {"text", "json", "sh", "cron", "diff"}  # `sh` says above it why it is not run
NEW_WORLD = "<!-- a new world -->"


def read(*names: str) -> str:
    """The text of these pages."""
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names)


def rows(text: str) -> dict[str, list[str]]:
    """The tables' rows by their first cell, whose code marks are taken away."""
    cells = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("|"))
    return {found[0].strip("`"): found[1:] for found in cells if found}


# ------------------------------------------------------------------ what is shown runs


@dataclass(frozen=True)
class Block:
    """One fenced block: where it begins, its language, the comment above it, its text."""

    page: str
    line: int
    language: str
    remark: str
    text: str


def blocks(page: Path, text: str, first: int = 1) -> Iterator[Block]:
    """The fenced blocks of a part of a page that begins at line `first`."""
    for found in re.finditer(r"(?:<!-- (?P<remark>.*?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", text, re.DOTALL | re.MULTILINE):
        line = first + text[: found.start("text")].count("\n")
        yield Block(str(page.relative_to(ROOT)), line, found["language"], found["remark"] or "", found["text"])


def parts() -> Iterator[Any]:
    """Pages, cut where a new world begins; only those with something to run."""
    for page in PAGES:
        first = 1
        for number, text in enumerate(page.read_text(encoding="utf-8").split(NEW_WORLD), 1):
            found = list(blocks(page, text, first))
            first += text.count("\n")
            if any(block.language in RUN and not block.remark.startswith("not run:") for block in found):
                yield pytest.param(found, id=f"{page.relative_to(ROOT)}-{number}")


@dataclass
class Reader:
    """Somebody who types what a page shows."""

    db: psycopg.Connection[Any]
    folder: Path
    patch: pytest.MonkeyPatch
    names: dict[str, Any]

    def do(self, block: Block) -> None:
        if block.remark.startswith("not run:"):
            return
        if block.remark.startswith("file:"):
            (self.folder / block.remark.removeprefix("file:").strip()).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            exec(compile("\n" * (block.line - 1) + block.text, block.page, "exec"), self.names)
        elif block.language == "sql":
            self.query(block)
        elif block.language == "console":
            for typed, shown in prompts(block.text):
                self.type(block, typed, shown)

    def query(self, block: Block) -> None:
        cursor = self.db.execute(block.text.encode())
        if block.remark == "no rows":
            assert cursor.fetchall() == [], f"{block.page}:{block.line}"

    def type(self, block: Block, typed: str, shown: list[str]) -> None:
        program, *words = shlex.split(typed, comments=True)
        if program == "export":
            for name, _, value in (word.partition("=") for word in words):
                self.patch.setenv(name, value)
            return
        assert program in ("mrq", "./mrq"), f"{block.page}:{block.line}: {typed} is no command of ours; say why it is not run"
        ended = CliRunner().invoke(app, words, prog_name="mrq")
        wanted = int(block.remark.removeprefix("exits ")) if block.remark.startswith("exits ") else 0
        assert ended.exit_code == wanted, f"{block.page}:{block.line}: {typed}\n{ended.output}\n{ended.exception!r}"
        missing = unmatched(shown, ended.output.splitlines())
        assert missing is None, f"{block.page}:{block.line}: {typed}\nnot printed: {missing}\n{ended.output}"


def prompts(text: str) -> list[tuple[str, list[str]]]:
    """Each line typed behind `$ `, with the lines shown under it."""
    found: list[tuple[str, list[str]]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip():
            found[-1][1].append(line)
    return found


def unmatched(shown: list[str], printed: list[str]) -> str | None:
    """The first line shown that was not printed, in its order; `…` stands for anything."""
    left = iter(printed)
    for line in shown:
        pattern = ".*".join(map(re.escape, line.rstrip().split("…")))
        if not any(re.fullmatch(pattern, other.rstrip()) for other in left):
            return line
    return None


@pytest.mark.parametrize("found", parts())
def test_what_a_page_shows_runs(
    found: list[Block], fresh_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Python, SQL and commands of a page run in the order written, and print what the page shows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with documented_world(fresh_database_url, monkeypatch) as db:
        reader = Reader(db, tmp_path, monkeypatch, {"__name__": "docs"})
        for block in found:
            reader.do(block)


def test_what_is_not_run_says_why() -> None:
    """Every block has a language we know; one for a shell says why it is not run."""
    for page in PAGES:
        for block in blocks(page, page.read_text(encoding="utf-8")):
            assert block.language in RUN | SHOWN, f"{block.page}:{block.line}"
            assert block.language != "sh" or block.remark.startswith("not run:"), f"{block.page}:{block.line}"


# ------------------------------------------------------------------ what there is, is named


def test_every_setting_is_described() -> None:
    """Each variable has a row in the table of settings, with its true default, and no row is of a variable nobody reads."""
    table = rows(read("docs/deploy/settings.md"))
    defaults = Settings()
    for variable in VARIABLES:
        default = getattr(defaults, variable.field)
        assert table[variable.name][1].strip("`") == as_typed(default), variable.name
    described = {name for name in table if re.fullmatch("[A-Z][A-Z_]+", name)}
    assert described == {variable.name for variable in VARIABLES} | {"MRQ_PG_BIN", "MRQ_DEMO"}


def as_typed(value: object) -> str:
    """A default as it would be typed; `–` for none."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        return ",".join(value) or "–"
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def commands(group: Any, before: str = "mrq") -> Iterator[str]:
    """Every command of the program, as it is typed."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


def test_every_command_is_described() -> None:
    """Each command has a row in the table of commands, and each row is a command."""
    described = {name for name in rows(read("docs/operate/commands.md")) if name.startswith("mrq ")}
    assert described == set(commands(typer.main.get_command(app)))


def test_every_exit_code_is_described() -> None:
    """Each exit code has a row in the table of exit codes."""
    assert {"0", "5", *(str(code) for _, code in face.EXIT_CODES)} <= set(rows(read("docs/operate/commands.md")))


def test_every_error_is_described() -> None:
    """Each error has a row with its exit code, and what it is besides."""
    table = rows(read("docs/design/errors.md"))
    for kind in (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MRQError)):
        code = next(code for base, code in face.EXIT_CODES if issubclass(kind, base))
        assert table[kind.__name__][0] == str(code), kind.__name__


def test_every_option_of_an_item_type_is_described() -> None:
    """Each item type has a section that names the keys of its options in menu order, and its checks."""
    page = read("docs/operate/item-types.md")
    for workflow in load(("manual_resolution.workflows",)):
        section = page.partition(f"## {workflow.item_type}\n")[2].partition("\n## ")[0]
        table = [name for name in rows(section) if name in workflow.options]
        assert table == list(workflow.options), workflow.item_type
        assert not [key for key in workflow.checks if f"`{key}`" not in section], workflow.item_type


def test_every_public_name_is_described() -> None:
    """Each public name of the package is on a page."""
    named = set(re.findall(r"\w+", " ".join(page.read_text(encoding="utf-8") for page in PAGES)))
    assert set(manual_resolution.__all__) <= named


# ------------------------------------------------------------------ what is written holds together


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as links spell them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    """Every link inside the repository leads to a file, a folder with a README.md, or a heading that is there."""
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            there = there / "README.md" if there.is_dir() else there
            assert there.is_file(), f"{page.relative_to(ROOT)}: {target}"
            assert not anchor or anchor in anchors(there), f"{page.relative_to(ROOT)}: {target}"


def test_addresses_are_of_what_we_speak_of() -> None:
    """Pages name examples, the blob service and standards; no machine of ours, no registry, nobody's home."""
    hosts = re.compile(r"https?://([\w.-]*)")
    known = re.compile(r"(.*\.)?(example\.com|vercel\.com|vercel-storage\.com|semver\.org|postgresql\.org|localhost|)\.*|127\.0\.0\.1|…")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not [host for host in hosts.findall(text) if not known.fullmatch(host)], page
        assert not re.search(r"(?<![\w.}…])/(?!(?:usr|dev/null|etc/cron\.d|mnt/elsewhere|srv/my-service)\b)(?:home|root|work|tmp|mnt|opt)/", text), page
        assert not re.search(r"(?i)co-authored-by|generated (by|with) ", text), page


def test_sentences_are_not_endless() -> None:
    """No line outside tables and blocks is longer than 160 characters, so that a change shows as what it is."""
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        long = [line for line in text.splitlines() if len(line) > 160 and not line.startswith("|")]
        assert not long, f"{page.relative_to(ROOT)}: {long[0]}"
