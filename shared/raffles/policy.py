"""What a raffle may be on which legal basis, where and when. Not legal advice: see docs/raffles-law.md.

A change of the law, or a right that counsel has confirmed, is a new line in POLICIES; lines are never edited. What
could not be confirmed is `confirmed=False`, and then as strict as what could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

CHARITABLE_RAFFLE = "charitable_raffle"
FREE_ENTRY_SWEEPSTAKES = "free_entry_sweepstakes"
OTHER = "other"
BASES = (CHARITABLE_RAFFLE, FREE_ENTRY_SWEEPSTAKES, OTHER)

# How a winner is found: the algorithm, and where its randomness is from. No statute asks for one: it is a house rule
# that nobody, the shop included, can know or choose the outcome.
VERIFIABLE = (("livhana-raffle-1", "drand"),)

# As long as commerce.raffles, raffle_tickets and raffle_transactions are kept. Chapter 2002 names no time.
RECORD_YEARS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class RafflePolicy:
    version: str
    """`<since>/<basis>/<state>`, or `house-<n>/<basis>/US`."""
    basis: str
    state: str | None
    """USPS code; None is every state without a rule of its own."""
    sold_to: bool
    """Whether tickets may be sold to people there. If not, nothing else of the rule counts."""
    prize_value_cap: int | None
    """Cents, inclusive; None is no cap."""
    money_prize: bool
    paid_tickets: bool
    raffles_per_year: int | None
    """With prizes awarded in one calendar year, by one organisation; None is any number."""
    draw_methods: tuple[tuple[str, str], ...]
    """(algorithm, entropy)."""
    record_years: int
    confirmed: bool
    """Whether the numbers were found in the statute, or in two independent accounts of it."""
    citation: str
    since: date
    """First local day."""


def _sold_nowhere(basis: str) -> RafflePolicy:
    """The rule of every state that nobody has looked into, on every day."""
    return RafflePolicy(
        version=f"house-1/{basis}/US",
        basis=basis,
        state=None,
        sold_to=False,
        prize_value_cap=0,
        money_prize=False,
        paid_tickets=False,
        raffles_per_year=0,
        draw_methods=(),
        record_years=RECORD_YEARS,
        confirmed=False,
        citation="House rule: no sales where the law has not been looked into",
        since=date.min,
    )


POLICIES: tuple[RafflePolicy, ...] = (
    *(_sold_nowhere(basis) for basis in BASES),
    RafflePolicy(
        version="2021-06-15/charitable_raffle/TX",
        basis=CHARITABLE_RAFFLE,
        state="TX",
        sold_to=True,
        # Of a prize that the organisation buys or gives any consideration for. The law has a higher cap for a dwelling
        # ($750,000 since 2023-09-01), and none for a donated prize; neither is recorded, so neither is granted.
        prize_value_cap=75_000_00,
        money_prize=False,
        paid_tickets=True,
        raffles_per_year=4,
        draw_methods=VERIFIABLE,
        record_years=RECORD_YEARS,
        confirmed=True,
        citation="Texas Occupations Code §§2002.052, 2002.054, 2002.056, as amended by H.B. 2757 (2021)",
        since=date(2021, 6, 15),
    ),
    RafflePolicy(
        version="2009-04-01/free_entry_sweepstakes/TX",
        basis=FREE_ENTRY_SWEEPSTAKES,
        state="TX",
        sold_to=True,
        # Chapter 622 begins with a most valuable prize of $50,000: below it, and below it only, it does not apply.
        prize_value_cap=49_999_99,
        money_prize=True,
        paid_tickets=False,
        raffles_per_year=None,
        draw_methods=VERIFIABLE,
        record_years=RECORD_YEARS,
        confirmed=False,
        citation="Texas Penal Code §47.01(7); Texas Business and Commerce Code chapter 622 (§622.101)",
        since=date(2009, 4, 1),
    ),
    RafflePolicy(
        version="2021-06-15/other/TX",
        basis=OTHER,
        state="TX",
        sold_to=True,
        prize_value_cap=75_000_00,
        money_prize=False,
        paid_tickets=True,
        raffles_per_year=4,
        draw_methods=VERIFIABLE,
        record_years=RECORD_YEARS,
        confirmed=False,
        citation="House rule: a right that this policy does not know has the limits of Texas Occupations Code "
        "chapter 2002",
        since=date(2021, 6, 15),
    ),
)


def policy_for(basis: str, state: str, on: date, policies: Sequence[RafflePolicy] = POLICIES) -> RafflePolicy:
    """The newest rule in force on the local day `on`: the state's own before the one for every state.

    `basis` is one of BASES, else ValueError. `state` is a USPS code in upper case; a code that does not exist is a
    state without a rule of its own. `policies` needs a rule for every state from `date.min`.
    """
    if basis not in BASES:
        raise ValueError(f"{basis} is no legal basis")
    in_force = [rule for rule in policies if rule.basis == basis and rule.state in (None, state) and rule.since <= on]
    return max(in_force, key=lambda rule: (rule.state is not None, rule.since))
