"""What an upgrade costs: cents are conserved, whatever day it is."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.memberships import rules
from shared.memberships.models import Membership
from shared.memberships.tiers import NAMES, TIERS, is_higher
from shared.values.cents import share
from tests.factories.memberships import DATES, DAY, FEW, START, begun, on

PAIRS = [(low, high) for low in NAMES for high in NAMES if is_higher(high, low)]
PART = st.floats(0, 1, exclude_max=True)


def rounded(exact: Fraction) -> int:
    """Half up, computed without decimals."""
    return floor(exact + Fraction(1, 2))


def running(start: date, tier: str, renewals: int, on_top: int) -> Membership:
    """A membership after some renewals; `on_top`: days that a cancelled one had still paid for."""
    before = rules.cancelled(begun(tier, start), "", on(start)) if on_top else None
    membership = begun(tier, start + max(0, 28 - on_top) * DAY if on_top else start, before)
    for _ in range(renewals):
        membership = rules.renewed(membership, tier, on(membership.period_end))
    return membership


def carried(membership: Membership) -> int:
    """Cents that a cancelled one had left: part of what was paid for a first period."""
    return membership.value - membership.price


RUNNING = st.builds(running, DATES, st.just("BRONZE"), st.integers(0, 14), st.sampled_from([0, 0, 0, 1, 13, 28]))


def day_in(membership: Membership, part: float) -> date:
    return membership.period_start + int(part * (membership.period_end - membership.period_start).days) * DAY


def month_at_the_end(membership: Membership) -> int:
    """Days of it: a price is a month's, and the days on top come before."""
    return (membership.period_end - max(membership.period_start, membership.anchor)).days


def upgrade(membership: Membership, tier: str, day: date, whole: bool) -> tuple[rules.Proration, Membership]:
    proration = rules.prorated(membership, tier, on(day), whole_difference=whole)
    return proration, rules.upgraded(membership, tier, proration, on(day))


@pytest.mark.parametrize(("low", "high"), PAIRS)
@FEW
@given(start=DATES, part=PART)
@example(start=date(2024, 2, 1), part=0.999)
@example(start=date(2026, 1, 31), part=0.5)
def test_the_charge_is_the_difference_by_days_rounded_half_up_once(
    low: str, high: str, start: date, part: float
) -> None:
    membership = begun(low, start)
    day = day_in(membership, part)
    found, _ = upgrade(membership, high, day, whole=False)
    left, days = (membership.period_end - day).days, (membership.period_end - start).days
    assert (found.days_left, found.days) == (left, days)
    assert found.charge == rounded(Fraction((TIERS[high].price - TIERS[low].price) * left, days))
    assert found.credit == rounded(Fraction(TIERS[low].price * left, days))


@FEW
@given(membership=RUNNING, tier=st.sampled_from(["SILVER", "GOLD"]), part=PART, whole=st.booleans())
def test_one_upgrade_conserves_every_cent(membership: Membership, tier: str, part: float, whole: bool) -> None:
    paid = membership.price + carried(membership)
    day = day_in(membership, part)
    found, after = upgrade(membership, tier, day, whole)
    assert found.used + found.credit == paid
    assert found.used + found.credit + found.charge == found.used + after.value == paid + found.charge
    assert min(found.charge, found.used, found.credit, found.days_left) >= 0
    assert found.credit == rounded(
        Fraction(paid * found.days_left, (membership.period_end - membership.valued_on).days)
    )
    assert found.days_left == (membership.period_end - day).days
    assert found.days == month_at_the_end(membership)
    difference = TIERS[tier].price - membership.price
    by_days = rounded(Fraction(difference * found.days_left, found.days))
    assert found.charge == (max(by_days, difference) if whole else by_days)
    assert (after.tier, after.price, after.discount) == (tier, TIERS[tier].price, TIERS[tier].discount)
    assert (after.period_start, after.period_end, after.due_on) == (
        membership.period_start,
        membership.period_end,
        membership.due_on,
    )


@FEW
@given(membership=RUNNING, parts=st.tuples(PART, PART).map(sorted), whole=st.booleans())
def test_a_chain_of_upgrades_conserves_every_cent(membership: Membership, parts: list[float], whole: bool) -> None:
    one, silver = upgrade(membership, "SILVER", day_in(membership, parts[0]), whole)
    two, gold = upgrade(silver, "GOLD", day_in(membership, parts[1]), whole)
    paid = membership.price + carried(membership) + one.charge + two.charge
    assert one.used + two.used + gold.value == paid
    assert two.used + two.credit == silver.value
    assert two.credit + two.charge == gold.value
    assert min(one.charge, one.used, one.credit, two.charge, two.used, two.credit) >= 0


@FEW
@given(DATES, st.integers(0, 14))
def test_after_a_renewal_the_value_is_the_new_price_again(start: date, renewals: int) -> None:
    membership = running(start, "BRONZE", renewals, 0)
    _, silver = upgrade(membership, "SILVER", membership.period_start, False)
    silver = rules.with_upgrade(silver, rules.upgrade_id(silver, "SILVER"))
    assert silver.base_tier == "BRONZE"
    renewed = rules.renewed(silver, silver.tier, on(silver.period_end))
    assert (renewed.value, renewed.price, renewed.valued_on) == (9700, 9700, silver.period_end)
    assert (renewed.base_tier, renewed.upgrades) == ("SILVER", ())


@pytest.mark.parametrize("whole", [False, True])
@FEW
@given(start=DATES)
def test_silver_to_gold_on_the_first_day_is_100_00(whole: bool, start: date) -> None:
    found, gold = upgrade(begun("SILVER", start), "GOLD", start, whole)
    assert (found.charge, found.used, found.credit, gold.value) == (10000, 0, 9700, 19700)


@pytest.mark.parametrize(
    ("day", "charge", "used", "left"),
    [
        (date(2026, 7, 1), 10000, 0, 31),
        (date(2026, 7, 2), 9677, 313, 30),
        (date(2026, 7, 16), 5161, 4694, 16),
        (date(2026, 7, 30), 645, 9074, 2),
        (date(2026, 7, 31), 323, 9387, 1),
        (date(2026, 8, 1), 0, 9700, 0),  # the renewal is late
        (date(2026, 8, 3), 0, 9700, 0),
    ],
)
def test_silver_to_gold_through_july(day: date, charge: int, used: int, left: int) -> None:
    found, gold = upgrade(begun("SILVER", START), "GOLD", day, False)
    assert (found.charge, found.used, found.days_left) == (charge, used, left)
    assert gold.value == 9700 - used + charge


@pytest.mark.parametrize(("low", "high"), PAIRS)
@FEW
@given(start=DATES, part=PART)
def test_the_whole_difference_is_the_same_on_every_day(low: str, high: str, start: date, part: float) -> None:
    membership = begun(low, start)
    found, _ = upgrade(membership, high, day_in(membership, part), whole=True)
    assert found.charge == TIERS[high].price - TIERS[low].price


def test_a_period_with_days_on_top_costs_more_than_one_months_difference() -> None:
    before = rules.cancelled(begun("SILVER", START), "", on(START))
    membership = begun("SILVER", START, before)
    assert (membership.period_end, membership.value) == (date(2026, 9, 1), 19400)
    found, gold = upgrade(membership, "GOLD", START, False)
    # Both months, July and August, are of 31 days.
    assert (found.charge, found.credit, found.days_left, found.days) == (20000, 19400, 62, 31)
    assert gold.value == 2 * TIERS["GOLD"].price
    last, _ = upgrade(membership, "GOLD", date(2026, 8, 31), True)
    assert (last.charge, last.credit) == (10000, rounded(Fraction(19400, 62)))


@pytest.mark.parametrize("whole", [False, True])
def test_upgrades_after_the_period_is_over_charge_nothing(whole: bool) -> None:
    late = begun("BRONZE", START)
    one, silver = upgrade(late, "SILVER", late.period_end, whole)
    two, gold = upgrade(silver, "GOLD", late.period_end + 2 * DAY, whole)
    assert (one.charge, two.charge, one.used + two.used, gold.value) == (0, 0, 4700, 0)


@FEW
@given(st.integers(0, 10**7), st.integers(0, 62), st.integers(0, 62))
def test_a_share_and_the_rest(cents: int, part: int, whole: int) -> None:
    part = min(part, whole)
    found = share(cents, part, whole)
    assert found == (rounded(Fraction(cents * part, whole)) if whole else 0)
    assert 0 <= found <= cents
