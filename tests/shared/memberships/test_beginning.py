"""How a membership begins: at once or late, and what a cancelled one had left."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.memberships import rules
from shared.memberships.calendar import months_after
from shared.memberships.models import ACTIVE, EXPIRED, PAST_DUE, Membership
from shared.memberships.tiers import NAMES, TIERS
from tests.factories.memberships import (
    DATES,
    DAY,
    FEW,
    START,
    begun,
    in_status,
    on,
    upgraded_to,
)

END = date(2026, 8, 1)
NOW = on(START + 10 * DAY)


@pytest.mark.parametrize("tier", ["BRONZE", "SILVER", "GOLD"])
@FEW
@given(start=DATES)
def test_a_new_membership(tier: str, start: date) -> None:
    found = begun(tier, start)
    assert (found.status, found.start_date, found.period_start, found.anchor) == (ACTIVE, start, start, start)
    assert found.period_end == found.due_on == months_after(start, 1)
    assert (found.paid_by, found.value, found.declines) == (f"SUB_1:{start}:first", found.price, 0)
    assert (found.created_at, found.updated_at, found.ended_at) == (on(start).moment, on(start).moment, None)


def rejoined(tier: str, start: date, ended: int, later: int, again: str) -> tuple[Membership, Membership]:
    """One of the tier, cancelled some days after its start, and the one that took its place."""
    first = begun(tier, start)
    ended_on = start + min(ended, (first.period_end - start).days - 1) * DAY
    before = rules.cancelled(first, "", on(ended_on))
    return before, begun(again, ended_on + later * DAY, before)


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


@FEW
@given(st.permutations(NAMES), DATES, st.integers(0, 40), st.integers(0, 40))
def test_what_a_cancelled_one_has_not_used_is_put_on_top_as_days_of_the_new_tier(
    names: list[str], start: date, ended: int, later: int
) -> None:
    tier, again, _ = names
    before, found = rejoined(tier, start, ended, later, again)
    today, price = found.start_date, TIERS[again].price
    left = max(0, (before.period_end - today).days)
    credit = half_up(Fraction(before.price * left, (before.period_end - start).days))
    days = half_up(Fraction(credit * (months_after(today, 1) - today).days, price))
    assert (found.period_start, found.valued_on, found.anchor) == (today, today, today + days * DAY)
    assert found.period_end == found.due_on == months_after(found.anchor, 1)
    assert (found.value, found.price, found.base_tier, found.upgrades) == (price + credit, price, again, ())


@given(DATES)
def test_who_cancels_and_rejoins_on_the_first_day_has_all_of_the_month_on_top(start: date) -> None:
    before, found = rejoined("SILVER", start, 0, 0, "SILVER")
    assert (found.anchor, found.value) == (before.period_end, 2 * 9700)


@given(DATES, st.integers(1, 30), st.integers(0, 40))
@example(date(2026, 1, 6), 25, 0)  # 6 days left, 5 on top
def test_who_rejoins_in_the_same_tier_has_exactly_the_days_that_were_left(start: date, ended: int, later: int) -> None:
    before, found = rejoined("SILVER", start, ended, later, "SILVER")
    assert found.anchor == max(before.period_end, found.start_date)


@pytest.mark.parametrize(
    ("tier", "again", "days"),
    [("BRONZE", "SILVER", 15), ("BRONZE", "GOLD", 7), ("GOLD", "SILVER", 63), ("GOLD", "BRONZE", 130)],
)
def test_a_whole_month_of_july_as_days_of_another_tier(tier: str, again: str, days: int) -> None:
    _, found = rejoined(tier, START, 0, 0, again)
    assert found.anchor == START + days * DAY


def test_what_upgrades_paid_is_put_on_top_too() -> None:
    gold = upgraded_to("GOLD")
    found = begun("GOLD", START, rules.cancelled(gold, "", on(START)))
    assert (found.value, found.anchor) == (2 * 19700, END)


def test_days_are_put_on_top_again_and_again_and_renewals_go_on_from_there() -> None:
    one = rules.cancelled(begun(day=date(2026, 1, 31)), "", on(date(2026, 2, 1)))
    two = rules.cancelled(begun(day=date(2026, 2, 2), before=one), "", on(date(2026, 2, 2)))
    three = begun(day=date(2026, 2, 3), before=two)
    assert [one.period_end, two.period_end, three.period_end] == [
        date(2026, 2, 28),
        date(2026, 3, 28),
        date(2026, 4, 28),
    ]
    renewed = rules.renewed(three, three.tier, on(three.period_end))
    assert (renewed.period_start, renewed.period_end) == (date(2026, 4, 28), date(2026, 5, 28))


@pytest.mark.parametrize("before", [None, in_status(EXPIRED), in_status(PAST_DUE)])
def test_others_leave_no_days(before: Membership | None) -> None:
    assert begun(day=START + 5 * DAY, before=before).anchor == START + 5 * DAY


def test_days_whose_money_went_back_are_not_put_on_top() -> None:
    gone = rules.taken_back(begun(), "SUB_1:2026-07-01:first", 9700, NOW)
    found = begun(day=NOW.day, before=gone)
    assert (found.anchor, found.value) == (NOW.day, 9700)


def test_days_of_a_cheaper_tier_do_not_become_days_of_a_dearer_one() -> None:
    before = rules.cancelled(begun("BRONZE"), "", on(START))
    found = begun("GOLD", START, before)
    by_upgrade = rules.prorated(begun("BRONZE"), "GOLD", on(START)).charge
    # One more month of GOLD than by the upgrade, for 47.00.
    more = found.price - by_upgrade
    days = (found.period_end - begun("GOLD").period_end).days
    assert more >= found.price * days // 31


@FEW
@given(DATES, st.integers(1, 20))
def test_a_first_month_that_is_paid_late_begins_when_it_is_paid(start: date, late: int) -> None:
    asked, paid_on = begun(day=start), start + late * DAY
    found = rules.started_late(asked, None, on(paid_on))
    assert (found.start_date, found.period_start, found.valued_on, found.anchor) == (paid_on,) * 4
    assert found.period_end == found.due_on == months_after(paid_on, 1)
    assert (found.paid_by, found.value) == (asked.paid_by, asked.value)


@FEW
@given(DATES, st.integers(1, 60))
def test_days_that_passed_in_review_are_not_put_on_top(start: date, late: int) -> None:
    """The cancelled membership has given its discount on them."""
    before, paid_on = rules.cancelled(begun(day=start), "", on(start)), start + late * DAY
    found = rules.started_late(begun(day=start, before=before), before, on(paid_on))
    expected = begun(day=paid_on, before=before)
    assert (found.period_start, found.anchor, found.period_end) == (paid_on, expected.anchor, expected.period_end)
    assert (found.value, found.due_on) == (expected.value, expected.due_on)
    assert found.paid_by == rules.charge_id(found.subscription_id, start, "first")
