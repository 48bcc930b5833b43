"""What the Vercel Blob stand-in keeps about each blob: an SQLite table, in memory or in a folder."""

import hashlib
import mimetypes
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

TABLE = """
create table if not exists blob (
    pathname text primary key, size integer not null, etag text not null, uploaded_at text not null,
    content_type text not null, cache_seconds integer not null, deleted_at text
)"""


@dataclass(frozen=True)
class Blob:
    """One stored blob, without its bytes. `size` in bytes, `uploaded_at` as the API writes it."""

    pathname: str
    size: int
    etag: str
    uploaded_at: str
    content_type: str
    cache_seconds: int

    @classmethod
    def new(cls, pathname: str, size: int, content_type: str | None = None, cache_seconds: int = 2_592_000) -> Self:
        uploaded_at = timestamp()
        etag = hashlib.sha256(f"{pathname}\n{size}\n{uploaded_at}".encode()).hexdigest()[:16]
        kind = content_type or mimetypes.guess_type(pathname)[0] or "application/octet-stream"
        return cls(pathname, size, f'"{etag}"', uploaded_at, kind, cache_seconds)


class Catalogue:
    """The blobs of one store; safe from several threads and, in a folder, from several processes."""

    def __init__(self, folder: Path | None) -> None:
        where = ":memory:" if folder is None else str(folder / "blobs.sqlite3")
        self._lock = threading.Lock()
        self._db = sqlite3.connect(where, timeout=10, isolation_level=None, check_same_thread=False)
        self._db.execute("pragma synchronous = off")  # only a power cut can cost the stand-in its blobs
        self._db.execute(TABLE)

    def put(self, blobs: Iterable[Blob]) -> None:
        """Stores them, over what was there; all or none."""
        rows = [(b.pathname, b.size, b.etag, b.uploaded_at, b.content_type, b.cache_seconds) for b in blobs]
        with self._lock:
            self._db.execute("begin immediate")
            self._db.executemany("insert or replace into blob values (?, ?, ?, ?, ?, ?, null)", rows)
            self._db.execute("commit")

    def get(self, pathname: str) -> Blob | None:
        """The blob, or None where there is none or it was deleted."""
        query = "select * from blob where pathname = ? and deleted_at is null"
        with self._lock:
            row = self._db.execute(query, (pathname,)).fetchone()
        return Blob(*row[:-1]) if row else None

    def delete(self, pathname: str, etag: str | None = None) -> bool:
        """Deletes the blob; False when there is none (with `etag`: none with this one)."""
        statement = """
        update blob set deleted_at = ?
        where pathname = ? and deleted_at is null and etag = coalesce(?, etag)"""
        with self._lock:
            return self._db.execute(statement, (timestamp(), pathname, etag)).rowcount == 1

    def close(self) -> None:
        with self._lock:
            self._db.close()


def timestamp() -> str:
    """Now, as the API writes it: `2026-01-02T15:00:00.000Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
