"""The report's page: the service's figures for whoever may see them, and nothing that acts."""

import re
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI

from manual_resolution import Queue
from manual_resolution.item import Actor
from manual_resolution.permission import ROLES, Grants
from manual_resolution.report_text import hours, percent, short
from manual_resolution.reports import Report, figures
from tests.conftest import Connect
from tests.web.conftest import CONSOLE, OURS, Browser, text_of

ROOT = Actor("root", "person", "cli:root@box")
PASSWORD = "correct horse battery"
DOCS = Path(__file__).parent.parent.parent / "docs" / "operate" / "reports.md"
LATE = "</td><script>document.title='owned'</script>\u202e"


@pytest.fixture
def worked(queue: Queue, connect: Connect) -> Report:
    """Forty parcels of three weeks, most of them resolved, two types and two resolvers with hostile names."""
    db = connect()
    db.execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason, created_at)"
        " select case n % 4 when 0 then %s else 'parcel_stuck' end, 'parcel', n, 'high', 'stuck',"
        " mrq_now() - n * interval '12 hours' from generate_series(1, 40) n".replace("n % 4", "n %% 4"),
        [LATE],
    )
    db.execute(
        "update manual_resolution_queue set status = 'resolved', resolved_at = created_at + id * interval '10 minutes',"
        " assigned_to = case id %% 3 when 0 then %s else 'ada' end where id > 5",
        [LATE],
    )
    return figures(queue.database, 7)


def cells(page: str, table: str) -> list[list[str]]:
    """The rows of a table as text."""
    found = re.search(rf'aria-label="{table}".*?</table>', page, re.DOTALL)
    assert found, table
    rows = re.findall(r"<tr>(.*?)</tr>", found[0].partition("<tbody>")[2], re.DOTALL)
    return [[plain(one) for one in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_the_services_figures(alice: Browser, worked: Report) -> None:
    """Tiles and tables say what `mrq report` says of the same days: each day, each type, each resolver."""
    page = alice.get(f"{CONSOLE}/report?days=7").text
    told = text_of(page)
    for figure in (
        f"Items resolved {worked.resolved}",
        f"Average time-to-resolution {hours(worked.average_hours)}",
        f"SLA compliance {percent(worked.sla_compliance)}",
        f"Escalation rate {percent(worked.escalation_rate)}",
        f"{worked.first} to {worked.last}, UTC",
    ):
        assert figure in told, figure
    assert [row[:5] for row in cells(page, "Day by day")] == [
        [str(one.day), str(one.created), str(one.resolved), str(one.escalated), str(one.open)] for one in worked.by_day
    ]
    assert [row[1:6] for row in cells(page, "By item type")] == [
        [str(one.open), str(one.resolved), short(one.p50_hours), short(one.p90_hours), short(one.average_hours)]
        for one in worked.types
    ]
    assert [row[1] for row in cells(page, "By resolver")] == [str(one.resolved) for one in worked.resolvers]


def test_names_are_text(alice: Browser, worked: Report) -> None:
    """A hostile item type or resolver stands there to be read, in the tables and in every address."""
    page = alice.get(f"{CONSOLE}/report").text
    assert "<script>document" not in page and "\u202e" not in page
    assert text_of(page).count("<script>document.title='owned'</script><U+202E>") >= 2


def test_windows(alice: Browser, worked: Report) -> None:
    """The days before these and after these are a link away; what cannot be asked is a sentence beside the form."""
    today = alice.get(f"{CONSOLE}/report?days=7").text
    assert "after →" not in today
    (before,) = re.findall(r'href="([^"]+)"[^>]*>← before', today)
    assert before == f"{CONSOLE}/report?days=7&amp;until={worked.first.fromordinal(worked.first.toordinal() - 1)}"
    earlier = alice.get(unescape(before)).text
    (after,) = re.findall(r'href="([^"]+)"[^>]*>after →', earlier)
    assert after == f"{CONSOLE}/report?days=7"
    wrong = alice.get(f"{CONSOLE}/report?days=0")
    assert wrong.status_code == 422
    assert "days = '0' is not allowed: a whole number from 1 to 3660" in unescape(wrong.text)
    assert 'name="days"' in wrong.text
    assert "is not allowed: a day that has come" in alice.get(f"{CONSOLE}/report?until=9998-01-01").text


def test_the_download(alice: Browser, worked: Report) -> None:
    """The page's link gives the same days as JSON, to the browser's own session."""
    (address,) = re.findall(r'href="([^"]+)" download', alice.get(f"{CONSOLE}/report?days=7").text)
    document = alice.get(unescape(address)).json()
    assert (document["resolved"], document["first"]) == (worked.resolved, str(worked.first))
    assert [one["open"] for one in document["by_day"]] == [one.open for one in worked.by_day]


def test_nothing_yet(alice: Browser, queue: Queue) -> None:
    """An empty queue says what will be counted; one where nobody resolved anything says where to begin."""
    assert "Nothing to report on." in text_of(alice.get(f"{CONSOLE}/report").text)
    queue.add("parcel_stuck", "parcel", 1, "high", "stuck", {"place": "here"})
    told = text_of(alice.get(f"{CONSOLE}/report").text)
    assert "Open now 1" in told and "Nobody resolved anything in these days. Begin with the next item" in told


def test_a_long_list_is_folded(alice: Browser, connect: Connect) -> None:
    """Of many types the first lines stand there, the rest behind a summary that counts them; none is left out."""
    connect().execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)"
        " select 'type_' || n, 'parcel', n, 'low', 'stuck' from generate_series(10, 59) n"
    )
    page = alice.get(f"{CONSOLE}/report").text
    assert "38 more" in page
    assert set(re.findall(r">(type_\d\d)<", page)) == {f"type_{n}" for n in range(10, 60)}


def test_very_many(alice: Browser, worked: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more items than are read by the way the page has the sums, and says where the percentiles are."""
    monkeypatch.setattr("manual_resolution.web.pages.report.MOST_READ", worked.resolved - 1)
    told = text_of(alice.get(f"{CONSOLE}/report?days=7").text)
    assert f"Items resolved {worked.resolved}" in told
    assert "percentiles of so many: mrq report" in told and "Come-back rate none" not in told


def test_who_may_see_it(app: FastAPI, queue: Queue) -> None:
    """The page and the way to it are for whoever may `report`; to others it is refused, and stands in no menu."""
    queue.people.add(ROOT, "root", ["admin"], PASSWORD)
    for role in (*ROLES, "viewer:parcel_stuck"):
        queue.people.add(ROOT, f"only {role}", [role], PASSWORD)
        allowed = Grants.of(role).allows("report")
        with closing(Browser(app, "http://127.0.0.1:8787", headers=OURS, follow_redirects=True)) as only:
            assert only.get(f"{CONSOLE}/report").url.path == "/sign-in"
            assert only.post("/sign-in", data={"name": f"only {role}", "password": PASSWORD}).status_code == 200
            answer = only.get(f"{CONSOLE}/report")
            assert answer.status_code == (200 if allowed else 403), role
            assert ("needs the role" in answer.text) != allowed, role
            assert (f'href="{CONSOLE}/report"' in only.get(CONSOLE).text) == allowed, role


def test_definitions_are_the_docs(alice: Browser, worked: Report) -> None:
    """What the page explains is what the docs define, by the same names."""
    meant = re.findall(r"<dt>([^<]+)</dt><dd>", alice.get(f"{CONSOLE}/report").text.partition('class="meant"')[2])
    defined = re.findall(r"^### (.+)$", DOCS.read_text(), re.MULTILINE)
    assert len(meant) >= 9
    assert set(meant) <= set(defined)
