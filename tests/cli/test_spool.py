"""`mrq spool`: what was added while the database was not reached."""

import os
from pathlib import Path
from typing import Any

AWAY = "postgresql://u:hunter2@127.0.0.1:1/away"
ADD = ("add", "--type", "parcel_stuck", "--resource", "parcel:7", "--priority", "high", "--reason", "stuck")


def test_an_empty_spool(mrq: Any) -> None:
    """An empty spool is said in a sentence; listing needs no database, replaying does."""
    assert mrq("spool", "list", DATABASE_URL=None).out.startswith("The spool is empty (")
    assert mrq("spool", "list", "--json", DATABASE_URL=None).json == []
    assert mrq("spool", "replay").out == "0 failures brought in.\n"
    ended = mrq("spool", "replay", DATABASE_URL=None)
    assert ended.code == 3 and "export DATABASE_URL" in ended.err


def test_an_add_without_the_database(mrq: Any) -> None:
    """`mrq add` keeps what the database does not take, exits 0, and `mrq spool replay` brings it in."""
    ended = mrq(*ADD, DATABASE_URL=AWAY)
    assert (ended.code, ended.out) == (0, "Kept in the spool.\n")
    assert mrq(*ADD, "--json", DATABASE_URL=AWAY).json == {"id": None, "spooled": True}
    [first, _] = mrq("spool", "list", "--json").json
    assert first["state"] == "waiting" and first["count"] == 1 and first["database"] == "127.0.0.1:1/away"
    assert (first["item_type"], first["resource"]) == ("parcel_stuck", "parcel #7")
    listed = mrq("spool", "list").out
    assert "parcel_stuck parcel #7" in listed and "2 failures in" in listed and "hunter2" not in listed
    elsewhere = mrq("spool", "replay").out
    assert elsewhere == "0 failures brought in. 2 files meant for another database (--any-database).\n"
    assert mrq("spool", "replay", "--any-database", "--json").json["recorded"] == 2
    assert mrq("spool", "list", "--json").json == []
    assert [item["occurrences"] for item in mrq("list", "--json").json] == [2]


def test_a_person_without_any_database(mrq: Any) -> None:
    """`mrq add` without any database named says what to set and keeps nothing: a person reads it."""
    ended = mrq(*ADD, DATABASE_URL=None)
    assert ended.code == 3 and "export DATABASE_URL" in ended.err
    assert mrq("spool", "list", "--json").json == []


def test_the_database_stays_away(mrq: Any) -> None:
    """A replay without the database exits 3, says how much waits, and loses nothing."""
    mrq(*ADD, DATABASE_URL=AWAY)
    ended = mrq("spool", "replay", DATABASE_URL=AWAY)
    assert ended.code == 3 and "refused" in ended.err and "1 of the spool's files wait" in ended.err
    assert len(mrq("spool", "list", "--json").json) == 1


def test_what_is_set_aside_is_named(mrq: Any, spool_folder: Path) -> None:
    """A damaged file makes a replay exit 1 and name it; list and doctor go on naming it."""
    mrq(*ADD, DATABASE_URL=AWAY)
    [path] = spool_folder.glob("*.spooled")
    path.write_bytes(path.read_bytes()[:-9])
    ended = mrq("spool", "replay")
    assert ended.code == 1 and path.name in ended.err and "cut short" in ended.err
    [entry] = mrq("spool", "list", "--json").json
    assert (entry["state"], entry["item_type"]) == ("damaged", None)
    assert "damaged" in mrq("spool", "list").out
    checks = {check["name"]: check for check in mrq_doctor(mrq)}
    assert checks["spool damaged"]["result"] == "wrong" and checks["spool waiting"]["result"] == "ok"


def mrq_doctor(mrq: Any) -> list[dict[str, Any]]:
    """What the doctor found, whatever it came to."""
    import json

    found: list[dict[str, Any]] = json.loads(mrq("doctor", "--json").out)["checks"]
    return found


def test_doctor_names_what_waits(mrq: Any, spool_folder: Path) -> None:
    """The doctor names how many wait and since when, and a spool that cannot be used."""
    assert {c["name"]: c["result"] for c in mrq_doctor(mrq) if c["name"].startswith("spool")} == {
        "spool": "ok", "spool waiting": "ok", "spool refused": "ok", "spool damaged": "ok",
    }  # fmt: skip
    assert not spool_folder.exists()
    mrq(*ADD, DATABASE_URL=AWAY)
    [waiting] = [check for check in mrq_doctor(mrq) if check["name"] == "spool waiting"]
    assert waiting["result"] == "note" and "1 waiting, the oldest since 20" in waiting["detail"]
    os.chmod(spool_folder, 0o777)
    [open_to_all] = [check for check in mrq_doctor(mrq) if check["name"] == "spool"]
    assert open_to_all["result"] == "wrong" and "chmod o-w" in open_to_all["detail"]
