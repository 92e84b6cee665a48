"""Windows of time in the store's zone, and quantities. No clock and no SDK."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from shared.analytics.models import ALL, SOURCES, Period
from shared.values.days import day_of, midnight

WEEK, MONTH, HALF_YEAR, YEAR = 7, 30, 180, 365
MONTHS = 24


def period(now: datetime, zone: str) -> Period:
    """Windows of whole days: the figures change when data does, or at midnight, and not with every second.

    `two_years` is the first day of the month 23 months ago: 24 calendar months with the current one.
    """
    today = day_of(now, zone)

    def last(days: int) -> datetime:
        return midnight(today - timedelta(days=days - 1), zone)

    return Period(
        day=today,
        today=last(1),
        week=last(WEEK),
        month=last(MONTH),
        half_year=last(HALF_YEAR),
        year=last(YEAR),
        two_years=midnight(_months_ago(today, MONTHS - 1), zone),
        end=midnight(today + timedelta(days=1), zone),
    )


def _months_ago(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def units(quantity: Decimal) -> int | Decimal:
    """Without the zeros that BigQuery fills up: pieces are whole, weights have decimals."""
    return int(quantity) if quantity == quantity.to_integral_value() else quantity.normalize()


def sources_of(source: str) -> tuple[str, ...]:
    return SOURCES if source == ALL else (source,)
