"""What all instances have measured, read back: of some minutes, or since the beginning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from shared.platform import firestore, tally
from shared.platform.context import Platform
from shared.platform.histograms import Histogram, bucket_in
from shared.platform.metrics import COLLECTION, COUNTS, LATENCIES, MINUTE, MINUTES, TOTALS

# Functions that are read side by side.
PARALLEL = 8


@dataclass(frozen=True)
class Measured:
    """By name, as in docs/metrics.md: what was counted, and the histograms of what was timed, in milliseconds.

    `since`: of totals, when counting began; None while nothing of them is written.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    latencies: Mapping[str, Histogram] = field(default_factory=dict)
    since: datetime | None = None


# Function, minute, what it measured in it.
OfMinute = tuple[str, str, Measured]


def together(measured: Iterable[Measured]) -> Measured:
    """As one function's."""
    return reduce(_both, measured, Measured())


class MetricsReader:
    """Reads what was written, and what this instance has not written yet."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def read(self, since: datetime, until: datetime) -> Mapping[str, Measured]:
        """Function name → what it measured from the minute of `since` to that of `until`, both included.

        Functions that measured nothing are not in it. Raises `Unavailable`.
        """
        return _by_name((function, measured) for function, _, measured in self._between(since, until))

    def by_minute(self, since: datetime, until: datetime) -> Mapping[datetime, Measured]:
        """Beginning of a minute → what all functions measured in it together. As `read`."""
        found = _by_name((minute, measured) for _, minute, measured in self._between(since, until))
        return {datetime.strptime(minute, MINUTE).replace(tzinfo=UTC): measured for minute, measured in found.items()}

    def totals(self) -> Mapping[str, Measured]:
        """Function name → its counts since the beginning. Raises `Unavailable`."""
        with self._platform.metrics.unwritten() as here, firestore.translated():
            documents = list(
                firestore.counted(self._platform.firestore.collection(COLLECTION).stream(**firestore.in_time()))
            )
        written = [(document.id, _of_document(document.to_dict() or {})) for document in documents]
        own = [(function, _of_delta(delta)) for (function, minute), delta in here.items() if minute == TOTALS]
        return _by_name([*written, *own])

    def _between(self, since: datetime, until: datetime) -> list[OfMinute]:
        first, last = f"{since:{MINUTE}}", f"{until:{MINUTE}}"
        with self._platform.metrics.unwritten() as here, firestore.translated():
            written = self._written(first, last)
        own = [(f, minute, _of_delta(delta)) for (f, minute), delta in here.items() if first <= minute <= last]
        return [*written, *own]

    def _written(self, first: str, last: str) -> list[OfMinute]:
        # Also those that have minutes and no totals yet.
        collection = self._platform.firestore.collection(COLLECTION)
        functions = [reference.id for reference in collection.list_documents(**firestore.in_time())]
        with ThreadPoolExecutor(PARALLEL) as threads:
            found = threads.map(tally.carried(lambda function: self._minutes(function, first, last)), functions)
            return [one for of_function in found for one in of_function]

    def _minutes(self, function: str, first: str, last: str) -> list[OfMinute]:
        minutes = self._platform.firestore.collection(COLLECTION).document(function).collection(MINUTES)
        query = (
            minutes.order_by("__name__")
            .start_at({"__name__": minutes.document(first)})
            .end_at({"__name__": minutes.document(last)})
        )
        found = firestore.counted(query.stream(**firestore.in_time()))
        return [(function, document.id, _of_document(document.to_dict() or {})) for document in found]


def _by_name(measured: Iterable[tuple[str, Measured]]) -> Mapping[str, Measured]:
    """Of a function, or of a minute."""
    found: dict[str, Measured] = {}
    for name, one in measured:
        if one.counts or one.latencies:
            found[name] = _both(found.get(name, Measured()), one)
    return found


def _both(one: Measured, other: Measured) -> Measured:
    latencies = dict(one.latencies)
    for name, histogram in other.latencies.items():
        latencies[name] = latencies[name].merged(histogram) if name in latencies else histogram
    since = min(filter(None, (one.since, other.since)), default=None)
    return Measured(Counter(one.counts) + Counter(other.counts), latencies, since)


def _of_document(document: Mapping[str, Any]) -> Measured:
    latencies = {name: _histogram(stored) for name, stored in document.get(LATENCIES, {}).items()}
    since = datetime.fromtimestamp(document["since"] / 1000, UTC) if "since" in document else None
    return Measured(document.get(COUNTS, {}), latencies, since)


def _histogram(stored: Mapping[str, Any]) -> Histogram:
    buckets = {bucket_in(field): number for field, number in stored.get("buckets", {}).items()}
    return Histogram(buckets, stored.get("microseconds", 0) / 1000)


def _of_delta(delta: Mapping[str, int]) -> Measured:
    """From field paths to the document that they would make."""
    document: dict[str, Any] = {}
    for path, amount in delta.items():
        *parents, last = path.split(".")
        inside = document
        for parent in parents:
            inside = inside.setdefault(parent, {})
        inside[last] = amount
    return _of_document(document)
