"""Templates: whatever producers and operators wrote is escaped, and what acts or hides in it is shown (`inert`)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from manual_resolution.inert import inert, inert_json
from manual_resolution.web import looks
from manual_resolution.web.addresses import console, root
from manual_resolution.worded import instant_text, span_text

HERE: Final = Path(__file__).parent

#: What the pages are called, where they are, the key that leads there, and the move that somebody must be allowed; a
#: page adds its line with its router.
NAVIGATION: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("Queue", "", "q", "read"),
    ("Board", "/board", "b", "read"),
    ("Next", "/next", "g", "claim"),
    ("Approvals", "/approvals", "A", "read"),
    ("Unknown", "/unknown", "U", "read"),
    ("Report", "/report", "R", "report"),
    ("People", "/people", "P", "people"),
)


@cache
def templates() -> Environment:
    """The environment of all templates; a name that a template misspells is an error, not an empty place."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=shown,
    )
    environment.filters.update(span=span_text, instant=instant_text, when=when, lines=in_lines, json=inert_json)
    environment.filters.update(about=about)
    everywhere: dict[str, Any] = environment.globals
    everywhere |= {"asset": asset, "navigation": NAVIGATION}
    everywhere["parts"] = environment.get_template("parts.html").module
    return environment


def page(
    request: Request, template: str, status: int = 200, *, block: str | None = None, **values: Any
) -> HTMLResponse:
    """A whole page, or the named block of it that htmx asked for."""
    found = templates().get_template(template)
    known = common(request) | values
    if block is None:
        return HTMLResponse(found.render(known), status)
    context = found.new_context(known)
    return HTMLResponse("".join(found.blocks[block](context)), status)


def common(request: Request) -> dict[str, Any]:
    """What every template knows."""
    theme, density = looks.of(request)
    return {
        "root": root(request),
        "console": console(request),
        "here": request.scope["path"],
        "who": None,
        "theme": theme,
        "density": density,
        "now": datetime.now(UTC),
    }


def shown(value: Any) -> Any:
    """Every text that comes into a template, harmless; markup of our own stays as it is."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return inert(value, lines=True)


@cache
def asset(name: str) -> str:
    """`static/mrq.css?v=…`: a file's path, which changes with its content, so that browsers may keep it for ever."""
    digest = sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"static/{name}?v={digest}"


def when(at: datetime, now: datetime) -> Markup:
    """`3 h ago` or `in 20 min`, with the instant on hover."""
    told = f"in {span_text(at - now)}" if at > now else f"{span_text(now - at)} ago"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(timespec="seconds"), instant_text(at), "just now" if told == "0 min ago" else told
    )


def in_lines(text: str) -> Markup:
    """Text with its line breaks."""
    return Markup("<br>").join(escape(line) for line in inert(text, lines=True).split("\n"))


def about(sentence: str, console: str) -> Markup:
    """An error's sentence; the item that it begins with (`#7 is held …`) leads to its page."""
    number = re.match(r"#([0-9]{1,19})\b", sentence)
    begun = Markup('<a href="{}/{}">#{}</a>').format(console, number[1], number[1]) if number else Markup()
    return begun + inert(sentence[number.end() if number else 0 :], lines=True)


def is_partial(headers: Mapping[str, str]) -> bool:
    """Whether htmx asks for a part of the page, not for the page."""
    return headers.get("hx-request") == "true" and headers.get("hx-request-type") == "partial"
