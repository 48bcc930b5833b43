"""The first paint of a page in a real Chromium that has nothing of it yet: from the address to something to read."""

import os
import shutil

from bench import clients
from bench.clients import Timed
from bench.console import Browser

TIMES = 9
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
BARE = "/static/vendor/htmx.LICENSE.txt"
#: Milliseconds from the address to the first text, told once it stands there.
PAINTED = """() => new Promise(done => new PerformanceObserver(list => {
  const found = list.getEntriesByName("first-contentful-paint")[0];
  if (found) done(found.startTime);
}).observe({type: "paint", buffered: true}))"""


def chromium() -> str | None:
    """Where it is: `MRQ_BROWSER`, else the system's; None where there is none."""
    asked = os.environ.get("MRQ_BROWSER", "")
    return asked if "/" in asked else next(filter(None, map(shutil.which, NAMES)), None)


def painted(browser: Browser, path: str, executable: str, times: int = TIMES) -> Timed:
    """Seconds until the first text stands there, each time in a window with an empty cache."""
    from playwright.sync_api import sync_playwright

    name, _, value = browser.cookie.partition("=")
    address = f"http://{browser.http.host}:{browser.http.port}"
    args = [*FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=executable, args=args) as window:
        taken = []
        for _ in range(times + 1):
            context = window.new_context()
            context.add_cookies([{"name": name, "value": value, "url": address}])
            page = context.new_page()
            page.goto(address + path)
            taken.append(page.evaluate(PAINTED) / 1e3)
            context.close()
    taken = sorted(taken[1:])  # the first one starts the browser's own processes
    return Timed(times / sum(taken), clients.at(taken, 0.5), clients.at(taken, 0.99), times)
