from dataclasses import replace
from datetime import date

import pytest

from shared.raffles.legal import Facts, LegalBasis, violations
from shared.raffles.policy import CHARITABLE_RAFFLE, FREE_ENTRY_SWEEPSTAKES, OTHER

TODAY = date(2026, 7, 1)
BASIS = LegalBasis(
    basis=CHARITABLE_RAFFLE,
    organisation="Example Volunteer Fire Department",
    reference="IRS determination letter of 2019-03-04",
    prize_value=75_000_00,
    signed_off_by="A. Counsel",
    states=("TX",),
)
FACTS = Facts(
    prize="A truck",
    ticket_price=50_00,
    algorithm="livhana-raffle-1",
    entropy="drand",
    raffles_in_year=3,
    record_years=7,
)


def rules(basis: LegalBasis = BASIS, facts: Facts = FACTS, on: date = TODAY) -> list[str]:
    return [violation.rule for violation in violations(basis, facts, on)]


@pytest.mark.parametrize("basis", [CHARITABLE_RAFFLE, OTHER])
def test_a_raffle_at_every_limit_is_allowed(basis: str) -> None:
    assert rules(replace(BASIS, basis=basis)) == []


@pytest.mark.parametrize("basis", [CHARITABLE_RAFFLE, OTHER])
@pytest.mark.parametrize(
    ("recorded", "known", "rule"),
    [
        ({"prize_value": 75_000_01}, {}, "prize_value_cap"),
        ({"prize_is_money": True}, {}, "money_prize"),
        ({}, {"prize": 1_00}, "money_prize"),
        ({"states": ("CA",)}, {}, "states_sold_to"),
        ({"states": ("TX", "CA")}, {}, "states_sold_to"),
        ({"states": ()}, {}, "states_sold_to"),
        ({"states": ("XX",)}, {}, "states_sold_to"),
        ({}, {"entropy": "local"}, "draw_method"),
        ({}, {"algorithm": "livhana-raffle-0"}, "draw_method"),
        ({}, {"raffles_in_year": 4}, "raffles_per_year"),
        ({}, {"record_years": 6}, "record_years"),
    ],
)
def test_one_step_beyond_a_limit_is_one_violation(
    basis: str, recorded: dict[str, object], known: dict[str, object], rule: str
) -> None:
    assert rules(replace(BASIS, basis=basis, **recorded), replace(FACTS, **known)) == [rule]  # type: ignore[arg-type]


def test_an_amount_as_the_prize_counts_even_if_less_was_recorded() -> None:
    assert rules(replace(BASIS, prize_value=1), replace(FACTS, prize=250_000_00)) == ["prize_value_cap", "money_prize"]


def test_a_quarter_of_a_million_in_money_at_50_dollars_has_no_basis() -> None:
    money = replace(BASIS, prize_value=250_000_00, prize_is_money=True)
    facts = replace(FACTS, prize=250_000_00)
    assert rules(money, facts) == ["prize_value_cap", "money_prize"]
    assert rules(replace(money, basis=OTHER), facts) == ["prize_value_cap", "money_prize"]
    assert rules(replace(money, basis=FREE_ENTRY_SWEEPSTAKES), facts) == ["prize_value_cap", "paid_tickets"]


def test_a_sweepstakes_for_nothing_may_give_money_any_number_of_times() -> None:
    sweepstakes = replace(BASIS, basis=FREE_ENTRY_SWEEPSTAKES, prize_value=49_999_99, prize_is_money=True)
    facts = replace(FACTS, ticket_price=0, prize=49_999_99, raffles_in_year=99)
    assert rules(sweepstakes, facts) == []
    assert rules(replace(sweepstakes, prize_value=50_000_00), facts) == ["prize_value_cap"]
    assert rules(sweepstakes, replace(facts, ticket_price=1)) == ["paid_tickets"]


def test_a_violation_says_what_is_wrong_in_a_sentence_with_its_source() -> None:
    [violation] = violations(replace(BASIS, prize_value=250_000_00), FACTS, TODAY)
    assert violation.sentence == "The prize is worth $250,000.00, and $75,000.00 is the most in TX."
    assert "2002.056" in violation.citation


def test_the_rule_of_the_day_counts() -> None:
    assert rules(on=date(2021, 6, 14)) == ["states_sold_to"]
    assert rules(on=date(2021, 6, 15)) == []


def test_a_state_that_is_named_twice_is_one() -> None:
    assert rules(replace(BASIS, states=("CA", "CA"))) == ["states_sold_to"]


def test_a_basis_that_the_policy_does_not_know() -> None:
    with pytest.raises(ValueError, match="is no legal basis"):
        violations(replace(BASIS, basis="hope"), FACTS, TODAY)
