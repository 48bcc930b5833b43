"""The socket that is served: opened apart from the server, which takes a moment to import."""

import socket


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that its port is known before it is told. Raises OSError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(2048)
    except BaseException:
        opened.close()
        raise
    return opened
