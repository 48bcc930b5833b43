"""Health and metrics: who is told what."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from manual_resolution.web import health
from manual_resolution.web.app import create_app


@pytest.fixture(autouse=True)
def unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was judged yet."""
    monkeypatch.setattr(health, "judging", health.Judging())


@pytest.fixture
def here(queue: Any) -> Any:
    """A program on this machine, and one elsewhere."""
    app = create_app(queue)

    def client(address: str) -> TestClient:
        return TestClient(app, "http://127.0.0.1:8787", client=(address, 50_000))

    return client


def test_deep_health_judges_the_guards(here: Any, as_: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is told whether anything is wrong; what it is only who may read it."""
    monkeypatch.setenv("MRQ_ALERTS", "none")
    connect().execute("alter table mrq_event disable trigger all")
    try:
        asked = here("10.0.0.9").get("/healthz?deep")
        assert (asked.status_code, asked.json()["status"]) == (503, "wrong")
        assert "checks" not in asked.json()
        told = here("10.0.0.9").get("/healthz?deep", headers={"Authorization": f"Bearer {as_('eve').token}"}).json()
        assert any("mrq_event" in one["name"] for one in told["checks"] if one["result"] == "wrong")
    finally:
        connect().execute("alter table mrq_event enable trigger all")


def test_metrics_are_for_who_may_read(here: Any, as_: Any, add: Any) -> None:
    """Prometheus on this machine, or with a token that may read; nobody else, and nobody behind a proxy."""
    add()
    assert "manual_resolution_queue_depth" in here("127.0.0.1").get("/metrics").text
    assert here("10.0.0.9").get("/metrics").status_code == 401
    assert here("127.0.0.1").get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 401
    assert here("127.0.0.1").get("/metrics", headers={"Authorization": "Bearer mrq_1_x"}).status_code == 401
    for name, status in (("eve", 200), ("robot", 200)):
        headers = {"Authorization": f"Bearer {as_(name).token}"}
        assert here("10.0.0.9").get("/metrics", headers=headers).status_code == status, name
