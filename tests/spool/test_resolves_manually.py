"""`resolves_manually`: what fails inside goes before a person, and nothing else comes out (design, Adding).

The long run: `MRQ_OBJECTS=10000 ./dev test -m slow tests/spool`.
"""

import asyncio
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from manual_resolution import InvalidInput, InvalidType, Queue, resolves_manually
from manual_resolution.clipping import clipped
from manual_resolution.context import stored

sys.path.insert(0, str(Path(__file__).parent))
import odd_objects

SEED = int(os.environ.get("MRQ_SEED", "1"))
OBJECTS = int(os.environ.get("MRQ_OBJECTS", "1500"))


@pytest.fixture
def queue(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """The environment's queue."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    found = Queue.from_env()
    yield found
    found.close()


def guard(**more: Any) -> Any:
    """A guard with all that it needs."""
    return resolves_manually(
        "pdf_deletion_failed", **({"resource_type": "meal_plan", "resource_id": 7, "priority": "low"} | more)
    )


def fail(**local: Any) -> Any:
    """Raise."""
    raise ConnectionError("503 from postgresql://app:hunter2@db.example.com/app")


# ------------------------------------------------------------------ what becomes of the exception


def test_a_failure_becomes_an_item(queue: Queue) -> None:
    """An exception inside `with` becomes an item with its text and place, and the script goes on."""
    with guard(context={"pdf_url": "https://example.com/1.pdf"}) as tried:
        fail()
    [item] = queue.list()
    assert tried.added.id == item.id and isinstance(tried.error, ConnectionError)
    assert item.reason == "ConnectionError: 503 from postgresql://app:(hidden)@db.example.com/app"
    assert item.context == {
        "pdf_url": "https://example.com/1.pdf",
        "last_error": item.reason,
        "raised_at": f"{Path(__file__).name}:{fail.__code__.co_firstlineno + 2} in fail",
    }


def test_success_leaves_nothing(queue: Queue) -> None:
    """Without an exception nothing is added, and a function's answer is its own."""
    with guard() as tried:
        pass
    assert (tried.added, tried.error, guard()(lambda: 5)(), queue.list()) == (None, None, 5, [])


def test_a_function_and_its_arguments(queue: Queue) -> None:
    """A decorated function that fails returns None; its arguments are the context, its number asked of them."""

    class Job:
        @guard(resource_id=lambda self, plan_id, **rest: plan_id)
        def delete(self, plan_id: int, *, pdf_url: str = "", password: str = "") -> str:
            """Delete it."""
            raise KeyError(plan_id)

    assert Job().delete(12, pdf_url="https://example.com/12.pdf", password="hunter2") is None
    [item] = queue.list()
    assert (item.resource_id, item.reason) == (12, "KeyError: 12")
    told = dict(item.context or {})
    assert told.pop("raised_at").endswith("in delete")
    assert told == {
        "plan_id": 12, "pdf_url": "https://example.com/12.pdf", "password": "(hidden)", "last_error": "KeyError: 12",
    }  # fmt: skip
    assert Job.delete.__name__ == "delete" and Job.delete.__doc__ == "Delete it."


def test_async_functions(queue: Queue) -> None:
    """A coroutine function, and `async with`, are guarded alike; many at once do not meet."""

    @guard(resource_id=lambda number: number)
    async def delete(number: int) -> int:
        await asyncio.sleep(0)
        if number % 2:
            raise TimeoutError(f"no answer for {number}")
        return number

    async def night() -> list[int | None]:
        async with guard(resource_id=99):
            raise OSError("disk")
        return await asyncio.gather(*map(delete, range(6)))

    assert asyncio.run(night()) == [0, None, 2, None, 4, None]
    assert sorted(item.resource_id or 0 for item in queue.list()) == [1, 3, 5, 99]


def test_a_cancelled_task_is_no_failure(queue: Queue) -> None:
    """What is not an Exception passes and leaves nothing: Ctrl-C, SystemExit, a cancelled task."""
    for error in (KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit):
        with pytest.raises(error), guard():
            raise error
    assert queue.list() == []


def test_generator_functions(queue: Queue) -> None:
    """A generator function is guarded while it is iterated; an async one is refused when it is decorated."""

    @guard()
    def rows() -> Iterator[int]:
        yield 1
        raise ValueError("row 2")

    assert list(rows()) == [1]
    assert queue.list()[0].reason == "ValueError: row 2"
    with pytest.raises(InvalidType, match="coroutine function"):

        @guard()
        async def refused() -> Any:
            yield 1


def test_reraise_and_on(queue: Queue) -> None:
    """`reraise` lets the exception go on once it is kept; `on` leaves others alone."""
    with pytest.raises(ConnectionError), guard(reraise=True) as tried:
        fail()
    assert tried.added.id
    with pytest.raises(ConnectionError), guard(on=(ValueError, KeyError), resource_id=8):
        fail()
    assert len(queue.list()) == 1


@pytest.mark.parametrize(
    ("wrong", "names"),
    [({"priority": "urgent"}, "priority"), ({"resource_id": None}, "resource_id"), ({"on": BaseException}, "on"),
     ({"reason": " "}, "reason"), ({"sla_hours": -1}, "sla_hours"), ({"resource_type": ""}, "resource_type")],
)  # fmt: skip
def test_wrong_parameters_are_told_before_anything_fails(wrong: dict[str, Any], names: str) -> None:
    """What is wrong with the guard itself is raised where it is written, not in somebody's `except`."""
    with pytest.raises((InvalidInput, InvalidType), match=names):
        guard(**wrong)


@pytest.mark.parametrize(
    ("told", "number", "key"),
    [(12, 12, None), ("12", 12, None), (0, None, "0"), (2**80, None, str(2**80)), (True, None, "True"),
     ("inv/7", None, "inv/7"), ("a\nb\0", None, "a?b\\x00"), (" ", None, "(unknown)"), ("x" * 900, None, None),
     (lambda: 5, 5, None), (lambda: 1 / 0, None, "(unknown)"), (lambda: None, None, "None"),
     (odd_objects.Broken, None, "(odd_objects.Broken)")],
)  # fmt: skip
def test_any_resource_is_kept(queue: Queue, told: Any, number: int | None, key: str | None) -> None:
    """What is no number becomes the key; a callable that fails costs the number, not the failure."""
    with guard(resource_id=told):
        fail()
    [item] = queue.list()
    assert item.resource_id == number
    assert item.resource_key == key or (key is None and (number or len(str(item.resource_key)) > 300))


def test_a_context_that_cannot_be_had(queue: Queue) -> None:
    """A context that raises costs itself; one that was filled meanwhile is read when it failed."""
    facts: dict[str, Any] = {}
    with guard(context=facts):
        facts["step"] = 2
        fail()
    with guard(context=lambda: 1 / 0, resource_id=8):
        fail()
    one, other = queue.list()
    assert (one.context or {})["step"] == 2
    assert "ZeroDivisionError" in (other.context or {})["context"]


# ------------------------------------------------------------------ when nothing takes it


def test_without_the_database(monkeypatch: pytest.MonkeyPatch, spool_folder: Path) -> None:
    """Without the database the failure is spooled and the script goes on; with wrong settings, too."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with guard() as tried:
        fail()
    monkeypatch.setenv("MRQ_BATCH_SIZE", "many")
    with guard() as other:
        fail()
    assert tried.added.spooled and other.added.spooled and len(list(spool_folder.glob("*.spooled"))) == 2


def test_a_right_that_is_missing(queue: Queue, connect: Any, spool_folder: Path) -> None:
    """What the database refuses is spooled: the failure is not the place to learn of a missing right."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        db.execute("alter table manual_resolution_queue add constraint no_more check (false) not valid")
        try:
            with guard() as tried:
                fail()
        finally:
            db.execute("alter table manual_resolution_queue drop constraint no_more")
    assert tried.added.spooled and len(list(spool_folder.glob("*.spooled"))) == 1


def test_neither_queue_nor_spool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing takes it, the exception itself goes on, and stderr names what was not kept."""
    (tmp_path / "file").touch()
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("MRQ_SPOOL_DIR", str(tmp_path / "file" / "spool"))
    with pytest.raises(ConnectionError), guard() as tried:
        fail()
    assert tried.added is None and "pdf_deletion_failed of meal_plan #7" in capsys.readouterr().err


# ------------------------------------------------------------------ any object


def test_what_objects_become() -> None:
    """Objects are read by their attributes, secrets among them hidden; what is cut or not read says so."""
    facts = {
        "plan": odd_objects.Plan(7, odd_objects.Colour.BLUE),
        "pair": odd_objects.Pair(1, b"\xff"),
        "nan": float("nan"),
        "gen": odd_objects.consumed(),
        "set": {1},
        (1, 2): "\ud83d\0",
    }
    assert clipped(facts, hide=True) == {
        "plan": {"(type)": "odd_objects.Plan", "id": 7, "owner": "Colour.BLUE", "api_key": "(hidden)"},
        "pair": {"left": 1, "right": "b'\\xff'"},
        "nan": "NaN",
        "gen": "(generator consumed, not consumed)",
        "set": [1],
        "[1, 2]": "\\ud83d\\x00",
    }


def test_what_fits_is_not_clipped() -> None:
    """A context that the queue takes as it is comes out as it is."""
    facts = {"text": "x" * 200_000, "list": list(range(5000)), "deep": {"a": {"b": [{"c": None}]}}, "n": 10**900}
    assert clipped(facts) == facts


def test_what_does_not_fit_says_so() -> None:
    """A text, a list or levels too many are cut, and a mark says how much there was."""
    found = clipped({"text": "x" * 1_000_000, "list": list(range(10**6)), "deep": odd_objects.deep(100)})
    assert found["text"].endswith("… (clipped, 1,000,000 characters)")
    assert found["list"][-1].startswith("… (clipped, ") and found["list"][0] == 0
    assert "too deep" in str(found["deep"])


def any_objects(queue: Queue, count: int) -> None:
    """So many failures with anything as their arguments: each is there, and nothing came out."""
    r = random.Random(SEED)

    @guard(resource_id=lambda number, *rest: number)
    def script(number: int, thing: Any, *more: Any) -> None:
        raise r.choice([ValueError, odd_objects.BadError, RecursionError])(thing)

    for number in range(1, count + 1):
        assert script(number, odd_objects.anything(r), odd_objects.anything(r)) is None
    with queue.database.connection() as db:
        row = db.execute("select count(*), count(distinct resource_id), max(occurrences) from manual_resolution_queue")
        assert row.fetchone() == (count, count, 1)


def test_any_object_as_context(queue: Queue, spool_folder: Path) -> None:
    """No object among a function's arguments loses its failure or raises from the guard. `MRQ_SEED` repeats a run."""
    any_objects(queue, 25)
    assert not spool_folder.exists()


@pytest.mark.slow
def test_thousands_of_objects_as_context(queue: Queue, spool_folder: Path) -> None:
    """The same for `MRQ_OBJECTS` objects: slow, because many are as large as a context can be."""
    any_objects(queue, OBJECTS)
    assert not spool_folder.exists()


def test_any_object_alone_is_stored() -> None:
    """Each kind of object, by itself, comes out as a context that the queue takes."""
    r = random.Random(SEED)
    for make in odd_objects.LEAVES:
        assert stored(clipped({"it": make(r)}))
