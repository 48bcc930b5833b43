"""Alerts to send, certificates to be shown, and the stand-ins of the services that take alerts."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from meal_plan.pagerduty_stand_in import PagerDutyStandIn
from meal_plan.slack_stand_in import SlackStandIn

from manual_resolution.alerts import Alert

REASON = "Vercel Blob API returned 503 after 3 retry attempts"
PAYLOAD = {
    "alert_type": "manual_resolution_sla_breach",
    "item_id": 42,
    "item_type": "pdf_deletion_failed",
    "priority": "medium",
    "sla_deadline": "2026-01-02T15:00:00Z",
    "breach_duration_hours": 8,
    "reason": REASON,
    "recommended_action": "Check Vercel status page, retry deletion, or mark as permanently failed",
    "queue_url": "https://app.example.com/admin/manual-resolution-queue/42",
}
BREACH = Alert("breach", 1, "mrq:1a2b3c4d:5e6f", "medium", PAYLOAD, (PAYLOAD,), numbers=(7,))

Make = Callable[..., Alert]


@pytest.fixture
def alert() -> Make:
    """`alert(reason="<!channel>")`: the breach of the specification's sample, with other facts in its payload."""

    def make(**facts: Any) -> Alert:
        payload = PAYLOAD | facts
        return replace(BREACH, payload=payload, items=(payload,), priority=str(payload["priority"]))

    return make


@pytest.fixture
def digest() -> Callable[..., Alert]:
    """`digest(300, reason="…")`: one alert about so many items."""

    def make(count: int, **facts: Any) -> Alert:
        items = [PAYLOAD | {"item_id": n, "breach_duration_hours": n} | facts for n in range(1, count + 1)]
        return replace(BREACH, payload=items[-1], items=tuple(items), numbers=tuple(range(count)))

    return make


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    """Slack, on loopback."""
    with SlackStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyStandIn]:
    """PagerDuty, on loopback."""
    with PagerDutyStandIn() as stand_in:
        yield stand_in


# ------------------------------------------------------------------ certificates


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`authority("expired")`: a certificate and key in one file, by the authority in `ca.pem` beside it.

    `right` is for 127.0.0.1, `other` for another host, `expired` is over, `own` was signed by itself.
    """
    folder = tmp_path_factory.mktemp("certificates")
    key = folder / "key.pem"
    made = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"
    openssl("req", "-x509", *made, key, "-out", folder / "ca.pem", "-subj", "/CN=Test authority", "-days", 9)
    (folder / "index.txt").touch()
    (folder / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=it\n[it]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=any\ncopy_extensions=copy\nunique_subject=no\n[any]\ncommonName=supplied\n"
    )

    def make(kind: str) -> Path:
        found, request = folder / f"{kind}.pem", folder / f"{kind}.csr"
        name = "DNS:other.example.com" if kind == "other" else "IP:127.0.0.1,IP:127.0.0.2"
        subject = "-subj", f"/CN={kind}", "-addext", f"subjectAltName={name}"
        if kind == "own":
            openssl("req", "-x509", "-key", key, *subject, "-out", found, "-days", 9)
        else:
            begin, end = "20200101000000Z", "20200102000000Z" if kind == "expired" else "20990101000000Z"
            openssl("req", "-new", "-key", key, *subject, "-out", request)
            openssl(
                "ca", "-batch", "-notext", "-config", folder / "ca.cnf", "-cert", folder / "ca.pem", "-keyfile", key,
                "-in", request, "-out", found, "-startdate", begin, "-enddate", end,
            )  # fmt: skip
        found.write_bytes(found.read_bytes() + key.read_bytes())
        return found

    return make


@pytest.fixture
def trusted(authority: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """The same, with the authority trusted by this process."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority("right").parent / "ca.pem"))
    return authority
