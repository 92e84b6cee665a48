"""A server that keeps its connections open, answers so many requests on each, and closes it on the next."""

from __future__ import annotations

import socket
import threading
from typing import BinaryIO, Self


class KeepAlive:
    """Every answer is `body`. `requests` counts those that came whole, `connections` those that were made."""

    def __init__(self, body: bytes, answered: int) -> None:
        self._answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        self._answered = answered
        self.connections = 0
        self.requests = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            for number in range(self._answered + 1):
                if not self._read(stream):
                    return
                self.requests += 1
                if number < self._answered:
                    connection.sendall(self._answer)

    def _read(self, stream: BinaryIO) -> bool:
        length = 0
        for line in iter(stream.readline, b"\r\n"):
            if not line:
                return False
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return len(stream.read(length)) == length
