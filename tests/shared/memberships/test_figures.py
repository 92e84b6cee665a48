"""What the figures mean: definitions that run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.memberships import answers, rules
from shared.memberships.figures import Figures, Standing, standings
from shared.memberships.models import Member
from shared.memberships.tiers import TIERS
from tests.factories.memberships import DAY, FEW, NOON, START, STATUSES, begun, in_status, on, standing

MONTH_AGO = NOON - timedelta(days=30)
YEAR_AGO = NOON - timedelta(days=365)
TICK = timedelta(microseconds=1)


def figures(*everyone: Standing) -> Figures:
    return Figures(everyone, NOON)


def churned(lost: int, stayed: int, **changes: Any) -> Figures:
    """`lost` of lost + stayed members ended yesterday."""
    gone = [standing(id=f"L{n}", ended_at=NOON - DAY, **changes) for n in range(lost)]
    return figures(*gone, *(standing(id=f"S{n}", **changes) for n in range(stayed)))


@st.composite
def everyones(draw: st.DrawFn) -> Figures:
    def one(number: int) -> Standing:
        started = NOON - draw(st.integers(0, 800)) * DAY
        ended = draw(st.none() | st.integers(0, 60))
        ended_at = None if ended is None else max(started, NOON - ended * DAY)
        tier = draw(st.sampled_from(list(TIERS)))
        return standing(id=f"MEM_{number}", tier=tier, started_at=started, ended_at=ended_at)

    return figures(*(one(number) for number in range(draw(st.integers(0, 12)))))


# --- from memberships


@pytest.mark.parametrize(
    ("status", "active", "ended"), [("active", 1, 0), ("past_due", 0, 0), ("cancelled", 0, 1), ("expired", 0, 1)]
)
def test_of_the_current_memberships_those_count_that_are_active(status: str, active: int, ended: int) -> None:
    (found,) = standings([Member(customer_hash="c", membership=in_status(status))])
    assert (found.active, found.ended_at is not None) == (bool(active), bool(ended))
    assert (found.id, found.tier, found.price, found.started_at) == ("MEM_1", "SILVER", 9700, on(START).moment)


def test_who_cancelled_and_rejoined_ended_once_and_began_twice() -> None:
    gone = rules.cancelled(begun("GOLD", START - 60 * DAY), "", on(START - 3 * DAY))
    again = begun("BRONZE", START, gone)
    member = Member(customer_hash="c", membership=again, past=(rules.past_of(gone, on(START)),))
    found = Figures(list(standings([member, Member(customer_hash="d")])), NOON)
    assert (found.mrr, len(found.active), found.tiers) == (4700, 1, {"BRONZE": 1, "SILVER": 0, "GOLD": 0})
    assert (len(found.lost), len(found.before), found.churn_rate) == (1, 1, "100.00%")


def test_an_upgrade_counts_at_its_new_price_and_ends_nothing() -> None:
    before = begun("SILVER", START - 60 * DAY)
    gold = rules.upgraded(before, "GOLD", rules.prorated(before, "GOLD", on(START)), on(START))
    found = Figures(list(standings([Member(customer_hash="c", membership=gold)])), NOON)
    assert (found.mrr, found.tiers["GOLD"], found.churn) == (19700, 1, 0)


# --- monthly recurring revenue


def test_of_nobody() -> None:
    found = figures()
    assert (found.mrr, found.active, found.tiers) == (0, [], {"BRONZE": 0, "SILVER": 0, "GOLD": 0})
    assert (found.churn, found.churn_rate) == (0, "0.00%")
    assert found.lifetime_values == {"BRONZE": 56400, "SILVER": 116400, "GOLD": 236400}


def test_the_sum_of_what_active_members_pay_a_month() -> None:
    found = figures(
        standing(tier="BRONZE"),
        standing(tier="GOLD"),
        standing(tier="GOLD"),
        standing(active=False),  # past due
        standing(ended_at=NOON - DAY),
    )
    assert (found.mrr, len(found.active)) == (44100, 3)
    assert found.tiers == {"BRONZE": 1, "SILVER": 0, "GOLD": 2}


@FEW
@given(everyones())
def test_by_tier_they_add_up(found: Figures) -> None:
    assert sum(found.tiers.values()) == len(found.active)
    assert sum(count * TIERS[tier].price for tier, count in found.tiers.items()) == found.mrr


# --- churn


@pytest.mark.parametrize(
    ("lost", "stayed", "rate"),
    [
        (1, 18, "5.26%"),
        (0, 19, "0.00%"),
        (0, 0, "0.00%"),
        (1, 0, "100.00%"),
        (1, 2, "33.33%"),
        (2, 1, "66.67%"),
        (1, 7, "12.50%"),
        (1, 1599, "0.06%"),  # 0.0625
        (1, 799, "0.13%"),  # 0.125: half up
    ],
)
def test_the_rate(lost: int, stayed: int, rate: str) -> None:
    assert churned(lost, stayed).churn_rate == rate


@pytest.mark.parametrize(
    ("ended_at", "lost", "before"),
    [
        (MONTH_AGO - TICK, 0, 0),
        (MONTH_AGO, 0, 0),
        (MONTH_AGO + TICK, 1, 1),
        (NOON - TICK, 1, 1),
        (NOON, 1, 1),
        (NOON + TICK, 0, 1),
        (None, 0, 1),
    ],
)
def test_the_end_at_the_boundaries(ended_at: Any, lost: int, before: int) -> None:
    found = figures(standing(ended_at=ended_at))
    assert (len(found.lost), len(found.before)) == (lost, before)


@pytest.mark.parametrize(("started_at", "before"), [(MONTH_AGO - TICK, 1), (MONTH_AGO, 1), (MONTH_AGO + TICK, 0)])
def test_the_beginning_at_the_boundary(started_at: Any, before: int) -> None:
    assert len(figures(standing(started_at=started_at)).before) == before


@pytest.mark.parametrize("moment", [MONTH_AGO, NOON - DAY])
def test_who_began_and_ended_in_the_same_second_was_nobody_to_lose_before(moment: Any) -> None:
    assert figures(standing(started_at=moment, ended_at=moment)).before == []


@FEW
@given(everyones())
def test_the_churn_is_the_contracts_fraction(found: Figures) -> None:
    lost = sum(MONTH_AGO < one.ended_at <= NOON for one in found.everyone if one.ended_at)
    before = sum(
        one.started_at <= MONTH_AGO and not (one.ended_at and one.ended_at <= MONTH_AGO) for one in found.everyone
    )
    exact = Fraction(lost, before) if before else Fraction(0)
    hundredths = floor(exact * 10000 + Fraction(1, 2))
    assert found.churn_rate == f"{hundredths // 100}.{hundredths % 100:02}%"


# --- lifetime value


@pytest.mark.parametrize(
    ("first", "lost", "values"),
    [
        (YEAR_AGO + TICK, 1, {"BRONZE": 56400, "SILVER": 116400, "GOLD": 236400}),
        (YEAR_AGO, 1, {"BRONZE": 89300, "SILVER": 184300, "GOLD": 374300}),
        (YEAR_AGO, 0, {"BRONZE": 56400, "SILVER": 116400, "GOLD": 236400}),
    ],
)
def test_before_and_after_a_year_of_history_and_without_churn(first: Any, lost: int, values: dict[str, int]) -> None:
    assert churned(lost, 19 - lost, started_at=first).lifetime_values == values


def test_a_year_of_history_may_be_of_somebody_who_is_gone() -> None:
    past = standing(started_at=YEAR_AGO, ended_at=YEAR_AGO + DAY)
    assert not churned(1, 3).has_history
    assert Figures([*churned(1, 3).everyone, past], NOON).lifetime_value(9700) == 38800


def test_the_lifetime_value_is_rounded_half_up_once() -> None:
    # 197.00 × 21 / 8 is 517.125.
    assert churned(8, 13, started_at=YEAR_AGO).lifetime_value(19700) == 51713


# --- explanations


@FEW
@given(everyones())
def test_what_mrr_is_made_of_adds_up_to_it(found: Figures) -> None:
    explained = answers.explanation("mrr", found)
    assert sum(part["value"] for part in explained["parts"]) == found.mrr
    assert Decimal(explained["total"]) * 100 == found.mrr
    assert len(explained["parts"]) == len(found.active)
    assert len({part["membership_id"] for part in explained["parts"]}) == len(found.active)


@FEW
@given(everyones())
def test_what_churn_is_made_of_counts_to_it(found: Figures) -> None:
    explained = answers.explanation("churn", found)
    groups = [part["group"] for part in explained["parts"]]
    assert explained["total"] == f"{groups.count('lost')} / {groups.count('before')}"
    if found.before:
        assert found.churn == Decimal(groups.count("lost")) / groups.count("before")
    assert set(groups) <= {"lost", "before"}


@FEW
@given(everyones())
def test_what_a_lifetime_value_is_made_of(found: Figures) -> None:
    explained = answers.explanation("ltv", found)
    assert explained["total"] is None
    assert {part["tier"]: part["value"] for part in explained["parts"]} == found.lifetime_values
    by_churn = found.has_history and found.lost and found.before
    for part in explained["parts"]:
        months = Fraction(len(found.before), len(found.lost)) if by_churn else Fraction(12)
        assert abs(Fraction(part["months"]) - months) <= Fraction(1, 200)
        assert abs(part["value"] - part["price"] * months) <= Fraction(1, 2) + Fraction(1, 10**9)


@pytest.mark.parametrize("metric", ["mrr", "churn", "ltv"])
def test_every_explanation_says_what_the_number_means(metric: str) -> None:
    explained = answers.explanation(metric, churned(1, 18))
    assert (explained["metric"], explained["definition"]) == (metric, answers.DEFINITIONS[metric])


def test_the_stats() -> None:
    assert answers.stats(churned(1, 18)) == {
        "monthly_recurring_revenue": 18 * 9700,
        "active_members": 18,
        "churn_rate": "5.26%",
        "tier_distribution": {"BRONZE": 0, "SILVER": 18, "GOLD": 0},
        "lifetime_value_by_tier": {"BRONZE": 56400, "SILVER": 116400, "GOLD": 236400},
        "generated_at": NOON,
    }


# --- a membership on the wire


@pytest.mark.parametrize("status", STATUSES)
def test_the_next_billing_date_is_there_while_one_follows(status: str) -> None:
    found = in_status(status)
    shown = answers.membership(found, "c-1", "c-1@example.com")
    follows = status in ("active", "past_due")
    assert shown["next_billing_date"] == (found.due_on if follows else None)
    assert shown["access_until"] == (found.access_until if status == "cancelled" else None)
    assert (shown["customer_id"], shown["email"], shown["payment_method_id"]) == ("c-1", "c-1@example.com", None)
    assert shown["benefits"] == TIERS["SILVER"].benefits
