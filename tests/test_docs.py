"""The documentation names what there is, and holds together. `test_docs_run.py` runs what it shows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import manual_resolution
from manual_resolution import Settings, errors
from manual_resolution.cli import face
from manual_resolution.cli.app import app
from manual_resolution.registry import load
from manual_resolution.settings import TOOLS, VARIABLES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}

#: Hosts that a page may name: examples, the blob service, standards.
HOSTS = r"(.*\.)?(example|pagerduty|vercel|vercel-storage)\.com|semver\.org|localhost|127\.0\.0\.1|\.*"
#: Folders of one machine; examples stand in `/srv`, `/path/to` and `/mnt/elsewhere`.
HOMES = r"(?<![\w.}…])/(home|root|work|tmp|opt|Users|mnt(?!/elsewhere))\b"


def rows(text: str) -> dict[str, list[str]]:
    """The tables' rows by their first cell, without its code marks."""
    found = {}
    for line in re.findall(r"^\|(.+)\|$", text, re.MULTILINE):
        first, *rest = (cell.strip() for cell in line.split("|"))
        found[first.strip("`")] = rest
    return found


def without_blocks(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


# ------------------------------------------------------------------ what there is, is named


def test_every_setting_is_described() -> None:
    """Each variable has a row with its true default, and no row is of a variable that nobody reads."""
    table = rows(TEXTS["docs/deploy/settings.md"])
    for variable in VARIABLES:
        default = getattr(Settings(), variable.field)
        assert table[variable.name][1].strip("`") == as_typed(default), variable.name
    described = {name for name in table if re.fullmatch("[A-Z][A-Z_]+", name)}
    assert described == {variable.name for variable in VARIABLES} | TOOLS


def as_typed(value: object) -> str:
    """A default as it would be typed; `–` for none."""
    if isinstance(value, tuple):
        return ",".join(value) or "–"
    if isinstance(value, bool | float):
        return f"{value:g}"
    return "–" if value is None else str(value)


def commands(group: Any, before: str = "mrq") -> Iterator[str]:
    """Every command of the program, as it is typed."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


def test_every_command_is_described() -> None:
    """Each command has a row in the table of commands, and each row is a command."""
    described = {name for name in rows(TEXTS["docs/operate/commands.md"]) if name.startswith("mrq ")}
    assert described == set(commands(typer.main.get_command(app)))


def test_every_exit_code_is_described() -> None:
    """Each exit code has a row in the table of exit codes."""
    codes = {"0", "5", *(str(code) for _, code in face.EXIT_CODES)}
    assert codes <= set(rows(TEXTS["docs/operate/commands.md"]))


def test_every_error_is_described() -> None:
    """Each error has a row with its exit code."""
    table = rows(TEXTS["docs/design/errors.md"])
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in filter(lambda kind: issubclass(kind, errors.MRQError), kinds):
        code = next(code for base, code in face.EXIT_CODES if issubclass(kind, base))
        assert table[kind.__name__][0] == str(code), kind.__name__


def test_every_option_of_an_item_type_is_described() -> None:
    """Each item type has a section with the keys of its options in menu order, and with its checks."""
    page = TEXTS["docs/operate/item-types.md"]
    for workflow in load(("manual_resolution.workflows",)):
        section = page.partition(f"## {workflow.item_type}\n")[2].partition("\n## ")[0]
        assert [key for key in rows(section) if key in workflow.options] == list(workflow.options)
        assert [key for key in workflow.checks if f"`{key}`" not in section] == []


def test_every_public_name_is_described() -> None:
    """Each public name of the package is on a page."""
    assert set(manual_resolution.__all__) <= set(re.findall(r"\w+", " ".join(TEXTS.values())))


def test_every_module_is_on_the_map() -> None:
    """The design's map names each module of the package, of its terminal and of its store, and no other."""
    package = ROOT / "src/manual_resolution"
    maps = re.findall(r"```text\n(.*?)```", TEXTS["docs/design/README.md"], re.DOTALL)
    for block, folder in zip(
        maps, (package, package / "cli", package / "web", package / "web/api", package / "store"), strict=True
    ):
        entries = re.findall(r"^ +([a-z_]+/?(?:, [a-z_]+/?)*)(?:  |$)", block, re.MULTILINE)
        named = sorted(name.rstrip("/") for entry in entries for name in entry.split(", "))
        modules = {one.stem for one in folder.glob("*.py")} | {one.parent.name for one in folder.glob("*/__init__.py")}
        assert named == sorted(modules - {"__init__"}), folder.name


# ------------------------------------------------------------------ what is written holds together


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as links spell them."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    """Every link within the project leads to a file, a folder with a README.md, or a heading there is."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page.read_text(encoding="utf-8"))):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            there = there / "README.md" if there.is_dir() else there
            assert there.is_file(), f"{page.relative_to(ROOT)}: {target}"
            assert not anchor or anchor in anchors(there), f"{page.relative_to(ROOT)}: {target}"


def test_every_page_is_reached() -> None:
    """From the README each page is reached by links."""
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        page = page / "README.md" if page.is_dir() else page
        if page.suffix == ".md" and page.is_file() and page not in reached:
            reached.add(page)
            links = re.findall(r"\]\(([^)\s#]+)", without_blocks(page.read_text(encoding="utf-8")))
            left += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert set(PAGES) <= reached


def test_pages_name_no_machine_of_ours() -> None:
    """Addresses and folders on a page are examples or the services we speak of."""
    for name, text in TEXTS.items():
        hosts = re.findall(r"https?://([\w.-]*)", text)
        assert [host for host in hosts if not re.fullmatch(HOSTS, host)] == [], name
        assert re.search(HOMES, text) is None, name


def test_lines_are_short() -> None:
    """No line outside tables and blocks is longer than 160 characters: a change shows as what it is."""
    for name, text in TEXTS.items():
        lines = [line for line in without_blocks(text).splitlines() if not line.startswith("|")]
        assert [line for line in lines if len(line) > 160] == [], name
