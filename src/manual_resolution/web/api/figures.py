"""What the API answers to owners and admins, for the documentation: alerts, figures, proofs, persons, tokens."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from manual_resolution.web.api.documents import Facts


class AlertDocument(BaseModel):
    """One message that was, is or was to be told to somebody."""

    id: int
    item_id: int | None
    kind: str
    level: int
    channel: str
    incident: str
    payload: Facts
    state: Literal["waiting", "sent", "dead", "cancelled"]
    created_at: datetime
    due_at: datetime
    leased_until: datetime | None
    attempts: int
    uncertain: bool
    answer: str | None
    ended_at: datetime | None


class Retried(BaseModel):
    """How many alerts are to be sent again."""

    retried: int


class PauseDocument(BaseModel):
    """Alerts are held back until then."""

    until: datetime
    reason: str
    by: str


class DepthDocument(BaseModel):
    """The metric of the queue as it stands (specification, Monitoring)."""

    metric: Literal["manual_resolution_queue_depth"]
    total_pending: int
    by_priority: dict[str, int]
    oldest_item_hours: int
    items_breaching_sla: int
    timestamp: datetime


class ReportDocument(BaseModel):
    """How the queue is doing; rates from 0 to 1. Item types and resolvers are all of them."""

    model_config = {"extra": "allow"}

    at: datetime
    first: date
    last: date
    days: int
    total_open: int
    created: int
    escalated: int
    resolved: int
    withdrawn: int
    sla_compliance: float | None
    escalation_rate: float | None
    by_day: list[Facts]
    types: list[Facts]
    resolvers: list[Facts]


class HeadDocument(BaseModel):
    """One line over all histories, to keep where nobody who can write this database can reach it."""

    head: str
    items: int
    events: int
    at: datetime


class FindingDocument(BaseModel):
    """The first thing wrong with one item's history."""

    item_id: int
    entry: int
    verb: str | None
    kind: str
    sentence: str


class VerdictDocument(BaseModel):
    """Whether every history is as it was written."""

    whole: bool
    items: int
    events: int
    erased: int
    head: str | None
    found: int
    findings: list[FindingDocument]


class OperatorDocument(BaseModel):
    """An operator's record."""

    operator: str
    practice: Facts
    shadow: Facts
    holds: list[int]
    decided: Facts


class PersonDocument(BaseModel):
    """Somebody kept here, with their roles."""

    id: int
    name: str
    roles: list[str]
    has_password: bool
    added_at: datetime
    disabled_at: datetime | None


class TokenDocument(BaseModel):
    """A token without its secret. `is_live`: neither expired nor revoked."""

    id: int
    person: str
    label: str
    scopes: list[str]
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    is_live: bool


class NewTokenDocument(TokenDocument):
    """A new token, and its text: `mrq_7_…`."""

    token: str
