"""The figures as tables for people and as JSON."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from bench.cases import Measured
from bench.floors import Medians, Verdict

WIDTHS = (30, 9, 7, 9, 9, 6, 9, 7)


def tables(measured: Sequence[Measured]) -> Iterator[str]:
    """A table for each case: median, spread over the rounds, latencies, ratios, load of others."""
    medians = Medians(measured)
    for case in dict.fromkeys(one.case for one in measured):
        names = list(dict.fromkeys(name for found, name in medians.runs if found == case))
        yield f"\n{case}"
        yield from _starts(medians, names) if case == "start" else _rates(medians, case, names)


def _rates(medians: Medians, case: str, names: Sequence[str]) -> Iterator[str]:
    titles = zip(("", "/s", "spread", "p50 ms", "p99 ms", "to L", "MRQ to it", "others"), WIDTHS, strict=True)
    yield "  " + " ".join(f"{title:>{width}}" for title, width in titles)
    for name in names:
        runs = medians.runs[case, name]
        rates = [one.timed.rate for one in runs]
        rate = statistics.median(rates)
        p50, p99 = (statistics.median(getattr(one.timed, part) for one in runs) * 1e3 for part in ("p50", "p99"))
        load = statistics.median(one.load for one in runs)
        yield (
            f"  {name:30} {rate:9,.0f} {(max(rates) - min(rates)) / rate:7.0%} {p50:9.2f} {p99:9.2f}"
            f" {shown(medians.ratio(case, name, 'L')):>6} {shown(medians.ratio(case, 'MRQ', name)):>9} {load:7.0%}"
        )


def _starts(medians: Medians, names: Sequence[str]) -> Iterator[str]:
    yield f"  {'':45} {'median ms':>9} {'least':>7} {'most':>7}"
    for name in names:
        took = [one.timed.p50 * 1e3 for one in medians.runs["start", name]]
        yield f"  {name:45} {statistics.median(took):9.0f} {min(took):7.0f} {max(took):7.0f}"


def shown(ratio: float | None) -> str:
    """`0.83`, or a dash where there is nothing to compare."""
    return "–" if ratio is None else f"{ratio:.2f}"


def as_json(
    facts: dict[str, str], settings: dict[str, str], measured: Sequence[Measured], found: Sequence[Verdict]
) -> dict[str, Any]:
    """Everything, each run by itself."""
    return {
        "machine": facts,
        "server": settings,
        "runs": [asdict(one) for one in measured],
        "floors": [asdict(one) | {"met": one.met} for one in found],
    }
