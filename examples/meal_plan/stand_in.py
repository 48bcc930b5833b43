"""What every stand-in for an outside service is: a server on loopback that lives as long as its `with` block."""

import threading
from pathlib import Path
from socketserver import TCPServer
from typing import Self


class StandIn:
    """Serves in a thread of its own inside `with`; a subclass makes the server. `folder` is made where it is named."""

    folder: Path | None
    port: int = 0

    def __init__(self, folder: Path | None = None) -> None:
        self.folder, self.closing = folder, threading.Event()

    def server(self) -> TCPServer:
        """The server, listening."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
        self._server = self.server()
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """No more answers; what lives in a folder stays there."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
