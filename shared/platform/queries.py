"""Plain `.sql` files, run in sets: within the daily budget, side by side, each capped and labelled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from shared.platform import bigquery, tally
from shared.platform.budget import Budget
from shared.platform.context import Platform

# BigQuery bills at least this much for each table that a query names.
LEAST_BYTES_A_TABLE = bigquery.LEAST_BYTES_BILLED
# Shorter than the lease of whoever waits for the answer.
SECONDS = 8.0
# Name → (BigQuery type, value).
Values = Mapping[str, tuple[str, Any]]
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Query:
    """One statement in a file; its name labels the job. It fails rather than bill more than `maximum_bytes_billed`."""

    file: Path
    maximum_bytes_billed: int = 500_000_000

    @property
    def name(self) -> str:
        return self.file.stem

    @cached_property
    def sql(self) -> str:
        return self.file.read_text(encoding="utf-8")

    @cached_property
    def tables(self) -> frozenset[str]:
        """As `dataset.table`."""
        return frozenset(re.findall(r"`(\w+\.\w+)`", self.sql))


class Queries:
    """Runs sets of queries. One for each instance: what a query is billed is asked once a day (a dry run is free)."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        limit = platform.settings.bigquery_daily_bytes
        self._budget = Budget(platform.firestore, platform.clock, platform.ids, limit)
        # Of one day.
        self._known: tuple[str, dict[Path, int]] = ("", {})

    @classmethod
    def on(cls, platform: Platform) -> Queries:
        return platform.once(cls, lambda: cls(platform))

    def run(self, queries: Sequence[Query], values: Values) -> list[Rows]:
        """The rows of each query, in their order. Of `values` each query gets those that it names.

        Raises `BudgetSpent` before anything is run, `Unavailable` when BigQuery does not answer in `SECONDS`.
        """
        self._budget.spend(self._billed(queries, values))
        return _each(queries, lambda query: self._rows(query, values))

    def _rows(self, query: Query, values: Values) -> Rows:
        started, metrics = self._platform.clock.monotonic(), self._platform.metrics
        try:
            return bigquery.query(
                self._platform.bigquery,
                query.sql,
                _named(query, values),
                query.name,
                SECONDS,
                query.maximum_bytes_billed,
            )
        finally:
            # Also of one that failed: a warehouse that answers too late is slow.
            metrics.count("queries")
            metrics.observe("query_latency", (self._platform.clock.monotonic() - started) * 1000)

    def _billed(self, queries: Sequence[Query], values: Values) -> int:
        """Bytes that they will be billed for together."""
        today = self._platform.clock.now().date().isoformat()
        if self._known[0] != today:
            self._known = (today, {})
        known = self._known[1]
        unknown = [query for query in queries if query.file not in known]
        if unknown:
            found = _each(unknown, lambda query: self._dry_run(query, values))
            known.update({query.file: billed for query, billed in zip(unknown, found, strict=True)})
        return sum(known[query.file] for query in queries)

    def _dry_run(self, query: Query, values: Values) -> int:
        read = bigquery.dry_run(self._platform.bigquery, query.sql, _named(query, values), query.name, SECONDS)
        return max(read, LEAST_BYTES_A_TABLE * len(query.tables))


def _named(query: Query, values: Values) -> dict[str, tuple[str, Any]]:
    return {name: value for name, value in values.items() if re.search(rf"@{name}\b", query.sql)}


def _each(queries: Sequence[Query], work: Callable[[Query], Any]) -> list[Any]:
    if len(queries) == 1:
        return [work(queries[0])]
    with ThreadPoolExecutor(len(queries)) as threads:
        return list(threads.map(tally.carried(work), queries))
