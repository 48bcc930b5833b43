"""The report in words: the specification's text line for line, and how each kind of figure is written everywhere."""

from typing import Final

from manual_resolution.inert import inert
from manual_resolution.priority import PRIORITIES
from manual_resolution.reports import Report

#: The specification's sample shows three types and two resolvers.
TYPES: Final = 3
RESOLVERS: Final = 2


def as_text(report: Report, *, more: bool = False) -> str:
    """The specification's report, line for line; `more` adds what it does not have, behind it."""
    types, resolvers = report.types[: report.shown(TYPES)], report.resolvers[: report.shown(RESOLVERS)]
    sections = {
        f"Manual Resolution Queue Report ({report.last})": [],
        "Queue Status:": [
            f"Total pending: {report.total_open:,}",
            *(f"{p.capitalize()}: {report.open[p]:,} (SLA: {sla(report.sla_hours[p])})" for p in PRIORITIES),
        ],
        f"Performance (Last {report.days} Day{'s' if report.days > 1 else ''}):": [
            f"Items resolved: {report.resolved:,}",
            f"Avg time-to-resolution: {hours(report.average_hours)}",
            f"SLA compliance: {percent(report.sla_compliance)}",
            f"Escalation rate: {percent(report.escalation_rate)}",
        ],
        "By Item Type:": [
            f"{inert(one.item_type)}: {one.open:,} pending, avg resolution {short(one.average_hours)}" for one in types
        ]
        or ["none yet"],
        "Top Resolvers:": [
            f"{inert(one.resolver)}: {one.resolved:,} item{'s' if one.resolved != 1 else ''}, "
            f"avg {short(one.average_hours)}"
            for one in resolvers
        ]
        or ["nobody yet"],
    } | ({"Beside the Averages:": beside(report)} if more else {})
    text = "\n\n".join("\n".join([title, *(f"  - {line}" for line in lines)]) for title, lines in sections.items())
    return text + (f"\n\nAudit: {report.head}" if more and report.head else "") + "\n"


def beside(report: Report) -> list[str]:
    """What the specification's report does not say."""
    spread = [
        f"Time-to-resolution: half within {short(report.p50_hours)}, nine in ten within {short(report.p90_hours)}",
        f"Come-back rate: {percent(report.come_back_rate)}",
    ]
    return [*(spread if report.came_back is not None else []), f"Withdrawn by producers: {report.withdrawn:,}"]


def sla(given: float) -> str:
    """`4h`, `24h`, `7d`."""
    return f"{given / 24:g}d" if given >= 48 and given % 24 == 0 else f"{given:g}h"


def hours(given: float | None) -> str:
    """`18.3 hours`."""
    return "none yet" if given is None else f"{given:.1f} hours"


def short(given: float | None) -> str:
    """`12h`; below one hour in minutes; a dash for none."""
    if given is None:
        return "–"
    return f"{given:.0f}h" if given >= 0.995 else f"{given * 60:.0f}min"


def percent(rate: float | None) -> str:
    """`94.2%`; 100.0% and 0.0% are said of nothing else."""
    if rate is None:
        return "none yet"
    rounded = f"{rate:.1%}"
    if rounded == "100.0%" and rate < 1:
        return "99.9%"
    return "0.1%" if rounded == "0.0%" and rate > 0 else rounded
