"""A server that accepts connections and never answers."""

from __future__ import annotations

import socket
from types import TracebackType

from local.ports import free_port


class Silence:
    """Listens on a free port while the block runs; the kernel accepts, nobody reads."""

    def __enter__(self) -> Silence:
        self._socket = socket.create_server(("127.0.0.1", 0))
        host, port = self._socket.getsockname()
        self.address = f"{host}:{port}"
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._socket.close()


def closed_port() -> str:
    """host:port where nothing listens."""
    return f"127.0.0.1:{free_port()}"
