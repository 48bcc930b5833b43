"""Roles with what `mrq db grants` prints: each can do its duty, and is refused the rest."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from manual_resolution import Actor, Queue, Refused, doctor
from manual_resolution.cli.app import app
from manual_resolution.intake import intake
from manual_resolution.settings import Settings

Connect = Callable[..., psycopg.Connection[Any]]
Clock = Any
THING = ("x", "thing")


@pytest.fixture
def queues(fresh_database_url: str, connect: Connect) -> Iterator[Callable[[str], Queue]]:
    """`queues("producer")`: the queue as one who connects as that role; the roles are gone afterwards."""
    names = {duty: f"mrq_{duty}_{os.getpid()}" for duty in ("producer", "operator", "worker")}
    words = [word for duty, name in names.items() for word in (f"--{duty}", name)]
    printed = CliRunner().invoke(app, ["db", "grants", *words], env={"DATABASE_URL": fresh_database_url})
    assert printed.exit_code == 0, printed.stderr
    db, opened = connect(), []
    db.execute(printed.stdout.encode())

    def as_role(duty: str) -> Queue:
        opened.append(Queue(f"{fresh_database_url}&options=-crole%3D{names[duty]}"))
        return opened[-1]

    yield as_role
    for queue in opened:
        queue.close()
    for name in names.values():
        db.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)))


def test_a_producer_adds_and_nothing_else(queues: Callable[[str], Queue], connect: Connect) -> None:
    """A producer adds, repeats, adds many and within a transaction of its own; it reads and moves nothing."""
    producer = queues("producer")
    first = producer.add(*THING, 1, "low", "it failed", {"last_error": "503"})
    assert producer.add(*THING, 1, "critical", "again").id == first.id
    assert len(producer.add_many([intake(*THING, n, "low", "r") for n in (1, 2, 2)])) == 3
    for _ in range(41):
        producer.add(*THING, 3, "low", "often", {"n": 1})
    with producer.database.transaction() as db:
        assert producer.tell(intake(*THING, 4, "low", "r"), connection=db).id
    for refused in (
        lambda: producer.get(first.id),
        lambda: producer.claim(first.id, "mallory"),
        producer.sweep,
        lambda: producer.history(first.id),
    ):
        with pytest.raises(Refused, match="This database role may not do that"):
            refused()
    assert connect().execute("select sum(occurrences) from manual_resolution_queue").fetchone() == (47,)


def test_an_operator_moves_and_decides(queues: Callable[[str], Queue], clock: Clock) -> None:
    """An operator claims, defers, escalates, notes, resolves, reopens, reads the history; and adds."""
    operator = queues("operator")
    one, two = (operator.add(*THING, n, "low", "it failed").id for n in (1, 2))
    assert operator.next("alice") is not None
    operator.note(one, Actor("alice", "person", "cli:alice@desk"), "looked")  # whose name is looked up
    operator.defer(one, "alice", "later", span=timedelta(hours=1))
    clock.forward(hours=2)
    assert operator.wake(every=0) is not None
    operator.escalate(one, "alice", "unsure", to="engineering")
    withdrawn = operator.withdraw(*THING, 2, "it succeeded")
    assert withdrawn is not None
    assert operator.reopen(two, "alice", "it is back").reopened_from == two
    assert [event.verb for event in operator.history(one)][-1] == "escalate"


def test_a_worker_sweeps_and_decides_nothing(queues: Callable[[str], Queue], clock: Clock) -> None:
    """A worker raises what is overdue and ends what time ends; it adds nothing and resolves nothing."""
    operator, worker = queues("operator"), queues("worker")
    owned, item = (operator.add(*THING, n, "low", "it failed").id for n in (1, 2))
    operator.claim(owned, "alice")
    clock.forward(hours=721)
    worker.wake(every=0)
    assert worker.sweep().escalated == 2
    assert operator.get(owned).status == "escalated"
    for refused in (
        lambda: worker.add(*THING, 3, "low", "r"),
        lambda: worker.withdraw(*THING, 2, "it succeeded"),
        lambda: worker.claim(item, "mallory"),
    ):
        with pytest.raises(Refused, match="This database role may not do that"):
            refused()


@pytest.mark.parametrize("duty", ["producer", "operator", "worker"])
def test_nobody_deletes_or_writes_the_history(queues: Callable[[str], Queue], duty: str) -> None:
    """No role deletes anything, writes, changes or erases an event, or switches a trigger off."""
    queues("operator").add(*THING, 1, "low", "it failed")
    with closing(queues(duty)) as queue, queue.database.connection() as db:
        for statement in (
            "delete from manual_resolution_queue", "truncate mrq_event", "delete from mrq_occurrence",
            "insert into mrq_event select * from mrq_event", "update mrq_event set private = null, salt = null",
            "alter table manual_resolution_queue disable trigger all", "update mrq_setting set value = '0'",
            "drop table mrq_review",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(statement.encode())


@pytest.mark.parametrize("duty", ["producer", "operator", "worker"])
def test_doctor_says_which_duties_a_role_can_do(queues: Callable[[str], Queue], duty: str) -> None:
    """`mrq doctor` names a role's duties; an operator may add, too."""
    with queues(duty).database.connection() as db:
        (check,) = doctor.of_rights(db, Settings())
    able = "producer, operator, worker" if duty == "operator" else duty
    assert (check.result, check.detail) == ("ok", f"this role may do the work of: {able}")


def test_a_role_may_have_several_duties(fresh_database_url: str) -> None:
    """A role named twice is granted both; its name is quoted; names that are none are refused."""

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["db", "grants", *words], env={"DATABASE_URL": fresh_database_url})

    told = run("--producer", 'a "b', "--worker", 'a "b')
    assert told.stdout.count('create role "a ""b" login;') == 1
    assert len(re.findall("^revoke", told.stdout, re.MULTILINE)) == 1
    assert "select on public.manual_resolution_queue" in told.stdout
    wrong = run("--worker", "a\nb")
    assert (wrong.exit_code, "worker = 'a\\nb'" in wrong.stderr) == (2, True)
    default = run()
    assert {"mrq_producer", "mrq_operator", "mrq_worker"} <= set(re.findall(r"\w+", default.stdout))
