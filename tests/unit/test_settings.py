"""Settings: read once, strictly, all problems together (design, Shape of the code; B75)."""

from pathlib import Path

import pytest

from manual_resolution import Settings, SettingsError
from manual_resolution.settings import VARIABLES, unknown_names, values_of

URL = "postgresql://u:hunter2@h/d"


def test_the_specifications_hours_hold_by_default() -> None:
    """Without a setting: the specification's hours, ten items a session, 30 minutes, 2 seconds."""
    settings = Settings.from_env({})
    assert settings.sla_seconds == {"critical": 14400, "high": 86400, "medium": 604800, "low": 2592000}
    assert (settings.batch_size, settings.lease_minutes, settings.add_timeout) == (10, 30, 2)


def test_settings_come_from_the_environment() -> None:
    """Each variable sets its field, and where it came from is known."""
    settings = Settings.from_env(
        {"DATABASE_URL": URL, "MRQ_SLA_HIGH": "12.5", "MRQ_TEAM": "engineering, support", "MRQ_TRUST_AS": "1"}
    )
    assert (settings.database_url, settings.sla_high, settings.team, settings.trust_as) == (
        URL, 12.5, ("engineering", "support"), True,
    )  # fmt: skip
    assert settings.sources["sla_high"] == "MRQ_SLA_HIGH"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("MRQ_SLA_CRITICAL", value) for value in ("", "4h", "-1", "0", "nan", "1e3", "9" * 10, " 4", "４")),
        *(("MRQ_ADD_TIMEOUT", value) for value in ("0", "61", "2s")), ("MRQ_LEASE_MINUTES", "0"),
        *(("MRQ_BATCH_SIZE", value) for value in ("0", "1001", "1.5", "ten")),
        *(("MRQ_TRUST_AS", value) for value in ("yes", "true", "", "01")), ("MRQ_EMBEDDED", "on"),
        *(("MRQ_TEAM", value) for value in ("", "Engineering", "a,,b", "a b")), ("MRQ_WORKFLOWS", "a;b"),
        *(("DATABASE_URL", value) for value in ("", "mysql://h/d", "h")), ("MRQ_OPERATOR", " "),
        *(("VERCEL_BLOB_API_URL", value) for value in ("http://example.com", "ftp://h", "https://u@h/", "x")),
        *(("MRQ_ALERT_SLACK_WEBHOOK", f"https://{rest}") for rest in ("h:99999/x", "h/a b", "h/ü", "[::1/x", "h:x/")),
        *(("MRQ_SMTP_URL", value) for value in ("smtp://h:99999", "http://h", "smtp://h:0", "smtp://a b@h", "smtp://u#x@h")),
        *(("MRQ_MAIL_FROM", value) for value in ("a", "a@b@c", "a..b@c", "x\x01@c", "ü@c", "a@c\nBcc: d@e", "a(b@c")),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    """A value that makes no sense stops the start, in one sentence that names the variable."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({name: value})
    (problem,) = refused.value.problems
    assert problem.startswith(f"{name} = ") and problem.endswith(".")


def test_all_problems_are_reported_together() -> None:
    """Three wrong variables are three sentences in one error."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"MRQ_SLA_LOW": "x", "MRQ_BATCH_SIZE": "x", "MRQ_EMBEDDED": "x"})
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize(("name", "value"), [("MRQ_SLA_LOW", "100"), ("MRQ_SLA_CRITICAL", "25"), ("MRQ_SLA_HIGH", "3")])
def test_hours_grow_from_critical_to_low(name: str, value: str) -> None:
    """A lower priority never has the shorter SLA."""
    with pytest.raises(SettingsError, match="must not shrink from critical to low"):
        Settings.from_env({name: value})


def test_two_databases_are_refused() -> None:
    """DATABASE_URL and MRQ_EMBEDDED=1 together are refused."""
    with pytest.raises(SettingsError, match="both set"):
        Settings.from_env({"DATABASE_URL": URL, "MRQ_EMBEDDED": "1"})


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    """`NAME_FILE` holds a secret instead of the environment; a missing file is named."""
    (tmp_path / "url").write_text(f"{URL}\n")
    settings = Settings.from_env({"DATABASE_URL_FILE": str(tmp_path / "url")})
    assert (settings.database_url, settings.sources["database_url"]) == (URL, "DATABASE_URL_FILE")
    with pytest.raises(SettingsError, match="DATABASE_URL_FILE cannot be read"):
        Settings.from_env({"DATABASE_URL_FILE": str(tmp_path / "nothing")})


@pytest.mark.parametrize("value", ["mysql://u:hunter2@h", "hunter2"])
def test_a_secret_is_never_shown(value: str) -> None:
    """No message, no `repr` and no list of settings shows an address or a token."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"DATABASE_URL": value})
    assert "hunter2" not in str(refused.value)
    settings = Settings.from_env({"DATABASE_URL": URL, "BLOB_READ_WRITE_TOKEN": "hunter2"})
    assert "hunter2" not in repr(settings) + str(values_of(settings))
    assert values_of(settings)["database_url"] == "(set)"


def test_typing_errors_are_found() -> None:
    """A variable that nothing reads is named; those that are read are not."""
    known = {variable.name: "" for variable in VARIABLES}
    assert unknown_names(known | {"MRQ_SLA_CRITCAL": "4", "MRQ_SLA_HIGH_FILE": "x", "PATH": ""}) == [
        "MRQ_SLA_CRITCAL", "MRQ_SLA_HIGH_FILE",
    ]  # fmt: skip
