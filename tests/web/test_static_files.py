"""What browsers load beside the pages."""

from fastapi.testclient import TestClient

from manual_resolution.web.rendering import asset
from manual_resolution.web.static_files import files
from tests.web.conftest import CONSOLE, Browser

MOST = 60_000  # bytes of all scripts, compressed


def test_all_scripts_are_small() -> None:
    """All scripts together are at most 60 KB compressed, whatever a page loads of them."""
    scripts = {name: len(file.packed) for name, file in files().items() if name.endswith(".js")}
    assert {"mrq.js", "vendor/htmx.js", "vendor/hx-sse.js", "vendor/sortable.js", "vendor/uplot.js"} <= scripts.keys()
    assert sum(scripts.values()) <= MOST, scripts


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
    for path in ("", "/1", "/next", "/approvals", "/unknown", "/board", "/own"):
        page = alice.get(CONSOLE + path).text
        assert "<style" not in page, path
        assert " style=" not in page, path
        assert " onclick=" not in page, path
        assert all('src="' in tag for tag in page.split("<script")[1:]), path
