"""`pdf_deletion_failed` against a real database and the blob stand-in."""

import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from manual_resolution import Failed, NotPossible, OutcomeUnknown
from manual_resolution.workflows import _vercel_blob

PATH = "plans/12345-Xy7.pdf"
SUCCESS = "Manual retry successful after Vercel API recovery"


# ------------------------------------------------------------------ each option, once


def test_retry_deletes_the_pdf_once_and_updates_the_plan(app: Any) -> None:
    """Retry deletes at the service once, clears the plan's URL, and records the specification's sentence."""
    item, result = app.decide(app.failed_deletion(), "retry")
    assert (item.status, item.resolution, result) == ("resolved", SUCCESS, "PDF deleted successfully")
    assert not app.blob.has(PATH) and app.deletions() == 1
    assert app.pdf_of() == (None, True)


def test_retry_of_a_pdf_already_gone_is_success_without_a_deletion(app: Any) -> None:
    """A blob that is already gone is success: nothing is deleted, the plan is updated, the record says so."""
    item_id = app.failed_deletion()
    app.blob.catalogue.delete(PATH)
    item, result = app.decide(item_id, "retry")
    assert (item.resolution, result) == ("PDF was already gone; database updated", "PDF was already gone")
    assert app.queue.attempts(item_id)[0].evidence["already_gone"] is True
    assert app.deletions() == 0 and app.pdf_of() == (None, True)


def test_mark_failed_updates_the_database_only(app: Any) -> None:
    """Mark as permanently failed clears the plan's URL and asks the service to delete nothing."""
    item, result = app.decide(app.failed_deletion(), "mark_failed")
    assert item.status == "resolved" and result == "Marked as permanently failed (1 row of meal_plans)"
    assert app.blob.has(PATH) and app.deletions() == 0 and app.pdf_of() == (None, True)


def test_escalate_goes_to_engineering(app: Any) -> None:
    """The specification's "Escalate to engineering" sets the target."""
    item, _ = app.decide(app.failed_deletion(), "escalate")
    assert (item.status, item.escalated_to) == ("escalated", "engineering")
    assert app.deletions() == 0 and app.pdf_of()[0] is not None


def test_defer_puts_it_aside_for_a_day(app: Any) -> None:
    """The specification's "Defer for 24 hours" does exactly that."""
    item, _ = app.decide(app.failed_deletion(), "defer")
    assert item.held == "deferred"
    assert (item.deferred_until - item.read_at).total_seconds() == pytest.approx(86_400, abs=60)


@pytest.mark.parametrize("option", ["retry", "mark_failed"])
def test_executing_touches_exactly_the_plan(app: Any, changed: Any, option: str) -> None:
    """What the plan lists is what changes: those rows, those blobs, and nothing else."""
    item_id, before = app.failed_deletion(), app.rows()
    plan = app.queue.plan(item_id, option, {})
    app.decide(item_id, option)
    assert changed(before, app.rows()) == {(touch.table, touch.key) for touch in plan.touches}
    deleted = [call.urls for call in app.blob.calls if call.method == "POST"]
    assert deleted == [(call.target,) for call in plan.calls]
    assert app.blob.has("plans/other.pdf")


def test_a_new_pdf_of_the_plan_is_left_alone(app: Any) -> None:
    """Where the plan got another PDF meanwhile, the old blob is deleted and the plan stays as it is."""
    newer = app.blob.url_of("plans/newer.pdf")
    app.db.execute("update meal_plans set pdf_url = %s where id = 12345", [newer])
    item, result = app.decide(app.failed_deletion(), "retry")
    assert result == "PDF deleted successfully; meal_plan #12345 has another PDF now, which was left"
    assert item.resolution.startswith(SUCCESS)
    assert not app.blob.has(PATH) and app.pdf_of() == (newer, False)


def test_mark_failed_refuses_when_the_plan_has_another_pdf(app: Any) -> None:
    """A plan with another PDF than the item's is not cleared."""
    app.db.execute("update meal_plans set pdf_url = 'https://elsewhere' where id = 12345")
    with pytest.raises(NotPossible, match="has another PDF now"):
        app.decide(app.failed_deletion(), "mark_failed")
    assert app.pdf_of() == ("https://elsewhere", False)


# ------------------------------------------------------------------ what the service may answer

REFUSED = ["403", "suspended", "400", "412", "429"]
DOUBTFUL = ["503", "500", "502-html", "reset", "garbage", "redirect"]


@pytest.mark.parametrize("reply", REFUSED)
def test_a_refused_deletion_failed_for_certain(app: Any, reply: str) -> None:
    """A 4xx is a definite failure: one deletion tried, none repeated, the item its owner's again."""
    item_id = app.failed_deletion()
    app.blob.next(reply, method="POST")
    with pytest.raises(Failed, match=r"Vercel Blob answered 4\d\d \w+: .*the item is still yours"):
        app.decide(item_id, "retry")
    item = app.queue.get(item_id)
    assert (item.status, item.assigned_to, item.held) == ("assigned", "alice", None)
    assert app.queue.attempts(item_id)[-1].state == "failed"
    assert app.deletions() == 1 and app.blob.has(PATH) and app.pdf_of()[0] is not None


@pytest.mark.parametrize("reply", DOUBTFUL)
def test_a_deletion_without_a_clear_answer_is_probed_not_repeated(app: Any, reply: str) -> None:
    """No clear answer: the service is asked whether the PDF is there; it is, so the attempt was in vain."""
    item_id = app.failed_deletion()
    app.blob.next(reply, method="POST")
    with pytest.raises(Failed, match="the PDF is still there"):
        app.decide(item_id, "retry")
    assert app.queue.attempts(item_id)[-1].state == "confirmed_not_done"
    assert app.deletions() == 1 and app.blob.has(PATH) and app.pdf_of()[0] is not None


def test_a_deletion_whose_answer_was_lost_is_found_done(app: Any) -> None:
    """Reset after sending: the probe finds the PDF gone, the item is resolved, nothing is sent twice."""
    item_id = app.failed_deletion()
    app.blob.next("reset-after", method="POST")
    item, result = app.decide(item_id, "retry")
    assert item.status == "resolved" and result.startswith("PDF gone, as the blob service said")
    assert app.queue.attempts(item_id)[-1].state == "confirmed_done"
    assert app.deletions() == 1 and app.pdf_of() == (None, True)


def test_what_nobody_knows_waits_for_a_person(app: Any) -> None:
    """Where the probe has no answer either, the outcome stays unknown until somebody confirms it."""
    item_id = app.failed_deletion()
    app.blob.next("reset-after", method="POST")
    app.queue.execution.step = lambda name: (
        app.blob.next("503", times=None, method="GET") if name == "unknown" else None
    )
    with pytest.raises(OutcomeUnknown, match="mrq confirm"):
        app.decide(item_id, "retry")
    assert (app.queue.get(item_id).held, app.queue.get(item_id).assigned_to) == ("attempt", None)
    made = app.queue.confirm(item_id, "bob", done=True)
    assert (made.item.status, made.item.resolution) == ("resolved", SUCCESS)
    assert app.deletions() == 1 and app.pdf_of() == (None, True)


@pytest.mark.parametrize("reply", [*REFUSED, *DOUBTFUL])
def test_nothing_is_deleted_while_the_service_cannot_even_be_asked(blob: Any, reply: str) -> None:
    """The deletion is sent only after a clear answer that the PDF is there; without one it surely failed."""
    blob.next(reply, times=None, method="GET")
    outcome = _vercel_blob.delete(blob.url_of(PATH))
    assert outcome.state == "not_done" and "the deletion was not sent" in outcome.sentence
    assert blob.has(PATH) and [call.method for call in blob.calls] == ["GET"]


def test_not_found_counts_only_in_the_services_own_words(blob: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 404 of something else (a wrong API address) does not pass for "the PDF is already gone"."""
    with answering(b"HTTP/1.0 404 Not Found\r\n\r\n<h1>Not Found</h1>") as address:
        monkeypatch.setenv("VERCEL_BLOB_API_URL", address)
        assert _vercel_blob.look(blob.url_of(PATH)).state == "unclear"
        assert _vercel_blob.delete(blob.url_of(PATH)).state == "not_done"


@pytest.mark.parametrize("reply", [b"HTTP/1.0 200 OK\r\n\r\n" + b" " * 10_000_000, b"\0\1\2", b"", None])
def test_an_endless_or_senseless_answer_ends(blob: Any, monkeypatch: pytest.MonkeyPatch, reply: bytes | None) -> None:
    """A reply is read up to 64 KiB and for MRQ_CALL_TIMEOUT seconds in all, even one that trickles (None)."""
    with answering(reply) as address:
        monkeypatch.setenv("VERCEL_BLOB_API_URL", address)
        monkeypatch.setenv("MRQ_CALL_TIMEOUT", "1")
        outcome = _vercel_blob.look(blob.url_of(PATH))
    assert outcome.state == "unclear"
    assert reply is not None or outcome.sentence == "Vercel Blob gave no answer within 1 s"


@contextmanager
def answering(reply: bytes | None) -> Iterator[str]:
    """The address of a server that sends these bytes to everybody; None: one header byte after the other."""
    closing = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            with suppress(OSError):
                if reply is not None:
                    self.request.sendall(reply)
                while reply is None and not closing.wait(0.05):
                    self.request.sendall(b"x")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api/blob"
        closing.set()
        server.shutdown()


def test_no_proxy_is_asked(blob: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token goes to the service and nobody else: proxies of the environment are ignored."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert _vercel_blob.delete(blob.url_of(PATH)).state == "done"


def test_the_time_the_service_asks_for_is_proposed(app: Any, clock: Any) -> None:
    """A 429 with Retry-After recommends a deferral by that time, and not once it has passed."""
    item_id = app.failed_deletion()
    app.blob.next("429", method="POST", retry_after=600)
    with pytest.raises(Failed) as failed:
        app.decide(item_id, "retry")
    assert failed.value.retry_after == 600
    advice = app.queue.examine(item_id).recommendation
    assert (advice.option, advice.values) == ("defer", {"span": "10m"})
    clock.forward(hours=2)
    assert app.queue.examine(item_id).recommendation.option == "retry"


def test_a_refused_connection_is_a_definite_failure(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was never sent did not happen."""
    item_id = app.failed_deletion()
    monkeypatch.setenv("VERCEL_BLOB_API_URL", "http://127.0.0.1:1/api/blob")
    with pytest.raises(Failed, match="Vercel Blob was not reached"):
        app.decide(item_id, "retry")
    assert app.queue.attempts(item_id)[-1].state == "failed"


def test_a_silent_service_ends_after_the_call_timeout(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion that MRQ_CALL_TIMEOUT ends is unclear, not failed: the probe decides."""
    monkeypatch.setenv("MRQ_CALL_TIMEOUT", "1")
    item_id = app.failed_deletion()
    app.blob.next("slow", method="POST", seconds=20)
    assert "gave no answer within 1 s; the PDF is still there" in app.refusal(item_id, "retry")


# ------------------------------------------------------------------ where it may delete

BAD_URLS = [
    "https://blob.vercel-storage.com/plans/12345-Xy7.pdf",
    "https://other1store.public.blob.vercel-storage.com/plans/12345-Xy7.pdf",
    "http://k3vq9x1a.public.blob.vercel-storage.com/plans/12345-Xy7.pdf",
    "https://user:secret@k3vq9x1a.public.blob.vercel-storage.com/plans/1.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com@evil.example/plans/1.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com:443/plans/1.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com.evil.example/plans/1.pdf",
    "https://k3vq9x1a.secret.blob.vercel-storage.com/plans/1.pdf",
    "https://\u212a3vq9x1a.public.blob.vercel-storage.com/plans/1.pdf",  # KELVIN SIGN: lower() makes it a k
    "https://k3vq9x1a.public.blob.vercel\u2011storage.com/plans/1.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com",
    "https://k3vq9x1a.public.blob.vercel-storage.com/",
    "https://k3vq9x1a.public.blob.vercel-storage.com//plans/1.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans/../other.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans/%2e%2e/other.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans%2fother.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans%5Cother.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans\\other.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans/1.pdf?download=1",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans/1.pdf#page",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans/1.pdf\n",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans/%0a1.pdf",
    "https://k3vq9x1a.public.blob.vercel-storage.com/plans/%ff.pdf",
    "plans/12345-Xy7.pdf",
    "file:///etc/passwd",
    "",
    7,
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_no_request_is_made_for_a_url_that_is_not_our_blobs(blob: Any, url: object) -> None:
    """Any other URL is refused before a request, in a sentence that names it and what is allowed."""
    outcome = _vercel_blob.delete(url)
    assert outcome.state == "not_done" and ascii(url) in outcome.sentence
    assert "https://k3vq9x1a.public.blob.vercel-storage.com/<path>" in outcome.sentence
    assert blob.calls == []


@pytest.mark.parametrize("url", [BAD_URLS[1], 7])
def test_an_item_with_a_foreign_url_stays_its_owners(app: Any, url: object) -> None:
    """A URL that may not be deleted is a definite failure: nothing sent, nothing changed, the item kept."""
    item_id = app.failed_deletion(url=url)
    assert f"pdf_url = '{url}' is not allowed" in app.refusal(item_id, "retry")
    assert app.queue.get(item_id).assigned_to == "alice"
    assert app.blob.calls == [] and app.pdf_of()[0] is not None


def test_a_url_that_is_not_ours_is_one_for_engineering(app: Any) -> None:
    """No retry makes a foreign URL ours: the recommendation is to escalate."""
    advice = app.queue.examine(app.failed_deletion(url=BAD_URLS[1])).recommendation
    assert (advice.option, advice.sentence) == ("escalate", "MRQ must not delete at this URL.")


@pytest.mark.parametrize("address", ["K3VQ9X1A.public", "k3vq9x1a.private"])
def test_our_store_is_recognised_however_it_is_spelt(app: Any, address: str) -> None:
    """The store's name is compared without regard to case, and both kinds of access are ours."""
    item_id = app.failed_deletion(url=f"https://{address}.blob.vercel-storage.com/{PATH}")
    app.decide(item_id, "retry")
    assert not app.blob.has(PATH)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("BLOB_READ_WRITE_TOKEN", None, "BLOB_READ_WRITE_TOKEN is not set"),
        ("BLOB_READ_WRITE_TOKEN", "s3cret", "has not the form vercel_blob_rw_<store>_<secret>"),
        ("VERCEL_BLOB_API_URL", "http://blob.example/api", "https://…, or http:// on a loopback address"),
        ("VERCEL_BLOB_API_URL", "https://[::", "VERCEL_BLOB_API_URL"),
    ],
)
def test_a_wrong_setting_is_named_before_a_request(
    app: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, told: str
) -> None:
    """Without a fitting token or address nothing is asked; the sentence names the variable, no secret."""
    item_id = app.failed_deletion()
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    refusal = app.refusal(item_id, "retry")
    assert told in refusal and "s3cret" not in refusal and app.blob.calls == []


def test_a_missing_package_says_what_to_install(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional package the option fails for certain and names the extra."""
    item_id = app.failed_deletion()
    monkeypatch.delitem(sys.modules, "manual_resolution.workflows._vercel_blob", raising=False)
    monkeypatch.delattr("manual_resolution.workflows._vercel_blob", raising=False)
    monkeypatch.setitem(sys.modules, "vercel.blob", None)
    assert "pip install 'manual-resolution-queue[vercel]'" in app.refusal(item_id, "retry")


# ------------------------------------------------------------------ checks and recommendations


def test_the_checks_say_what_is_so_now(app: Any, clock: Any) -> None:
    """The checks read as in the documentation, and one look asks the service once."""
    item_id = app.failed_deletion()
    clock.forward(hours=2, minutes=5)
    sentences = [answer.sentence for answer in app.queue.examine(item_id).answers.values()]
    assert sentences == [
        "The PDF is still there (48,213 bytes)",
        "The blob service answers; the last 503 was 2 hours ago",
    ]
    assert len(app.blob.calls) == 1


@pytest.mark.parametrize("hours", [0, 2])
def test_a_503_is_retried_after_an_hour(app: Any, clock: Any, hours: int) -> None:
    """Specification: if the error is 503 ServiceUnavailable, retry after 1 hour."""
    item_id = app.failed_deletion()
    clock.forward(hours=hours)
    advice = app.queue.examine(item_id).recommendation
    expected = {
        0: ("defer", "The error was a 503, less than an hour ago.", {"span": "1h"}),
        2: ("retry", "The error was a 503 and more than an hour has passed.", {}),
    }
    assert (advice.option, advice.sentence, advice.values) == expected[hours]


def test_a_pdf_already_gone_recommends_the_retry(app: Any) -> None:
    """The 404 factor recommends option 1, not "permanently failed"."""
    app.blob.catalogue.delete(PATH)
    case = app.queue.examine(app.failed_deletion())
    assert case.answers["pdf_is_there"].sentence == "The PDF is already gone"
    assert case.recommendation.option == "retry"


def test_a_persistent_failure_is_escalated(app: Any, clock: Any) -> None:
    """Specification: if persistent (more than 3 days), escalate."""
    item_id = app.failed_deletion()
    app.blob.next("503", method="POST")
    app.refusal(item_id, "retry")
    assert app.queue.examine(item_id).recommendation.option == "defer"
    clock.forward(hours=73)
    assert app.queue.examine(item_id).recommendation.option == "escalate"


@pytest.mark.parametrize(("reply", "option"), [("503", "defer"), ("403", "escalate")])
def test_a_service_that_fails_now_is_not_retried(app: Any, clock: Any, reply: str, option: str) -> None:
    """While the service has trouble the recommendation is to wait; where it refuses us, to escalate."""
    item_id = app.failed_deletion()
    clock.forward(hours=2)
    app.blob.next(reply, times=None, method="GET")
    case = app.queue.examine(item_id)
    assert [answer.verdict for answer in case.answers.values()] == ["unknown", "fail"]
    assert case.recommendation.option == option


def test_the_menu_is_the_specifications(app: Any) -> None:
    """Options stand in the specification's order under its labels."""
    case = app.queue.examine(app.failed_deletion())
    assert [offer.option.label for offer in case.offers] == [
        "Retry deletion now",
        "Mark as permanently failed (update DB only)",
        "Escalate to engineering",
        "Defer for 24 hours",
    ]
    assert case.workflow.brief(case.item) == [
        ("PDF URL", app.blob.url_of(PATH)),
        ("Generated", "2026-10-01T12:00:00Z"),
        ("Last error", "ServiceUnavailable"),
    ]


def test_an_item_without_context_is_shown_and_refused_kindly(app: Any) -> None:
    """Incomplete context is accepted and flagged; what needs it refuses in a sentence."""
    item_id = app.claimed("pdf_deletion_failed", "meal_plan", 12345, "medium", "no facts")
    case = app.queue.examine(item_id)
    assert case.missing == ("PDF URL", "Last error", "Retry count")
    assert "is not allowed" in app.refusal(item_id, "retry")
    assert "Not possible" in app.refusal(item_id, "mark_failed")
    assert app.pdf_of()[0] is not None


def test_workflows_load_without_the_blob_package() -> None:
    """Loading every workflow costs nobody the blob package."""
    code = (
        "import sys; from manual_resolution.registry import load; load(('manual_resolution.workflows',));"
        "assert not {'vercel', 'httpx2', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
