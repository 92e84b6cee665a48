"""What our views ask of BigQuery, and a process that asks the same without our code around it."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from bench.servers import ROOT
from shared.analytics.dashboard import DASHBOARD
from shared.analytics.historical import HISTORICAL
from shared.analytics.products import PRODUCTS
from shared.compliance.service import METRICS
from shared.platform.cache.models import Params, View
from shared.platform.context import Platform
from shared.platform.queries import Queries, Query, Values
from shared.platform.settings import Settings
from shared.verification.statistics import STATISTICS

PYTHON = ROOT / ".venv" / "functions" / "bin" / "python"


@dataclass(frozen=True)
class Measured:
    """One endpoint: its functions-framework target, its path, and the view behind it."""

    name: str
    target: str
    path: str
    view: View
    params: Params


ENDPOINTS = (
    Measured("dashboard", "analytics_dashboard", "/api/bigquery/dashboard", DASHBOARD, {"source": "all"}),
    Measured("historical", "analytics_historical", "/api/bigquery/historical", HISTORICAL, {"source": "all"}),
    Measured(
        "products",
        "analytics_products",
        "/api/bigquery/products",
        PRODUCTS,
        {"source": "all", "limit": "200", "cursor": ""},
    ),
    Measured("compliance", "compliance_metrics", "/api/compliance/metrics", METRICS, {}),
    Measured("statistics", "verification_statistics", "/api/age-verification/statistics", STATISTICS, {"days": "30"}),
)


class _Asked(Exception):
    """The queries of a view, instead of their rows."""


class _Listening:
    """Stands where the views find `Queries`: says what it is asked and asks nobody."""

    def run(self, queries: Sequence[Query], values: Values) -> Any:
        raise _Asked([[query.sql, _parameters(query, values)] for query in queries], [q.file.name for q in queries])


def asked_by(endpoint: Measured, variables: dict[str, str]) -> dict[str, list]:
    """Set name → queries as bare/query_sets.py takes them: the endpoint's set, and each file as a set of its own."""
    platform = Platform.start(Settings.load(variables))
    platform.once(Queries, _Listening)
    try:
        endpoint.view.load(platform, endpoint.params)
    except _Asked as asked:
        queries, names = asked.args
        return {**{name: [query] for name, query in zip(names, queries, strict=True)}, endpoint.name: queries}
    raise RuntimeError(f"{endpoint.name} asks nothing")


class Bare:
    """The process of bare/query_sets.py."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, name: str) -> float:
        """Milliseconds that the set took, as measured there."""
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextlib.contextmanager
def bare(project: str, sets: dict[str, list]) -> Iterator[Bare]:
    process = subprocess.Popen(
        [str(PYTHON), str(ROOT / "bench" / "bare" / "query_sets.py"), project],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdin.write(json.dumps(sets) + "\n")
        yield Bare(process)
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def _parameters(query: Query, values: Values) -> list[list[Any]]:
    return [
        # A datetime is a date.
        [name, kind, str(value) if isinstance(value, date) else value]
        for name, (kind, value) in values.items()
        if re.search(rf"@{name}\b", query.sql)
    ]
