"""How the console looks in one browser: light or dark, wide or dense. A cookie, for it is nobody else's business."""

from collections.abc import Mapping
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from manual_resolution.web.signed_in import is_secure

THEMES: Final = ("system", "light", "dark")
DENSITIES: Final = ("comfortable", "dense")
COOKIE: Final = "mrq_look"
A_YEAR: Final = 365 * 24 * 3600


def of(request: Request) -> tuple[str, str]:
    """Theme and density; what cannot be read is as it was at first."""
    return chosen(*request.cookies.get(COOKIE, "").partition(".")[::2])


def chosen(theme: str, density: str) -> tuple[str, str]:
    """Those that there are."""
    return theme if theme in THEMES else THEMES[0], density if density in DENSITIES else DENSITIES[0]


def keep(request: Request, response: Response, form: Mapping[str, str]) -> None:
    """Keep what a form chose."""
    look = ".".join(chosen(form.get("theme", ""), form.get("density", "")))
    response.set_cookie(COOKIE, look, max_age=A_YEAR, httponly=True, samesite="lax", secure=is_secure(request))
