"""Speed beside other queues: `./dev bench`, `./dev bench --quick`, `./dev bench --only add,claim --json`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from bench import machine, report, server
from bench.cases import FULL, QUICK, SUBJECTS, Bench, Measured
from bench.floors import verdicts
from bench.starting import starts

FOLDER = Path(__file__).parent.parent / "build" / "bench"
PACKAGES = ("psycopg", "asyncpg", "procrastinate", "pgqueuer")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables and the floors. Never fails for being slow."""
    asked = read(arguments)
    forget_settings()
    given = replace(FULL, rounds=asked.rounds, seconds=asked.seconds, wait=asked.wait)
    effort = QUICK if asked.quick else given
    if asked.depth:
        effort = replace(effort, depths=tuple(asked.depth))
    FOLDER.mkdir(parents=True, exist_ok=True)

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with server.start(FOLDER / "postgres") as running:
        facts = machine.facts(FOLDER) | {name: version(name) for name in PACKAGES}
        settings = server.settings_in_force(running)
        if not asked.json:
            print_facts(facts, settings)
        measured: list[Measured] = []
        if "import" in asked.only:
            measured += starts(effort.starts, effort.wait)
        measured += Bench(running, effort, asked.only, progress).run()
        server.drop_databases(running)
    found = verdicts(measured)
    if asked.json:
        print(json.dumps(report.as_json(facts, settings, measured, found), indent=1))
        return
    print("\n".join(report.tables(measured)))
    print("\nFloors" if found else "\nNo floor can be told from these cases.")
    for verdict in found:
        print(f"  {verdict}")


def read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that everything works")
    parser.add_argument("--only", type=subjects, default=SUBJECTS, help=f"some of {','.join(SUBJECTS)}")
    parser.add_argument("--json", action="store_true", help="print every run as JSON")
    parser.add_argument("--rounds", type=int, default=FULL.rounds, help="how often each case runs (%(default)s)")
    parser.add_argument("--seconds", type=float, default=FULL.seconds, help="how long a case runs (%(default)s)")
    parser.add_argument(
        "--wait", type=float, default=FULL.wait, help="seconds to wait for a quiet machine (%(default)s)"
    )
    parser.add_argument("--depth", type=int, action="append", help="items waiting in the claim cases; may be repeated")
    return parser.parse_args(arguments)


def subjects(text: str) -> tuple[str, ...]:
    """Subjects with commas between."""
    chosen = tuple(text.split(","))
    if unknown := [name for name in chosen if name not in SUBJECTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {','.join(SUBJECTS)}")
    return chosen


def forget_settings() -> None:
    """No real database and no setting of the environment reaches the benchmark."""
    for name in [n for n in os.environ if n == "DATABASE_URL" or (n.startswith(("MRQ_", "PG")) and n != "MRQ_PG_BIN")]:
        del os.environ[name]


def print_facts(facts: dict[str, str], settings: dict[str, str]) -> None:
    """What the figures were taken on."""
    for title, pairs in (("Machine", facts), ("PostgreSQL (Unix socket)", settings)):
        print(f"{title}: " + ", ".join(f"{name} {value}" for name, value in pairs.items()))


if __name__ == "__main__":
    main()
