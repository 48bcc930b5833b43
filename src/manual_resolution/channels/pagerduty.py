"""PagerDuty, by its Events API v2: the integration key is in the body, 202 is its only yes.

202 says that the event is queued, not that somebody was paged: a disabled service accepts and does nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from manual_resolution.alerts import Alert, Delivery, Kind
from manual_resolution.channels.posting import Reply, post, refused
from manual_resolution.inert import inert
from manual_resolution.settings import Settings

SEVERITY: Final = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
ACTIONS: Final[dict[Kind, str]] = {"acknowledge": "acknowledge", "resolve": "resolve"}
SUMMARY, KEY = 1024, 255
#: An event may have 512 KB; the list in a digest ends before.
LIST_BYTES: Final = 400_000


@dataclass(slots=True)
class PagerDuty:
    """One service of PagerDuty's, by its integration key."""

    key: str = field(repr=False)
    address: str = "https://events.pagerduty.com"
    seconds: float = 10
    name: str = "pagerduty"

    def send(self, alert: Alert) -> Delivery:
        """Enqueue once. The same deduplication key makes a repeat part of the same incident."""
        content = {"routing_key": self.key} | event(alert)
        reply = post(f"{self.address.rstrip('/')}/v2/enqueue", content, self.seconds, "PagerDuty")
        if isinstance(reply, Delivery):
            return reply
        if reply.status == 202:
            return Delivery("sent", f"PagerDuty answered 202 to {content['event_action']}")
        return refused(reply, "PagerDuty", self.said(reply))

    def said(self, reply: Reply) -> str:
        """The errors it names, without our key."""
        named: Any = []
        with suppress(ValueError, AttributeError):
            body = json.loads(reply.text)
            named = body.get("errors") or [body.get("message") or ""]
        words = "; ".join(map(str, named)) if isinstance(named, list) else ""
        return inert(words.replace(self.key, "(hidden)"))[:200]


def from_settings(settings: Settings) -> PagerDuty:
    """The integration key and address of the settings."""
    return PagerDuty(settings.alert_pagerduty_key or "", settings.alert_pagerduty_url, settings.call_timeout)


# ------------------------------------------------------------------ what is enqueued


def event(alert: Alert) -> dict[str, Any]:
    """The event as JSON, without the key."""
    action = ACTIONS.get(alert.kind, "trigger")
    named = {"event_action": action, "dedup_key": deduplication(alert.incident)}
    if action != "trigger":
        return named
    address = alert.payload.get("queue_url")
    place = {"client_url": address, "links": [{"href": address, "text": f"Open item {alert.item_id}"}]}
    return named | {"client": "MRQ", "payload": described(alert)} | (place if address else {})


def described(alert: Alert) -> dict[str, Any]:
    """What a trigger needs: one line, how bad, and the specification's alert as `custom_details`."""
    about = alert.payload.get("item_type")
    summary = f"MRQ: {alert.title}{f', {about}' if about else ''}"
    found = {
        "summary": inert(summary)[:SUMMARY],
        "source": "mrq",
        "severity": "info" if alert.kind == "test" else SEVERITY.get(alert.priority, "error"),
        "component": "manual-resolution-queue",
        "class": str(alert.payload.get("alert_type", "")).removeprefix("manual_resolution_"),
        "custom_details": details(alert),
    }
    return found | ({"group": about} if about else {})


def details(alert: Alert) -> dict[str, Any]:
    """The alert's JSON; beside it the others of the same incident, as many as an event may hold."""
    found = dict(alert.payload)
    if alert.repeated:
        found["may_be_a_repeat"] = True
    if not alert.is_digest:
        return found
    items, left = list[Mapping[str, Any]](), LIST_BYTES
    for item in alert.items:
        left -= len(json.dumps(dict(item)))
        if left < 0:
            break
        items.append(item)
    more = len(alert.items) - len(items)
    return found | {"items": items} | ({"items_left_out": more} if more else {})


def deduplication(incident: str) -> str:
    """The incident's key; where it is longer than PagerDuty's 255 characters, its beginning and its hash."""
    if len(incident) <= KEY:
        return incident
    return f"{incident[:150]}:{hashlib.sha256(incident.encode()).hexdigest()}"
