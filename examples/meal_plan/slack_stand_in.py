"""A stand-in for a Slack incoming webhook: text for an answer, the documented limits, a revoked address."""

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from .alert_http import Answer, HttpStandIn


def says(status: int, word: str) -> Answer:
    """Slack answers in plain text."""
    return Answer(status, word.encode(), "text/html")


class SlackStandIn(HttpStandIn):
    """One webhook. `messages` are those that were accepted, in order."""

    name = "slack"
    PATH = "/services/T0STANDIN/B0STANDIN/standinstandinstandinstan"
    ERRORS: ClassVar[dict[str, Answer]] = {
        "400": says(400, "invalid_payload"),
        "403": says(403, "action_prohibited"),
        "404": says(404, "no_service"),
        "410": says(410, "channel_is_archived"),
        "429": says(429, "rate_limited"),
        "500": says(500, "rollup_error"),
        "503": says(503, "service_unavailable"),
        "504": says(504, "timeout"),
    }

    def __init__(self, folder: Path | None = None, certificate: Path | None = None) -> None:
        super().__init__(folder, certificate)
        self.messages: list[dict[str, Any]] = []

    @property
    def webhook(self) -> str:
        """What `MRQ_ALERT_SLACK_WEBHOOK` must be."""
        return self.base + self.PATH

    def answer(self, path: str, body: bytes) -> Answer:
        """`ok`, or the word of what is wrong."""
        if path != self.PATH:
            return says(404, "no_service")
        try:
            content = json.loads(body)
        except ValueError:
            return says(400, "invalid_payload")
        if not isinstance(content, dict):
            return says(400, "invalid_payload")
        if not (content.get("text") or content.get("blocks") or content.get("attachments")):
            return says(400, "no_text")
        if not is_right(content.get("blocks", [])):
            return says(400, "invalid_blocks")
        self.messages.append(content)
        return says(200, "ok")


def is_right(blocks: Any) -> bool:
    """Whether these blocks keep the documented limits, and are of the kinds that a webhook may send."""
    if not isinstance(blocks, list) or len(blocks) > 50 or len(json.dumps(blocks, ensure_ascii=False)) > 13_000:
        return False
    return all(isinstance(block, dict) and _right(block) for block in blocks)


def _right(block: dict[str, Any]) -> bool:
    match block:
        case {"type": "header", "text": {"type": "plain_text", "text": str(text)}}:
            return 0 < len(text) <= 150
        case {"type": "section", "text": dict(text)}:
            return _is_text(text, 3000)
        case {"type": "section", "fields": [*fields]}:
            return 0 < len(fields) <= 10 and all(_is_text(text, 2000) for text in fields)
        case {"type": "context", "elements": [*elements]}:
            return 0 < len(elements) <= 10 and all(_is_text(text, 3000) for text in elements)
    return block == {"type": "divider"}


def _is_text(text: Any, most: int) -> bool:
    match text:
        case {"type": "plain_text" | "mrkdwn", "text": str(said)}:
            return 0 < len(said) <= most
    return False


def shown(message: dict[str, Any]) -> Iterator[str]:
    """A message as lines of plain text, about as a person sees it."""
    for block in message.get("blocks", []):
        texts = [block["text"]] if "text" in block else block.get("fields") or block.get("elements") or []
        if "fields" in block:
            yield " · ".join(html.unescape(text["text"]).replace("\n", ": ", 1) for text in texts)
        else:
            yield from (line for text in texts for line in html.unescape(text["text"]).split("\n"))
