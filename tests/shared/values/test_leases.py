"""What another clock has set: it counts although clocks differ a little, and not after a clock was moved back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.values.leases import SKEW, ahead, younger

NOW = datetime(2026, 7, 1, 17, tzinfo=UTC)
LENGTH = timedelta(seconds=90)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("end", "counts"),
    [
        (timedelta(), False),
        (INSTANT, True),
        (LENGTH, True),
        # Set this moment by an instance whose clock is ahead of ours.
        (LENGTH + INSTANT, True),
        (LENGTH + timedelta(seconds=2), True),
        (LENGTH + SKEW, True),
        (LENGTH + SKEW + INSTANT, False),
        (timedelta(days=30), False),
        (timedelta(days=-30), False),
    ],
)
def test_a_lease_counts_until_its_end(end: timedelta, counts: bool) -> None:
    assert ahead(NOW + end, LENGTH, NOW) is counts


@pytest.mark.parametrize(
    ("age", "counts"),
    [
        (timedelta(), True),
        (LENGTH - INSTANT, True),
        (LENGTH, False),
        (-INSTANT, True),
        (timedelta(seconds=-2), True),
        (-SKEW, True),
        (-SKEW - INSTANT, False),
        (timedelta(days=-30), False),
    ],
)
def test_what_has_just_happened_is_young(age: timedelta, counts: bool) -> None:
    assert younger(NOW - age, LENGTH, NOW) is counts
