"""The specification's entry points import where the specification says they do."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
from scripts.cleanup.nightly import gave_up
from scripts.manual_resolution.add_to_queue import add_to_queue
print(gave_up(), add_to_queue.__name__)
"""


def run(program: str, cwd: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with only these folders on its path, the packages installed beside them."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def host(folder: Path) -> Path:
    """A host's project with a `scripts/` folder of its own."""
    (folder / "scripts" / "cleanup").mkdir(parents=True)
    (folder / "scripts" / "cleanup" / "nightly.py").write_text("def gave_up():\n    return 'host'\n")
    return folder


def test_add_to_queue_imports_from_the_projects_root() -> None:
    """`from scripts.manual_resolution.add_to_queue import add_to_queue` works from the project's root."""
    done = run("from scripts.manual_resolution.add_to_queue import add_to_queue", ROOT, ROOT / "src")
    assert (done.returncode, done.stderr) == (0, "")


def test_it_stands_beside_a_hosts_own_scripts_folder(tmp_path: Path) -> None:
    """A host with a `scripts/` folder of its own keeps it: both are importable, whichever comes first on the path."""
    for path in ((host(tmp_path / "a"), ROOT), (ROOT, host(tmp_path / "b"))):
        done = run(PROGRAM, tmp_path, *path, ROOT / "src")
        assert (done.stdout, done.stderr) == ("host add_to_queue\n", "")


def test_ours_has_no_init_file() -> None:
    """No `__init__.py` in `scripts/` or below, else a host's folder of the same name could not stand beside it."""
    assert not list((ROOT / "scripts").rglob("__init__.py"))
