"""One try at something outside, bounded as a whole: looking up a name, shaking hands, a reply that trickles.

A timeout of a socket bounds one silence only, one of `getaddrinfo` does not exist. So the try runs in a thread, which
is left behind when the time is over: its connection is cut, and it may not begin to send any more.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

#: A try takes less than the outbox's lease of a minute, whatever MRQ_CALL_TIMEOUT says.
LONGEST: Final = 45.0


class Late(OSError):
    """The time is over."""


class Try:
    """`Try(10).run(work)`; `work` hands its sockets to `uses`, and says `begins` before what could have an effect.

    `has_begun` tells afterwards whether an effect is possible.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.has_begun = min(seconds, LONGEST), False
        self._is_over = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def run(self, work: Callable[[], None]) -> None:
        """Do it. Raises `Late` after so many seconds, else what `work` raises."""
        thread = threading.Thread(target=self._keep, args=(work,), daemon=True)
        thread.start()
        thread.join(self.seconds)
        with self._lock:
            self._is_over = True
            late = thread.is_alive()
            self._cut()
        if late:
            raise Late
        if self._error:
            raise self._error

    def uses(self, used: socket.socket | None) -> None:
        """This socket is to be cut when the time is over."""
        with self._lock:
            self._socket = used
            if self._is_over:
                self._cut()
                raise Late

    def begins(self) -> None:
        """From here on it may have an effect. Raises `Late` where nobody waits any more."""
        with self._lock:
            if self._is_over:
                raise Late
            self.has_begun = True

    def _keep(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised again by `run`, in the caller's thread
            self._error = error

    def _cut(self) -> None:
        if self._socket:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def why(error: BaseException, seconds: float) -> str:
    """An error of the network in a few words, with nothing in it that we handed in."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or type(error).__name__})"
    if isinstance(error, Late | TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError):
        return "the connection broke"
    return (getattr(error, "strerror", None) or "its answer makes no sense").lower()
