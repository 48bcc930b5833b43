"""A stand-in for Vercel Blob on loopback: faithful where a client can tell, scriptable where it must fail.

It keeps the catalogue (path, size, ETag, dates), not the bytes: a blob's own address points at Vercel's
delivery network, which nothing here serves. Two processes may serve one folder at the same time.

    python -m meal_plan.blob_stand_in --folder blobs --script 503:3      # prints its API address first
"""

import argparse
import json
import re
import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from .blob_catalogue import Blob, Catalogue
from .blob_faults import BEHAVIOURS, ERRORS, Fault, Faults
from .blob_http import Server
from .stand_in import StandIn

DELIVERY_HOST = re.compile(r"([a-z0-9_-]+)\.(?:public|private)\.blob\.vercel-storage\.com", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """One request that came in, written down before anything is done.

    `at` in seconds since 1970; `urls` is what it was about; `headers` holds the `x-…` ones, in lower case;
    `reply` names the scripted fault it got, None for an honest answer.
    """

    at: float
    method: str
    path: str
    urls: tuple[str, ...]
    headers: dict[str, str]
    reply: str | None


class BlobStandIn(StandIn):
    """The store `store_id`, served on 127.0.0.1 for as long as the `with` block lasts.

    With `folder` None the catalogue lives in memory; else it stays in the folder, and every request is also a
    line of `folder/calls.jsonl`, so that other processes can count what was really asked.
    """

    def __init__(
        self, folder: Path | None = None, store_id: str = "k3vq9x1a", token: str | None = None, port: int = 0
    ) -> None:
        super().__init__(folder)
        self.store_id, self.port = store_id, port
        self.token = token or f"vercel_blob_rw_{store_id}_standin"
        self.calls: list[Call] = []
        self.faults = Faults()
        self._log = threading.Lock()

    def server(self) -> Server:
        """The blobs of the folder, served."""
        self.catalogue = Catalogue(self.folder)
        return Server(self, self.port)

    def close(self) -> None:
        """No more answers; what lives in a folder stays there."""
        super().close()
        self.catalogue.close()

    @property
    def api_url(self) -> str:
        """What `VERCEL_BLOB_API_URL` must be."""
        return f"http://127.0.0.1:{self.port}/api/blob"

    @property
    def environment(self) -> dict[str, str]:
        """What sends another process here; without `NO_PROXY` a proxy would be asked for 127.0.0.1."""
        addresses = {"VERCEL_BLOB_API_URL": self.api_url, "BLOB_READ_WRITE_TOKEN": self.token}
        return addresses | dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")

    def session(self) -> AbstractContextManager[object]:
        """`with` it, the official package talks to this stand-in, whatever the environment says."""
        import httpx2
        from vercel.api import session
        from vercel.blob.sync import BlobCredentials, SyncBlobServiceOptions

        credentials = BlobCredentials(self.token, self.store_id)
        options = SyncBlobServiceOptions(base_url=self.api_url, credentials_factory=lambda: credentials)
        return session(
            service_options=[options], httpx_client_factory=lambda: httpx2.Client(trust_env=False, timeout=10)
        )

    def url_of(self, pathname: str) -> str:
        """The blob's delivery address: what the application keeps in `meal_plans.pdf_url`."""
        return f"https://{self.store_id.lower()}.public.blob.vercel-storage.com/{quote(pathname)}"

    def pathname_of(self, target: str) -> str | None:
        """The path of a delivery address or pathname here; None: another store's. ValueError: neither."""
        if "://" not in target:
            return target.removeprefix("/")
        parts = urlsplit(target)
        host = DELIVERY_HOST.fullmatch(parts.hostname or "")
        if parts.scheme != "https" or host is None:
            raise ValueError(f"Invalid URL: {target}")
        return unquote(parts.path.removeprefix("/")) if host[1].lower() == self.store_id.lower() else None

    def seed(self, blobs: Iterable[tuple[str, int]]) -> None:
        """Puts (pathname, size in bytes) into the store without a request each."""
        self.catalogue.put(Blob.new(pathname, size) for pathname, size in blobs)

    def has(self, pathname: str) -> bool:
        """Whether the blob is there now."""
        return self.catalogue.get(pathname) is not None

    def next(
        self,
        reply: str,
        times: int | None = 1,
        *,
        method: str | None = None,
        retry_after: int | str | None = None,
        seconds: float = 0.0,
    ) -> None:
        """The next requests get `reply` (see `Fault`); several scripts follow each other."""
        self.faults.add(Fault(reply, times, method, retry_after, seconds))

    def script_for(
        self,
        pathname: str,
        reply: str,
        times: int | None = 1,
        *,
        method: str | None = None,
        retry_after: int | str | None = None,
        seconds: float = 0.0,
    ) -> None:
        """The same for requests about one blob; goes before what `next` set."""
        self.faults.add(Fault(reply, times, method, retry_after, seconds), pathname)

    def heal(self) -> None:
        """Every answer is honest again."""
        self.faults.clear()

    def calls_to(self, pathname: str, method: str | None = None) -> list[Call]:
        """The requests about one blob, oldest first."""
        wanted = (call for call in list(self.calls) if method in (None, call.method))
        return [call for call in wanted if pathname in self.pathnames_of(call.urls)]

    def pathnames_of(self, targets: Iterable[str]) -> list[str]:
        """Those of `targets` that lie in this store."""
        found = []
        for target in targets:
            try:
                pathname = self.pathname_of(target)
            except ValueError:
                continue
            if pathname is not None:
                found.append(pathname)
        return found

    def admit(self, method: str, path: str, urls: tuple[str, ...], headers: dict[str, str]) -> Fault | None:
        """Writes the request down; gives the fault it gets."""
        fault = self.faults.take(method, self.pathnames_of(urls))
        call = Call(time.time(), method, path, urls, headers, fault.reply if fault else None)
        with self._log:
            self.calls.append(call)
            if self.folder is not None:
                with (self.folder / "calls.jsonl").open("a") as log:
                    log.write(json.dumps(asdict(call)) + "\n")
        return fault


def main() -> None:
    """Serves until the process ends."""
    replies = "; ".join([", ".join(ERRORS), *(f"{name} {what}" for name, what in BEHAVIOURS.items())])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep the blobs and calls.jsonl here; without: in memory")
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free one")
    parser.add_argument(
        "--script",
        action="append",
        default=[],
        metavar="REPLY:TIMES",
        help=f"the next TIMES replies: {replies}",
    )
    wanted = parser.parse_args()
    with BlobStandIn(wanted.folder, port=wanted.port) as stand_in:
        for script in wanted.script:
            reply, _, times = script.partition(":")
            stand_in.next(reply, int(times or 1))
        print(stand_in.api_url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
