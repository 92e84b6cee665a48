"""Windows of time in the store's zone, and rounding. No clock and no SDK."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from shared.analytics.models import ALL, SOURCES, Period

WEEK, MONTH, HALF_YEAR, YEAR = 7, 30, 180, 365
MONTHS = 24


def period(now: datetime, zone: str) -> Period:
    """Windows of whole days: the figures change when data does, or at midnight, and not with every second.

    `two_years` is the first day of the month 23 months ago: 24 calendar months with the current one.
    """
    today = now.astimezone(ZoneInfo(zone)).date()

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


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def _months_ago(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def average(cents: int, count: int) -> int:
    """Cents, half up; 0 of nothing."""
    return int((Decimal(cents) / count).quantize(Decimal(1), ROUND_HALF_UP)) if count else 0


def units(quantity: Decimal) -> int | Decimal:
    """Without the zeros that BigQuery fills up: pieces are whole, weights have decimals."""
    return int(quantity) if quantity == quantity.to_integral_value() else quantity.normalize()


def sources_of(source: str) -> tuple[str, ...]:
    return SOURCES if source == ALL else (source,)
