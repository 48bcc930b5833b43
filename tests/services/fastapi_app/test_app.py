"""The service's own tests."""

from app import app
from fastapi.testclient import TestClient

client = TestClient(app)


def test_a_pdf_is_deleted():
    assert client.delete("/plans/1/pdf").json() == {"pdf": "deleted"}


def test_what_fails_waits_for_a_person(mrq_queue):
    assert client.delete("/plans/7/pdf").json() == {"pdf": "waits for a person"}
    (item,) = mrq_queue.list()
    assert (item.resource_id, item.reason) == (7, "ConnectionError: 503 Service Unavailable")
