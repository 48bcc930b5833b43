"""What happened to an item, in the words of the trade: for every face. Pure; what it returns is not yet inert."""

from collections.abc import Mapping
from typing import Any

from manual_resolution.inert import clip
from manual_resolution.item import Event


def verb_text(event: Event) -> str:
    """The verb; an attempt with its number."""
    n = (event.private or {}).get("n")
    return f"{event.verb} {n}" if n and event.verb == "attempt" else event.verb


def what(event: Event, before: Mapping[str, Any] | None = None) -> str:
    """What an event came to, in words, with the reason given; `before` is the context until then, where it is known."""
    private = event.private or {}
    said = _said(event.verb, event.data, private, before)
    metadata = private.get("resolution_metadata") or {}
    why = private.get("justification") or private.get("note") or metadata.get("justification")
    told = f"{said}: " if said and why else said
    return told + (f'"{why}"' if why else "")


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """`user_id 603 → 604`: the facts that differ, a new one with where it comes from, each clipped."""
    names = [name for name in (*before, *(set(now) - set(before))) if before.get(name) != now.get(name)]
    return ", ".join(
        f"{name} {'–' if name not in before else clip(str(before[name]), 40)} → "
        f"{'–' if name not in now else clip(str(now[name]), 40)}"
        for name in names
    )


def _choice(private: dict[str, Any]) -> str:
    """`credit seats 2`: an option with its values."""
    values = ", ".join(f"{name} {value}" for name, value in (private.get("values") or {}).items())
    return f"{private.get('option', '')} {values}".strip()


def _said(verb: str, data: dict[str, Any], private: dict[str, Any], before: Mapping[str, Any] | None) -> str:
    match verb:
        case "resolve" | "withdraw":
            said = str(private.get("resolution") or private.get("reason") or "")
            confirmation = (private.get("resolution_metadata") or {}).get("confirmation")
            return f"{said} ({confirmation})" if confirmation else said
        case "attempt":
            return _choice(private)
        case "propose":
            overridden = ", ".join(private.get("overridden") or ())
            return f"{_choice(private)} against {overridden}" if overridden else _choice(private)
        case "approve" | "deny":
            return str(private.get("option") or "")
        case "lapse":
            return "not approved in time"
        case "void":
            return f"{private.get('option', '')}: {private.get('changed', '')}"
        case "fail" | "unknown" | "confirm":
            return str(private.get("outcome") or "")
        case "defer":
            return f"until {str(data.get('deferred_until', ''))[:16].replace('T', ' ')} UTC"
        case "escalate":
            return f"to {data['escalated_to']}" if data.get("escalated_to") else "to anybody else"
        case "hand-over":
            return f"to {private.get('to') or data.get('assigned_to', '')}"
        case "priority":
            return f"to {data.get('priority', '')}"
        case "place":
            return "by hand" if data.get("position") is not None else "by its deadline again"
        case "sweep":
            return f"past its deadline, level {data.get('escalation_level', '')}"
        case "expire":
            return f"the lease of {private.get('owner') or 'its owner'} ended"
        case "wake":
            return "the deferral ended"
        case "reopen":
            return f"from #{data.get('reopened_from', '')}"
        case "reveal":
            return f"saw {', '.join(map(str, private.get('shown') or []))}".removesuffix("saw ")
        case "amend" | "edit":
            return "context amended" if before is None else changed(before, private.get("context") or {})
        case "adopt":
            was = private.get("was") or {}
            told = (f"{name} was {'nothing' if was[name] is None else clip(str(was[name]), 40)}" for name in was)
            return f"mended: {', '.join(told)}" if was else "as it was"
        case _:
            return str(private.get("reason") or "") if verb == "add" else ""
