"""The Vercel Blob stand-in, driven by the official package where possible, by plain HTTP where not."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from meal_plan.blob_stand_in import BlobStandIn
from vercel.blob import sync as blob

PDF = "plans/12345-Xy7.pdf"
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def store() -> Iterator[BlobStandIn]:
    """A stand-in with one PDF, and the official package talking to it."""
    with BlobStandIn() as store, store.session():
        store.seed([(PDF, 48_213)])
        yield store


def ask(
    store: BlobStandIn, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One plain HTTP request with the right token, unless `authorization` says otherwise."""
    sent = {"authorization": f"Bearer {store.token}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=10)
    connection.request(method, path, body if isinstance(body, str | None) else json.dumps(body), sent)
    with connection.getresponse() as reply:
        return reply.status, dict(reply.getheaders()), reply.read()


def code_of(reply: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    return reply[0], json.loads(reply[2])["error"]["code"]


def test_a_put_blob_is_described_and_gone_after_its_deletion(store: BlobStandIn) -> None:
    """What the official package puts is there with its size and address, until it deletes it."""
    put = blob.put_blob("plans/a b.pdf", b"x" * 100, access="public", content_type="application/pdf")
    assert put.url == store.url_of("plans/a b.pdf")
    found = blob.head_blob(put.url)
    assert (found.pathname, found.size, found.content_type) == ("plans/a b.pdf", 100, "application/pdf")
    assert found.etag == put.etag
    blob.delete_blob(put.url)
    with pytest.raises(blob.BlobNotFoundError):
        blob.head_blob(put.url)


def test_a_second_put_needs_leave_to_overwrite(store: BlobStandIn) -> None:
    """A pathname that is taken is refused, unless overwriting or a random suffix was asked for."""
    with pytest.raises(blob.BlobError, match="already exists"):
        blob.put_blob(PDF, b"new", access="public")
    assert blob.put_blob(PDF, b"new", access="public", allow_overwrite=True).pathname == PDF
    assert blob.put_blob(PDF, b"new", access="public", add_random_suffix=True).pathname != PDF


@pytest.mark.parametrize("target", ["plans/never-was.pdf", "https://other1.public.blob.vercel-storage.com/plans/1.pdf"])
def test_deleting_what_is_not_there_is_the_same_success(store: BlobStandIn, target: str) -> None:
    """A missing blob and one of a foreign store look deleted: a client must check before it calls."""
    blob.delete_blob(target)
    assert store.has(PDF)


def test_several_blobs_go_in_one_call(store: BlobStandIn) -> None:
    """One request may delete up to 1000 blobs, by address or pathname."""
    store.seed([("plans/2.pdf", 1)])
    blob.delete_blob([store.url_of(PDF), "plans/2.pdf"])
    assert not store.has(PDF)
    assert not store.has("plans/2.pdf")
    assert len(store.calls) == 1


def test_an_etag_must_match(store: BlobStandIn) -> None:
    """`x-if-match` deletes only the version it names; a missing blob matches nothing."""
    etag = blob.head_blob(PDF).etag
    with pytest.raises(blob.BlobPreconditionFailedError):
        blob.delete_blob(PDF, if_match='"another"')
    assert store.has(PDF)
    blob.delete_blob(PDF, if_match=etag)
    with pytest.raises(blob.BlobPreconditionFailedError):
        blob.delete_blob(PDF, if_match=etag)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer vercel_blob_rw_k3vq9x1a_wrong", "bearer vercel_blob_rw_k3vq9x1a_standin"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/blob/delete"), ("GET", f"/api/blob?url={PDF}"), ("PUT", "/api/blob?pathname=x")],
)
def test_only_the_exact_token_is_let_in(store: BlobStandIn, method: str, path: str, authorization: str) -> None:
    """Every request without the store's bearer token is 403 `forbidden`, and does nothing."""
    reply = ask(store, method, path, {"urls": [PDF]}, authorization=authorization)
    assert code_of(reply) == (403, "forbidden")
    assert store.has(PDF)
    assert not store.has("x")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        [],
        {},
        {"urls": PDF},
        {"urls": []},
        {"urls": [1]},
        {"urls": ["x"] * 1001},
        {"urls": ["https://example.com/x"]},
    ],
    ids=repr,
)
def test_a_malformed_deletion_is_a_bad_request(store: BlobStandIn, body: Any) -> None:
    """Anything but `{"urls": [1 to 1000 strings]}` is 400 `bad_request`."""
    assert code_of(ask(store, "POST", "/api/blob/delete", body)) == (400, "bad_request")


def test_a_plain_delete_request_deletes_nothing(store: BlobStandIn) -> None:
    """The `curl -X DELETE` of old runbooks is not an API of the service."""
    assert ask(store, "DELETE", f"/{PDF}")[0] == 404
    assert ask(store, "DELETE", f"/api/blob?pathname={PDF}")[0] == 404
    assert store.has(PDF)


def test_the_headers_of_other_clients_are_accepted_and_noted(store: BlobStandIn) -> None:
    """`x-…` headers are never required; those that come are in the log."""
    assert ask(store, "POST", "/api/blob/delete", {"urls": [PDF]}, x_api_blob_request_attempt="0")[0] == 200
    call = store.calls[-1]
    assert (call.method, call.path, call.urls) == ("POST", "/api/blob/delete", (PDF,))
    assert call.headers["x-api-blob-request-attempt"] == "0"
    assert store.calls_to(PDF, "POST") == [call]


def test_every_reply_ends_its_connection(store: BlobStandIn) -> None:
    """No connection is kept, so each request of a client meets the stand-in's present script."""
    assert ask(store, "GET", f"/api/blob?url={PDF}")[1]["connection"] == "close"


@pytest.mark.parametrize(
    ("reply", "error", "status"),
    [
        ("503", blob.BlobServiceNotAvailable, 503),
        ("429", blob.BlobServiceRateLimited, 429),
        ("500", blob.BlobUnknownError, 500),
        ("502-html", blob.BlobUnknownError, 502),
        ("redirect", blob.BlobUnknownError, 307),
        ("reset", blob.BlobUnknownError, None),
        ("403", blob.BlobAccessError, 403),
        ("suspended", blob.BlobStoreSuspendedError, 403),
        ("404", blob.BlobNotFoundError, 404),
        ("400", blob.BlobError, 400),
    ],
)
def test_scripted_errors_reach_the_package_and_nothing_is_deleted(
    store: BlobStandIn, reply: str, error: type[blob.BlobError], status: int | None
) -> None:
    """Each scripted failure is what the official package says of it, and leaves the blob where it is."""
    store.next(reply, times=2)
    for _ in range(2):
        with pytest.raises(error) as raised:
            blob.delete_blob(PDF)
        assert raised.value.status_code == status
    assert store.has(PDF)
    blob.delete_blob(PDF)
    assert not store.has(PDF)
    assert [call.reply for call in store.calls] == [reply, reply, None]


def test_a_rate_limit_says_how_long(store: BlobStandIn) -> None:
    """`retry_after` arrives as the header, in seconds."""
    store.next("429", retry_after=17)
    with pytest.raises(blob.BlobServiceRateLimited) as raised:
        blob.delete_blob(PDF)
    assert raised.value.retry_after == 17


def test_a_reset_after_acting_has_acted(store: BlobStandIn) -> None:
    """`reset-after` looks like `reset` to the client, but the blob is gone."""
    store.next("reset-after")
    with pytest.raises(blob.BlobUnknownError):
        blob.delete_blob(PDF)
    assert not store.has(PDF)


def test_garbage_looks_like_success_to_the_package(store: BlobStandIn) -> None:
    """A 200 with a page of HTML deletes nothing, although the package raises nothing."""
    store.next("garbage")
    blob.delete_blob(PDF)
    assert store.has(PDF)


def test_a_slow_reply_is_an_honest_one(store: BlobStandIn) -> None:
    """A slow reply does what was asked."""
    store.next("slow", seconds=0.01)
    blob.delete_blob(PDF)
    assert not store.has(PDF)


def test_a_slow_reply_ends_with_the_store() -> None:
    """A slow reply acts at its end only; closing the stand-in before that drops the connection."""
    with BlobStandIn() as store:
        store.seed([(PDF, 1)])
        store.next("slow", seconds=3600)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ask, store, "POST", "/api/blob/delete", {"urls": [PDF]})
            while not store.calls:
                time.sleep(0.001)
            assert store.has(PDF)
            store.close()
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                waiting.result(10)


def test_faults_of_one_blob_or_method_leave_the_others_alone(store: BlobStandIn) -> None:
    """A fault scripted for one blob, or for deletions only, waits until that is asked for."""
    store.seed([("plans/2.pdf", 1)])
    store.script_for(PDF, "503", times=None, method="POST")
    blob.delete_blob("plans/2.pdf")
    assert blob.head_blob(PDF).size == 48_213
    for _ in range(3):
        with pytest.raises(blob.BlobServiceNotAvailable):
            blob.delete_blob(store.url_of(PDF))
    store.heal()
    blob.delete_blob(PDF)


def test_an_unknown_reply_is_refused_with_the_known_ones(store: BlobStandIn) -> None:
    """A misspelt script fails at once, and names what there is."""
    with pytest.raises(ValueError, match=r"reply = 'boom' is not one of 400, .*reset-after"):
        store.next("boom")


def test_a_folder_keeps_blobs_and_calls_for_the_next_process(tmp_path: Path) -> None:
    """What one stand-in stored, deleted and was asked, the next one in the folder knows."""
    with BlobStandIn(tmp_path) as store:
        store.seed([(PDF, 48_213), ("plans/2.pdf", 1)])
        ask(store, "POST", "/api/blob/delete", {"urls": [PDF]})
    with BlobStandIn(tmp_path) as store:
        assert not store.has(PDF)
        assert store.has("plans/2.pdf")
    [call] = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert (call["method"], call["urls"], call["reply"]) == ("POST", [PDF], None)


def test_it_runs_as_a_program_that_can_be_killed(tmp_path: Path) -> None:
    """`python -m meal_plan.blob_stand_in` prints its address first; its folder survives `kill -9`."""
    command = [
        sys.executable,
        "-m",
        "meal_plan.blob_stand_in",
        "--folder",
        str(tmp_path),
        "--script",
        "503:1",
    ]
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES)}
    with (
        BlobStandIn(tmp_path) as beside,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            beside.seed([(PDF, 1)])
            other = BlobStandIn(port=int(address.removesuffix("/api/blob").rpartition(":")[2]))
            assert other.api_url == address
            assert code_of(ask(other, "POST", "/api/blob/delete", {"urls": [PDF]})) == (
                503,
                "service_unavailable",
            )
            assert ask(other, "POST", "/api/blob/delete", {"urls": [PDF]})[0] == 200
        finally:
            process.send_signal(signal.SIGKILL)
        assert not beside.has(PDF)
