"""What each request passes before anything is looked at."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from manual_resolution import Queue, Settings
from manual_resolution.web.app import create_app
from manual_resolution.web.guard import MAX_BODY


def client(queue: Queue, *, base: str = "http://127.0.0.1:8787", peer: str = "127.0.0.1", **given: Any) -> TestClient:
    """A browser of a console with these settings."""
    return TestClient(create_app(queue, settings=Settings(**given)), base, client=(peer, 50000), follow_redirects=False)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8787", 200), ("localhost", 200), ("[::1]:8787", 200), ("LOCALHOST:1", 200),
        ("mrq.example.com", 200), ("evil.example.com", 421),
        ("127.0.0.1.evil.example.com", 421), ("evil@127.0.0.1", 400), ("", 400),
        ("127.0.0.1:x", 400), ("127.0.0.1/x", 400),
    ],
)  # fmt: skip
def test_only_our_own_hosts_are_served(queue: Queue, host: str, status: int) -> None:
    """A request for a name that is not the console's is refused, so that no other site's name can lead here."""
    with client(queue, console_url="https://mrq.example.com/ops") as asked:
        assert asked.get("/healthz", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8787"}, True),
        ({"Origin": "http://127.0.0.1:8787", "Cookie": "a=b"}, True),
        ({"Origin": "https://mrq.example.com"}, True),
        ({}, True),
        ({"Cookie": "a=b"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example.com"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://127.0.0.1:9999"}, False),
        ({"Origin": "http://mrq.example.com"}, False),
    ],
)
def test_no_other_site_changes_anything(queue: Queue, headers: dict[str, str], passes: bool) -> None:
    """A change that another site's page asked for is refused; a program without cookies passes, to show its token."""
    with client(queue, console_url="https://mrq.example.com") as asked:
        assert (asked.post("/healthz", headers=headers).status_code == 405) is passes


def test_a_body_has_an_end(queue: Queue) -> None:
    """More than the largest context is refused, whether its length is told, is false or is not told at all."""
    with client(queue) as asked:
        assert asked.post("/healthz", content=b"x" * (MAX_BODY + 1)).status_code == 413
        assert asked.post("/healthz", headers={"Content-Length": "-1"}).status_code == 413


def test_changes_are_counted_for_each_address(queue: Queue) -> None:
    """More changes than the settings allow are refused for a while; looking is not."""
    with client(queue, writes_per_minute=2) as asked:
        assert [asked.post("/healthz").status_code for _ in range(3)] == [405, 405, 429]
        assert asked.get("/healthz").status_code == 200


def test_only_known_proxies_say_who_asks(queue: Queue) -> None:
    """`X-Forwarded-For` counts from a proxy that the settings name, and only its own part of it."""
    for peer, expected in (("10.0.0.5", [405, 405, 429]), ("192.0.2.1", [405, 429, 429])):
        with client(queue, peer=peer, proxy=("10.0.0.0/24",), writes_per_minute=1) as asked:
            said = ("192.0.2.7, 192.0.2.8", "192.0.2.8, 192.0.2.9", "192.0.2.1, 192.0.2.9, 10.0.0.6")
            answers = [asked.post("/healthz", headers={"X-Forwarded-For": one}).status_code for one in said]
            assert answers == expected, peer


def test_a_prefix_is_part_of_every_address(queue: Queue) -> None:
    """Behind a proxy each page is found whether the proxy cuts the prefix off or not, and links carry it."""
    with client(queue, console_url="https://mrq.example.com/ops") as asked:
        for path in ("/nowhere", "/ops/nowhere"):
            answer = asked.get(path)
            assert (answer.status_code, 'href="/ops/static/mrq.css?v=' in answer.text) == (404, True), path
        assert asked.get("/ops/static/mrq.css").status_code == 200


def test_a_slash_too_many_is_forgiven(queue: Queue) -> None:
    """An address with a slash at its end leads to the same place of this host without it, whatever its scheme."""
    for public, path, place in (
        ("https://mrq.example.com/ops", "/admin/manual-resolution-queue/5/", "/ops/admin/manual-resolution-queue/5"),
        ("https://mrq.example.com", "/nowhere//", "/nowhere"),
        ("https://mrq.example.com", "//evil.example.com/", "/evil.example.com"),
        ("https://mrq.example.com", "/%5Cevil.example.com/", "/%5Cevil.example.com"),
    ):
        with client(queue, console_url=public) as asked:
            answer = asked.get(f"https://mrq.example.com{path}", follow_redirects=False)
            assert (answer.status_code, answer.headers.get("location")) == (307, place), path


def test_every_answer_is_closed_by_policy(queue: Queue) -> None:
    """Pages may load, frame and send to nothing but this origin, hold no inline script or style, and are not kept."""
    with client(queue, console_url="https://mrq.example.com") as asked:
        for path in ("/", "/healthz", "/nowhere", "/static/mrq.css"):
            headers = asked.get(path).headers
            assert headers["content-security-policy"].startswith(
                "default-src 'none'; script-src 'self'; style-src 'self'"
            )
            assert "unsafe" not in headers["content-security-policy"]
            assert (headers["x-content-type-options"], "strict-transport-security" in headers) == ("nosniff", True)
            assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")


def test_an_error_has_a_page(queue: Queue) -> None:
    """What is not there is told in a sentence, with the way back."""
    with client(queue) as asked:
        answer = asked.get("/nowhere")
        assert answer.status_code == 404
        assert "There is no such page." in answer.text
        assert "Traceback" not in answer.text


def test_health_follows_the_database(queue: Queue) -> None:
    """`/healthz` answers 200 while the database does, else 503 with the reason and no address."""
    with client(queue) as asked:
        assert asked.get("/healthz").json() == {"status": "ok"}
    gone = Queue("postgresql://nobody:hidden@127.0.0.1:1/x", settings=Settings())
    with client(gone) as asked:
        answer = asked.get("/healthz")
        assert answer.status_code == 503
        assert "hidden" not in answer.text
