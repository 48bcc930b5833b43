"""The daily report as a mail: complete in plain text, with tables and bars that every mail program can draw.

Sent once a day: what was begun for a date is on record before the server is spoken to, and each date's mail has one
Message-ID, so that a repeat can be recognised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Final, Literal

from manual_resolution.alerts import Delivery
from manual_resolution.errors import Refused
from manual_resolution.inert import inert
from manual_resolution.mailing import MailServer
from manual_resolution.priority import PRIORITIES
from manual_resolution.report_text import as_text, beside, hours, percent, short, sla
from manual_resolution.reports import Report, figures
from manual_resolution.settings import Settings
from manual_resolution.store import reports as store
from manual_resolution.store.connection import Database

#: Lines of a table: far below the 102 KB at which Gmail cuts.
MOST_LINES: Final = 25
COLOURS: Final = {"critical": "#b3261e", "high": "#d9730d", "medium": "#3b6ea8", "low": "#7a8794"}
ACCENT, INK, FAINT = "#3b6ea8", "#1f2933", "#616e7c"
FONT: Final = "font-family:Segoe UI,Helvetica,Arial,sans-serif;"

Outcome = Literal["sent", "partly", "already", "later", "never", "unknown"]


@dataclass(frozen=True, slots=True)
class Mailed:
    """What became of a day's mail, in a sentence.

    `partly`: the server took it, but not for all of them. `already`: it was sent before, or somebody is sending it now.
    """

    day: date
    outcome: Outcome
    sentence: str


def as_mail(report: Report, sender: str, to: Sequence[str], message_id: str | None = None) -> EmailMessage:
    """The report to these addresses: text first, then the same in HTML."""
    message = EmailMessage()
    message["Subject"] = f"Manual Resolution Queue Report ({report.last})"
    message["From"], message["To"] = sender, ", ".join(to)
    message["Date"] = format_datetime(report.at)
    if message_id:
        message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["List-Id"] = f"MRQ daily report <mrq-report.{sender.rpartition('@')[2]}>"
    message.set_content(as_text(report, more=True), cte="quoted-printable")
    message.add_alternative(as_html(report), subtype="html", cte="quoted-printable")
    return message


def send(database: Database, settings: Settings, *, until: date | None = None, again: bool = False) -> Mailed:
    """Mail a day's report (the database's today) to `MRQ_REPORT_TO`, once; `again` repeats it under the same name.

    Raises `Refused` where the settings name nobody, `Unreachable`.
    """
    if not (settings.report_to and settings.smtp_url and settings.mail_from):
        raise Refused("Nobody is to get the report: set MRQ_REPORT_TO, MRQ_SMTP_URL and MRQ_MAIL_FROM.")
    with database.connection() as db:
        day = until or store.today(db)[1]
        done = store.mailed(db, day)
    if done and done["state"] != "failed" and not again:
        return _already(day, done["state"], done["answer"])
    report = figures(database, until=until, settings=settings)
    with database.connection() as db:
        message_id = store.begin(db, day, settings.mail_from.rpartition("@")[2], again=again)
    if message_id is None:
        return _already(day, "sending", None)
    message = as_mail(report, settings.mail_from, settings.report_to, message_id)
    delivery = MailServer.at(settings.smtp_url).send(message, settings.report_to)
    outcome = _outcome(delivery)
    with database.connection() as db:
        store.end(db, day, _STATES.get(outcome, "failed"), delivery.sentence)
    return Mailed(day, outcome, f"The report of {day} {_HOW[outcome]}: {delivery.sentence}.")


def _outcome(delivery: Delivery) -> Outcome:
    if delivery.arrived_perhaps:
        return "unknown"
    return "partly" if delivery.missed or delivery.again else delivery.verdict


#: What is kept of each; a mail that some got is not begun again but on request.
_STATES: Final = {"sent": "sent", "partly": "sent", "unknown": "unknown"}
_HOW: Final = {
    "sent": "was mailed",
    "partly": "was mailed, but not to everybody",
    "later": "was not mailed",
    "never": "was not mailed",
    "unknown": "was handed in, and nobody knows whether it arrived",
}


def _already(day: date, state: str, answer: str | None) -> Mailed:
    if state == "unknown":
        why = answer or "the process that sent it ended in between"
        return Mailed(day, "unknown", f"The report of {day} may have arrived ({why}): --again repeats it.")
    return Mailed(day, "already", f"The report of {day} {'is being' if state == 'sending' else 'was'} mailed already.")


# ------------------------------------------------------------------ HTML


def as_html(report: Report) -> str:
    """One page of tables with inline styles: no script, no image, nothing fetched."""
    most = max([*report.open.values(), 1])
    busiest = max([*(one.resolved for one in report.resolvers), 1])
    types, resolvers = report.types[:MOST_LINES], report.resolvers[:MOST_LINES]
    figures_shown = [
        (f"{report.resolved:,}", "items resolved"),
        (hours(report.average_hours), "avg time-to-resolution"),
        (percent(report.sla_compliance), "SLA compliance"),
        (percent(report.escalation_rate), "escalation rate"),
    ]
    parts = [
        f'<h1 style="margin:0;font-size:20px;{FONT}color:{INK}">Manual Resolution Queue Report</h1>',
        f'<p style="margin:4px 0 0;font-size:14px;{FONT}color:{FAINT}">{report.last} · open now: '
        f"{report.total_open:,} · window: {report.first} to {report.last}, UTC</p>",
        heading("Queue Status"),
        table(
            ("", "Open", "SLA", ""),
            [(p.capitalize(), f"{report.open[p]:,}", sla(report.sla_hours[p]), bar(report.open[p], most, COLOURS[p]))
             for p in PRIORITIES],
        ),
        heading(f"Performance (Last {report.days} Day{'s' if report.days > 1 else ''})"),
        tiles(figures_shown),
        "".join(line_of(said) for said in beside(report)),
        heading("By Item Type"),
        table(
            ("Type", "Open", "Resolved", "Average", "Half within", "9 in 10 within"),
            [(text(t.item_type), f"{t.open:,}", f"{t.resolved:,}", short(t.average_hours), short(t.p50_hours),
              short(t.p90_hours)) for t in types],
        ),
        rest(len(report.types)),
        heading("Top Resolvers"),
        table(
            ("Resolver", "Items", "Per day", "Average", ""),
            [(f"{text(r.resolver)}<br>{small(mix(r.by_type))}", f"{r.resolved:,}", f"{r.per_day:.1f}",
              short(r.average_hours), bar(r.resolved, busiest, ACCENT)) for r in resolvers],
        ),
        rest(len(report.resolvers)),
        f'<p style="margin:24px 0 0;font-size:11px;{FONT}color:{FAINT};word-break:break-all">Audit: {report.head}</p>'
        if report.head else "",
    ]  # fmt: skip
    page, table_of = "Manual Resolution Queue Report", 'cellpadding="0" cellspacing="0" border="0"'
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{page}</title></head>'
        f'<body style="margin:0;background:#ffffff"><table role="presentation" width="100%" {table_of}><tr>'
        f'<td align="center" style="padding:16px"><table role="presentation" width="640" {table_of}><tr><td>\n'
        + "\n".join(filter(None, parts))
        + "\n</td></tr></table></td></tr></table></body></html>\n"
    )


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
    return f'<table width="100%" cellpadding="0" cellspacing="0" border="0"><tr>{head}</tr>\n{body}</table>'


def bar(count: int, most: int, colour: str) -> str:
    """A bar of 1 to 180 pixels, drawn by a coloured cell: images and styles may be off."""
    width = max(1, round(180 * count / most)) if count else 0
    if not width:
        return "&nbsp;"
    return (
        f'<table role="presentation" width="{width}" cellpadding="0" cellspacing="0" border="0"><tr>'
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
    return (
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="4" border="0"><tr>{cells}</tr></table>'
    )


def rest(count: int) -> str:
    """What a long table leaves out."""
    if count <= MOST_LINES:
        return ""
    return f'<p style="margin:4px 0 0;{FONT}">{small(f"and {count - MOST_LINES:,} more: mrq report --json")}</p>'
