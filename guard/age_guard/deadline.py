"""Makes urllib3's read time-out hold for the whole answer.

By itself it holds for each packet, so that a server which sends one byte a second keeps its caller waiting
for days. Here it covers everything from the end of the request to the last byte of the answer.
"""

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any, TypeVar

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

AnyPoolManager = TypeVar("AnyPoolManager", bound=PoolManager)


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, source: io.RawIOBase, seconds: float) -> None:
        super().__init__()
        self._sock = sock
        self._source = source
        self._end = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        count: int | None = self._source.readinto(buffer)
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds is not None:
            self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach(), seconds))


class _Connection(HTTPConnection):
    response_class = _TimedResponse


class _TlsConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def limit_answers(manager: AnyPoolManager) -> AnyPoolManager:
    """The same manager, whose future connections limit the whole answer."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return manager
