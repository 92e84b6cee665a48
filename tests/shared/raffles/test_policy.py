from dataclasses import FrozenInstanceError, replace
from datetime import date, timedelta

import pytest

from shared.raffles.policy import (
    BASES,
    CHARITABLE_RAFFLE,
    FREE_ENTRY_SWEEPSTAKES,
    OTHER,
    POLICIES,
    RafflePolicy,
    policy_for,
)
from shared.verification.jurisdictions import JURISDICTIONS

TODAY = date(2026, 7, 1)
TEXAS = policy_for(CHARITABLE_RAFFLE, "TX", TODAY)


@pytest.mark.parametrize("day", [date.min, date(2021, 6, 14), TODAY, date.max])
@pytest.mark.parametrize("basis", BASES)
def test_no_state_but_texas_is_sold_to(basis: str, day: date) -> None:
    assert not any(policy_for(basis, state, day).sold_to for state in JURISDICTIONS if state != "TX")


@pytest.mark.parametrize(
    ("basis", "day", "version"),
    [
        (CHARITABLE_RAFFLE, date(2021, 6, 14), "house-1/charitable_raffle/US"),
        (CHARITABLE_RAFFLE, date(2021, 6, 15), "2021-06-15/charitable_raffle/TX"),
        (FREE_ENTRY_SWEEPSTAKES, date(2009, 3, 31), "house-1/free_entry_sweepstakes/US"),
        (FREE_ENTRY_SWEEPSTAKES, TODAY, "2009-04-01/free_entry_sweepstakes/TX"),
        (OTHER, TODAY, "2021-06-15/other/TX"),
    ],
)
def test_the_rule_in_force_in_texas(basis: str, day: date, version: str) -> None:
    assert policy_for(basis, "TX", day).version == version


def test_a_charitable_raffle_in_texas() -> None:
    assert TEXAS.prize_value_cap == 7_500_000
    assert (TEXAS.money_prize, TEXAS.paid_tickets, TEXAS.raffles_per_year) == (False, True, 4)


def test_a_sweepstakes_has_no_paid_tickets_and_stays_below_50_000_dollars() -> None:
    rule = policy_for(FREE_ENTRY_SWEEPSTAKES, "TX", TODAY)
    assert (rule.paid_tickets, rule.money_prize, rule.prize_value_cap) == (False, True, 4_999_999)


def test_a_newer_rule_counts_from_its_first_day() -> None:
    newer = replace(TEXAS, version="2027-09-01/charitable_raffle/TX", since=date(2027, 9, 1), prize_value_cap=1)
    policies = (newer, *POLICIES)
    assert policy_for(CHARITABLE_RAFFLE, "TX", newer.since, policies) is newer
    assert policy_for(CHARITABLE_RAFFLE, "TX", newer.since - timedelta(days=1), policies) is TEXAS


@pytest.mark.parametrize("rule", POLICIES, ids=lambda rule: rule.version)
def test_what_is_not_confirmed_is_as_strict_as_what_is(rule: RafflePolicy) -> None:
    """Nobody gets further by naming a right that was not looked into: no paid ticket for more than Texas allows."""
    assert rule.confirmed or not rule.sold_to or not rule.paid_tickets or _limits(rule) == _limits(TEXAS)


def test_every_draw_can_be_checked_by_anyone() -> None:
    assert {method for rule in POLICIES for method in rule.draw_methods} == {("livhana-raffle-1", "drand")}


def test_versions_are_unique_and_name_day_basis_and_state() -> None:
    assert len({rule.version for rule in POLICIES}) == len(POLICIES)
    for rule in POLICIES:
        since = rule.since.isoformat() if rule.state else "house-1"
        assert rule.version == f"{since}/{rule.basis}/{rule.state or 'US'}"


def test_a_basis_that_is_none() -> None:
    with pytest.raises(ValueError, match="is no legal basis"):
        policy_for("no_such_basis", "TX", TODAY)


def test_a_rule_is_not_edited() -> None:
    with pytest.raises(FrozenInstanceError):
        TEXAS.prize_value_cap = 1  # type: ignore[misc]


def _limits(rule: RafflePolicy) -> tuple[object, ...]:
    return rule.prize_value_cap, rule.money_prize, rule.raffles_per_year, rule.draw_methods, rule.record_years
