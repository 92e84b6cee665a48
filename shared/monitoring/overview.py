"""The figures as the monitoring page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.monitoring.figures import Measured, together
from shared.platform.histograms import Histogram
from shared.values.shares import per_cent


def overview(measured: Mapping[str, Measured]) -> dict[str, Any]:
    """As `MetricsAnswer`, without its times."""
    everything = together(measured.values())
    counts = everything.counts
    hits, stale, misses, errors = (counts.get(f"cache_{n}", 0) for n in ("hits", "stale", "misses", "errors"))
    return {
        "functions": [{"name": name, **_served(one)} for name, one in sorted(measured.items())],
        "totals": _served(everything),
        "queries": {
            "count": counts.get("queries", 0),
            "bytes_billed": counts.get("query_bytes_billed", 0),
            **_percentiles(everything.latencies.get("query_latency")),
        },
        "cache": {
            "hits": hits + stale,
            "stale": stale,
            "misses": misses,
            "errors": errors,
            "hit_rate": per_cent(hits + stale, hits + stale + misses + errors),
        },
        "syncs": {"runs": counts.get("sync_runs", 0), "failures": counts.get("sync_failures", 0)},
        "limits": {
            "hits": counts.get("rate_limit_hits", 0),
            "blocks": counts.get("rate_limit_blocks", 0),
            "verification": counts.get("verification_limit_hits", 0),
        },
        "verifications": {
            "attempts": counts.get("verification_attempts", 0),
            "successes": counts.get("verification_successes", 0),
            **_percentiles(everything.latencies.get("verification_latency")),
        },
        "payments": {"charges": counts.get("payment_charges", 0), "failures": counts.get("payment_failures", 0)},
        "firestore": {"reads": counts.get("firestore_reads", 0), "writes": counts.get("firestore_writes", 0)},
    }


def _served(measured: Measured) -> dict[str, Any]:
    """A message is a request of Pub/Sub's; its failure is an error."""
    counts, nothing = measured.counts, Histogram()
    latency = measured.latencies.get("latency", nothing).merged(measured.latencies.get("message_latency", nothing))
    return {
        "requests": counts.get("requests", 0) + counts.get("messages", 0),
        "errors": counts.get("errors", 0) + counts.get("messages_failed", 0),
        **_percentiles(latency),
    }


def _percentiles(latency: Histogram | None) -> dict[str, float | None]:
    """Milliseconds; None of nothing."""
    if latency is None or not latency.count:
        return {"p50": None, "p95": None, "p99": None}
    return {f"p{percent}": round(latency.quantile(percent / 100), 2) for percent in (50, 95, 99)}
