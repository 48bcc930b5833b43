"""What browsers load beside the pages."""

import re

from fastapi.testclient import TestClient

from manual_resolution.web.rendering import asset
from manual_resolution.web.static_files import files
from tests.web.conftest import CONSOLE, Browser

MOST = 60_000  # bytes of a page's scripts, compressed
PAGES = ("", "/1", "/next", "/approvals", "/unknown", "/board", "/report", "/people", "/own")


def test_the_scripts_of_each_page_are_small(alice: Browser) -> None:
    """No page names more than 60 KB of scripts, compressed; what one page alone needs no other one loads."""
    alice.app.state.queue.add("parcel_stuck", "parcel", 1, "low", "stuck", {"place": "here"})  # type: ignore[attr-defined]
    named = {
        path: set(re.findall(r'="[^"]*/static/([^"?]+\.js)\?v=', alice.get(CONSOLE + path).text)) for path in PAGES
    }
    for path, scripts in named.items():
        assert {"mrq.js", "vendor/htmx.js"} <= scripts, path
        assert sum(len(files()[name].packed) for name in scripts) <= MOST, path
        assert ("vendor/uplot.js" in scripts, "report.js" in scripts) == (path == "/report",) * 2, path
        assert ("vendor/sortable.js" in scripts) == (path == "/board"), path
    assert set.union(*named.values()) == {name for name in files() if name.endswith(".js")}


def test_files_are_kept_by_their_content(alice: TestClient) -> None:
    """A file asked for by its content's name is kept for ever, compressed for who takes it; there are no others."""
    answer = alice.get(f"/{asset('mrq.css')}")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    plain = alice.get("/static/mrq.css", headers={"Accept-Encoding": "identity"})
    assert (plain.text, plain.headers["cache-control"]) == (answer.text, "no-cache")
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/vendor/locked", "/static/", "/static/none.js"):
        assert alice.get(path).status_code == 404, path


def test_pages_hold_no_script_or_style_of_their_own(alice: Browser) -> None:
    """No page holds an inline script, style or handler: the policy would keep it from acting."""
    alice.app.state.queue.add("parcel_stuck", "parcel", 1, "low", "stuck", {"place": "here"})  # type: ignore[attr-defined]
    for path in PAGES:
        page = alice.get(CONSOLE + path).text
        assert "<style" not in page, path
        assert " style=" not in page, path
        assert " onclick=" not in page, path
        assert all('src="' in tag for tag in page.split("<script")[1:]), path
