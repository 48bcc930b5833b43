"""A database whose disk is truly full: a real file system of a few megabytes, filled to its last page."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("full_disk.py")
#: A mount namespace of one's own; who is not root needs a user namespace around it.
ALONE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount() -> bool:
    """Whether this machine lets us mount in a namespace of our own."""
    if not shutil.which("unshare"):
        return False
    tried = [*ALONE, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here, which a full disk needs")
def test_a_full_disk_where_one_can_be_mounted_loses_nothing(tmp_path: Path) -> None:
    """53100: the caller returns within the limit, the failure waits in the spool while the disk is full, and comes in
    once when there is room. Slow: a server of its own.
    """
    done = subprocess.run(
        [*ALONE, sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("seconds") < 2.5
    assert found == {
        "sqlstate": "53100",
        "spooled": True,
        "sentence": "The database's disk is full: nothing was done.",
        "waiting while full": 1,
        "waiting at last": 0,
        "items": [[7, 1]],
    }
