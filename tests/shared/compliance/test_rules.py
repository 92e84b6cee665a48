"""What counts are worth: the score, its rounding and its status."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.compliance import rules
from shared.compliance.models import Counts

ZONE = "America/Chicago"


@st.composite
def counts(draw: st.DrawFn) -> Counts:
    attempts, products = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**4))
    return Counts(attempts, draw(st.integers(0, attempts)), products, draw(st.integers(0, products)))


@pytest.mark.parametrize(
    ("given_counts", "rate", "coverage", "points", "status"),
    [
        (Counts(0, 0, 0, 0), "0", "0", "0", "Pending"),
        (Counts(150, 131, 8, 6), "87.33", "75", "84.93", "Good"),
        (Counts(10, 10, 10, 10), "100", "100", "100", "Excellent"),
        (Counts(10, 0, 10, 0), "0", "0", "20", "Needs Improvement"),
        (Counts(10, 10, 0, 0), "100", "0", "60", "Needs Improvement"),
        (Counts(0, 0, 4, 4), "0", "100", "60", "Needs Improvement"),
        # 87.5 + 87.5: exactly on the border.
        (Counts(8, 7, 8, 7), "87.5", "87.5", "90", "Excellent"),
        (Counts(16, 11, 16, 11), "68.75", "68.75", "75", "Good"),
        # 0.125 is half up, not to the even neighbour.
        (Counts(800, 1, 800, 1), "0.13", "0.13", "20.1", "Needs Improvement"),
        # 89.995 is shown as 90.00, and judged as it is shown.
        (Counts(160000, 139990, 160000, 139990), "87.49", "87.49", "90", "Excellent"),
    ],
)
def test_examples(given_counts: Counts, rate: str, coverage: str, points: str, status: str) -> None:
    found = rules.score(given_counts)
    expected = (Decimal(rate), Decimal(coverage), Decimal(points), status)
    assert (found.success_rate, found.coa_coverage, found.points, found.status) == expected


@given(counts())
def test_the_score_is_the_formula_s(given_counts: Counts) -> None:
    found = rules.score(given_counts)
    if found.status == rules.PENDING:
        assert (given_counts.attempts, given_counts.products, found.points) == (0, 0, 0)
        return
    by_rounded_parts = Decimal("0.4") * found.success_rate + Decimal("0.4") * found.coa_coverage + 20
    assert abs(found.points - by_rounded_parts) <= Decimal("0.01")
    assert 20 <= found.points <= 100
    assert all(value.as_tuple().exponent == -2 for value in (found.success_rate, found.coa_coverage, found.points))
    assert (found.status == "Excellent") == (found.points >= 90)
    assert (found.status == "Needs Improvement") == (found.points < 75)


@given(st.fractions(0, 100))
def test_rounding_is_half_up(value: Fraction) -> None:
    error = Fraction(rules.rounded(value)) - value
    assert -Fraction(1, 200) < error <= Fraction(1, 200)


@given(
    st.integers(0, 16 * 365 * 24 * 60).map(
        lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    )
)
def test_a_year_is_whole_store_days_that_end_with_today(now: datetime) -> None:
    year = rules.year(now, ZONE)
    assert year.start <= now < year.end
    assert {(moment.hour, moment.minute) for moment in (year.start, year.end)} == {(0, 0)}
    assert year.end.date() - year.start.date() == timedelta(days=365)
    assert year.day == now.astimezone(ZoneInfo(ZONE)).date()


def test_the_store_s_day_is_not_utc_s() -> None:
    assert rules.year(datetime(2026, 7, 1, 4, 59, tzinfo=UTC), ZONE).day == date(2026, 6, 30)
    assert rules.year(datetime(2026, 7, 1, 5, tzinfo=UTC), ZONE).day == date(2026, 7, 1)
