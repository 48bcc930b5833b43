"""`mrq audit verify --against`: whoever rewrites even row and history together is found by a copy kept elsewhere."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

Add = Callable[..., int]
Run = Callable[..., Any]
Db = psycopg.Connection[Any]

#: How a superuser recomputes every hash of one item, so that verifying alone finds nothing.
RESEAL = """
do $$ declare e record; last bytea; begin
  for e in select * from mrq_event where item_id = 2 order by seq loop
    last := mrq_event_hash(last, e.format, e.item_id, e.seq, e.at, e.actor, e.actor_kind, e.via, e.verb, e.data,
                           e.private_hash);
    update mrq_event set hash = last where item_id = 2 and seq = e.seq;
  end loop;
end $$
"""
FORGE = "update mrq_event set actor = 'mallory' where item_id = 2 and seq = 1"
CUT = """
delete from mrq_event where item_id = 2 and seq = 3;
update manual_resolution_queue set version = 2 where id = 2
"""
SWAP = """
update mrq_event set seq = 9 where item_id = 2 and seq = 2;
update mrq_event set seq = 2 where item_id = 2 and seq = 3;
update mrq_event set seq = 3 where item_id = 2 and seq = 9
"""
GONE = """
delete from mrq_occurrence where item_id = 2; delete from mrq_event where item_id = 2;
delete from manual_resolution_queue where id = 2
"""


@pytest.fixture
def root(connect: Callable[..., Db]) -> Db:
    """A superuser for whom no trigger fires."""
    return connect(options="-c session_replication_role=replica")


@pytest.fixture
def at_noon(clock: Any) -> None:
    """The middle of a day, whatever the hour is here."""
    clock.set((datetime(2026, 1, 2, 12, tzinfo=UTC) - datetime.now(UTC)).total_seconds())


@pytest.fixture
def kept(mrq: Run, add: Add, tmp_path: Path) -> Path:
    """A copy of three items' heads; of #2 two notes are known."""
    for number in (1, 2, 3):
        add(number)
    for text in ("one", "two"):
        mrq("note", 2, text)
    file = tmp_path / "head"
    file.write_text(mrq("audit", "head", "--items").out)
    return file


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (CUT, "1 of 5 that were counted are missing"),
        (GONE, "3 of 5 that were counted are missing"),
        (FORGE + ";" + RESEAL, "they are not those that were counted"),
        ("update mrq_checkpoint set events = events - 1", "the record of their number was altered"),
    ],
)
def test_days_that_were_counted_miss_what_is_cut(
    mrq: Run, clock: Any, at_noon: None, kept: Path, root: Db, edit: str, found: str
) -> None:
    """Row and history rewritten so that they fit: the worker's count of the day still tells, with no copy elsewhere."""
    assert "counted" not in mrq("audit", "verify").out
    clock.forward(hours=26)
    for _ in range(2):
        assert mrq("worker", "--once", MRQ_ALERTS="none").code == 0
        mrq("note", 1, "later")
    told = mrq("audit", "verify")
    assert told.code == 0 and "1 day counted." in told.out
    root.execute(edit.encode())
    told = mrq("audit", "verify")
    assert told.code == 1 and found in told.out and "0 of " in told.err


def test_what_comes_late_to_a_counted_day_is_told_and_no_fault(mrq: Run, clock: Any, at_noon: None, kept: Path) -> None:
    """An entry of a transaction that was open for long is no tampering."""
    clock.forward(hours=26)
    mrq("worker", "--once", MRQ_ALERTS="none")
    clock.back(hours=26)
    mrq("note", 1, "late")
    told = mrq("audit", "verify", "--json")
    assert (told.code, told.json["days"], told.json["missed"]) == (0, 1, [])
    assert "1 more than were counted" in told.json["perhaps"][0]


def test_what_was_added_since_disturbs_nothing(mrq: Run, add: Add, kept: Path) -> None:
    """A kept copy proves the past on any later day, whatever has happened since."""
    mrq("note", 1, "later")
    add(4)
    ended = mrq("audit", "verify", "--against", kept)
    assert ended.code == 0
    assert f"Against {kept}: 3 items, 1 head: every history begins as it was kept.\n" in ended.out


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (f"{FORGE}; {RESEAL}", "Item #2: altered: its first 3 entries are not those kept"),
        (CUT, "Item #2, entry 3: missing: 3 entries were kept"),
        (f"{SWAP}; {RESEAL}", "Item #2: altered"),
        (GONE, "Item #2: it was kept with 3 entries and is gone"),
    ],
)
def test_a_rewrite_that_fits_together_is_found(mrq: Run, root: Db, kept: Path, edit: str, found: str) -> None:
    """What verifying alone cannot find, because row and history were rewritten together, the kept copy names."""
    root.execute(edit.encode())
    assert mrq("audit", "verify").code == 0
    ended = mrq("audit", "verify", "--against", kept)
    assert (ended.code, ended.err) == (1, f"The history is not the one kept in {kept}.\n")
    assert found in ended.out


def test_the_first_that_differs_is_named(mrq: Run, root: Db, kept: Path) -> None:
    """Entries that swapped their places are named with the place each was kept in."""
    root.execute(SWAP.encode())
    assert "Item #2, entry 2: reordered: it was kept as entry 3" in mrq("audit", "verify", "--against", kept).out


def test_a_single_line_tells_of_its_moment(mrq: Run, add: Add, root: Db, tmp_path: Path) -> None:
    """A head kept without its items is found again at its moment, and not once the past was rewritten."""
    add(1)
    add(2)
    file = tmp_path / "heads"
    file.write_text(mrq("audit", "head").out)
    mrq("note", 1, "later")
    file.write_text(file.read_text() + mrq("audit", "head").out)
    assert "2 heads: every history" in mrq("audit", "verify", "--against", file).out
    root.execute(f"{FORGE}; {RESEAL}".encode())
    ended = mrq("audit", "verify", "--against", file)
    assert ended.code == 1
    assert "is not that of the history up to then: 2 items and 2 events were kept, 2 and 2 are found" in ended.out


@pytest.mark.parametrize("text", ["", "hello\n", "2 1 \n1 1 \n", "1 1 \n", "HEAD x items=1 events=1 at=now\n"])
def test_a_file_of_somebody_elses_is_refused(mrq: Run, tmp_path: Path, text: str) -> None:
    """A file that is no copy, or only part of one, is refused in one sentence."""
    file = tmp_path / "file"
    file.write_text(text)
    ended = mrq("audit", "verify", "--against", file)
    assert ended.code == 2
    assert ended.err.count("\n") == 1


def test_an_altered_copy_is_told(mrq: Run, kept: Path) -> None:
    """A copy whose lines are not those of its own head is refused: it proves nothing."""
    kept.write_text(kept.read_text().replace("1 1 ", "1 2 ", 1))
    ended = mrq("audit", "verify", "--against", kept)
    assert (ended.code, "the file was altered" in ended.err) == (2, True)


def test_a_missing_file_is_told(mrq: Run) -> None:
    """A file that cannot be read is named, with the reason."""
    assert "No such file" in mrq("audit", "verify", "--against", "/nowhere").err
