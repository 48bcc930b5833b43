"""A stand-in for PagerDuty's Events API v2: one integration key, alerts by their deduplication key."""

import json
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from .alert_http import Answer, HttpStandIn

SEVERITIES = ("critical", "error", "warning", "info")
MOST_BYTES = 512 * 1024


def says(status: int, body: dict[str, Any]) -> Answer:
    """PagerDuty answers in JSON."""
    return Answer(status, json.dumps(body).encode())


def invalid(*errors: str) -> Answer:
    """Its 400."""
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}
    return says(400, said)


@dataclass
class Incident:
    """What triggers of one key opened; `state` is `triggered`, `acknowledged` or `resolved`."""

    key: str
    triggers: list[dict[str, Any]] = field(default_factory=list)
    state: str = "triggered"


class PagerDutyStandIn(HttpStandIn):
    """One service. `incidents` in the order they were opened; `events` are all that were accepted."""

    name = "pagerduty"
    KEY = "standin0standin0standin0standin0"
    ERRORS: ClassVar[dict[str, Answer]] = {
        "400": invalid("Invalid routing key"),
        "401": says(401, {"status": "unauthorized", "message": "Unauthorized"}),
        "403": says(403, {"status": "forbidden", "message": "Forbidden"}),
        "429": says(429, {"status": "throttle exceeded", "message": "Requests are arriving too quickly"}),
        "500": says(500, {"status": "error", "message": "Internal server error"}),
        "503": says(503, {"status": "error", "message": "Service unavailable"}),
        "504": says(504, {"status": "error", "message": "Gateway timeout"}),
        "200": says(200, {"status": "success"}),
    }

    def __init__(self, folder: Path | None = None, certificate: Path | None = None) -> None:
        super().__init__(folder, certificate)
        self.incidents: list[Incident] = []
        self.events: list[dict[str, Any]] = []

    def answer(self, path: str, body: bytes) -> Answer:
        """202 with the key, whatever becomes of the event; 400 naming each fault."""
        if path != "/v2/enqueue":
            return says(404, {"status": "not found", "message": "Not found"})
        try:
            event = json.loads(body)
        except ValueError:
            return says(400, {"status": "Unrecognized object", "message": "Event format is unrecognized"})
        if not isinstance(event, dict):
            return says(400, {"status": "Unrecognized object", "message": "Event format is unrecognized"})
        if faults := faults_of(event, len(body)):
            return invalid(*faults)
        if event["routing_key"] != self.KEY:
            return invalid("Invalid routing key")
        event.setdefault("dedup_key", secrets.token_hex(16))
        self.events.append(event)
        self.take(event)
        return says(202, {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]})

    def take(self, event: dict[str, Any]) -> None:
        """Open, attach, acknowledge or resolve; what has no open incident is dropped."""
        key, action = event["dedup_key"], event["event_action"]
        found = next((one for one in self.incidents if one.key == key and one.state != "resolved"), None)
        if action == "trigger":
            if found is None:
                self.incidents.append(found := Incident(key))
            found.triggers.append(event["payload"])
        elif found is not None:
            found.state = f"{action}d"


def faults_of(event: dict[str, Any], size: int) -> list[str]:
    """What is wrong with an event, in the documented limits."""
    action, key, payload = event.get("event_action"), event.get("dedup_key"), event.get("payload")
    faults = {
        "Event is larger than 512 KB": size > MOST_BYTES,
        "'routing_key' must be 32 characters": not re.fullmatch(r"\w{32}", str(event.get("routing_key", ""))),
        "'event_action' is not trigger, acknowledge or resolve": action not in ("trigger", "acknowledge", "resolve"),
        "'dedup_key' is longer than 255 characters": key is not None and not 0 < len(str(key)) <= 255,
        "'dedup_key' is missing": key is None and action != "trigger",
        "'links' need an 'href'": not all("href" in link for link in event.get("links", [])),
    }
    if action == "trigger":
        given = payload if isinstance(payload, dict) else {}
        faults |= {
            "'payload.summary' is missing or longer than 1024": not 0 < len(str(given.get("summary", ""))) <= 1024,
            "'payload.source' is missing": not given.get("source"),
            "'payload.severity' is invalid": given.get("severity") not in SEVERITIES,
        }
    return [said for said, is_so in faults.items() if is_so]
