"""Every `MRQ_*` variable is read here and only here: once, strictly, all problems reported together."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from manual_resolution.errors import SettingsError, shown
from manual_resolution.priority import DEFAULT_SLA_HOURS, PRIORITIES, Priority

#: A decision needs an address; this is what the newcomer is told when there is none.
NO_DATABASE: Final = (
    "No database is set: export DATABASE_URL=postgresql://…, or MRQ_EMBEDDED=1 for a private one in ./.mrq, "
    "or try `mrq demo`."
)

#: A file in `MRQ_EMBEDDED_DIR` by which `mrq init --embedded` marks a folder (design, The database: which database).
CHOSEN: Final = "chosen-by-mrq-init"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings in force. Hours, minutes and seconds as the names say; `sources` tells where each came from."""

    database_url: str | None = field(default=None, repr=False)
    embedded: bool = False
    embedded_dir: str = ".mrq"
    sla_critical: float = DEFAULT_SLA_HOURS["critical"]
    sla_high: float = DEFAULT_SLA_HOURS["high"]
    sla_medium: float = DEFAULT_SLA_HOURS["medium"]
    sla_low: float = DEFAULT_SLA_HOURS["low"]
    add_timeout: float = 2.0
    spool_dir: str = "~/.local/state/mrq/spool"
    spool_max_mb: float = 1000.0
    lease_minutes: float = 30.0
    approval_minutes: float = 60.0
    batch_size: int = 10
    operator: str | None = None
    team: tuple[str, ...] = ()
    producer: str | None = None
    workflows: tuple[str, ...] = ("manual_resolution.workflows",)
    trust_as: bool = False
    metrics_file: str | None = None
    alerts: str | None = None
    alert_slack_webhook: str | None = field(default=None, repr=False)
    alert_pagerduty_key: str | None = field(default=None, repr=False)
    alert_pagerduty_url: str = "https://events.pagerduty.com"
    alert_mail_to: tuple[str, ...] = ()
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    report_to: tuple[str, ...] = ()
    warn_at: float = 75.0
    console_url: str | None = None
    proxy: tuple[str, ...] = ()
    writes_per_minute: float = 600.0
    heartbeat_url: str | None = field(default=None, repr=False)
    call_timeout: float = 10.0
    blob_token: str | None = field(default=None, repr=False)
    blob_api_url: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment (default: the process's). Raises `SettingsError` naming every wrong variable."""
        return _Reader(os.environ if environ is None else environ).settings()

    @classmethod
    def as_far_as_right(cls) -> "Settings":
        """What the environment sets rightly, defaults for the rest: for what must be kept in spite of a typo."""
        return _Reader(os.environ).found()

    def sla_hours(self, priority: Priority) -> float:
        """Hours from happening to deadline (specification, Priorities)."""
        return float(getattr(self, f"sla_{priority}"))

    @property
    def alert_channels(self) -> tuple[str, ...]:
        """The names of the channels that alerts go to."""
        given = {
            "slack": self.alert_slack_webhook,
            "pagerduty": self.alert_pagerduty_key,
            "mail": self.alert_mail_to,
        }
        return tuple(name for name, value in given.items() if value)

    @property
    def sla_seconds(self) -> dict[str, int]:
        """Seconds from happening to deadline, by priority."""
        return {priority: round(self.sla_hours(priority) * 3600) for priority in PRIORITIES}


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: the field it sets, how its text is read, whether `NAME_FILE` may hold it instead."""

    name: str
    field: str
    read: Callable[[str], Any]
    secret: bool = False


def number(low: float, high: float) -> Callable[[str], float]:
    """A reader of plain decimal numbers from `low` to `high`."""

    def read(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text) or not low <= float(text) <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(text)

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def switch(text: str) -> bool:
    """`1` or `0`; anything else is an error, so that a typo stops the start."""
    if text not in ("1", "0"):
        raise ValueError("1 or 0")
    return text == "1"


def plain(text: str) -> str:
    """Any text that is not blank."""
    if not text.strip() or "\0" in text:
        raise ValueError("some text, not blank")
    return text


def names(text: str) -> tuple[str, ...]:
    """Names with commas between."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name) for name in found):
        raise ValueError("names with commas between, such as engineering,support")
    return found


def teams(text: str) -> tuple[str, ...]:
    """Team names with commas between, as `escalate --to` takes them."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(re.fullmatch(r"[a-z][a-z0-9_-]{0,49}", name) for name in found):
        raise ValueError("teams with commas between, such as engineering,support: a-z, 0-9, _ -, a letter first")
    return found


def postgres_address(text: str) -> str:
    """A libpq address or connection string. Never shown: it may hold a password."""
    if not (text.startswith(("postgresql://", "postgres://")) or "=" in text):
        raise ValueError("postgresql://user@host:5432/database, or a libpq connection string")
    return text


def web_address(text: str) -> str:
    """https, or http on a loopback address; with a port that there is, in printable ASCII."""
    right = r"(https://[^/@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?)(/[!-~]*)?"
    if not re.fullmatch(r"[!-~]+", text) or not re.fullmatch(right, text) or not has_port(text):
        raise ValueError("https://…, or http:// on a loopback address")
    return text


def networks(text: str) -> tuple[str, ...]:
    """Addresses or networks with commas between."""
    found = tuple(part.strip() for part in text.split(","))
    try:
        for one in found:
            ip_network(one, strict=False)
    except ValueError:
        raise ValueError("addresses or networks with commas between, such as 10.0.0.5,10.1.0.0/16") from None
    return found


def has_port(address: str) -> bool:
    """Whether an address can be taken apart, and its port, where it names one, is at most 65535."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def none_at_all(text: str) -> str:
    """`none`: nobody is to be told, on purpose."""
    if text != "none":
        raise ValueError("none, which says that no alerts are wanted")
    return text


def routing_key(text: str) -> str:
    """PagerDuty's integration key: 32 letters and digits."""
    if not re.fullmatch(r"[A-Za-z0-9]{32}", text):
        raise ValueError("PagerDuty's integration key, 32 letters and digits")
    return text


def mail_address(text: str) -> str:
    """One address in ASCII, without a display name, comments or quotes."""
    word = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
    if len(text) > 254 or not re.fullmatch(rf"{word}(\.{word})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", text):
        raise ValueError("an address such as oncall@example.com")
    return text


def mail_addresses(text: str) -> tuple[str, ...]:
    """Addresses with commas between."""
    return tuple(mail_address(part.strip()) for part in text.split(","))


def smtp_address(text: str) -> str:
    """A mail server: smtps:// (TLS at once), smtp:// (STARTTLS is demanded), or plain smtp:// on a loopback address."""
    right = r"smtps?://([^/?#@\s]+@)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?/?"
    if not re.fullmatch(right, text) or not has_port(text):
        raise ValueError("smtps://user:password@host:465 or smtp://user:password@host:587")
    return text


HOURS = number(1 / 60, 8784)

VARIABLES: Final = (
    Variable("DATABASE_URL", "database_url", postgres_address, secret=True),
    Variable("MRQ_EMBEDDED", "embedded", switch),
    Variable("MRQ_EMBEDDED_DIR", "embedded_dir", plain),
    Variable("MRQ_SLA_CRITICAL", "sla_critical", HOURS),
    Variable("MRQ_SLA_HIGH", "sla_high", HOURS),
    Variable("MRQ_SLA_MEDIUM", "sla_medium", HOURS),
    Variable("MRQ_SLA_LOW", "sla_low", HOURS),
    Variable("MRQ_ADD_TIMEOUT", "add_timeout", number(0.1, 60)),
    Variable("MRQ_SPOOL_DIR", "spool_dir", plain),
    Variable("MRQ_SPOOL_MAX_MB", "spool_max_mb", number(1, 1_000_000)),
    Variable("MRQ_LEASE_MINUTES", "lease_minutes", number(1, 1440)),
    Variable("MRQ_APPROVAL_MINUTES", "approval_minutes", number(1, 10080)),
    Variable("MRQ_BATCH_SIZE", "batch_size", whole(1, 1000)),
    Variable("MRQ_OPERATOR", "operator", plain),
    Variable("MRQ_TEAM", "team", teams),
    Variable("MRQ_PRODUCER", "producer", plain),
    Variable("MRQ_WORKFLOWS", "workflows", names),
    Variable("MRQ_TRUST_AS", "trust_as", switch),
    Variable("MRQ_METRICS_FILE", "metrics_file", plain),
    Variable("MRQ_ALERTS", "alerts", none_at_all),
    Variable("MRQ_ALERT_SLACK_WEBHOOK", "alert_slack_webhook", web_address, secret=True),
    Variable("MRQ_ALERT_PAGERDUTY_KEY", "alert_pagerduty_key", routing_key, secret=True),
    Variable("MRQ_ALERT_PAGERDUTY_URL", "alert_pagerduty_url", web_address),
    Variable("MRQ_ALERT_MAIL_TO", "alert_mail_to", mail_addresses),
    Variable("MRQ_SMTP_URL", "smtp_url", smtp_address, secret=True),
    Variable("MRQ_MAIL_FROM", "mail_from", mail_address),
    Variable("MRQ_REPORT_TO", "report_to", mail_addresses),
    Variable("MRQ_WARN_AT", "warn_at", number(1, 99)),
    Variable("MRQ_CONSOLE_URL", "console_url", web_address),
    Variable("MRQ_PROXY", "proxy", networks),
    Variable("MRQ_WRITES_PER_MINUTE", "writes_per_minute", number(1, 1_000_000)),
    Variable("MRQ_HEARTBEAT_URL", "heartbeat_url", web_address, secret=True),
    Variable("MRQ_CALL_TIMEOUT", "call_timeout", number(1, 300)),
    Variable("BLOB_READ_WRITE_TOKEN", "blob_token", plain, secret=True),
    Variable("VERCEL_BLOB_API_URL", "blob_api_url", web_address),
)

#: Read by the tools around the queue, not by the queue.
TOOLS: Final = {"MRQ_PG_BIN", "MRQ_DEMO", "MRQ_TEST_DATABASE_URL"}


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []
        self.sources: dict[str, str] = {}

    def found(self) -> Settings:
        values = {v.field: self.value(v) for v in VARIABLES if self.present(v)}
        return self.as_marked(Settings(**{k: v for k, v in values.items() if v is not None}, sources=self.sources))

    def settings(self) -> Settings:
        found = self.found()
        self.agree(found)
        if self.problems:
            raise SettingsError(self.problems)
        return found

    def as_marked(self, found: Settings) -> Settings:
        """The private PostgreSQL in a folder that chose it, where the environment says nothing of a database."""
        if any(self.present(v) for v in VARIABLES if v.field in ("database_url", "embedded")):
            return found
        if not (mark := Path(found.embedded_dir, CHOSEN)).is_file():
            return found
        self.sources["embedded"] = str(mark)
        return replace(found, embedded=True)

    def present(self, variable: Variable) -> bool:
        return variable.name in self.environ or (variable.secret and f"{variable.name}_FILE" in self.environ)

    def value(self, variable: Variable) -> Any:
        try:
            text = self.text(variable)
            self.sources[variable.field] = f"{variable.name}{'' if variable.name in self.environ else '_FILE'}"
            return variable.read(text)
        except (ValueError, OSError) as problem:
            self.problems.append(self.sentence(variable, problem))
            return None

    def text(self, variable: Variable) -> str:
        if variable.name in self.environ:
            return self.environ[variable.name]
        return Path(self.environ[f"{variable.name}_FILE"]).read_text(encoding="utf-8").strip()

    def sentence(self, variable: Variable, problem: Exception) -> str:
        if isinstance(problem, OSError):
            return f"{variable.name}_FILE cannot be read: {problem.strerror}."
        value = "(hidden)" if variable.secret else shown(self.environ.get(variable.name, ""))
        return f"{variable.name} = {value} is not allowed: {problem}."

    def agree(self, found: Settings) -> None:
        if found.database_url and found.embedded:
            self.problems.append("DATABASE_URL and MRQ_EMBEDDED=1 are both set: unset one, MRQ uses one database.")
        if found.alert_mail_to and not (found.smtp_url and found.mail_from):
            self.problems.append("MRQ_ALERT_MAIL_TO needs MRQ_SMTP_URL and MRQ_MAIL_FROM beside it.")
        if found.report_to and not (found.smtp_url and found.mail_from):
            self.problems.append("MRQ_REPORT_TO needs MRQ_SMTP_URL and MRQ_MAIL_FROM beside it.")
        hours = [found.sla_hours(priority) for priority in PRIORITIES]
        if hours != sorted(hours):
            listed = ", ".join(f"{p} {h:g}" for p, h in zip(PRIORITIES, hours, strict=True))
            self.problems.append(f"MRQ_SLA_* must not shrink from critical to low; they are {listed} hours.")


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """`MRQ_*` variables that nothing reads: most often a typo."""
    known = {v.name for v in VARIABLES} | {f"{v.name}_FILE" for v in VARIABLES if v.secret} | TOOLS
    return sorted(name for name in environ if name.startswith("MRQ_") and name not in known)


def values_of(settings: Settings) -> dict[str, Any]:
    """Every setting by its field name, secrets as `(set)` or null."""
    secret = {v.field for v in VARIABLES if v.secret}
    named = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name != "sources"}
    return {name: ("(set)" if value else None) if name in secret else value for name, value in named.items()}
