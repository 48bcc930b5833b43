"""`mrq import`: failures out of a file, all of them once or none."""

import codecs
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from manual_resolution import Queue, Unreachable, importing
from manual_resolution.intake import intake
from manual_resolution.records import MAX_LINE, Source

Run = Callable[..., Any]
Connect = Callable[..., psycopg.Connection[Any]]
Write = Callable[..., Path]

HEAD = "item_type,resource_type,resource_id,priority,reason"
GOOD = "parcel_stuck,parcel,{n},low,it is stuck"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(HEAD, GOOD.format(n=1))`: a CSV file of these lines; bytes as they are."""

    def write(*lines: str, name: str = "night.csv", end: str = "\n", encoding: str = "utf-8") -> Path:
        file = tmp_path / name
        file.write_bytes("".join(line + end for line in lines).encode(encoding))
        return file

    return write


def count(connect: Connect, table: str = "manual_resolution_queue") -> int:
    """How many rows there are."""
    row = connect().execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


# ------------------------------------------------------------------ what is good


def test_every_column_arrives(mrq: Run, write: Write) -> None:
    """All that `add_to_queue` takes is taken: context as JSON, hours, keys, the producer, and when it happened."""
    full = ('parcel_stuck,parcel,,P 7/b,high,"stuck, twice","{""place"": ""shelf""}",24,k1,'
            "2026-01-02T15:00:00+02:00,night.sh")  # fmt: skip
    file = write("item_type,resource_type,resource_id,resource_key,priority,reason,context,sla_hours,dedup_key,"
                 "occurred_at,producer", full)  # fmt: skip
    assert mrq("import", file).out == "1 record: 1 new item.\n"
    item = mrq("show", 1, "--json").json
    assert (item["resource_key"], item["priority"], item["reason"]) == ("P 7/b", "high", "stuck, twice")
    assert (item["created_at"], item["sla_deadline"]) == ("2026-01-02T13:00:00Z", "2026-01-03T13:00:00Z")
    assert item["context"] == {"place": "shelf"}
    assert mrq("history", 1, "--json").json[0]["actor"] == "night.sh"


def test_json_lines_say_the_same(mrq: Run, write: Write) -> None:
    """A JSON Lines file has the same names with JSON's own types; `created_at` is another name of `occurred_at`."""
    told = {"item_type": "parcel_stuck", "resource_type": "parcel", "resource_id": 7, "priority": "low",
            "reason": "ü", "context": {"a": [1, None]}, "sla_hours": 0.5,
            "created_at": "2026-01-02T13:00:00Z", "dedup_key": None}  # fmt: skip
    assert mrq("import", write(json.dumps(told), "", name="night.jsonl")).out == "1 record: 1 new item.\n"
    item = mrq("show", 1, "--json").json
    assert (item["context"], item["sla_deadline"]) == ({"a": [1, None]}, "2026-01-02T13:30:00Z")


@pytest.mark.parametrize(
    ("end", "encoding", "mark", "delimiter"),
    [("\n", "utf-8", b"", ","), ("\r\n", "utf-8-sig", b"", ";"), ("\r\n", "utf-16", b"", "\t"),
     ("\n", "utf-16-be", codecs.BOM_UTF16_BE, ",")],
)  # fmt: skip
def test_files_of_other_programs_are_read(
    mrq: Run, tmp_path: Path, end: str, encoding: str, mark: bytes, delimiter: str
) -> None:
    """Byte order marks, Windows line ends, semicolons, tabs, empty lines and rows of empty cells are no fault."""
    lines = ["", HEAD, "", "parcel_stuck,parcel,7,low,für Ärger", ",,,,", "  ", GOOD.format(n=8)]
    file = tmp_path / "night.csv"
    file.write_bytes(mark + end.join(lines).replace(",", delimiter).encode(encoding))
    assert mrq("import", file).out == "2 records: 2 new items.\n"
    assert mrq("show", 1, "--json").json["reason"] == "für Ärger"


def test_another_encoding_is_named(mrq: Run, write: Write) -> None:
    """A file in another encoding is refused with its line and byte until it is said which."""
    file = write(HEAD, "parcel_stuck,parcel,7,low,Ärger", encoding="cp1252")
    refused = mrq("import", file)
    assert refused.out == "line 2: reason holds the byte 0xc4, which is no text here: say the --encoding.\n"
    assert mrq("import", file, "--encoding", "cp1252").out == "1 record: 1 new item.\n"
    assert mrq("import", file, "--encoding", "klingon").code == 2
    assert mrq("import", file, "--encoding", "base64").code == 2


def test_standard_input_is_read(mrq: Run, connect: Connect) -> None:
    """`-` with `--format` reads standard input; without it says what is missing."""
    assert mrq("import", "-", "--format", "csv", input=f"{HEAD}\n{GOOD.format(n=7)}\n").out == "1 record: 1 new item.\n"
    assert "--format" in mrq("import", "-", input="").err
    assert count(connect) == 1


def test_repeats_within_a_file_are_counted(mrq: Run, write: Write) -> None:
    """The same failure again is counted on its item, in the file as in the queue."""
    mrq("add", "--type", "parcel_stuck", "--resource", "parcel:1", "--priority", "low", "--reason", "stuck")
    file = write(HEAD, GOOD.format(n=1), GOOD.format(n=2), GOOD.format(n=2))
    assert mrq("import", file).out == "3 records: 1 new item, 2 known already and counted.\n"
    assert mrq("show", 2, "--json").json["occurrences"] == 2


# ------------------------------------------------------------------ once


def test_a_file_is_imported_once(mrq: Run, write: Write, connect: Connect) -> None:
    """The very same file again adds nothing and counts nothing; with a line more it is another file."""
    lines = [HEAD, GOOD.format(n=1), GOOD.format(n=2)]
    mrq("import", write(*lines))
    again = mrq("import", write(*lines, name="copy.csv"))
    assert again.out == "2 records: 0 new items, 2 added by an earlier run of this very file.\n"
    assert count(connect, "mrq_occurrence") == 2
    assert mrq("import", write(*lines, GOOD.format(n=3))).out == "3 records: 1 new item, 2 known already and counted.\n"


def test_a_run_that_broke_off_goes_on_where_it_was(
    write: Write, database_url: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database ends the session between two batches: the error says how far it came, the next run adds the rest."""
    monkeypatch.setattr(importing, "BATCH", 4)
    file = write(HEAD, *(GOOD.format(n=n) for n in range(1, 11)))
    queue = Queue(database_url)

    def break_at(done: int, total: int | None) -> None:
        if done == 8:
            connect().execute("alter table mrq_occurrence rename to gone")

    with Source(str(file)) as source:
        with pytest.raises(Unreachable, match="8 of 10 records are in the queue: run it again"):
            importing.load(queue, source, 10, progress=break_at)
        connect().execute("alter table gone rename to mrq_occurrence")
        done = importing.load(queue, source, 10)
    queue.close()
    assert (done.new, done.repeated, done.before) == (2, 0, 8)
    assert count(connect) == count(connect, "mrq_occurrence") == 10


# ------------------------------------------------------------------ what is faulty

FAULTY = [
    ("no number", "parcel_stuck,parcel,7.5,low,r", "resource_id = '7.5'"),
    ("priority", "parcel_stuck,parcel,7,urgent,r", "priority = 'urgent'"),
    ("cells", "parcel_stuck,parcel,7,low", "it has 4 cells, the first line names 5 columns"),
    ("no reason", "parcel_stuck,parcel,7,low,", "reason = None"),
    ("hidden", 'parcel_stuck,parcel,7,low,"\u200b"', "reason = "),
]


def test_faults_name_their_line_and_nothing_is_added(mrq: Run, write: Write, connect: Connect) -> None:
    """Every faulty record is named by the line it begins on, quoted line breaks counted; then nothing is added."""
    lines = [
        HEAD,
        'parcel_stuck,parcel,1,low,"two\nlines\r\nthree"',
        *(line for _, line, _ in FAULTY),
        GOOD.format(n=9),
    ]
    file = write(*lines)
    ended = mrq("import", file)
    assert ended.code == 1
    for number, (printed, (_, _, wanted)) in enumerate(zip(ended.out.splitlines(), FAULTY, strict=True), 5):
        assert printed.startswith(f"line {number}: {wanted}"), printed
    assert ended.err == "5 records are faulty of 7: nothing was added.\n"
    assert count(connect) == 0
    few = mrq("import", file, "--faults", "2", "--dry-run")
    assert (few.code, len(few.out.splitlines()), few.out.splitlines()[-1]) == (1, 3, "… and 3 more.")
    told = json.loads(mrq("import", file, "--json").out)
    assert (told["records"], told["faulty"], told["faults"][0]["line"], told["imported"]) == (7, 5, 5, None)


TABLES = [
    ("unknown", "item_type,colour", "line 1: there is no column 'colour'; the columns are item_type,"),
    ("twice", "reason,reason", "line 1: the column reason is there twice."),
    ("missing", "item_type,resource_type,resource_id,reason", "line 1: the column priority is missing."),
    ("empty", "", "line 1: the file is empty"),
    ("open quote", f'{HEAD}\n{GOOD.format(n=1)}\nx,"never closed\n', "line 3: it is not CSV (unexpected end of data)"),
    ("stray quote", f'{HEAD}\n\nx,"a"b,1,low,r\n', "line 3: it is not CSV"),
    ("endless", HEAD + "\n" + "x" * (MAX_LINE + 1), f"line 2: it is longer than {MAX_LINE} characters."),
]


@pytest.mark.parametrize(("content", "sentence"), [case[1:] for case in TABLES], ids=[case[0] for case in TABLES])
def test_a_file_that_is_no_table_says_where(mrq: Run, write: Write, content: str, sentence: str) -> None:
    """Columns that are unknown, twice or missing, broken quotes and endless lines are one fault with its line."""
    ended = mrq("import", write(content, end=""))
    assert ended.code == 1
    assert ended.out.startswith(sentence), ended.out


LINES = [
    ("[1]", "the line = [1] has type list: a JSON object"),
    ('{"item_type": "x", "item_type": "y"}', "each key may occur only once"),
    ('{"priority": NaN}', "priority = 'NaN' is not allowed: a finite number"),
    ('{"colour": 1}', "there is no 'colour'; there are item_type,"),
    ("{", "JSON is expected"),
    (json.dumps({"item_type": "x", "resource_type": "y", "resource_id": "7", "priority": "low", "reason": "r"}),
     "resource_id = '7' has type str"),
    (json.dumps({"item_type": "x", "resource_type": "y", "resource_id": 7, "priority": "low", "reason": "r",
                 "occurred_at": 1}), "occurred_at = 1 has type int"),
    (json.dumps({"item_type": "x", "resource_type": "y", "resource_id": 7, "priority": "low", "reason": "r",
                 "context": {"a": {"b": "\0"}}}), "context.a.b"),
    ('{"reason": "\\ud800"}', "resource_id"),
]  # fmt: skip


def test_faulty_json_lines_are_each_named(mrq: Run, write: Write) -> None:
    """Each line that is no object, or holds what an add would refuse, is named; the others are read."""
    ended = mrq("import", write(*(line for line, _ in LINES), name="night.jsonl"))
    assert ended.code == 1
    for number, (printed, (_, wanted)) in enumerate(zip(ended.out.splitlines(), LINES, strict=True), 1):
        assert printed.startswith(f"line {number}: "), printed
        assert wanted in printed


def test_what_cannot_be_read_is_wrong_usage(mrq: Run, tmp_path: Path) -> None:
    """No such file, a folder, a format nobody knows: one sentence, exit code 2."""
    for words in (["/nonexistent.csv"], [str(tmp_path), "--format", "csv"], ["x.xlsx"], ["a\0b.csv"]):
        ended = mrq("import", *words)
        assert (ended.code, ended.err.count("\n"), "Traceback" in ended.err) == (2, 1, False), words


# ------------------------------------------------------------------ checking only


def test_a_dry_run_says_what_is_in_it_and_needs_no_database(mrq: Run, write: Write, connect: Connect) -> None:
    """`--dry-run` checks and counts by type and priority; it adds nothing and asks no database."""
    file = write(HEAD, GOOD.format(n=1), GOOD.format(n=2), "other,thing,1,high,r")
    ended = mrq("import", file, "--dry-run", DATABASE_URL=None)
    assert ended.out.splitlines() == ["3 records, none faulty: 1 high, 2 low.", "  1 other", "  2 parcel_stuck"]
    assert mrq("import", file, "--dry-run", "--json").json["by_type"] == {"parcel_stuck": 2, "other": 1}
    assert count(connect) == 0
    assert mrq("import", write(HEAD)).out == "0 records: 0 new items.\n"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Ten times the records take no more memory to read and check: nothing is kept but counts."""

    def lines(number: int) -> Iterator[str]:
        yield f"{HEAD},context\n"
        yield from (f'{GOOD.format(n=n)},"{{""text"": ""{"x" * 2000}""}}"\n' for n in range(1, number))

    peaks = []
    for number in (100, 1000):
        file = tmp_path / f"{number}.csv"
        with file.open("w") as opened:
            opened.writelines(lines(number))
        intake("warm", "up", 1, "low", "caches")
        with Source(str(file)) as source:
            tracemalloc.start()
            assert importing.check(source).faulty == 0
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert file.stat().st_size > 2_000_000
    assert peaks[1] < 500_000 + peaks[0]
