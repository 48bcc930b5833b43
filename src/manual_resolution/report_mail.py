"""The daily report as a mail: complete in plain text, with tables and bars that every mail program can draw.

Sent once a day: what was begun for a date is on record before the server is spoken to, and each date's mail has one
Message-ID, so that a repeat can be recognised.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Literal

from manual_resolution.alerts import Delivery
from manual_resolution.errors import Refused
from manual_resolution.mailing import MailServer
from manual_resolution.report_html import as_html
from manual_resolution.report_text import as_text
from manual_resolution.reports import Report, figures
from manual_resolution.settings import Settings
from manual_resolution.store import reports as store
from manual_resolution.store.connection import Database

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
