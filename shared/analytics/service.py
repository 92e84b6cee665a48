"""The cache as its operators see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.platform.cache.models import FRESH_FOR, STALE_FOR
from shared.platform.cache.store import ENTRIES, CacheStore, StoreDown
from shared.platform.context import Platform
from shared.platform.errors import RETRY_SENTENCE, Unavailable
from shared.values.shares import per_cent


class CacheService:
    """Statistics and invalidation, over all instances."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def statistics(self, counted: Mapping[str, int], since: datetime | None) -> dict[str, Any]:
        """As `CacheStatisticsAnswer`, from what all instances have counted since then."""
        now = self._platform.clock.now()
        config = {
            "ttl_seconds": int(FRESH_FOR.total_seconds()),
            "stale_while_revalidate_seconds": int(STALE_FOR.total_seconds()),
            "namespace": ENTRIES,
        }
        uptime = max(0, int((now - since).total_seconds())) if since else 0
        return {"cache": {**_counts(counted), "uptime_seconds": uptime}, "config": config, "timestamp": now}

    def invalidate(self) -> None:
        """Every value is loaded anew when it is next asked for, by any instance. Raises `Unavailable`."""
        try:
            CacheStore(self._platform.firestore, self._platform.clock).invalidate()
        except StoreDown as error:
            raise Unavailable(RETRY_SENTENCE) from error


def _counts(counted: Mapping[str, int]) -> dict[str, Any]:
    fresh, stale, misses, errors = (
        counted.get(name, 0) for name in ("cache_hits", "cache_stale", "cache_misses", "cache_errors")
    )
    total = fresh + stale + misses + errors
    micro = Decimal(counted.get("cache_microseconds", 0))
    return {
        "hits": fresh + stale,
        "stale": stale,
        "misses": misses,
        "errors": errors,
        "total_requests": total,
        "hit_rate": per_cent(fresh + stale, total),
        "miss_rate": per_cent(misses, total),
        "avg_response_time_ms": float((micro / 1000 / total).quantize(Decimal("0.01"))) if total else 0.0,
    }
