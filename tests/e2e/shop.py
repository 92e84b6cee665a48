"""The storefront of the browser tests: the files of storefront/, and config.js with what a test puts in."""

from __future__ import annotations

import contextlib
import errno
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILES = Path(__file__).parent / "storefront"


class Shop(ThreadingHTTPServer):
    """Serves at http://localhost:{port} from this process."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), partial(_Page, directory=str(FILES)))
        self.origin = f"http://localhost:{self.server_port}"
        self.config: dict[str, str] = {}

    @classmethod
    @contextlib.contextmanager
    def open(cls, *ports: int) -> Iterator[Shop | None]:
        """On the first port that is free; None when all are taken."""
        shop = next(filter(None, map(cls._on, ports)), None)
        if shop is None:
            yield None
            return
        serving = threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield shop
        finally:
            shop.shutdown()
            serving.join()
            shop.server_close()

    @classmethod
    def _on(cls, port: int) -> Shop | None:
        try:
            return cls(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return None


class _Page(SimpleHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        if self.path != "/config.js":
            super().do_GET()
            return
        script = f"window.STOREFRONT = {json.dumps(self.server.config)};".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript")
        self.send_header("Content-Length", str(len(script)))
        self.end_headers()
        self.wfile.write(script)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests say what went wrong."""
