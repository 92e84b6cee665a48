"""Windows of store days, and rounding."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from shared.analytics import rules
from shared.values.cents import share
from shared.values.days import midnight

CHICAGO = "America/Chicago"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def test_windows_begin_and_end_at_store_midnights() -> None:
    """On 1 November 2026 summer time ends: the day begins at 05:00 UTC and has 25 hours."""
    found = rules.period(utc("2026-11-01T12:00:00"), CHICAGO)
    assert found.day == date(2026, 11, 1)
    assert found.today == utc("2026-11-01T05:00:00")
    assert found.end == utc("2026-11-02T06:00:00")
    assert found.week == utc("2026-10-26T05:00:00")
    assert found.month == utc("2026-10-03T05:00:00")
    assert found.half_year == utc("2026-05-06T05:00:00")
    assert found.year == utc("2025-11-02T05:00:00")  # where summer time ended that year
    assert found.two_years == utc("2024-12-01T06:00:00")


@pytest.mark.parametrize("moment", ["2026-07-02T04:59:59.999999", "2026-07-01T05:00:00", "2026-07-01T17:00:00"])
def test_all_day_long_they_are_the_same(moment: str) -> None:
    assert rules.period(utc(moment), CHICAGO) == rules.period(utc("2026-07-01T06:00:00"), CHICAGO)


@pytest.mark.parametrize(
    ("day", "first"),
    [
        ("2026-12-31", "2025-01-01"),
        ("2026-01-31", "2024-02-01"),
        ("2024-02-29", "2022-03-01"),
        ("2026-11-30", "2024-12-01"),
        ("2026-03-01", "2024-04-01"),
    ],
)
def test_24_months_with_the_one_that_is_under_way(day: str, first: str) -> None:
    found = rules.period(utc(f"{day}T18:00:00"), CHICAGO)
    assert found.two_years == midnight(date.fromisoformat(first), CHICAGO)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 7, 1), 24)], ids=str
)
def test_a_day_is_as_long_as_the_store_s(day: date, hours: int) -> None:
    start, end = (midnight(d, CHICAGO).astimezone(UTC) for d in (day, day + timedelta(days=1)))
    assert end - start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("cents", "count", "average"),
    [(0, 0, 0), (500, 0, 0), (0, 3, 0), (1, 2, 1), (100, 3, 33), (200, 3, 67), (-3, 2, -2)],
)
def test_the_average_is_rounded_half_up_and_of_nothing_zero(cents: int, count: int, average: int) -> None:
    assert share(cents, 1, count) == average


@pytest.mark.parametrize(
    ("quantity", "written"), [("3.000000000", "3"), ("1.500000000", "1.5"), ("100", "100"), ("0", "0"), ("-2.0", "-2")]
)
def test_units_are_written_without_the_zeros_that_bigquery_fills_up(quantity: str, written: str) -> None:
    assert str(rules.units(Decimal(quantity))) == written


@pytest.mark.parametrize(("source", "sources"), [("all", ("square", "lightspeed")), ("square", ("square",))])
def test_all_are_both(source: str, sources: tuple[str, ...]) -> None:
    assert rules.sources_of(source) == sources
