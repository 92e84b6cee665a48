"""From figures to what the rules look at. Pure: plain numbers in, exact fractions out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Protocol

from shared.monitoring.alert_rules import HOUR, QUARTER
from shared.monitoring.models import Observation, Slice
from shared.monitoring.prices import NANO, cost
from shared.monitoring.rules import decimal_text

CACHE_HITS = ("cache_hits", "cache_stale")
CACHE_READS = (*CACHE_HITS, "cache_misses", "cache_errors")
PERCENT = 100
# What each of the functions below gives, whatever there is.
OF_METRICS = frozenset(
    {
        "verification_success_percent",
        "verification_p95_ms",
        "query_p95_ms",
        "error_percent",
        "cache_hit_percent",
        "verification_limit_hits",
    }
)
OF_DAY = frozenset({"day_dollars", "payment_failure_percent"})
OF_STREAMS = frozenset({"sync_lag_minutes", "sync_failures"})
OF_DEAD_LETTERS = frozenset({"dead_letters"})
OF_MEMBERSHIPS = frozenset({"mrr_drop_percent", "churn_percent"})


class Timed(Protocol):
    """A histogram, as shared/platform/histograms.py makes them. Milliseconds."""

    @property
    def count(self) -> int: ...

    @property
    def total(self) -> float: ...

    def quantile(self, q: float, /) -> float: ...


class Measured(Protocol):
    """By name, what was counted and what was timed, as shared/monitoring/figures.py reads it."""

    @property
    def counts(self) -> Mapping[str, int]: ...

    @property
    def latencies(self) -> Mapping[str, Timed]: ...


def of_metrics(windows: Mapping[timedelta, Measured]) -> list[Observation]:
    """What was measured in the last quarter of an hour and in the last hour, over all functions."""
    hour, quarter = windows[HOUR], windows[QUARTER]
    return [
        _success_rate(hour),
        _percentile("verification_p95_ms", hour, "verification_latency"),
        _percentile("query_p95_ms", hour, "query_latency"),
        _errors(quarter),
        _cache(hour),
        Observation(
            name="verification_limit_hits",
            value=Fraction(hour.counts.get("verification_limit_hits", 0)),
        ),
    ]


def of_day(slices: Iterable[Slice]) -> list[Observation]:
    """Of the last 24 hours: what they cost, and how many charges failed."""
    day = sum(slices, Slice())
    dollars = {
        name: decimal_text(Fraction(nano, NANO), 2)
        for name, nano in (
            ("bigquery", day.cost.bigquery),
            ("firestore", day.cost.firestore),
            ("calls", day.cost.calls),
        )
    }
    return [
        Observation(name="day_dollars", value=Fraction(day.cost.total, NANO), words=dollars),
        Observation(
            name="payment_failure_percent",
            value=_percent(day.failures, day.charges),
            volume=day.charges,
            words={"failures": day.failures, "charges": day.charges},
        ),
    ]


def slice_of(measured: Measured) -> Slice:
    """What day-long rules keep of a quarter of an hour."""
    counts = measured.counts
    took = sum(measured.latencies[name].total for name in ("latency", "message_latency") if name in measured.latencies)
    return Slice(
        cost=cost(
            bytes_billed=counts.get("query_bytes_billed", 0),
            reads=counts.get("firestore_reads", 0),
            writes=counts.get("firestore_writes", 0),
            calls=counts.get("requests", 0) + counts.get("messages", 0),
            milliseconds=round(took),
        ),
        charges=counts.get("payment_charges", 0),
        failures=counts.get("payment_failures", 0),
    )


def of_streams(sources: Sequence[Mapping[str, Any]], now: datetime) -> list[Observation]:
    """From the status page's sources. A stream that has not been read to any moment yet has no lag."""
    return [found for source in sources for stream in source["streams"] for found in _stream(stream, now)]


def of_dead_letters(count: int) -> list[Observation]:
    return [Observation(name="dead_letters", value=Fraction(count))]


def of_memberships(mrr: int, week_ago: int | None, lost: int, before: int) -> list[Observation]:
    """Cents, and counts. `week_ago` None, or nothing: there is nothing to have lost."""
    drop = Fraction(PERCENT * (week_ago - mrr), week_ago) if week_ago else None
    words = {"before": _dollars(week_ago or 0), "now": _dollars(mrr)}
    return [
        Observation(name="mrr_drop_percent", value=drop, words=words),
        Observation(
            name="churn_percent",
            value=_percent(lost, before),
            volume=before,
            words={"lost": lost, "before": before},
        ),
    ]


def _success_rate(hour: Measured) -> Observation:
    attempts, successes = (hour.counts.get(f"verification_{what}", 0) for what in ("attempts", "successes"))
    return Observation(
        name="verification_success_percent",
        value=_percent(successes, attempts),
        volume=attempts,
        words={"successes": successes, "attempts": attempts},
    )


def _percentile(name: str, measured: Measured, latency: str) -> Observation:
    found = measured.latencies.get(latency)
    count = found.count if found else 0
    value = Fraction(found.quantile(0.95)) if found and count else None
    return Observation(name=name, value=value, volume=count, words={"count": count})


def _errors(quarter: Measured) -> Observation:
    requests, errors = quarter.counts.get("requests", 0), quarter.counts.get("errors", 0)
    return Observation(
        name="error_percent",
        value=_percent(errors, requests),
        volume=requests,
        words={"errors": errors, "requests": requests},
    )


def _cache(hour: Measured) -> Observation:
    """A stale value is a hit, as in the cache's own statistics: nobody has waited for it."""
    hits, reads = (sum(hour.counts.get(name, 0) for name in names) for names in (CACHE_HITS, CACHE_READS))
    return Observation(
        name="cache_hit_percent",
        value=_percent(hits, reads),
        volume=reads,
        words={"hits": hits, "reads": reads},
    )


def _stream(stream: Mapping[str, Any], now: datetime) -> list[Observation]:
    read_to, subject = stream["watermark"], stream["stream"]
    lag = Fraction((now - read_to) // timedelta(seconds=1), 60) if read_to else None
    return [
        Observation(name="sync_lag_minutes", value=lag, subject=subject),
        Observation(name="sync_failures", value=Fraction(stream["failures"]), subject=subject),
    ]


def _percent(part: int, whole: int) -> Fraction | None:
    return Fraction(PERCENT * part, whole) if whole else None


def _dollars(cents: int) -> str:
    return decimal_text(Fraction(cents, 100), 2)
