"""`mrq metrics` and the events of single moves: what monitoring gets, and what it never gets."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from manual_resolution.exposition import Metric, Sample, by, histogram, text
from manual_resolution.store.metrics import BOUNDS

from .conftest import Ended, Run

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
NUMBER = r"(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|\+Inf|-Inf|NaN)"
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ({NUMBER})")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "gauge": ("",), "counter": ("",)}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(exposed: str) -> Series:
    """What a strict scraper reads of a text of format 0.0.4; whatever is not right in it is an assertion."""
    assert exposed.endswith("\n") and "\r" not in exposed and "\n\n" not in exposed
    found: Series = {}
    helped, kinds, name = set[str](), dict[str, str](), ""
    for line in exposed[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helped and len(line.split(" ", 3)) == 4, line
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, typed, kind = line.split(" ")
            assert typed == name and typed not in kinds and kind in SUFFIXES, line
            kinds[name] = kind
            assert (kind == "counter") == name.endswith("_total"), line
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert sample[1] in {name + suffix for suffix in SUFFIXES[kinds[name]]}, line
            labels = frozenset(re.findall(LABEL, sample[2] or ""))
            assert len(labels) == len(dict(labels)) and (sample[1], labels) not in found, line
            found[sample[1], labels] = float(line.rpartition(" ")[2])
    assert helped == set(kinds)
    return found


def test_the_metric_is_the_specifications_event(mrq: Run, add: Callable[..., int]) -> None:
    """`mrq metrics` prints the event of the specification: its fields, its order, one line."""
    for number, priority in enumerate(("critical", "high", "medium", "medium"), 1):
        add(number, priority=priority)
    told = mrq("metrics")
    event = json.loads(told.out)
    assert told.out.count("\n") == 1
    assert list(event) == [
        "metric", "total_pending", "by_priority", "oldest_item_hours", "items_breaching_sla", "timestamp",
    ]  # fmt: skip
    assert event["by_priority"] == {"critical": 1, "high": 1, "medium": 2, "low": 0}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["timestamp"])
    assert mrq("metrics", "--json").json["total_pending"] == 4


def test_prometheus_is_told_the_same_numbers(mrq: Run, add: Callable[..., int], clock: Any) -> None:
    """The text is strict, its sums equal the event's, and no label holds a number, a person or a reason."""
    add(1, priority="critical", reason="alice@example.com's mail")
    add(2, priority="low")
    clock.forward(hours=5)
    mrq("worker", "--once", MRQ_ALERTS="none")
    told, event = scraped(mrq("metrics", "--format", "prometheus").out), mrq("metrics").json
    depth = {dict(labels)["priority"]: value for (name, labels), value in told.items() if name.endswith("_depth")}
    assert depth == event["by_priority"] and sum(depth.values()) == event["total_pending"]
    plain = {name.removeprefix("manual_resolution_queue_"): value for (name, labels), value in told.items()}
    assert plain["sla_breached_items"] == event["items_breaching_sla"] == 1
    assert plain["oldest_item_age_seconds"] // 3600 == event["oldest_item_hours"] == 5
    jobs = {dict(labels)["job"] for (name, labels) in told if name.endswith("_timestamp_seconds")}
    assert {"sweep", "deliver", "worker"} <= jobs
    assert {label for _, labels in told for label, _ in labels} <= {"priority", "state", "job", "item_type", "le"}
    assert not re.search("alice|parcel:", mrq("metrics", "--format", "prometheus").out)


def test_what_is_counted_equals_a_recount(mrq: Run, add: Callable[..., int], clock: Any, database_url: str) -> None:
    """Depth, age, breaches, resolutions and their time are what a recount says, before and after a fold."""
    for number, priority in enumerate(("critical", "high", "high", "medium", "low"), 1):
        add(number, priority=priority)
        clock.forward(hours=5)
    mrq("resolve", 2, "--option", "send", "-m", "because", "--set", "house=7")
    mrq("withdraw", "--type", "parcel_stuck", "--resource", "parcel:4")
    clock.forward(hours=17)
    with psycopg.connect(database_url) as db:
        recount = db.execute(RECOUNT).fetchone()
    for _ in range(2):
        told = {name.removeprefix("manual_resolution_queue_"): value for (name, labels), value in
                scraped(mrq("metrics", "--format", "prometheus").out).items() if "depth" not in name}  # fmt: skip
        event = mrq("metrics").json
        assert recount
        assert (event["total_pending"], event["oldest_item_hours"], event["items_breaching_sla"]) == recount[:3]
        assert (told["items_resolved_total"], told["sla_breached_items"]) == (recount[3], recount[2]) == (1, 2)
        assert told["resolution_seconds_count"] == 1
        assert told["resolution_seconds_sum"] == pytest.approx(float(recount[4]), abs=1e-6)
        mrq("worker", "--once", MRQ_ALERTS="none")


RECOUNT = """
select count(*) filter (where status <> 'resolved'),
       floor(extract(epoch from mrq_now() - min(created_at) filter (where status <> 'resolved')) / 3600)::integer,
       count(*) filter (where status <> 'resolved' and sla_deadline < mrq_now()),
       count(*) filter (where status = 'resolved' and assigned_to = 'alice@example.com'),
       sum(extract(epoch from resolved_at - created_at)) filter (where assigned_to = 'alice@example.com')
  from manual_resolution_queue
"""


TAKING = """
insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason, created_at)
select 'a', 'r', row_number() over (), 'low', 'x', mrq_now() - interval '200 days'
  from unnest(%s::bigint[]) bound, unnest('{-1,0,1}'::integer[]) beside
"""
TOOK = """
update manual_resolution_queue q set status = 'resolved', resolved_at = created_at + took
  from (select row_number() over () as n, bound * interval '1 second' + beside * interval '1 microsecond' as took
          from unnest(%s::bigint[]) bound, unnest('{-1,0,1}'::integer[]) beside) t
 where n = q.resource_id and q.status <> 'resolved'
"""


def test_buckets_equal_a_recount(mrq: Run, database_url: str) -> None:
    """Each bucket holds what took no longer than its bound, the bound included, resolved singly or in bulk."""
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute(TAKING, [list(BOUNDS)])
        for number in range(1, 8):
            db.execute(f"{TOOK} and q.id = {number}".encode(), [list(BOUNDS)])
        db.execute(TOOK, [list(BOUNDS)])
        told = scraped(mrq("metrics", "--format", "prometheus").out)
        buckets = {dict(labels)["le"]: n for (name, labels), n in told.items() if name.endswith("_bucket")}
        took = "select count(*) from manual_resolution_queue where resolved_at - created_at <= %s * interval '1 second'"
        recount = {str(bound): db.execute(took, [bound]).fetchone() for bound in BOUNDS}
    assert buckets == {bound: n for bound, (n,) in recount.items() if n} | {"+Inf": 3 * len(BOUNDS)}  # type: ignore[misc]
    assert list(buckets)[-1] == "+Inf" and buckets[str(BOUNDS[0])] == 2


def test_a_metric_of_nothing_is_nothing_and_names_are_escaped() -> None:
    """A metric without samples is left out; quotes, backslashes and line feeds in a label keep the text whole."""
    odd = 'a"b\\c\nd'
    told = scraped(
        text(
            [
                Metric("empty", "gauge", "Nothing.", []),
                Metric("x_total", "counter", "A\nhelp \\ text.", by("item_type", {odd: 2})),
                Metric(
                    "y_seconds", "histogram", "Spans.", histogram({"item_type": odd}, (60, 3600), (1, 0, 3), 100_000.5)
                ),
                Metric("z", "gauge", "One.", [Sample(1.5)]),
            ]
        )
    )
    label = ("item_type", r"a\"b\\c\nd")
    assert told["x_total", frozenset([label])] == 2
    assert (told["y_seconds_count", frozenset([label])], told["y_seconds_sum", frozenset([label])]) == (4, 100_000.5)
    buckets = [told["y_seconds_bucket", frozenset([label, ("le", end)])] for end in ("60", "3600", "+Inf")]
    assert buckets == [1, 1, 4]
    assert told["z", frozenset()] == 1.5 and not any(name == "empty" for name, _ in told)


def test_a_file_is_replaced_as_a_whole(mrq: Run, tmp_path: Path) -> None:
    """With --output the file is there whole and readable for others, and nothing is left beside it."""
    file = tmp_path / "mrq.prom"
    assert mrq("metrics", "--format", "prometheus", "-o", file).code == 0
    scraped(file.read_text())
    assert [path.name for path in tmp_path.iterdir()] == ["mrq.prom"]
    assert file.stat().st_mode & 0o777 == 0o644
    assert mrq("metrics", "-o", tmp_path / "no" / "file").code == 1


@pytest.mark.parametrize("words", [("--format", "xml"), ("--format", "prometheus", "--json")])
def test_another_format_is_refused(mrq: Run, words: tuple[str, ...]) -> None:
    """A format that is none is refused with what is allowed."""
    told = mrq("metrics", *words)
    assert told.code == 2 and "json" in told.err


def events(told: Ended) -> list[dict[str, Any]]:
    """The metric events on stderr."""
    return [json.loads(line) for line in told.err.splitlines() if line.startswith('{"metric"')]


def test_a_resolution_and_an_escalation_are_events(mrq: Run, add: Callable[..., int], clock: Any) -> None:
    """What a command resolves or passes on is one event each, without a person or a producer's word in it."""
    first, second = add(1, priority="high", reason="secret words"), add(2)
    clock.forward(hours=25)
    mrq("claim", first)
    (event,) = events(mrq("resolve", first, "--option", "send", "-m", "because", "--set", "house=7"))
    assert 25 * 3600 <= event.pop("resolution_seconds") < 25 * 3600 + 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event.pop("timestamp"))
    assert event == {
        "metric": "manual_resolution_resolved",
        "item_id": first,
        "item_type": "parcel_stuck",
        "priority": "high",
        "escalation_level": 0,
        "option": "send",
        "within_sla": False,
    }
    (event,) = events(mrq("escalate", second, "--to", "support", "-m", "because"))
    assert (event["metric"], event["escalated_to"]) == ("manual_resolution_escalated", "support")
    assert events(mrq("reopen", first, "-m", "because")) == []


def test_events_go_to_the_file_that_the_settings_name(mrq: Run, add: Callable[..., int], tmp_path: Path) -> None:
    """With MRQ_METRICS_FILE nothing is on stderr."""
    number, file = add(1), tmp_path / "metrics.jsonl"
    told = mrq("resolve", number, "--option", "send", "-m", "because", "--set", "house=7", MRQ_METRICS_FILE=str(file))
    assert (told.code, told.err) == (0, "")
    assert json.loads(file.read_text())["item_id"] == number
