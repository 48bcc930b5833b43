"""The report as one HTML page of tables with inline styles, which every mail program can draw: nothing is fetched."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from manual_resolution.inert import inert
from manual_resolution.priority import PRIORITIES
from manual_resolution.report_text import beside, hours, percent, short, sla
from manual_resolution.reports import Report

#: Lines of a table: far below the 102 KB at which Gmail cuts.
MOST_LINES: Final = 25
COLOURS: Final = {"critical": "#b3261e", "high": "#d9730d", "medium": "#3b6ea8", "low": "#7a8794"}
ACCENT, INK, FAINT = "#3b6ea8", "#1f2933", "#616e7c"
FONT: Final = "font-family:Segoe UI,Helvetica,Arial,sans-serif;"


def as_html(report: Report) -> str:
    """The whole page; no script, no image."""
    sections = (each(report) for each in (opening, status, performance, by_type, resolvers, ending))
    title = "Manual Resolution Queue Report"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body style="margin:0;background:#ffffff"><table role="presentation" width="100%" {spaced(0)}><tr>'
        f'<td align="center" style="padding:16px"><table role="presentation" width="640" {spaced(0)}><tr><td>\n'
        + "\n".join(part for section in sections for part in section if part)
        + "\n</td></tr></table></td></tr></table></body></html>\n"
    )


# ------------------------------------------------------------------ sections


def opening(report: Report) -> Sequence[str]:
    """Its title, its day, and of which days it is."""
    return (
        f'<h1 style="margin:0;font-size:20px;{FONT}color:{INK}">Manual Resolution Queue Report</h1>',
        f'<p style="margin:4px 0 0;font-size:14px;{FONT}color:{FAINT}">{report.last} · open now: '
        f"{report.total_open:,} · window: {report.first} to {report.last}, UTC</p>",
    )


def status(report: Report) -> Sequence[str]:
    """What is open, by priority."""
    most = max([*report.open.values(), 1])
    rows = [
        (p.capitalize(), f"{report.open[p]:,}", sla(report.sla_hours[p]), bar(report.open[p], most, COLOURS[p]))
        for p in PRIORITIES
    ]
    return heading("Queue Status"), table(("", "Open", "SLA", ""), rows)


def performance(report: Report) -> Sequence[str]:
    """The window's four figures, and what stands behind them."""
    shown = (
        (f"{report.resolved:,}", "items resolved"),
        (hours(report.average_hours), "avg time-to-resolution"),
        (percent(report.sla_compliance), "SLA compliance"),
        (percent(report.escalation_rate), "escalation rate"),
    )
    title = f"Performance (Last {report.days} Day{'s' if report.days > 1 else ''})"
    return heading(title), tiles(shown), "".join(line_of(said) for said in beside(report))


def by_type(report: Report) -> Sequence[str]:
    """A line for each item type."""
    rows = [
        (text(one.item_type), f"{one.open:,}", f"{one.resolved:,}",
         *map(short, (one.average_hours, one.p50_hours, one.p90_hours)))
        for one in report.types[:MOST_LINES]
    ]  # fmt: skip
    titles = ("Type", "Open", "Resolved", "Average", "Half within", "9 in 10 within")
    return heading("By Item Type"), table(titles, rows), rest(len(report.types))


def resolvers(report: Report) -> Sequence[str]:
    """A line for each resolver, with their types."""
    busiest = max([*(one.resolved for one in report.resolvers), 1])
    rows = [
        (f"{text(one.resolver)}<br>{small(mix(one.by_type))}", f"{one.resolved:,}", f"{one.per_day:.1f}",
         short(one.average_hours), bar(one.resolved, busiest, ACCENT))
        for one in report.resolvers[:MOST_LINES]
    ]  # fmt: skip
    titles = ("Resolver", "Items", "Per day", "Average", "")
    return heading("Top Resolvers"), table(titles, rows), rest(len(report.resolvers))


def ending(report: Report) -> Sequence[str]:
    """The head of the histories, where it was read."""
    style = f"margin:24px 0 0;font-size:11px;{FONT}color:{FAINT};word-break:break-all"
    return (f'<p style="{style}">Audit: {report.head}</p>',) if report.head else ()


# ------------------------------------------------------------------ what they are made of


def spaced(pixels: int) -> str:
    """What every mail program needs told of a table."""
    return f'cellpadding="0" cellspacing="{pixels}" border="0"'


def text(said: str) -> str:
    """Somebody's words as HTML shows them."""
    return escape(inert(said))


def line_of(said: str) -> str:
    """One sentence on a line of its own."""
    return f'<p style="margin:6px 0 0;font-size:14px;{FONT}color:{INK}">{text(said)}</p>'


def small(html: str) -> str:
    """In small, faint print."""
    return f'<span style="font-size:12px;color:{FAINT}">{html}</span>'


def mix(by_type: Mapping[str, int]) -> str:
    """`pdf_deletion_failed 40, quiz_orphaned 5`, most first."""
    ordered = sorted(by_type.items(), key=lambda pair: (-pair[1], pair[0]))[:8]
    return ", ".join(f"{text(name)} {count:,}" for name, count in ordered)


def heading(title: str) -> str:
    """A section's title."""
    return f'<h2 style="margin:24px 0 8px;font-size:16px;{FONT}color:{INK}">{title}</h2>'


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of ready HTML under their titles; the first column to the left, figures to the right."""
    if not rows:
        return f'<p style="margin:0;font-size:14px;{FONT}color:{FAINT}">None yet.</p>'
    aligned = ["left", *("right" if title else "left" for title in titles[1:])]
    cell = "padding:6px 8px;border-bottom:1px solid #e4e7eb;font-size:14px;" + FONT
    head = "".join(
        f'<th align="{side}" style="{cell}color:{FAINT};font-weight:normal">{title}</th>'
        for side, title in zip(aligned, titles, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f'<td align="{side}" valign="top" style="{cell}color:{INK}">{value}</td>'
                         for side, value in zip(aligned, row, strict=True)) + "</tr>\n"
        for row in rows
    )  # fmt: skip
    return f'<table width="100%" {spaced(0)}><tr>{head}</tr>\n{body}</table>'


def bar(count: int, most: int, colour: str) -> str:
    """A bar of 1 to 180 pixels, drawn by a coloured cell: images and styles may be off."""
    width = max(1, round(180 * count / most)) if count else 0
    if not width:
        return "&nbsp;"
    return (
        f'<table role="presentation" width="{width}" {spaced(0)}><tr>'
        f'<td width="{width}" height="12" bgcolor="{colour}" style="font-size:1px;line-height:12px">&nbsp;</td>'
        "</tr></table>"
    )


def tiles(shown: Sequence[tuple[str, str]]) -> str:
    """The four figures beside each other."""
    cells = "".join(
        f'<td width="25%" align="center" valign="top" bgcolor="#f5f7fa" style="padding:12px 4px;{FONT}color:{INK}">'
        f'<span style="font-size:20px">{value}</span><br>{small(name)}</td>'
        for value, name in shown
    )
    return f'<table role="presentation" width="100%" {spaced(4)}><tr>{cells}</tr></table>'


def rest(count: int) -> str:
    """What a long table leaves out."""
    if count <= MOST_LINES:
        return ""
    return f'<p style="margin:4px 0 0;{FONT}">{small(f"and {count - MOST_LINES:,} more: mrq report --json")}</p>'
