"""A port of this machine that packets fall into: nobody answers, not even with a refusal."""

from __future__ import annotations

import contextlib
import socket
from typing import Self

# Linux queues one connection more than the backlog says, and drops the requests of all others.
QUEUED = 2


class BlackHole:
    """While the block runs, connecting to `address` (host:port) neither succeeds nor fails."""

    def __enter__(self) -> Self:
        self._open = contextlib.ExitStack()
        listener = self._open.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        host, port = listener.getsockname()
        self.address = f"{host}:{port}"
        for _ in range(QUEUED):
            waiting = self._open.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((host, port))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
