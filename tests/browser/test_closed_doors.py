"""What a browser of somebody else's, or somebody else's page in ours, cannot do."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.sync_api import expect

from manual_resolution import Queue
from manual_resolution.people import People
from tests.browser.conftest import ADMIN, PASSWORD, Come
from tests.browser.operator import CONSOLE, Operator


@pytest.fixture
def stuck(queue: Queue) -> int:
    """A parcel that is stuck."""
    queue.add("parcel_stuck", "parcel", 1, "high", "no house number", {"place": "here"})
    return 1


class Evil(BaseHTTPRequestHandler):
    """Another site's page with a form that claims an item, and the console in a frame."""

    address = ""

    def do_GET(self) -> None:
        move = f"{self.address}{CONSOLE}/1/claim"
        page = f"""<!doctype html><title>Win!</title><form method=post action="{move}"><button>Win</button></form>
          <iframe src="{self.address}{CONSOLE}"></iframe>
          <script>fetch("{move}", {{method: "POST", mode: "no-cors", credentials: "include"}})
            .finally(() => document.title = "sent")</script>"""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: it is a test's."""


@pytest.fixture
def evil(address: str) -> Iterator[str]:
    """Where the other site is: the same machine, so that even SameSite cookies are sent, and another origin."""
    with HTTPServer(("127.0.0.1", 0), type("Here", (Evil,), {"address": address})) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_another_sites_page_moves_nothing(operator: Come, queue: Queue, stuck: int, evil: str) -> None:
    """A form, a script and a frame of another site, in the browser of somebody signed in, do and show nothing."""
    alice = operator("alice", ignore_complaints=True)
    alice.page.goto(evil)
    expect(alice.page).to_have_title("sent")
    assert "MRQ" not in (alice.page.frames[-1].title() or "")
    alice.page.get_by_role("button", name="Win").click()
    expect(alice.page.locator("body")).to_contain_text("another site's page")
    assert [event.verb for event in queue.history(stuck)] == ["add"]


def asked(address: str, path: str, *, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """An answer, to a request with headers that no browser would send."""
    with closing(http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)) as connection:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer


def test_a_foreign_host_is_not_answered(alice: Operator, address: str) -> None:
    """DNS rebinding: another name in `Host` gets 421, a foreign origin 403, whatever cookie comes along."""
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in alice.page.context.cookies())
    assert asked(address, CONSOLE, Cookie=cookie).status == 200
    assert asked(address, CONSOLE, Host="evil.example.com", Cookie=cookie).status == 421
    assert asked(address, CONSOLE, Host="evil.example.com", X_Forwarded_Host="127.0.0.1", Cookie=cookie).status == 421
    for foreign in ({"Origin": "http://evil.example.com"}, {"Sec_Fetch_Site": "cross-site"}, {"Origin": "null"}):
        answer = asked(address, f"{CONSOLE}/1/claim", method="POST", Content_Length="0", Cookie=cookie, **foreign)
        assert answer.status == 403, foreign


@pytest.mark.parametrize("to", ["https://evil.example.com/", "//evil.example.com/", "/\\evil.example.com", "/%09/evil"])
def test_signing_in_leads_nowhere_else(operator: Come, people: People, address: str, to: str) -> None:
    """Whatever address a link to the sign-in page names, a browser stays with the console."""
    people.add(ADMIN, "root", ["admin", "operator"], PASSWORD)
    root = operator("root", signs_in=False)
    for name in ("to", "next"):
        root.page.goto(f"/sign-in?{name}={to}")
    root.enters(PASSWORD)
    expect(root.page.locator(".me")).to_have_text("root")
    assert root.page.url.startswith(f"{address}/")


def test_a_session_of_somebody_elses_making_is_not_taken_up(operator: Come, people: People) -> None:
    """A cookie that another set before signing in is replaced; it opens nothing, before or after."""
    people.add(ADMIN, "root", ["admin", "operator"], PASSWORD)
    mallory = operator("mallory", signs_in=False)
    planted = "planted" * 6
    cookie = {"name": "mrq_session", "value": planted, "url": mallory.page.url.replace("about:blank", "") or None}
    root = operator("root", signs_in=False)
    root.page.goto("/sign-in")
    cookie["url"] = root.page.url
    root.page.context.add_cookies([cookie])  # type: ignore[list-item]
    root.signs_in(PASSWORD)
    now = {one["name"]: one for one in root.page.context.cookies()}["mrq_session"]
    assert now["value"] != planted
    assert (now["httpOnly"], now["sameSite"]) == (True, "Lax")
    mallory.page.goto("/sign-in")
    mallory.page.context.add_cookies([cookie])  # type: ignore[list-item]
    mallory.page.goto(CONSOLE)
    expect(mallory.page.get_by_label("Password")).to_be_visible()


def test_the_link_opens_once(operator: Come, people: People) -> None:
    """A one-time link that somebody else finds in a history opens nothing."""
    from manual_resolution.item import Actor

    token = people.link(Actor("alice", "person", "cli:alice@box"))
    alice, eve = operator("alice", signs_in=False), operator("eve", signs_in=False)
    alice.page.goto(f"/?token={token}")
    alice.page.get_by_role("link", name="Queue").wait_for()
    assert token not in alice.page.url
    eve.page.goto(f"/?token={token}")
    eve.is_told("used already")
