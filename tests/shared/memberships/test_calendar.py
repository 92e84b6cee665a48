"""Months and days of the store."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.memberships import rules
from shared.memberships.calendar import months_after, period_of
from shared.values.days import day_of, midnight
from tests.factories.memberships import DATES, DAY, FEW, ZONE, begun, on

RENEWALS = 60


def months_between(one: date, other: date) -> int:
    return (other.year - one.year) * 12 + other.month - one.month


@FEW
@given(DATES)
@example(date(2024, 2, 29))
@example(date(2026, 1, 29))
@example(date(2026, 1, 30))
@example(date(2026, 1, 31))
@example(date(2026, 12, 31))
def test_sixty_months_end_on_the_day_of_the_month_or_on_the_last_one(start: date) -> None:
    for number in range(RENEWALS + 1):
        day = months_after(start, number)
        assert months_between(start, day) == number
        is_last = (day + DAY).day == 1
        assert day.day == start.day or (day.day < start.day and is_last)


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 29), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 11, 15), 1, date(2026, 12, 15)),
        (date(2099, 12, 31), 2, date(2100, 2, 28)),
        (date(2026, 7, 1), 0, date(2026, 7, 1)),
    ],
)
def test_months_after(anchor: date, months: int, expected: date) -> None:
    assert months_after(anchor, months) == expected


@given(DATES, st.integers(0, 31 * RENEWALS))
@example(date(2026, 1, 31), 28)
@example(date(2026, 1, 31), 27)
@example(date(2026, 1, 30), 28)
def test_every_day_is_in_one_period(start: date, passed: int) -> None:
    day = start + passed * DAY
    begin, end = period_of(start, day)
    assert begin <= day < end
    number = months_between(start, begin)
    assert (begin, end) == (months_after(start, number), months_after(start, number + 1))


@FEW
@given(DATES)
@example(date(2024, 2, 29))
@example(date(2025, 12, 31))
def test_the_periods_of_sixty_renewals_touch_and_never_overlap(start: date) -> None:
    membership = begun(day=start)
    periods = [membership]
    for _ in range(RENEWALS):
        membership = rules.renewed(membership, membership.tier, on(membership.period_end))
        periods.append(membership)
    assert all(one.period_end == other.period_start for one, other in pairwise(periods))
    assert all(found.due_on == found.period_end for found in periods)
    assert [found.period_start for found in periods] == [months_after(start, n) for n in range(RENEWALS + 1)]
    assert len({found.paid_by for found in periods}) == len(periods)


@given(DATES, st.integers(1, 400))
def test_of_periods_that_were_missed_only_the_running_one_is_paid(start: date, late: int) -> None:
    due = begun(day=start)
    today = due.period_end + late * DAY
    paid = rules.renewed(due, due.tier, on(today))
    assert paid.period_start <= today < paid.period_end
    assert (paid.period_start, paid.period_end) == period_of(start, today)


# --- days of the store


@pytest.mark.parametrize(
    ("day", "begin", "hours"),
    [
        (date(2026, 3, 7), datetime(2026, 3, 7, 6, tzinfo=UTC), 24),
        (date(2026, 3, 8), datetime(2026, 3, 8, 6, tzinfo=UTC), 23),  # daylight time begins
        (date(2026, 3, 9), datetime(2026, 3, 9, 5, tzinfo=UTC), 24),
        (date(2026, 11, 1), datetime(2026, 11, 1, 5, tzinfo=UTC), 25),  # and ends
        (date(2026, 11, 2), datetime(2026, 11, 2, 6, tzinfo=UTC), 24),
    ],
)
def test_a_day_of_the_store_over_the_changes_of_daylight_time(day: date, begin: datetime, hours: int) -> None:
    assert midnight(day, ZONE).astimezone(UTC) == begin
    moments = [begin + timedelta(hours=hour) for hour in range(hours)]
    assert {day_of(moment, ZONE) for moment in moments} == {day}
    assert day_of(begin + timedelta(hours=hours), ZONE) == day + DAY
    assert day_of(begin - timedelta(microseconds=1), ZONE) == day - DAY


@given(DATES, st.sampled_from(["America/Chicago", "America/New_York", "Pacific/Honolulu", "Asia/Kolkata"]))
def test_every_day_begins_where_the_one_before_ends(day: date, zone: str) -> None:
    begin = midnight(day, zone).astimezone(UTC)
    assert day_of(begin, zone) == day
    assert day_of(begin - timedelta(microseconds=1), zone) == day - DAY


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 7, 1, 4, 59, 59, 999999, tzinfo=UTC), date(2026, 6, 30)),
        (datetime(2026, 7, 1, 5, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 1, 1, 5, 59, 59, tzinfo=UTC), date(2025, 12, 31)),
        (datetime(2026, 1, 1, 6, tzinfo=UTC), date(2026, 1, 1)),
    ],
)
def test_the_day_is_the_stores_and_not_utcs(moment: datetime, day: date) -> None:
    assert rules.Now(moment, ZONE).day == day
