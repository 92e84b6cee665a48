"""Attempts and outcomes over the last days, straight from BigQuery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from shared.platform import bigquery
from shared.platform.context import Platform

STATISTICS_SQL = Path(__file__).parent / "queries" / "statistics.sql"


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


class VerificationStatistics:
    """Reads the attempt trail."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._zone = platform.settings.store_timezone

    @classmethod
    def on(cls, platform: Platform) -> VerificationStatistics:
        return platform.once(cls, lambda: cls(platform))

    def last(self, days: int) -> Statistics:
        """The last `days` calendar days in store time, today included. Raises `Unavailable`."""
        now = self._platform.clock.now()
        today = now.astimezone(ZoneInfo(self._zone)).date()
        start = datetime.combine(today - timedelta(days=days - 1), time(), ZoneInfo(self._zone))
        parameters = {
            "time_zone": ("STRING", self._zone),
            "start": ("TIMESTAMP", start),
            # Instances' clocks differ a little: an attempt that was just recorded may lie ahead of ours.
            "end": ("TIMESTAMP", now + timedelta(minutes=5)),
        }
        rows = bigquery.query(self._platform.bigquery, _sql(), parameters, "verification_statistics")
        return summary(rows, days)


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


@cache
def _sql() -> str:
    return STATISTICS_SQL.read_text()
