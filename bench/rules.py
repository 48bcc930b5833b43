"""Why the item's rules are one function and not a CHECK each: `python -m bench.rules`, both in one run.

The same rules, by the same names, are written out as CHECKs from the migration's own text; the same adds and claims
go to both tables in turn.
"""

import re
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

import psycopg

from bench.server import new_database, start
from manual_resolution import Queue
from manual_resolution.store.migrate import migrations

ROUNDS, EACH = 15, 200


def as_checks(sql: str) -> str:
    """The migration with each rule as a CHECK of its own."""
    told = sql[sql.index("broken text") : sql.index("if broken is not")]
    told = re.sub(r"\bq\.(\w+)", r'"\1"', told)
    rules = re.findall(r"when (.*?)\s+then '(\w+)'", re.sub(r"--.*", "", told), re.S)
    written = ",\n".join(
        f"  constraint {name}_{n} check (({rule}) is not true)" for n, (rule, name) in enumerate(rules)
    )
    start = sql.index("  constraint every_rule_holds")
    return sql[:start] + written + "\n" + sql[sql.index(") with (autovacuum") :]


def timed(queue: Queue, first: int) -> tuple[float, float]:
    """Microseconds of one add and of one claim."""
    begun = perf_counter()
    for number in range(first, first + EACH):
        queue.add(
            "pdf_deletion_failed", "meal_plan", number, "medium", "Vercel Blob API returned 503", {"retry_count": 3}
        )
    added = perf_counter()
    for _ in range(EACH):
        queue.next("alice@example.com")
    return (added - begun) / EACH * 1e6, (perf_counter() - added) / EACH * 1e6


def main() -> None:
    """Print medians and least of both, side by side."""
    (shipped,) = (m.sql for m in migrations() if m.number == 1)
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder) / "server")
        queues: dict[str, Queue] = {}
        for name, sql in (("one function", shipped), ("a CHECK each", as_checks(shipped))):
            address = new_database(server, f"rules_{len(queues)}")
            with psycopg.connect(address) as db:
                db.execute(sql.encode())
            queues[name] = Queue(address)
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in queues}
        for number in range(ROUNDS):
            for name, queue in queues.items():
                figures[name].append(timed(queue, 1 + number * EACH))
        for name, each in figures.items():
            adds, claims = zip(*each, strict=True)
            print(
                f"{name:<14} add {statistics.median(adds):6.0f} µs (least {min(adds):.0f})"
                f"   claim {statistics.median(claims):6.0f} µs (least {min(claims):.0f})"
            )
            queues[name].close()
        server.stop()


if __name__ == "__main__":
    main()
