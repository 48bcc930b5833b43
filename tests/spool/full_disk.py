"""A database whose disk is truly full, and what a script that adds to it sees: started by test_full_disk.py.

    unshare --mount python full_disk.py FOLDER      prints one JSON object

It mounts a file system of a few megabytes in its own mount namespace and keeps the database there: gone with it.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from manual_resolution import MRQError, Queue, add_to_queue
from manual_resolution.embedded import EmbeddedPostgres
from manual_resolution.spool import Spool
from manual_resolution.spooling import replay
from manual_resolution.store.migrate import migrate

SIZE = "24m"  # the database itself takes 12


def main(folder: Path) -> dict[str, Any]:
    """Fill the disk, add, make room, replay."""
    small = folder / "server" / "small"
    small.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(small)], check=True)
    (small / "space").mkdir()
    with EmbeddedPostgres(folder / "server", durable=False) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as db:
            db.execute(f"create tablespace small location '{small / 'space'}'".encode())
            db.execute("create database small tablespace small")
        url = server.url("small")
        migrate(url)
        os.environ |= {"DATABASE_URL": url, "MRQ_SPOOL_DIR": str(folder / "spool")}
        with psycopg.connect(url, autocommit=True) as db:
            fill(db)
            return told(url, db, folder / "spool")


def fill(db: psycopg.Connection[Any]) -> None:
    """Take all room there is, in pieces that become smaller."""
    db.execute("create table filler (text text)")
    db.execute("alter table filler alter text set storage plain")
    for rows in (1000, 100, 10, 1):
        try:
            while True:
                db.execute("insert into filler select repeat('x', 7000) from generate_series(1, %s)", [rows])
        except psycopg.errors.DiskFull:
            continue


def told(url: str, db: psycopg.Connection[Any], spool: Path) -> dict[str, Any]:
    """What each step came to."""
    found: dict[str, Any] = {}
    try:
        db.execute(
            "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)"
            " values ('by_sql', 'x', 1, 'low', 'x')"
        )
    except psycopg.Error as error:
        found["sqlstate"] = error.sqlstate
    begun = time.monotonic()
    added = add_to_queue("pdf_deletion_failed", "meal_plan", 7, "medium", "503")
    found |= {"seconds": time.monotonic() - begun, "spooled": added.spooled}
    queue = Queue(url)
    try:
        queue.add("pdf_deletion_failed", "meal_plan", 8, "medium", "503")
    except MRQError as error:
        found["sentence"] = str(error)
    kept = Spool(str(spool), 1e9)
    replay(queue, kept)
    found["waiting while full"] = len(kept.entries())
    db.execute("drop table filler")
    db.execute("checkpoint")
    for _ in range(2):
        replay(queue, kept)
    found |= {
        "waiting at last": len(kept.entries()),
        "items": [(item.resource_id, item.occurrences) for item in queue.list()],
    }
    queue.close()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
