"""What a tier takes off a price."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.memberships.rules import discount, half_up
from shared.memberships.tiers import NAMES, TIERS, is_higher

PERCENTS = [0, 10, 20, 30]


@pytest.mark.parametrize(
    ("subtotal", "percent", "off", "total"),
    [
        ("150.00", 10, 1500, 13500),
        ("150.00", 20, 3000, 12000),
        ("150", 30, 4500, 10500),
        ("150.00", 0, 0, 15000),
        ("0", 30, 0, 0),
        ("0.00", 0, 0, 0),
        ("1000000", 30, 30000000, 70000000),
        ("1000000", 10, 10000000, 90000000),
        ("0.01", 30, 0, 1),
        ("0.05", 10, 1, 4),  # half a cent goes up
        ("0.04", 10, 0, 4),
        ("0.15", 30, 5, 10),
        ("19.99", 10, 200, 1799),
        ("19.95", 10, 200, 1795),
        ("0.005", 0, 0, 1),
        ("0.0049", 0, 0, 0),
        ("0.004", 30, 0, 0),
        ("33.335", 20, 667, 2667),
        ("1e2", 20, 2000, 8000),
    ],
)
def test_of_a_subtotal(subtotal: str, percent: int, off: int, total: int) -> None:
    assert discount(Decimal(subtotal), percent) == (off, total)


@pytest.mark.parametrize("percent", PERCENTS)
@given(subtotal=st.decimals(0, 1_000_000, allow_nan=False, places=4))
@example(subtotal=Decimal("999999.995"))
@example(subtotal=Decimal("0.005"))
def test_every_subtotal_is_rounded_half_up_once(percent: int, subtotal: Decimal) -> None:
    off, total = discount(subtotal, percent)
    cents, half = Fraction(subtotal) * 100, Fraction(1, 2)
    assert off == floor(cents * percent / 100 + half)
    assert off + total == floor(cents + half)
    assert min(off, total) >= 0


@pytest.mark.parametrize("percent", PERCENTS)
@pytest.mark.parametrize(
    "subtotal", ["0.00499999999999999999", "999999.99499999999999999999", "999999.99500000000000000001"]
)
def test_as_many_digits_as_the_route_takes_are_rounded_once_as_well(subtotal: str, percent: int) -> None:
    off, total = discount(Decimal(subtotal), percent)
    cents, half = Fraction(subtotal) * 100, Fraction(1, 2)
    assert (off, off + total) == (floor(cents * percent / 100 + half), floor(cents + half))


@pytest.mark.parametrize(("exact", "cents"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("0", 0), ("7", 7)])
def test_half_up(exact: str, cents: int) -> None:
    assert half_up(Decimal(exact)) == cents


def test_the_tiers_are_the_contracts() -> None:
    assert [(tier.name, tier.price, tier.discount, len(tier.benefits)) for tier in TIERS.values()] == [
        ("BRONZE", 4700, 10, 3),
        ("SILVER", 9700, 20, 5),
        ("GOLD", 19700, 30, 7),
    ]
    assert all(tier.benefits[0] == f"{tier.discount}% discount on all products" for tier in TIERS.values())
    assert [is_higher(one, other) for one in NAMES for other in NAMES] == [
        *(False, False, False),
        *(True, False, False),
        *(True, True, False),
    ]
