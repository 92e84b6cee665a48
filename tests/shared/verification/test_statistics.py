"""Adding up the attempt trail, and what the query asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.audit.service import AuditService
from shared.platform.context import Platform
from shared.verification.statistics import BY_DAY, Day, last, rate, summary
from tests.factories.clock import TestClock
from tests.factories.events import attempt


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0.00"),
        (0, 7, "0.00"),
        (131, 150, "87.33"),
        (1, 3, "33.33"),
        (2, 3, "66.67"),
        (1, 800, "0.13"),  # 0.125: half up, where half-even gives 0.12
        (3, 800, "0.38"),
        (1, 20000, "0.01"),  # 0.005
        (1, 20001, "0.00"),
        (19999, 20000, "100.00"),  # 99.995
        (7, 7, "100.00"),
    ],
)
def test_the_rate_is_rounded_half_up_once(part: int, whole: int, text: str) -> None:
    assert rate(part, whole) == text


def test_rows_are_added_up() -> None:
    first, second = date(2026, 7, 1), date(2026, 7, 2)
    rows: list[dict[str, Any]] = [
        {"day": first, "method": "full_verification", "state": "TX", "success": True, "attempts": 3},
        {"day": first, "method": "age_check", "state": None, "success": False, "attempts": 2},
        {"day": second, "method": "full_verification", "state": "CA", "success": True, "attempts": 1},
    ]
    found = summary(rows, 7)
    assert (found.total_attempts, found.successful, found.failed, found.success_rate) == (6, 4, 2, "66.67")
    assert (found.by_method, found.by_state) == (
        {"full_verification": 4, "age_check": 2},
        {"TX": 3, "unknown": 2, "CA": 1},
    )
    assert found.daily == [Day(second, 1, 1), Day(first, 5, 3)]
    assert found.period == "7 days"


def test_the_query_reads_only_the_partitions_it_needs() -> None:
    sql = BY_DAY.sql
    assert "WHERE created_at >= @start AND created_at < @end" in sql
    assert "SELECT *" not in sql


@pytest.fixture
def recorded(platform: Platform, tables: None) -> Callable[[datetime], None]:
    return lambda at: AuditService.on(platform).record(attempt(at))


def test_days_are_the_store_s_days(platform: Platform, clock: TestClock, recorded: Callable[[datetime], None]) -> None:
    """Texas is five hours behind UTC in July: its 1 July starts at 05:00 UTC."""
    for hour, minute in ((4, 59), (5, 0), (17, 0)):
        recorded(datetime(2026, 7, 1, hour, minute, tzinfo=UTC))
    clock.at = datetime(2026, 7, 2, 4, 59, tzinfo=UTC)  # still 1 July in Texas
    one, two = (last(platform, days) for days in (1, 2))
    assert one.daily == [Day(date(2026, 7, 1), 2, 0)]
    assert two.daily == [Day(date(2026, 7, 1), 2, 0), Day(date(2026, 6, 30), 1, 0)]


def test_a_day_of_25_hours(platform: Platform, clock: TestClock, recorded: Callable[[datetime], None]) -> None:
    """1 November 2026: summer time ends."""
    start = datetime(2026, 11, 1, 5, tzinfo=UTC)
    for moment in (start - timedelta(seconds=1), start, start + timedelta(hours=25, seconds=-1)):
        recorded(moment)
    clock.at = start + timedelta(hours=25, seconds=-1)
    assert last(platform, 1).daily == [Day(date(2026, 11, 1), 2, 0)]


def test_an_attempt_that_another_instance_s_clock_put_a_little_ahead_counts(
    platform: Platform, clock: TestClock, recorded: Callable[[datetime], None]
) -> None:
    recorded(clock.at + timedelta(seconds=30))
    assert last(platform, 1).total_attempts == 1
