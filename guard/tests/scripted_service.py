"""An HTTP server that gives scripted answers, decent or nasty, and writes down what it was asked."""

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Step = Callable[["Handler"], None]


def status_body(**changes: Any) -> dict[str, Any]:
    """The status of a customer verified yesterday for a year; a change to ``...`` leaves the field out."""
    now = datetime.now(UTC)
    body = {
        "success": True,
        "verified": True,
        "verificationId": "av_01example",
        "verifiedAt": wire_time(now - timedelta(days=1)),
        "expiresAt": wire_time(now + timedelta(days=364)),
        "expired": False,
        "age": 34,
        "state": "TX",
        "method": "full_verification",
    } | changes
    return {name: value for name, value in body.items() if value is not ...}


def wire_time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Seen:
    path: str
    headers: dict[str, str]
    connection: tuple[str, int]


@dataclass
class ScriptedService:
    """Plays ``script`` step by step and repeats the last one."""

    script: list[Step] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.service = self
        if self.tls:
            listening = self._server.socket
            self._server.socket = self.tls.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.002,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def plays(self, *steps: Step) -> None:
        self.script[:] = steps

    def is_left_alone(self, within_seconds: float) -> bool:
        """Whether every client hangs up in that time."""
        with self._server.changed:
            return self._server.changed.wait_for(lambda: self._server.connections == 0, within_seconds)

    def next_step(self, seen: Seen) -> Step:
        with self._lock:
            self.seen.append(seen)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64
    service: ScriptedService

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.connections = 0
        self.changed = threading.Condition()

    def process_request(self, *args: Any) -> None:
        with self.changed:
            self.connections += 1
        super().process_request(*args)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self.changed:
            self.connections -= 1
            self.changed.notify_all()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up on a nasty answer is what the tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 2
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        seen = Seen(self.path, {k.lower(): v for k, v in self.headers.items()}, self.client_address)
        self.server.service.next_step(seen)(self)

    def log_message(self, *_: object) -> None:
        """Keeps the test output readable."""

    def wait(self, seconds: float) -> None:
        self.server.service.stopped.wait(seconds)


def answer(status: int = 200, body: Any = None, headers: dict[str, str] | None = None) -> Step:
    """``body``: bytes as they are, anything else as JSON, None for a verified customer's status."""
    value = status_body() if body is None else body
    content = value if isinstance(value, bytes) else json.dumps(value).encode()

    def step(handler: Handler) -> None:
        handler.send_response(status)
        for name, text in ({"Content-Length": str(len(content))} | (headers or {})).items():
            handler.send_header(name, text)
        handler.end_headers()
        handler.wfile.write(content)

    return step


def not_found(customer_id: str = "c-1") -> Step:
    message = "No verification found for this customer"
    body = {"success": False, "verified": False, "message": message, "customerId": customer_id}
    return answer(404, body)


def late(seconds: float, then: Step) -> Step:
    def step(handler: Handler) -> None:
        handler.wait(seconds)
        then(handler)

    return step


def drop(handler: Handler) -> None:
    handler.close_connection = True


def raw(content: bytes) -> Step:
    def step(handler: Handler) -> None:
        handler.wfile.write(content)
        handler.close_connection = True

    return step


def drip(start: bytes, drop_by_drop: bytes, seconds: float = 0.05) -> Step:
    """Sends ``start`` at once and then one byte at a time, always soon enough for a per-packet time-out."""

    def step(handler: Handler) -> None:
        handler.wfile.write(start)
        for byte in drop_by_drop:
            if handler.server.service.stopped.wait(seconds):
                break
            handler.wfile.write(bytes([byte]))
        handler.close_connection = True

    return step
