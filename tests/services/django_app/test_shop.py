"""The project's own tests."""

from django.test import Client


def test_a_pdf_is_deleted():
    assert Client().delete("/plans/1/pdf").json() == {"pdf": "deleted"}


def test_what_fails_waits_for_a_person(mrq_queue):
    assert Client().delete("/plans/7/pdf").json() == {"pdf": "waits for a person"}
    (item,) = mrq_queue.list()
    assert (item.resource_id, item.reason) == (7, "Storage: 503 Service Unavailable")
