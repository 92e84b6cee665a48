"""What is left of a membership when money of it has gone back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from shared.memberships import rules
from shared.memberships.models import ACTIVE, CANCELLED, EXPIRED, PAST_DUE
from tests.factories.memberships import (
    DAY,
    START,
    STATUSES,
    as_begins,
    begun,
    in_status,
    just_before,
    on,
    upgraded_to,
)

END = date(2026, 8, 1)
NOW = on(START + 10 * DAY)


@pytest.mark.parametrize("status", [ACTIVE, PAST_DUE, CANCELLED])
def test_without_the_periods_own_money_it_ends_at_once(status: str) -> None:
    before = in_status(status)
    found = rules.taken_back(before, before.paid_by, 9700, NOW)
    assert found is not None
    assert (found.status, found.access_until, found.due_on, found.value) == (CANCELLED, NOW.moment, NOW.day, 0)
    assert not rules.entitled(found, NOW)
    if status == CANCELLED:
        assert (found.cancel_reason, found.cancel_date, found.ended_at) == ("too dear", START, before.ended_at)
    else:
        assert (found.cancel_reason, found.cancel_date, found.ended_at) == (rules.REFUNDED, NOW.day, NOW.moment)


def test_without_an_upgrades_money_the_tier_is_the_one_before() -> None:
    before = upgraded_to("GOLD")
    (charge,) = before.upgrades
    found = rules.taken_back(before, charge, 15000, NOW)
    assert found is not None
    assert (found.status, found.tier, found.price, found.discount, found.value) == (ACTIVE, "BRONZE", 4700, 10, 4700)
    assert (found.upgrades, found.period_end, found.updated_at) == ((), before.period_end, NOW.moment)
    assert rules.taken_back(found, charge, 15000, NOW) is None


def test_and_the_next_upgrade_is_charged_again() -> None:
    before = upgraded_to("GOLD")
    found = rules.taken_back(before, before.upgrades[0], 15000, on(START))
    assert found is not None
    assert rules.prorated(found, "GOLD", on(START)).charge == 15000


def test_an_upgrade_that_is_paid_a_second_time_is_another_charge() -> None:
    before = rules.with_upgrade(upgraded_to("GOLD"), "SUB_1:2026-07-01:upgrade_GOLD_2")
    found = rules.taken_back(before, "SUB_1:2026-07-01:upgrade_GOLD", 15000, NOW)
    assert found is not None
    assert (found.tier, found.upgrades) == ("GOLD", ("SUB_1:2026-07-01:upgrade_GOLD_2",))


@pytest.mark.parametrize("charge", ["SUB_1:2026-06-01:renewal", "SUB_2:2026-07-01:first", ""])
@pytest.mark.parametrize("status", STATUSES)
def test_another_charge_changes_nothing(status: str, charge: str) -> None:
    before = replace(in_status(status), upgrades=("SUB_1:2026-07-01:upgrade_SILVER",))
    assert rules.taken_back(before, charge, 9700, NOW) is None


def test_an_expired_one_has_nothing_to_lose() -> None:
    before = rules.with_upgrade(in_status(EXPIRED), "SUB_1:2026-07-01:upgrade_GOLD")
    assert rules.taken_back(before, before.paid_by, 9700, NOW) is None
    assert rules.taken_back(before, before.upgrades[0], 10000, NOW) is None


@pytest.mark.parametrize(("order", "between"), [([1, 0], "SILVER"), ([0, 1], "GOLD")])
def test_without_the_money_of_two_upgrades_the_tier_is_the_first_one(order: list[int], between: str) -> None:
    before = upgraded_to("SILVER", "GOLD")
    cents = {before.upgrades[0]: 5000, before.upgrades[1]: 10000}
    one, other = (before.upgrades[number] for number in order)
    left = rules.taken_back(before, one, cents[one], NOW)
    assert left is not None
    # The highest that is still paid for, whatever was paid to come there.
    assert (left.tier, left.upgrades, left.value) == (between, (other,), 19700 - cents[one])
    bronze = rules.taken_back(left, other, cents[other], NOW)
    assert bronze is not None
    assert (bronze.tier, bronze.price, bronze.value, bronze.upgrades) == ("BRONZE", 4700, 4700, ())


def test_a_renewal_is_of_the_tier_that_it_paid_for() -> None:
    gold = upgraded_to("GOLD")
    renewed = rules.renewed(gold, gold.tier, on(END))
    assert rules.taken_back(renewed, gold.upgrades[0], 15000, on(END)) is None


def test_a_refund_takes_only_the_days_that_it_paid_for() -> None:
    first = rules.cancelled(begun(), "", on(START))
    second = begun(day=START + DAY, before=first)
    now = on(START + 2 * DAY)
    found = rules.taken_back(second, second.paid_by, 9700, now)
    assert found is not None
    assert (found.status, found.access_until, found.due_on) == (CANCELLED, first.access_until, END)
    assert found.value == second.value - 9700
    assert rules.entitled(found, now)
    assert rules.entitled(found, just_before(END))
    assert not rules.entitled(found, as_begins(END))


def test_and_once_these_are_used_it_ends_at_once() -> None:
    second = begun(day=START, before=rules.cancelled(begun(), "", on(START)))
    now = on(second.anchor + DAY)
    found = rules.taken_back(second, second.paid_by, 9700, now)
    assert found is not None
    assert (found.status, found.access_until) == (CANCELLED, now.moment)


def test_a_refunded_renewal_ends_at_once_however_it_began() -> None:
    second = begun(day=START, before=rules.cancelled(begun(), "", on(START)))
    renewed = rules.renewed(second, second.tier, on(second.period_end))
    now = on(renewed.period_start + DAY)
    found = rules.taken_back(renewed, renewed.paid_by, 9700, now)
    assert found is not None
    assert found.access_until == now.moment


def test_after_a_refund_no_more_is_put_on_top_than_is_left() -> None:
    first = rules.cancelled(begun(), "", on(START))
    second = begun(day=START, before=first)
    last = END - DAY
    gone = rules.taken_back(second, second.paid_by, 9700, on(last))
    # One day of the 31 that 97.00 have paid for.
    assert rules.left_over(gone, on(last)) == 313
