"""Attempts and outcomes over the last days, from BigQuery through the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from shared.platform import wire
from shared.platform.cache.models import Params, View
from shared.platform.context import Platform
from shared.platform.queries import Queries, Query
from shared.values.days import day_of, midnight
from shared.verification.schemas import StatisticsFigures

BY_DAY = Query(Path(__file__).parent / "queries" / "statistics.sql")


@dataclass(frozen=True)
class Day:
    date: date
    attempts: int
    successful: int


@dataclass(frozen=True)
class Statistics:
    """Totals over a period; `daily` holds the days with attempts, newest first, in store time."""

    total_attempts: int
    successful: int
    failed: int
    success_rate: str
    period: str
    by_method: dict[str, int]
    by_state: dict[str, int]
    daily: Sequence[Day]


def load(platform: Platform, params: Params) -> bytes:
    """Raises `Unavailable`."""
    return wire.dumped(StatisticsFigures, {"statistics": last(platform, int(params["days"]))})


def last(platform: Platform, days: int) -> Statistics:
    """The last `days` calendar days in store time, today included. Raises `Unavailable`."""
    zone, now = platform.settings.store_timezone, platform.clock.now()
    first = day_of(now, zone) - timedelta(days=days - 1)
    values = {
        "time_zone": ("STRING", zone),
        "start": ("TIMESTAMP", midnight(first, zone)),
        # Instances' clocks differ a little: an attempt that was just recorded may lie ahead of ours.
        "end": ("TIMESTAMP", now + timedelta(minutes=5)),
    }
    (rows,) = Queries.on(platform).run([BY_DAY], values)
    return summary(rows, days)


STATISTICS = View(name="verification_statistics", load=load)


def summary(rows: Iterable[dict[str, Any]], days: int) -> Statistics:
    """Add up rows of (day, method, state, success, attempts)."""
    total, good = Counter[date](), Counter[date]()
    by_method, by_state = Counter[str](), Counter[str]()
    for row in rows:
        count = int(row["attempts"])
        total[row["day"]] += count
        good[row["day"]] += count if row["success"] else 0
        by_method[row["method"]] += count
        by_state[row["state"] or "unknown"] += count
    attempts, successful = total.total(), good.total()
    return Statistics(
        total_attempts=attempts,
        successful=successful,
        failed=attempts - successful,
        success_rate=rate(successful, attempts),
        period=f"{days} days",
        by_method=dict(by_method),
        by_state=dict(by_state),
        daily=[Day(day, total[day], good[day]) for day in sorted(total, reverse=True)],
    )


def rate(part: int, whole: int) -> str:
    """Per cent with two decimals, half up: 131 of 150 → "87.33"; of nothing "0.00"."""
    per_cent = Decimal(100 * part) / whole if whole else Decimal(0)
    return str(per_cent.quantize(Decimal("0.01"), ROUND_HALF_UP))
