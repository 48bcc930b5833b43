"""`mrq init`: the files a service begins with."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from manual_resolution import Settings, starting
from manual_resolution.settings import CHOSEN, VARIABLES

NAMES = ("add_to_queue.py", "process_queue.py", "escalate_breaches.py", "report_metrics.py")
FACES = [f"scripts/manual_resolution/{name}" for name in NAMES]
SAMPLE = ["mrq.env.example", "mrq_workflows/__init__.py", "mrq_workflows/invoice_not_sent.py"]
FILES = [*FACES, *SAMPLE, "tests/test_invoice_not_sent.py"]
MARK = [f".mrq/{CHOSEN}", ".mrq/.gitignore"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service's folder, and that is where one is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def did(mrq: Any, *words: str) -> dict[str, str]:
    """What became of each file."""
    return {step["path"]: step["did"] for step in mrq("init", *words, "--json").json}


@pytest.fixture
def python(home: Path, environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`python("-m", "pytest")`: run there as the settings sample says, without a database of its own."""
    sample = (starting.PACKAGE / "sample/mrq.env.example.txt").read_text()
    set_there = dict(line.split("=", 1) for line in sample.splitlines() if re.match("[A-Z]", line))

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        ours = os.environ | set_there | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | more
        return subprocess.run(
            [sys.executable, *words], cwd=home, env=ours, capture_output=True, text=True, timeout=60, check=False
        )

    return run


# ------------------------------------------------------------------ what is written


def test_settings_that_were_filled_in_are_not_copied_over(mrq: Any, home: Path) -> None:
    """Where mrq.env is there, no next step overwrites it with the sample."""
    assert "cp mrq.env.example mrq.env" in mrq("init").out
    (home / "mrq.env").write_text("MRQ_OPERATOR=alice@example.com\n")
    told = mrq("init").out
    assert "cp " not in told and ". ./mrq.env" in told


def test_it_writes_entry_points_sample_item_type_and_test(mrq: Any, home: Path) -> None:
    """Everything is written once and said; no `__init__.py` in `scripts/`."""
    printed = mrq("init").out
    assert files(home) == sorted(FILES)
    assert re.findall(r"^wrote +(\S+)$", printed, re.MULTILINE) == FILES
    assert set(did(mrq).values()) == {"kept"}


def test_a_file_that_differs_is_kept(mrq: Any, home: Path) -> None:
    """What somebody changed is kept and named, until `--force` overwrites it."""
    theirs = home / FACES[1]
    theirs.parent.mkdir(parents=True)
    theirs.write_text("print('ours')\n")
    assert f"kept       {FACES[1]} (yours differs: --force overwrites it)" in mrq("init").out
    assert theirs.read_text() == "print('ours')\n"
    assert {path: done for path, done in did(mrq, "--force").items() if done != "kept"} == {FACES[1]: "overwrote"}
    assert theirs.read_text() == starting.faces()[FACES[1]]


def test_another_folder_is_made(mrq: Any, home: Path) -> None:
    """A folder that is not there is made, and the next step is to go there; a file in its place is a sentence."""
    assert "\n  cd 'my service'\n" in mrq("init", "my service").out
    assert files(home / "my service") == sorted(FILES)
    (home / "taken").touch()
    refused = mrq("init", "taken")
    assert (refused.code, refused.err.count("\n")) == (1, 1)


@pytest.mark.parametrize("has_init", [False, True], ids=["namespace", "package"])
def test_it_fits_into_a_hosts_own_scripts(mrq: Any, home: Path, python: Any, has_init: bool) -> None:
    """The specification's import works beside a host's own scripts, whether theirs is a package or not."""
    (home / "scripts" / "cleanup").mkdir(parents=True)
    (home / "scripts" / "cleanup" / "nightly.py").write_text("def gave_up():\n    return 'host'\n")
    if has_init:
        (home / "scripts" / "__init__.py").touch()
    mrq("init")
    program = "from scripts.cleanup.nightly import gave_up\n"
    program += "from scripts.manual_resolution.add_to_queue import add_to_queue\n"
    done = python("-c", f"{program}import scripts.manual_resolution.add_to_queue as it; print(gave_up(), it.__file__)")
    assert done.stdout == f"host {home / FACES[0]}\n", done.stderr


def test_the_sample_names_every_setting() -> None:
    """Each setting stands in the sample with its default, explained, and so that it changes nothing by itself."""
    sample = starting.sample()["mrq.env.example"]
    for variable in VARIABLES:
        default = getattr(Settings(), variable.field)
        line = re.search(rf"^(?:# )?{variable.name}=(.+)$", sample, re.MULTILINE)
        assert line, f"{variable.name} is missing in src/manual_resolution/sample/mrq.env.example.txt"
        if default is not None and default != () and variable.name != "MRQ_WORKFLOWS":
            assert line[1] == (default if isinstance(default, str) else f"{default:g}"), variable.name
    assert re.findall(r"^([A-Z_]+)=", sample, re.MULTILINE) == ["PYTHONPATH", "MRQ_WORKFLOWS"]
    for part in sample.strip().split("\n\n"):
        assert re.match("# [A-Z1].+[.]", part), part


# ------------------------------------------------------------------ what it comes to


def test_the_first_item_type_passes_its_test(mrq: Any, home: Path, python: Any, database_url: str) -> None:
    """The test that is written decides an item of the type that is written, about twenty lines each."""
    mrq("init")
    for name in (SAMPLE[2], FILES[-1]):
        assert len((home / name).read_text().splitlines()) <= 25
    done = python("-m", "pytest", "-q", "-p", "manual_resolution.pytest_plugin", MRQ_TEST_DATABASE_URL=database_url)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_an_embedded_folder_needs_nothing_set(mrq: Any, home: Path, python: Any) -> None:
    """With `--embedded` its entry points work in that folder at once, and git never sees the mark or the data.

    Slow: a server of its own.
    """
    assert [path for path in did(mrq, "--embedded") if path not in FILES] == MARK
    words = ("--type", "invoice_not_sent", "--resource", "invoice:7", "--priority", "low", "--reason", "refused")
    done = python(FACES[0], *words)
    assert done.stdout == "Added #1.\n", done.stderr
    assert (home / ".mrq" / ".gitignore").read_text() == "*\n"


def test_the_mark_chooses_only_where_nothing_else_was_said(home: Path) -> None:
    """A marked folder's private PostgreSQL gives way to every DATABASE_URL and to MRQ_EMBEDDED=0; elsewhere is none."""
    assert not Settings.from_env({}).embedded
    list(starting.start(home, embedded=True))
    assert Settings.from_env({}).embedded
    assert Settings.from_env({}).sources["embedded"] == f".mrq/{CHOSEN}"
    address = {"DATABASE_URL": "postgresql://db.example.com/app"}
    assert not Settings.from_env(address).embedded
    assert not Settings.from_env({"MRQ_EMBEDDED": "0"}).embedded
    assert not Settings.from_env({"MRQ_EMBEDDED_DIR": "elsewhere"}).embedded


def test_a_script_that_runs_elsewhere_fills_no_private_database(mrq: Any, home: Path) -> None:
    """Outside the marked folder a script that lost its DATABASE_URL is told so."""
    list(starting.start(home / "marked", embedded=True))
    assert mrq("list", DATABASE_URL=None).code == 3
    assert not (home / "marked" / ".mrq" / "pg").exists()
