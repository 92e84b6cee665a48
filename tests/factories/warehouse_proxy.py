"""Between functions and the local BigQuery: sees every call, and refuses calls or keeps their answers back."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
from werkzeug.wrappers import Request, Response

from tests.factories.throw_away import serving_http

# 403 is not tried again by the client: a warehouse that is down, without eight seconds of retries.
DENIED = Response('{"error": {"code": 403, "message": "Access Denied"}}', 403, content_type="application/json")
ARRIVES_WITHIN_SECONDS = 15.0
HELD_FOR_SECONDS = 60.0


class WarehouseProxy:
    """`url` goes into BIGQUERY_EMULATOR_HOST, which the client reads from the environment.

    `queries`: the label of each query that was run; dry runs are none. `calls`: all there were.
    """

    def __init__(self) -> None:
        self.url = ""
        self.denying = False
        self.queries: list[str] = []
        self.calls = 0
        self._target = os.environ["BIGQUERY_EMULATOR_HOST"]
        self._gate: threading.Event | None = None

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request, gate = Request(environ), self._gate
        answer = DENIED if self.denying else self._forwarded(request)
        if self._noted(request) and gate:
            gate.wait(HELD_FOR_SECONDS)
        return answer(environ, start_response)

    @property
    def sets(self) -> int:
        """How many times a whole set of queries was run. Fails when a query was run without the others of its set."""
        times = set(Counter(self.queries).values())
        assert len(times) <= 1, self.queries
        return times.pop() if times else 0

    def hold(self) -> threading.Event:
        """Answers to queries that arrive from now on are kept back until the event is set. They get no newer by it."""
        self._gate = threading.Event()
        return self._gate

    def hold_no_more(self) -> None:
        """Queries that arrive from now on pass. Those that are held stay held."""
        self._gate = None

    def wait_for(self, queries: int) -> None:
        """Until so many queries have arrived."""
        deadline = time.monotonic() + ARRIVES_WITHIN_SECONDS
        while len(self.queries) < queries:
            assert time.monotonic() < deadline, f"{len(self.queries)} queries and not {queries}"
            time.sleep(0.005)

    def _noted(self, request: Request) -> bool:
        """Whether it runs a query."""
        self.calls += 1
        runs = request.method == "POST" and request.path.endswith("/queries")
        if runs:
            self.queries.append(request.get_json()["labels"]["source"])
        return runs

    def _forwarded(self, request: Request) -> Response:
        url = f"{self._target}{request.path}?{request.query_string.decode()}"
        headers = {"Content-Type": request.headers.get("Content-Type", "")}
        answer = requests.request(request.method, url, data=request.get_data(), headers=headers, timeout=30)
        return Response(answer.content, answer.status_code, content_type=answer.headers.get("Content-Type"))


@contextmanager
def warehouse_proxy() -> Iterator[WarehouseProxy]:
    proxy = WarehouseProxy()
    with serving_http(proxy) as proxy.url:
        yield proxy
