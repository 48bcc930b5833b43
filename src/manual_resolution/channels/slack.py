"""Slack, by an incoming webhook: its address is the credential, 200 with the text `ok` is its only yes."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from manual_resolution.alerts import Alert, Delivery
from manual_resolution.channels.posting import post, refused
from manual_resolution.inert import inert
from manual_resolution.priority import PRIORITIES
from manual_resolution.settings import Settings

#: Slack takes about one message a second, short bursts allowed.
BURST: Final = 5
HEADER, SECTION = 150, 3000
#: All blocks together may have about 13 000.
CHARACTERS: Final = 11_500

Block = dict[str, Any]


@dataclass(slots=True)
class Slack:
    """One webhook, which is one channel of Slack's."""

    webhook: str = field(repr=False)
    seconds: float = 10
    name: str = "slack"
    _free_at: float = field(default=0.0, repr=False)

    @property
    def pace(self) -> float:
        """Seconds to wait before the next message."""
        return max(0.0, self._free_at - monotonic() - BURST)

    def send(self, alert: Alert) -> Delivery:
        """Post once. A repeat cannot be told apart by Slack, so the message says so."""
        self._free_at = max(self._free_at, monotonic()) + 1
        reply = post(self.webhook, message(alert), self.seconds, "Slack")
        if isinstance(reply, Delivery):
            return reply
        if reply.status == 200 and reply.text == "ok":
            return Delivery("sent", "Slack answered ok")
        word = re.fullmatch(r"[a-z_]{1,60}", reply.text.strip())
        return refused(reply, "Slack", word[0] if word else "")


def from_settings(settings: Settings) -> Slack:
    """The webhook of the settings."""
    return Slack(settings.alert_slack_webhook or "", settings.call_timeout)


# ------------------------------------------------------------------ what is posted


def message(alert: Alert) -> dict[str, Any]:
    """The message as JSON: `text` for notifications and screen readers, without a producer's word; blocks to read."""
    text = escaped(alert.title, HEADER)
    blocks = [{"type": "header", "text": plain(alert.title, HEADER)}]
    blocks += digest(alert) if alert.is_digest else one(alert)
    if alert.repeated:
        text += " (may be a repeat)"
        blocks.append(context(plain("May be a repeat: an earlier try may have arrived.")))
    return {"text": text, "blocks": blocks}


def one(alert: Alert) -> Iterator[Block]:
    """What happened, what to do, where."""
    facts = alert.payload
    fields = [
        plain(f"{label}\n{facts[name]}{unit}", 500)
        for label, name, unit in (
            ("Type", "item_type", ""),
            ("Priority", "priority", ""),
            ("Deadline", "sla_deadline", ""),
            ("Over by", "breach_duration_hours", " h"),
        )
        if facts.get(name) is not None and (name != "breach_duration_hours" or alert.kind == "breach")
    ]
    if fields:
        yield {"type": "section", "fields": fields}
    for label, name in (("Reason", "reason"), ("What to do", "recommended_action")):
        if facts.get(name):
            yield section(f"{label}: {facts[name]}")
    if alert.item_id is not None:
        yield context(link(facts.get("queue_url"), f"Open item #{alert.item_id}", f"mrq show {alert.item_id}"))


def digest(alert: Alert) -> Iterator[Block]:
    """Every item on a line, the most urgent first, as far as Slack takes them; how many more there are."""
    items = sorted(alert.items, key=urgency)
    lines = fitting(map(line, items))
    yield section(", ".join(counted(items)))
    yield from sections(lines)
    if len(lines) < len(items):
        yield section(f"and {len(items) - len(lines)} more: mrq list, mrq alerts list")


def fitting(lines: Iterable[str]) -> list[str]:
    """As many lines as one message holds, counted as JSON."""
    found, left = list[str](), CHARACTERS
    for text in lines:
        left -= len(json.dumps(text, ensure_ascii=False))
        if left < 0:
            break
        found.append(text)
    return found


def sections(lines: Iterable[str]) -> Iterator[Block]:
    """Lines in as few sections as hold them."""
    group = ""
    for text in lines:
        if len(group) + len(text) >= SECTION:
            yield section_of(group)
            group = ""
        group += f"\n{text}" if group else text
    if group:
        yield section_of(group)


def line(item: Mapping[str, Any]) -> str:
    """`#42 medium, 8 h over, pdf_deletion_failed: Vercel Blob API returned …`, escaped."""
    facts = f"#{item.get('item_id')} {item.get('priority')}, {item.get('breach_duration_hours')} h over"
    return escaped(f"{facts}, {item.get('item_type')}: {inert(str(item.get('reason', '')))}", 160)


def counted(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """`1 critical`, `20 high`."""
    given = [str(item.get("priority")) for item in items]
    return (f"{given.count(priority)} {priority}" for priority in PRIORITIES if priority in given)


def urgency(item: Mapping[str, Any]) -> tuple[int, int]:
    """Critical before low, then the longest over before the others."""
    priority = str(item.get("priority"))
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
    return rank, -int(item.get("breach_duration_hours") or 0)


# ------------------------------------------------------------------ Slack's words


def section(text: str) -> Block:
    """A paragraph."""
    return {"type": "section", "text": plain(text, SECTION)}


def section_of(text: str) -> Block:
    """A paragraph of what is escaped already."""
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def context(element: Block) -> Block:
    """A small line at the foot."""
    return {"type": "context", "elements": [element]}


def plain(text: str, most: int = SECTION) -> Block:
    """Text in which nothing is a mention, a link, an emoji or bold, whoever wrote it."""
    return {"type": "plain_text", "text": escaped(inert(text, lines=True), most), "emoji": False}


def link(address: Any, text: str, otherwise: str) -> Block:
    """A link where there is an address that Slack reads as one; else words."""
    if isinstance(address, str) and re.fullmatch(r"https?://[!-;=?-{}~]+", address):
        return {"type": "mrkdwn", "text": f"<{escaped(address, SECTION)}|{text}>"}
    return plain(otherwise)


def escaped(text: str, most: int) -> str:
    """`&`, `<`, `>` as Slack wants them and nothing else, in at most `most` characters, never half an escape."""
    pieces, left = list[str](), most - 1
    for char in text:
        piece = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(char, char)
        left -= len(piece)
        if left < 0:
            return "".join(pieces) + "…"
        pieces.append(piece)
    return "".join(pieces)
