"""`mrq report`, its script and its mail: what is printed, what arrives, and that it arrives once a day."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import psycopg
import pytest

from manual_resolution import Settings
from manual_resolution.report_html import as_html
from manual_resolution.report_mail import Mailed, as_mail, send
from manual_resolution.reports import figures, with_spread
from manual_resolution.store.connection import Database
from tests.commands import Told, invoke
from tests.conftest import Clock, Connect
from tests.reports.history import MOMENT, sample
from tests.smtp_sink import SmtpSink

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent / "golden" / "report.txt"
TO = ("lead@example.com", "team@example.com")


@pytest.fixture
def at_the_sample(clock: Clock, connect: Connect) -> psycopg.Connection[object]:
    clock.set((MOMENT - datetime.now(UTC)).total_seconds())
    db = connect()
    sample(db)
    return db


def mrq(*words: str, url: str, **env: str) -> Told:
    return invoke(words, env={"DATABASE_URL": url} | env)


def settings(sink: SmtpSink) -> Settings:
    return Settings(smtp_url=sink.url, mail_from="mrq@example.com", report_to=TO)


def sent(url: str, sink: SmtpSink, *, again: bool = False) -> Mailed:
    return send(Database(url), settings(sink), again=again)


def test_the_script_prints_the_specifications_report(
    at_the_sample: psycopg.Connection[object], database_url: str, tmp_path: Path
) -> None:
    """From any directory, with cron's empty environment, the script prints the sample and what stands behind it."""
    script = ROOT / "scripts" / "manual_resolution" / "report_metrics.py"
    ended = subprocess.run(
        [sys.executable, script], env={"DATABASE_URL": database_url}, cwd=tmp_path, capture_output=True, check=True
    )
    printed = ended.stdout.decode()
    assert printed.startswith(GOLDEN.read_text())
    behind = printed.removeprefix(GOLDEN.read_text())
    assert "  - Time-to-resolution: half within 12h, nine in ten within 48h\n  - Come-back rate: 0.0%\n" in behind
    assert re.search(r"\n\nAudit: HEAD [0-9a-f]{64} items=1276 events=\d+ at=2026-01-03T\S+\n$", behind)


def test_json_and_quick(at_the_sample: psycopg.Connection[object], database_url: str) -> None:
    """`--json` is one document of all figures; `--quick` leaves out what is read from the items."""
    told = mrq("report", "--json", "--quick", url=database_url)
    document = json.loads(told.stdout)
    assert (document["resolved"], document["p50_hours"], document["head"]) == (1234, None, None)


def test_what_is_refused(database_url: str) -> None:
    """A day that is none, and options that change a daily mail, end with one sentence and exit code 2."""
    for arguments in (("--until", "yesterday"), ("--days", "0"), ("--mail", "--days", "7"), ("--again",)):
        told = mrq("report", *arguments, url=database_url)
        assert told.exit_code == 2, arguments
        assert told.stderr.count("\n") == 1


def test_the_mail(at_the_sample: psycopg.Connection[object], database_url: str) -> None:
    """The mail arrives with its text first, the same in HTML, and headers that keep machines from answering."""
    with SmtpSink() as sink:
        assert sent(database_url, sink).outcome == "sent"
    (message,) = sink.messages
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n").startswith(GOLDEN.read_text())
    assert re.fullmatch(r"<mrq-report-2026-01-03\.[0-9a-f]{8}@example\.com>", message["Message-ID"])
    assert (message["Auto-Submitted"], message["Subject"]) == (
        "auto-generated",
        "Manual Resolution Queue Report (2026-01-03)",
    )
    assert message["To"] == ", ".join(TO)


class Tags(HTMLParser):
    """The tags of a page that are open, those it used, and what they fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.used: set[str] = set()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.used.add(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "background")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_that_mail_programs_draw(connect: Connect, database_url: str) -> None:
    """Well-formed tables, no script, no image, nothing fetched, below Gmail's limit with hundreds of hostile names."""
    db = connect()
    db.execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason, created_at)"
        " select '<script>' || n, 'r', n, 'low', 'x', mrq_now() - interval '1 day' from generate_series(1, 300) n"
    )
    db.execute(
        "update manual_resolution_queue set status = 'resolved', resolved_at = created_at + interval '1 hour',"
        " assigned_to = '<img src=//evil.example/' || id % 200 || '>' || repeat('x', 60)"
    )
    page = as_html(figures(Database(database_url)))
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    assert tags.used <= {
        "html",
        "head",
        "meta",
        "title",
        "body",
        "table",
        "tr",
        "td",
        "th",
        "h1",
        "h2",
        "p",
        "span",
        "br",
    }
    assert not tags.fetched
    assert len(page.encode()) < 100_000
    assert "more: mrq report --json" in page


def test_the_page(at_the_sample: psycopg.Connection[object], database_url: str) -> None:
    """The sample's page of tables is as it was looked at, byte for byte."""
    database = Database(database_url)
    page = as_html(with_spread(database, figures(database, quick=True)))
    database.close()
    assert page == GOLDEN.with_name("report.html").read_text()


def test_once_a_day(database_url: str, clock: Clock) -> None:
    """However often it is asked, each day's report is mailed once; the next day's again."""
    with SmtpSink() as sink:
        outcomes = [sent(database_url, sink).outcome for _ in range(3)]
        clock.forward(hours=24)
        outcomes.append(sent(database_url, sink).outcome)
    assert outcomes == ["sent", "already", "already", "sent"]
    assert len({message["Message-ID"] for message in sink.messages}) == 2


def test_a_server_that_says_later_is_asked_again(database_url: str) -> None:
    """A mail that was not taken is sent by the next run."""
    with SmtpSink({"MAIL": "451 try later"}) as sink:
        assert sent(database_url, sink).outcome == "later"
    with SmtpSink() as sink:
        assert sent(database_url, sink).outcome == "sent"


def test_an_unknown_end_is_not_repeated_silently(database_url: str) -> None:
    """No answer after the last line: said so, not repeated but on request, then under the same Message-ID."""
    with SmtpSink({".": None}) as sink:
        first, second = sent(database_url, sink), sent(database_url, sink)
    assert (first.outcome, second.outcome) == ("unknown", "unknown")
    assert "--again repeats it" in second.sentence
    with SmtpSink() as repeated:
        assert sent(database_url, repeated, again=True).outcome == "sent"
    assert [m["Message-ID"] for m in sink.messages] == [m["Message-ID"] for m in repeated.messages]


def test_a_process_that_ended_in_between(database_url: str, connect: Connect, clock: Clock) -> None:
    """A day that was begun and never ended is being mailed for five minutes, then nobody knows."""
    connect().execute("insert into mrq_report (day, message_id) values (mrq_day(mrq_now()), '<x@example.com>')")
    with SmtpSink() as sink:
        assert sent(database_url, sink).outcome == "already"
        clock.forward(minutes=6)
        assert sent(database_url, sink).outcome == "unknown"
    assert not sink.raw


def test_exit_codes_of_the_mail(database_url: str) -> None:
    """Nobody named: 1; not reached: 3 and a sentence without the password; sent: 0."""
    assert mrq("report", "--mail", url=database_url).exit_code == 1
    named = {"MRQ_MAIL_FROM": "mrq@example.com", "MRQ_REPORT_TO": ",".join(TO)}
    unreached = mrq("report", "--mail", url=database_url, MRQ_SMTP_URL="smtp://u:s3cret@127.0.0.1:9", **named)
    assert unreached.exit_code == 3
    assert "s3cret" not in unreached.stderr
    with SmtpSink() as sink:
        assert mrq("report", "--mail", url=database_url, MRQ_SMTP_URL=sink.url, **named).exit_code == 0


def test_an_address_that_is_refused(database_url: str) -> None:
    """Taken for one address and refused for another: exit code 1 and who misses it; it is not mailed again unasked."""
    named = {"MRQ_MAIL_FROM": "mrq@example.com", "MRQ_REPORT_TO": ",".join(TO)}
    for answer in ("550 no such box", "451 try later"):
        with SmtpSink({f"RCPT {TO[1]}": answer}) as sink:
            told = mrq("report", "--mail", "--again", url=database_url, MRQ_SMTP_URL=sink.url, **named)
        assert (told.exit_code, sink.recipients) == (1, [[TO[0]]])
        assert "was mailed, but not to everybody" in told.stderr and f"{TO[1]} ({answer})" in told.stderr
    with SmtpSink() as sink:
        assert mrq("report", "--mail", url=database_url, MRQ_SMTP_URL=sink.url, **named).exit_code == 0
    assert not sink.raw


def test_a_header_takes_no_second_line(database_url: str) -> None:
    """An address with a line break in it is refused before anything is sent."""
    with pytest.raises(ValueError, match="linefeed"):
        as_mail(figures(Database(database_url), quick=True), "mrq@example.com\nBcc: eve@example.com", TO)
