"""The HTTP server of a simulator: HTTP/1.1 with keep-alive, a thread for each connection.

The standard library's server, because a simulator must be able to break off an answer in the middle of its body.
"""

from __future__ import annotations

import json
import socket
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.ports import HOST
from local.simulators.messages import Answer, Request
from local.simulators.simulator import Sent

IDLE_SECONDS = 120
PIECES = 4
PHRASES = {status.value: status.phrase for status in HTTPStatus}
App = Callable[[Request], Sent]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, app: App) -> None:
        self.app = app
        super().__init__((HOST, port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; `Handler` has written about everything else."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: Server

    def _handle(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(Sent(Answer.json(411, {"error": "Send a Content-Length."})))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(int(length)))
        try:
            sent = self.server.app(request)
        except Exception:  # noqa: BLE001 - whatever it is, it is a mistake of the simulator, and the client must see it
            traceback.print_exc()
            mistake = {"simulator": traceback.format_exc().splitlines()[-1]}
            sent = Sent(Answer(500, json.dumps(mistake).encode()))
        self._send(sent)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _send(self, sent: Sent) -> None:
        answer = sent.answer
        if answer.lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = b"" if self.command == "HEAD" else answer.body
        lines = [
            f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'Unknown')}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        if self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if sent.broken_off:
            self._break_off(head, body)
        elif sent.slow_ms:
            self._dribble(head, body, sent.slow_ms / 1000)
        else:
            self.wfile.write(head + body)

    def _break_off(self, head: bytes, body: bytes) -> None:
        self.close_connection = True
        self.wfile.write(head + body[: len(body) // 2])
        self.connection.shutdown(socket.SHUT_RDWR)

    def _dribble(self, head: bytes, body: bytes, seconds: float) -> None:
        self.wfile.write(head)
        step = max(1, -(-len(body) // PIECES))
        for start in range(0, max(1, len(body)), step):
            time.sleep(seconds / PIECES)
            self.wfile.write(body[start : start + step])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Not a line for each request: GET /requests counts them."""
