"""Every page: what axe-core finds, in light and dark; that nothing is wider than a phone; pictures to look at.

`MRQ_PICTURES=folder ./dev test-browser tests/browser/test_every_page.py` writes each page: light, dark, phone.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from manual_resolution import Queue
from tests.browser.conftest import Application, Come
from tests.browser.operator import Operator
from tests.browser.scene import ADA, Scene

AXE = Path(__file__).with_name("vendor") / "axe.js"
FINDINGS = """async rules => (await axe.run(document, rules ? {runOnly: {type: "rule", values: rules}} : {})).violations
  .filter(found => ["serious", "critical"].includes(found.impact))
  .map(found => `${found.id}: ${found.nodes.map(node => node.html.slice(0, 120) + " " + node.target).join(" | ")}`)"""


@pytest.fixture
def scene(queue: Queue, application: Application) -> Scene:
    """Something on every page."""
    return Scene.made(queue, application)


@pytest.fixture
def ada(operator: Come, scene: Scene) -> Operator:
    """Somebody who may do everything."""
    return operator(ADA, roles=("admin", "approver"))


def findings(page: Page, *rules: str) -> list[Any]:
    page.evaluate(f"() => {{ {AXE.read_text()} }}")
    found: list[Any] = page.evaluate(FINDINGS, list(rules) or None)
    return found


def test_axe_finds_nothing_serious(ada: Operator, scene: Scene) -> None:
    """No page has a serious or critical finding; colours are looked at in light and in dark."""
    if not AXE.exists():
        pytest.fail("axe-core is not there: ./dev install brings it, by npm.")
    found = {}
    for name, address in [*scene.pages.items(), ("sign-in", "/sign-in")]:
        ada.page.goto(address)
        for scheme, rules in (("light", ()), ("dark", ("color-contrast",))):
            ada.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found |= {f"{name}, {scheme}": faults for faults in [findings(ada.page, *rules)] if faults}
    assert found == {}


def test_a_phone_shows_each_page_whole(ada: Operator, scene: Scene) -> None:
    """At 390 pixels no page is wider than the screen."""
    ada.page.set_viewport_size({"width": 390, "height": 844})
    too_wide = []
    for name, address in scene.pages.items():
        ada.page.goto(address)
        width = ada.page.evaluate("document.documentElement.scrollWidth")
        if width > 390 and name != "board":  # its lanes stand side by side, and scroll
            too_wide.append((name, width))
    assert too_wide == []


def test_a_phone_shows_an_item_in_the_order_of_reading(ada: Operator, scene: Scene) -> None:
    """On a phone an item begins with what it is, then come the checks, the decision, the facts and the history."""
    ada.page.set_viewport_size({"width": 390, "height": 844})
    for name in ("item-failed-check", "item-waiting"):
        ada.page.goto(scene.pages[name])
        tops = [ada.page.locator(part).bounding_box() for part in (".head", ".checks", ".desk", ".facts", ".history")]
        heights = [box["y"] for box in tops if box]
        assert (len(heights), heights) == (5, sorted(heights)), name


@pytest.mark.skipif("MRQ_PICTURES" not in os.environ, reason="pictures are taken when MRQ_PICTURES names a folder")
def test_pictures(ada: Operator, scene: Scene) -> None:
    """Each page can be looked at: light, dark, and as a phone shows it."""
    folder = Path(os.environ["MRQ_PICTURES"])
    folder.mkdir(parents=True, exist_ok=True)
    for name, address in [*scene.pages.items(), ("sign-in", "/sign-in")]:
        for scheme, width, height in (("light", 1280, 800), ("dark", 1280, 800), ("phone", 390, 844)):
            ada.page.set_viewport_size({"width": width, "height": height})
            ada.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            ada.page.goto(address)
            ada.page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=scheme == "phone")
    assert len(list(folder.glob("*.png"))) >= 3 * len(scene.pages)
