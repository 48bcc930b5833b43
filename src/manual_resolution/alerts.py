"""What an alert is, and how its delivery ended: the same for every channel (design, Nothing breaches unseen)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

Kind = Literal["breach", "warning", "arrival", "acknowledge", "resolve", "meta", "test"]
Verdict = Literal["sent", "later", "never"]

#: The payload's fields in the specification's order (specification, Escalation Alert).
FIELDS: Final = (
    "alert_type",
    "item_id",
    "item_type",
    "priority",
    "sla_deadline",
    "breach_duration_hours",
    "reason",
    "recommended_action",
    "queue_url",
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to deliver: what happened, to which item, and the specification's JSON as `payload`.

    `incident` groups what has one cause: PagerDuty's deduplication key. `items` are all payloads of a digest, the
    alert's own among them, `numbers` their rows in the outbox. `repeated`: an earlier try may have arrived, so the
    message says that it may be a repeat. `missed`: the recipients that it did not reach before, where others got it;
    only they get it now.
    """

    kind: Kind
    level: int
    incident: str
    priority: str
    payload: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    repeated: bool = False
    numbers: Sequence[int] = ()
    missed: Sequence[str] = ()

    @property
    def is_digest(self) -> bool:
        """Whether it tells of many items at once."""
        return len(self.items) > 1

    @property
    def item_id(self) -> int | None:
        """The item it is about; None where it is about MRQ itself."""
        number: int | None = self.payload.get("item_id")
        return number

    @property
    def title(self) -> str:
        """One line without a word of a producer's: `SLA breach: item #42 (medium, 8 h over)`."""
        if self.is_digest:
            return f"SLA breach: {len(self.items)} items"
        hours = self.payload.get("breach_duration_hours")
        match self.kind:
            case "breach":
                return f"SLA breach: item #{self.item_id} ({self.priority}, {hours} h over)"
            case "warning":
                return f"Due soon: item #{self.item_id} ({self.priority})"
            case "arrival":
                return f"Critical: item #{self.item_id} arrived"
            case "acknowledge":
                return f"Item #{self.item_id} was claimed"
            case "resolve":
                return f"Item #{self.item_id} was resolved"
            case "test":
                return "A test of MRQ's alerts"
        return str(self.payload.get("reason", "MRQ has something to say"))


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one try to deliver ended. `sentence` holds no secret; `retry_after` is in seconds, where it was asked for.

    `later`: try again; `never`: it will not be accepted. `arrived_perhaps`: nobody can tell whether it did. Of what
    was sent, `missed` are recipients that were refused for good, `again` those for whom another try makes sense.
    """

    verdict: Verdict
    sentence: str
    retry_after: float | None = None
    arrived_perhaps: bool = False
    missed: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


class Channel(Protocol):
    """Something that carries alerts: Slack, PagerDuty, e-mail."""

    @property
    def name(self) -> str:
        """`slack`, `pagerduty`, `mail`: as the outbox has it."""

    def send(self, alert: Alert) -> Delivery:
        """Try once, within a bounded time; whatever the provider answers is told, not raised."""


def ordered(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload with its fields in the specification's order, what is beside them behind."""
    known = {name: payload[name] for name in FIELDS if name in payload}
    return known | {name: value for name, value in payload.items() if name not in known}
