"""The legal basis of a raffle, as an admin records it, and what of it can be checked. Pure. Not legal advice.

Whether the organisation qualifies, how tickets are advertised and sold, and the rest of docs/raffles-law.md cannot be
checked here: that is what the person who signs off answers for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from shared.raffles.models import LegalBasis
from shared.raffles.policy import RafflePolicy, policy_for


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a raffle without asking anybody.

    `prize`: text, or cents. `raffles_in_year`: other raffles of the same organisation with a prize awarded, or to be
    awarded, in the calendar year of this one's draw. `record_years`: how long its records are kept.
    """

    prize: str | int
    ticket_price: int
    algorithm: str
    entropy: str
    raffles_in_year: int
    record_years: int


@dataclass(frozen=True, kw_only=True)
class Violation:
    """`rule`: a stable name, for programs; `sentence`: for people."""

    rule: str
    sentence: str
    citation: str


def violations(basis: LegalBasis, facts: Facts, on: date) -> list[Violation]:
    """What the policy of the local day `on` does not allow, by state; empty when nothing was found.

    Raises ValueError for a basis that the policy does not know.
    """
    if not basis.states:
        sentence = "The legal basis names no state that tickets are sold to."
        return [Violation(rule="states_sold_to", sentence=sentence, citation="House rule: a basis is one of a place")]
    return [
        Violation(rule=rule, sentence=sentence, citation=policy.citation)
        for state in sorted(set(basis.states))
        for policy in [policy_for(basis.basis, state, on)]
        for rule, sentence in _violated(policy, state, basis, facts)
    ]


def _violated(policy: RafflePolicy, state: str, basis: LegalBasis, facts: Facts) -> Iterator[tuple[str, str]]:
    if not policy.sold_to:
        yield "states_sold_to", f"Tickets cannot be sold to {state}."
        return
    yield from _of_prize(policy, state, basis, facts)
    yield from _of_sale(policy, state, facts)
    if (facts.algorithm, facts.entropy) not in policy.draw_methods:
        yield "draw_method", f"A draw by {facts.algorithm} with {facts.entropy} randomness is not allowed in {state}."
    if facts.record_years < policy.record_years:
        yield "record_years", f"Records must be kept {policy.record_years} years, and are kept {facts.record_years}."


def _of_prize(policy: RafflePolicy, state: str, basis: LegalBasis, facts: Facts) -> Iterator[tuple[str, str]]:
    # A prize that is given as an amount is money of at least that value, whatever was recorded of it.
    amount = facts.prize if isinstance(facts.prize, int) else None
    value = max(basis.prize_value, amount or 0)
    if policy.prize_value_cap is not None and value > policy.prize_value_cap:
        yield (
            "prize_value_cap",
            f"The prize is worth {_dollars(value)}, and {_dollars(policy.prize_value_cap)} is the most in {state}.",
        )
    if not policy.money_prize and (basis.prize_is_money or amount is not None):
        yield "money_prize", f"The prize must not be money in {state}."


def _of_sale(policy: RafflePolicy, state: str, facts: Facts) -> Iterator[tuple[str, str]]:
    if not policy.paid_tickets and facts.ticket_price > 0:
        yield "paid_tickets", f"A ticket must cost nothing in {state}, and costs {_dollars(facts.ticket_price)}."
    most, others = policy.raffles_per_year, facts.raffles_in_year
    if most is not None and others >= most:
        yield (
            "raffles_per_year",
            f"In {state} an organisation has {most} raffles in one year at most, and there are {others} already.",
        )


def _dollars(cents: int) -> str:
    """`25000000` → `$250,000.00`."""
    return f"${cents // 100:,}.{cents % 100:02}"
