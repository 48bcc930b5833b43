"""What the cleanup scripts share: what they report, and how they are called."""

import argparse
import os
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

Database = psycopg.Connection[DictRow]


@dataclass
class Counts:
    """The ids of what one run deleted, and of what it left to a person."""

    deleted: list[int] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{len(self.deleted)} deleted, {len(self.queued)} for a person"


def arguments(purpose: str | None) -> argparse.ArgumentParser:
    """`--database URL`, else DATABASE_URL; a script adds its own."""
    parser = argparse.ArgumentParser(description=purpose)
    url = os.environ.get("DATABASE_URL")
    parser.add_argument("--database", default=url, required=url is None, metavar="URL", help="default: DATABASE_URL")
    return parser


def connect(url: str) -> Database:
    """Statements commit one by one, rows are dictionaries, times UTC. The queue is in the same database."""
    os.environ["DATABASE_URL"] = url
    return psycopg.connect(url, autocommit=True, row_factory=dict_row, options="-c timezone=UTC")


def is_test_account(email: str | None) -> bool:
    """Whether the address is one of our test robots."""
    return bool(email and email.endswith("@test.example.com"))


def hold_facts(row: dict[str, Any]) -> dict[str, Any]:
    """What a person must know about a retention hold, from a row with its columns."""
    names = ("hold_id", "hold_reason", "placed_by", "placed_at", "keep_until")
    return {name: row[name] for name in names}
