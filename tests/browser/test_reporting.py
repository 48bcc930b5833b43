"""A lead's task: read how the week went, choose other days, follow a day through the plots."""

import json

import pytest
from playwright.sync_api import expect

from manual_resolution import Queue
from tests.browser.conftest import Application, Come
from tests.browser.operator import CONSOLE, Operator
from tests.browser.weeks import through
from tests.commands import invoke

REPORT = f"{CONSOLE}/report"
#: Waits until the first plot looks otherwise.
OTHER_THAN = """before => new Promise((done, late) => {
  setTimeout(() => late("it looks the same"), 10000);
  const seen = () => document.querySelector("canvas")?.toDataURL();
  (function look() { seen() !== before ? done() : requestAnimationFrame(look); })();
})"""


@pytest.fixture
def lead(operator: Come, queue: Queue, application: Application) -> Operator:
    """A lead, who may look and no more; five weeks have passed."""
    through(application.db)
    return operator("lead@example.com", roles=("viewer",))


def told(url: str, *words: str) -> dict[str, object]:
    """What `mrq report --json` says."""
    document: dict[str, object] = json.loads(invoke(["report", "--json", *words], env={"DATABASE_URL": url}).stdout)
    return document


def drawn(lead: Operator) -> int:
    """How many of the plots have anything drawn on them."""
    return int(
        lead.page.locator("[data-plot] canvas").evaluate_all(
            """all => all.filter(one => one.getContext("2d").getImageData(0, 0, one.width, one.height).data
                 .some(byte => byte > 0)).length"""
        )
    )


def test_a_week_and_the_one_before(lead: Operator, app_database_url: str) -> None:
    """From the menu to the last seven days, to the seven before: each says what `mrq report --json` says of them."""
    lead.presses("R")
    lead.page.get_by_role("link", name="7", exact=True).click()
    for window in ("these", "before"):
        if window == "before":
            lead.page.get_by_role("link", name="← before").click()
            expect(lead.page.get_by_role("link", name="after →")).to_be_visible()
        expect(lead.page.locator("[data-days] tbody tr")).to_have_count(7)
        expect(lead.page.locator("canvas")).to_have_count(3)
        assert drawn(lead) == 3
        last = lead.page.locator("[data-days] tbody tr").last.locator("th").text_content()
        document = told(app_database_url, "--days", "7", "--until", str(last))
        expect(lead.page.locator(".tiles")).to_contain_text(f"Items resolved{document['resolved']}")
        rows = lead.page.locator("[data-days] tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].slice(0, 5).map(cell => cell.textContent))"
        )
        names = ("day", "created", "resolved", "escalated", "open")
        assert rows == [[str(one[name]) for name in names] for one in document["by_day"]]  # type: ignore[attr-defined]


def test_days_of_ones_own(lead: Operator) -> None:
    """The form takes other days; an impossible number is told, and the form is still there."""
    lead.page.goto(REPORT)
    lead.page.get_by_label("Days", exact=True).fill("3")
    lead.page.get_by_label("until").fill("2026-01-03")
    lead.clicks("Show")
    lead.sees("2026-01-01 to 2026-01-03, UTC")
    expect(lead.page.locator("canvas")).to_have_count(3)
    lead.page.goto(f"{REPORT}?days=100000")
    lead.is_told("a whole number from 1 to 3660")
    lead.page.get_by_role("link", name="30", exact=True).click()
    expect(lead.page.locator("canvas")).to_have_count(3)


def test_a_day_by_keys_and_by_the_mouse(lead: Operator) -> None:
    """Arrow keys go from day to day, as the mouse does; every plot says that day and its values, aloud too."""
    lead.page.goto(f"{REPORT}?days=14")
    first, second, _ = lead.page.get_by_role("slider").all()
    rows = lead.page.locator("[data-days] tbody tr")
    first.focus()
    for keys, at in ((("ArrowLeft",), 12), (("PageUp",), 5), (("ArrowRight", "ArrowRight"), 7), (("Home",), 0)):
        lead.presses(*keys)
        day, added, _, _, waiting, *_ = rows.nth(at).locator("th, td").all_text_contents()
        expect(lead.page.locator("[data-day]").nth(2)).to_contain_text(day)
        expect(lead.page.locator("[data-value=created]")).to_have_text(added)
        expect(lead.page.locator("[data-value=open]")).to_have_text(waiting)
        assert f"{day}: added {added}" in str(first.get_attribute("aria-valuetext"))
        assert first.get_attribute("aria-valuenow") == str(at)
    lead.presses("Escape")
    expect(lead.page.locator("[data-day]").first).to_contain_text(str(rows.last.locator("th").text_content()))
    second.hover(position={"x": 60, "y": 40})
    expect(lead.page.locator("[data-day]").first).not_to_contain_text(str(rows.last.locator("th").text_content()))


def test_colours_follow_the_screen(lead: Operator) -> None:
    """When the screen goes dark the plots are drawn anew in the colours of the dark."""
    lead.page.goto(REPORT)
    expect(lead.page.locator("canvas")).to_have_count(3)
    light = lead.page.evaluate("document.querySelector('canvas').toDataURL()")
    lead.page.emulate_media(color_scheme="dark")
    lead.page.evaluate(OTHER_THAN, light)
    expect(lead.page.locator("canvas")).to_have_count(3)


def test_after_signing_in(operator: Come, lead: Operator) -> None:
    """Who was sent to sign in comes to the report, plots and all."""
    lead.page.goto(REPORT)  # where no live stream is open, which would complain of its own end
    lead.page.context.clear_cookies()
    lead.page.reload()
    lead.enters("correct horse battery")
    expect(lead.page.locator("canvas")).to_have_count(3)


def test_without_a_script(operator: Come, application: Application, queue: Queue) -> None:
    """Without JavaScript the tables say everything, the one by days stands open, and the form works."""
    through(application.db)
    lead = operator("lead", roles=("viewer",), java_script_enabled=False)
    lead.page.get_by_role("link", name="Report").click()
    expect(lead.page.locator("[data-days] tbody tr")).to_have_count(30)
    expect(lead.page.locator("[data-days] tbody tr").last).to_be_visible()
    lead.page.get_by_label("Days", exact=True).fill("2")
    lead.clicks("Show")
    expect(lead.page.locator("[data-days] tbody tr")).to_have_count(2)


def test_hostile_names(operator: Come, application: Application, queue: Queue) -> None:
    """Item types and resolvers that look like markup, or hide, stand there to be read."""
    name = "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202e\x1b[31m"
    application.db.execute(
        "insert into manual_resolution_queue (item_type, resource_type, resource_id, priority, reason)"
        " values (%s, 'thing', 1, 'high', 'It failed')",
        ["</script><img src=x>\u202e"],
    )
    application.db.execute("update manual_resolution_queue set status = 'resolved', assigned_to = %s", [name])
    lead = operator("lead", roles=("viewer",))
    lead.page.goto(REPORT)
    expect(lead.page.locator("canvas")).to_have_count(3)
    lead.sees("<img src=x onerror=\"document.title='owned'\">")
    lead.sees("<U+202E>")
    assert lead.page.title() == "Report · MRQ"
    assert lead.page.locator("main img").count() == 0
    assert [one for one in "\u202e\x1b" if one in lead.page.content()] == []
