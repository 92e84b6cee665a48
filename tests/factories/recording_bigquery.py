"""The local BigQuery behind a proxy that notes what it is asked, and makes it say what a dry run would bill."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.factories.throw_away import serving_http

SECONDS = 30
# Of one connection, not of what is passed on.
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "date", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Asked:
    """One statement. `parameters`: name → value as on the wire."""

    sql: str
    dry_run: bool
    parameters: Mapping[str, str]
    labels: Mapping[str, str]
    maximum_bytes_billed: int


@dataclass
class RecordingBigQuery:
    """`behind`: URL of the local BigQuery. `dry_run_bytes`: what every dry run says; 0: what that says itself."""

    behind: str
    dry_run_bytes: int = 0
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def run(self) -> list[Asked]:
        """The statements that were run."""
        return [found for found in self.asked if not found.dry_run]

    def dry(self) -> list[Asked]:
        return [found for found in self.asked if found.dry_run]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        statement = _asked(environ["PATH_INFO"], body)
        if statement:
            self.asked.append(statement)
        reply = self._passed_on(environ, body)
        headers = [(name, value) for name, value in reply.headers.items() if name.lower() not in HOP_BY_HOP]
        start_response(f"{reply.status_code} {reply.reason}", headers)
        return [self._priced(reply) if statement and statement.dry_run else reply.content]

    def _passed_on(self, environ: Any, body: bytes) -> requests.Response:
        query = environ.get("QUERY_STRING", "")
        url = self.behind + environ["PATH_INFO"] + (f"?{query}" if query else "")
        headers = {"Content-Type": environ.get("CONTENT_TYPE") or "application/json", "Accept-Encoding": "identity"}
        return requests.request(environ["REQUEST_METHOD"], url, data=body, headers=headers, timeout=SECONDS)

    def _priced(self, reply: requests.Response) -> bytes:
        found = reply.json()
        if not self.dry_run_bytes or reply.status_code != 200:
            return reply.content
        billed = {"totalBytesProcessed": str(self.dry_run_bytes)}
        statistics = found.get("statistics", {})
        found["statistics"] = {**statistics, **billed, "query": {**statistics.get("query", {}), **billed}}
        return json.dumps(found).encode()


@contextmanager
def recording_bigquery() -> Iterator[RecordingBigQuery]:
    """Google's client takes its address from BIGQUERY_EMULATOR_HOST, so set that while a platform is made."""
    proxy = RecordingBigQuery(os.environ["BIGQUERY_EMULATOR_HOST"])
    with serving_http(proxy) as url:
        proxy.url = url
        yield proxy


def _asked(path: str, body: bytes) -> Asked | None:
    """Of a job, and of a query that is answered at once."""
    if not path.endswith(("/jobs", "/queries")) or not body:
        return None
    told = json.loads(body)
    job = told.get("configuration", {})
    query = job.get("query") or told
    if "query" not in query:
        return None
    return Asked(
        sql=query["query"],
        dry_run=bool(job.get("dryRun") or told.get("dryRun")),
        parameters={p["name"]: p["parameterValue"].get("value") for p in query.get("queryParameters", [])},
        labels=job.get("labels") or told.get("labels") or {},
        maximum_bytes_billed=int(query.get("maximumBytesBilled", 0)),
    )
