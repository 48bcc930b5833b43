"""The ten items of a practice: what is right is what MRQ recommends, wherever it recommends anything."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from meal_plan import lessons
from meal_plan.blob_stand_in import BlobStandIn

from manual_resolution import Queue, Settings
from manual_resolution.priority import PRIORITIES


@pytest.fixture
def practised(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Queue, list[Any]]]:
    """The queue with its ten items, and the lessons."""
    with BlobStandIn() as blob, psycopg.connect(fresh_database_url) as db:
        for name, value in blob.environment.items():
            monkeypatch.setenv(name, value)
        prepared = lessons.prepare(db, blob)
        db.commit()
        queue = Queue(fresh_database_url, settings=Settings.from_env())
        yield queue, prepared
        queue.close()


def test_the_ten_are_known_ordered_and_right(practised: tuple[Queue, list[Any]]) -> None:
    """Low priority first, two to escalate, nothing overdue; no recommendation differs from what is right."""
    queue, prepared = practised
    cases = [queue.examine(number) for number in range(1, 11)]
    assert [case.item.id for case in cases] == list(range(1, 11)) and queue.depth()["total_pending"] == 10
    ranks = [-PRIORITIES.index(case.item.priority) for case in cases]
    assert ranks == sorted(ranks) and cases[0].item.priority == "low" and cases[-1].item.priority == "critical"
    assert [lesson.option for lesson in prepared].count("escalate") == 2
    assert {"retry", "delete", "associate", "remove", "reject", "defer"} < {lesson.option for lesson in prepared}
    for case, lesson in zip(cases, prepared, strict=True):
        assert case.known and not case.missing and not case.item.is_overdue
        assert case.offer(lesson.option).because is None
        assert case.recommendation is None or case.recommendation.option == lesson.option, lesson
        assert all(answer.verdict != "unknown" for key, answer in case.answers.items()) or lesson.option == "escalate"
    unsure = [lesson.option for case, lesson in zip(cases, prepared, strict=True) if case.recommendation is None]
    assert unsure == ["escalate"]


def test_each_right_answer_can_be_carried_out(practised: tuple[Queue, list[Any]]) -> None:
    """What is said to be right works, and comes to the resolution it is known by."""
    queue, prepared = practised
    for number, lesson in enumerate(prepared, 1):
        values = queue.examine(number).offer(lesson.option).proposed
        ended = queue.resolve(number, lesson.option, "practice", "alice@example.com", values=values)
        assert lesson.resolution in (None, ended.item.resolution)
    assert queue.depth()["total_pending"] == 4  # two passed on, two put aside
