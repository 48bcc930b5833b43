"""Report: how the queue is doing, for leads: the figures of `mrq report`, by day and by type as pictures too."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from math import log
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from manual_resolution import intake, report_text
from manual_resolution.errors import InvalidInput
from manual_resolution.queue import Queue
from manual_resolution.reports import MOST_DAYS, Report, figures, with_spread
from manual_resolution.web.addresses import CONSOLE
from manual_resolution.web.api.kinds import read_number
from manual_resolution.web.given import TheQueue
from manual_resolution.web.rendering import page
from manual_resolution.web.signed_in import Who
from manual_resolution.web.statuses import status_of

router = APIRouter(prefix=CONSOLE, include_in_schema=False)

DAYS: Final = 30
WINDOWS: Final = (7, 30, 90, 365)
#: Resolved items up to which percentiles and come-backs, which are read from the items, are asked for by the way.
MOST_READ: Final = 200_000
#: Lines of a table before the rest is folded away.
LINES: Final = 12
#: Hours at both ends of the scale of hours, which is logarithmic, and what is marked on it.
SHORTEST, LONGEST = 0.1, 2160.0
MARKS: Final = {1: "1 h", 4: "4 h", 24: "1 day", 168: "7 d", 720: "30 d"}


@router.get("/report")
def report_page(request: Request, queue: TheQueue, who: Who) -> Response:
    """The figures of the window that the address asks for; what cannot be asked is told."""
    queue.admit(who, "report")
    asked = {name: text.strip() for name, text in request.query_params.items()}
    status, wrong, found = 200, None, None
    try:
        found = asked_for(queue, asked)
    except InvalidInput as error:
        status, wrong = status_of(error), str(error)
    values: dict[str, Any] = {
        "found": found,
        "wrong": wrong,
        "days": asked.get("days") or DAYS,
        "until": asked.get("until", ""),
        "windows": WINDOWS,
        "beside": windows_beside(found) if found else {"before": None, "after": None},
        "most_days": MOST_DAYS,
        "lines": LINES,
        "told": report_text,
        "marks": MARKS,
        "along": along,
        "share": share,
    }
    return page(request, "report.html", status, who=who, **values)


def asked_for(queue: Queue, asked: Mapping[str, str]) -> Report:
    """The report of so many days until a day, both as they were typed; raises `InvalidInput`.

    Without the audit's head, which nobody reads from a page; of very many items without percentiles and come-backs.
    """
    days = read_number(asked.get("days") or DAYS, "days", MOST_DAYS)
    until = intake.day(asked["until"], "until") if asked.get("until") else None
    found = figures(queue.database, days, until, settings=queue.settings, quick=True)
    return with_spread(queue.database, found) if found.resolved <= MOST_READ else found


def windows_beside(report: Report) -> dict[str, str | None]:
    """The addresses of as many days before and after these; None where they have not come."""
    today, length = report.at.astimezone(UTC).date(), timedelta(days=report.days)
    before, after = report.first - timedelta(days=1), min(report.last + length, today)
    return {
        "before": window(report.days, str(before)) if before.year >= 1970 else None,
        "after": window(report.days, "" if after == today else str(after)) if report.last < today else None,
    }


def window(days: int, until: str = "") -> str:
    """The end of an address; until today where no day is given."""
    return "?" + urlencode({"days": days} | ({"until": until} if until else {}))


def along(hours: float) -> str:
    """How far along the scale of hours, in percent."""
    within = min(max(hours, SHORTEST), LONGEST)
    return f"{log(within / SHORTEST) / log(LONGEST / SHORTEST):.2%}"


def share(count: int, most: int) -> str:
    """A bar's length in percent; what is there at all can be seen."""
    return f"{max(count / most, 0.01) if count else 0:.1%}"
