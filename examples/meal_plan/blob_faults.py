"""What the Vercel Blob stand-in answers instead of the truth, when a script tells it to."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

ERRORS = {  # reply: status, code, message, as the service words them
    "400": (400, "bad_request", "Invalid request"),
    "403": (403, "forbidden", "Access denied, please provide a valid token for this resource."),
    "404": (404, "not_found", "The requested blob does not exist"),
    "412": (412, "precondition_failed", "The blob has changed"),
    "429": (429, "rate_limited", "Too many requests"),
    "500": (500, "internal_server_error", "Internal server error"),
    "503": (503, "service_unavailable", "Blob service temporarily unavailable"),
    "suspended": (403, "store_suspended", "This store has been suspended."),
}
BEHAVIOURS = {
    "reset": "resets the connection, having done nothing",
    "reset-after": "does what was asked, then resets the connection without a reply",
    "slow": "answers honestly, after `seconds`",
    "garbage": "200 with a page of HTML, having done nothing",
    "502-html": "502 with a page of HTML, as a proxy in between would",
    "redirect": "307 to another path",
}


@dataclass
class Fault:
    """The next `times` fitting requests (None: all) get `reply`: a key of ERRORS or BEHAVIOURS.

    `method` narrows it to POST (delete), GET (is it there?) or PUT; `retry_after` is sent as the header, in
    seconds or as an HTTP date; `seconds` is how long "slow" takes.
    """

    reply: str
    times: int | None = 1
    method: str | None = None
    retry_after: int | str | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.reply not in ERRORS and self.reply not in BEHAVIOURS:
            raise ValueError(f"reply = {self.reply!r} is not one of {', '.join([*ERRORS, *BEHAVIOURS])}.")

    def fits(self, method: str) -> bool:
        return self.times != 0 and self.method in (None, method)


class Faults:
    """Scripted faults, each used up in the order given; those of one blob go before those of all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_all: deque[Fault] = deque()
        self._of: dict[str, deque[Fault]] = {}

    def add(self, fault: Fault, pathname: str | None = None) -> None:
        with self._lock:
            (self._of_all if pathname is None else self._of.setdefault(pathname, deque())).append(fault)

    def take(self, method: str, pathnames: Iterable[str]) -> Fault | None:
        """The fault this request gets, counted down; None: an honest answer."""
        with self._lock:
            queues = [*(self._of[name] for name in pathnames if name in self._of), self._of_all]
            fault = next((fault for queue in queues for fault in queue if fault.fits(method)), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
            return fault

    def clear(self) -> None:
        with self._lock:
            self._of_all.clear()
            self._of.clear()
