"""What every answer says of its figures, and the queries that several of them share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.analytics import rules
from shared.analytics.models import Period
from shared.platform.cache.models import Found, Params
from shared.platform.clock import wire_time
from shared.platform.context import Platform

QUERIES = Path(__file__).parent / "queries"


def about(found: Found) -> dict[str, Any]:
    """As `CachedShape`."""
    head = found.head
    return {
        "lastUpdate": wire_time(head.loaded_at) if head.loaded_at else None,
        "queryTimeMs": head.load_ms,
        "mode": found.mode,
        "lastRefresh": wire_time(head.checked_at) if head.checked_at else None,
        "error": found.error or None,
        "cached": found.cached,
    }


def values(platform: Platform, params: Params) -> tuple[Period, dict[str, tuple[str, Any]]]:
    """Today's windows, and the parameters of the queries."""
    zone = platform.settings.store_timezone
    period = rules.period(platform.clock.now(), zone)
    windows = ("today", "week", "month", "half_year", "year", "two_years", "end")
    return period, {
        "time_zone": ("STRING", zone),
        "source": ("STRING", params["source"]),
        **{name: ("TIMESTAMP", getattr(period, name)) for name in windows},
    }


def sellers(rows: Any) -> list[Mapping[str, Any]]:
    return [{**row, "units": rules.units(row["units"])} for row in rows]
