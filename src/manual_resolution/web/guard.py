"""What every request passes before a page or the API sees it: whose name it was sent to, from where, how much.

Closed by default: a `Host` that is not ours, a change asked for by another site's page, a body without end are refused
here. Forwarded headers count only from the proxies that `MRQ_PROXY` names; the public address and its path prefix come
from `MRQ_CONSOLE_URL`, never from a header.
"""

from collections import OrderedDict
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from math import ceil
from threading import Lock
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manual_resolution.settings import Settings
from manual_resolution.web import problems
from manual_resolution.web.problems import Told, TooLarge

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY: Final = 2_097_152  # bytes: a whole context, each character escaped
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REMEMBERED: Final = 10_000  # addresses whose rate is kept

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # no-referrer would send `Origin: null` with our own forms
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Rate:
    """At most so many a minute for each key: a bucket that fills evenly. Safe in threads."""

    def __init__(self, per_minute: float) -> None:
        self.per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait(self, key: str) -> float:
        """0 when one more is admitted, else the seconds until one would be."""
        with self._lock:
            now = monotonic()
            left, at = self._left.pop(key, (self.per_minute, now))
            left = min(self.per_minute, left + (now - at) * self.per_minute / 60)
            admitted = left >= 1
            self._left[key] = (left - admitted, now)
            while len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
        return 0 if admitted else (1 - left) * 60 / self.per_minute


class Guard:
    """The outermost layer. `served` are the names, beside the public one, under which this process is reached."""

    def __init__(self, app: ASGIApp, settings: Settings, served: Iterable[str] = LOOPBACK) -> None:
        public = urlsplit(settings.console_url or "")
        self.app = app
        self.names = frozenset(name.lower() for name in served) | ({public.hostname} if public.hostname else set())
        self.origin = f"{public.scheme}://{public.netloc}".lower() if public.netloc else None
        self.prefix = public.path.rstrip("/")
        self.proxies = tuple(ip_network(one, strict=False) for one in settings.proxy)
        self.rate = Rate(settings.writes_per_minute)
        self.headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if public.scheme == "https" else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answering = self._with_headers(send)
        self._place(scope)
        try:
            if refusal := self._refusal(scope):
                raise refusal
            await self.app(scope, counted(receive), answering)
        except Told as refused:
            await self._refused(scope, refused)(scope, receive, answering)

    def _refused(self, scope: Scope, refused: Told) -> Response:
        """A sentence; to a program that asks the API, its document."""
        if problems.are_expected(scope["path"]):
            return problems.answer(refused)
        return PlainTextResponse(f"{refused}\n", refused.status, refused.headers)

    def _with_headers(self, send: Send) -> Send:
        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        return answering

    def _place(self, scope: Scope) -> None:
        """The client's own address behind a proxy we know; the prefix, whether or not the proxy left it on."""
        client = scope.get("client")
        if client and self.proxies:
            scope["client"] = (self._address(client[0], Headers(scope=scope)), client[1])
        if self.prefix:
            scope["root_path"] = self.prefix
            if not (scope["path"] + "/").startswith(self.prefix + "/"):
                scope["path"] = self.prefix + scope["path"]

    def _address(self, peer: str, headers: Headers) -> str:
        """The nearest address that is no proxy of ours; each proxy adds who came to it at the end."""
        said = ", ".join(headers.getlist("x-forwarded-for")).split(",")
        for address in reversed([one.strip() for one in said if one.strip()]):
            if not within(peer, self.proxies):
                break
            peer = address
        return peer

    def _refusal(self, scope: Scope) -> Told | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not (name := name_of(hosts[0])):
            return Told(400, "host", "One Host header is needed.")
        if name not in self.names:
            return Told(
                421, "host", "This host is not served here: set MRQ_CONSOLE_URL to the console's public address."
            )
        if scope["method"] in SAFE:
            return None
        if int_of(headers.get("content-length", "0")) > MAX_BODY:
            return TooLarge(MAX_BODY)
        if not self._is_ours(headers, scope["scheme"], hosts[0]):
            return Told(403, "foreign", "Refused: the request came from another site's page.")
        if wait := self.rate.wait(str((scope.get("client") or ("", 0))[0])):
            after = {"Retry-After": str(ceil(wait))}
            return Told(
                429, "too-often", f"Too many changes from this address: try again in {wait:.0f} s.", headers=after
            )
        return None

    def _is_ours(self, headers: Headers, scheme: str, host: str) -> bool:
        """Whether a change was asked for by our own page, or by no page at all and without a cookie."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site is not None and site != "same-origin":
            return False
        if origin is not None:
            return origin.lower() in {self.origin, f"{scheme}://{host}".lower()}
        return site is not None or "cookie" not in headers


def counted(receive: Receive) -> Receive:
    """Raises `TooLarge` where a body without a length goes on for ever."""
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            raise TooLarge(MAX_BODY)
        return message

    return receiving


def name_of(host: str) -> str | None:
    """`mrq.example.com` of `mrq.example.com:8787`, in small letters; None for what is no host."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018  # raises for what is no port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != host or "@" in host:
        return None
    return f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.lower()


def within(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is one of these networks'."""
    try:
        known = ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in networks)


def int_of(text: str) -> int:
    """A length, or what is too long where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else MAX_BODY + 1
