"""What the API answers, for the documentation: each document's fields, as `--json` of the terminal has them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue

from manual_resolution.item import ActorKind, Held, Status
from manual_resolution.priority import Priority

Facts = dict[str, JsonValue]

EXAMPLE: dict[str, Any] = {
    "id": 42,
    "item_type": "pdf_deletion_failed",
    "resource_type": "meal_plan",
    "resource_id": 12345,
    "resource_key": None,
    "priority": "medium",
    "reason": "Vercel Blob API returned 503 after 3 retry attempts",
    "context": {"retry_count": 3, "last_error": "ServiceUnavailable"},
    "status": "assigned",
    "created_at": "2026-10-01T12:00:00Z",
    "sla_deadline": "2026-10-08T12:00:00Z",
    "sla_seconds": 604800,
    "assigned_to": "alice@example.com",
    "assigned_at": "2026-10-02T08:00:00Z",
    "lease_until": "2026-10-02T08:30:00Z",
    "held": None,
    "deferred_until": None,
    "hold_until": None,
    "wake_at": "2026-10-02T08:30:00Z",
    "escalated_at": None,
    "escalation_level": 0,
    "escalated_to": None,
    "next_level_at": None,
    "declined_by": [],
    "position": None,
    "position_by": None,
    "position_reason": None,
    "position_until": None,
    "resolved_at": None,
    "resolution": None,
    "resolution_metadata": None,
    "occurrences": 1,
    "last_occurred_at": "2026-10-01T12:00:00Z",
    "dedup_key": "3f0c9f6d1f1d4d0e8a2b0a4c7d9e1f22",
    "fingerprint": "b2a4c7d9e1f223f0c9f6d1f1d4d0e8a2",
    "succeeded_at": None,
    "reopened_from": None,
    "version": 2,
}


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). What more is known of it stands beside these fields."""

    model_config = {
        "extra": "allow",
        "json_schema_extra": {
            "examples": [
                {
                    "type": "urn:mrq:owned-by-another",
                    "title": "Owned by another",
                    "status": 409,
                    "detail": "#42 is held by bob@example.com; take it over first.",
                    "owner": "bob@example.com",
                }
            ]
        },
    }

    type: Annotated[str, Field(description="`urn:mrq:` and the error's name.")]
    title: str
    status: int
    detail: Annotated[str, Field(description="One sentence for a person, the same as in the terminal.")]
    field: Annotated[str, Field(description="The field, parameter or header it is about.")] = ""


class ItemDocument(BaseModel):
    """One item under its column names. Times are UTC. Personal fields are marked, and named under `masked`."""

    model_config = {"extra": "forbid", "json_schema_extra": {"examples": [EXAMPLE]}}

    id: int
    item_type: str
    resource_type: str
    resource_id: int | None
    resource_key: str | None
    priority: Priority
    reason: str
    context: Facts | None
    status: Status
    created_at: Annotated[datetime, Field(description="When it happened.")]
    sla_deadline: datetime
    sla_seconds: int
    assigned_to: str | None
    assigned_at: datetime | None
    lease_until: datetime | None
    held: Annotated[Held | None, Field(description="Why an open item is not served.")]
    deferred_until: datetime | None
    hold_until: datetime | None
    wake_at: datetime | None
    escalated_at: datetime | None
    escalation_level: Annotated[int, Field(description="How often its deadline was raised; 0 is in time.")]
    escalated_to: str | None
    next_level_at: datetime | None
    declined_by: list[str]
    position: float | None
    position_by: str | None
    position_reason: str | None
    position_until: datetime | None
    resolved_at: datetime | None
    resolution: str | None
    resolution_metadata: Facts | None
    occurrences: int
    last_occurred_at: datetime
    dedup_key: str
    fingerprint: str
    succeeded_at: datetime | None
    reopened_from: int | None
    version: Annotated[int, Field(description="Number of the item's events; the `ETag` and what `If-Match` names.")]
    masked: Annotated[list[str], Field(description="Names of the fields whose values are not shown.")] = []


class AddedItem(ItemDocument):
    """The item that stands for a failure. `repeated`: it was open already, and counts once more."""

    repeated: bool
    spooled: Literal[False]


class AddedDocument(BaseModel):
    """What came of one of many: the item's number, and whether it was open already."""

    id: int
    repeated: bool
    occurrences: int


class Withdrawn(BaseModel):
    """The item that was withdrawn; null where nothing like it is open."""

    item: ItemDocument | None


class AttemptDocument(BaseModel):
    """One try of an outside effect."""

    n: int
    state: str
    option: str
    values: Facts
    actor: str
    approved_by: str | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    evidence: Facts | None


class ProposalDocument(BaseModel):
    """A decision that needs a second person: open, approved, denied, expired or void."""

    id: int
    item_id: int
    option: str
    values: Facts
    proposer: str
    via: str
    justification: str
    source: str
    state: str
    proposed_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_via: str | None
    ended_why: str | None
    names_trusted: bool
    plan: list[str]
    checks: Facts
    overridden: list[str]


class WaitingDocument(ProposalDocument):
    """A proposal with its item."""

    item: ItemDocument


class ItemWithRecord(ItemDocument):
    """An item with its attempts and proposals, oldest first."""

    attempts: list[AttemptDocument]
    proposals: list[ProposalDocument]


class CheckDocument(BaseModel):
    """What one check says of the world now."""

    title: str
    verdict: Literal["pass", "fail", "unknown"]
    sentence: str
    facts: Facts


class RecommendationDocument(BaseModel):
    """What the item type recommends, and why."""

    option: str
    sentence: str
    values: Facts


class OptionDocument(BaseModel):
    """One thing that may be decided; where it is not possible, the sentence why."""

    key: str
    label: str
    possible: bool
    because: str | None
    approvals: int
    override: bool
    values: list[str]
    proposed: Facts
    plan: list[str] | None


class CaseDocument(ItemWithRecord):
    """An item laid out for a decision: live checks, a recommendation, the options and what each would touch."""

    known: Annotated[bool, Field(description="Whether MRQ was taught this item type.")]
    missing: Annotated[list[str], Field(description="What the context lacks.")]
    checks: dict[str, CheckDocument]
    recommended: RecommendationDocument | None
    options: list[OptionDocument]
    seen: Annotated[Facts, Field(description="Binds a decision to this sight of the case, where it is sent with it.")]


class ResolvedItem(ItemDocument):
    """The item a decision left, with its result; `next` is the item claimed with it, where that was asked for."""

    result: str
    next: ItemDocument | None = None


class UnfinishedDocument(BaseModel):
    """A decision that is not finished: `approval` waits for a second person, `outcome` for what an outside call did."""

    waits_for: Literal["approval", "outcome"]
    detail: str
    item: ItemDocument
    proposal: ProposalDocument | None


class PlanDocument(BaseModel):
    """What deciding so would touch; nothing was done."""

    item_id: int
    option: str
    possible: bool
    because: str | None
    plan: list[str]
    two_persons: bool


class EventDocument(BaseModel):
    """One line of an item's history. `data` is not personal; `private` may have been erased."""

    item_id: int
    seq: int
    at: datetime
    actor: str
    actor_kind: ActorKind
    via: str
    verb: str
    data: Facts
    private: Facts | None


class TypeOption(BaseModel):
    """An option of an item type."""

    key: str
    label: str
    effect: Literal["database", "external", "escalate", "defer"]
    team: str | None
    requires: list[str]
    approvals: int
    override: bool
    values: list[str]


class TypeDocument(BaseModel):
    """One item type that MRQ was taught."""

    item_type: str
    options: list[TypeOption]
    checks: list[dict[str, str]]
    context: list[dict[str, str]]
    advice: list[str]
    declared_in: str
