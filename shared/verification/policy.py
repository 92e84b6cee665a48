"""Which rule applies where and when. A change of the law is a new line in POLICIES; lines are never edited,
because every record names the version that it was decided under.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shared.verification.jurisdictions import jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    version: str
    """Stored in every record: `<in force from>/<state>`, or `house-<n>/US`."""
    state: str | None
    """USPS code; None is every state without a rule of its own."""
    minimum_age: int
    """Completed years."""
    validity_days: int
    """How long a verification holds, in days of 24 hours."""
    citation: str
    in_force_from: date
    """First local day."""


POLICIES: tuple[PolicyRule, ...] = (
    PolicyRule(
        version="house-1/US",
        state=None,
        minimum_age=21,
        validity_days=365,
        citation="House policy: 21 in every state, also where the law asks for less",
        in_force_from=date.min,  # so that every day has a rule
    ),
    PolicyRule(
        version="2024-09-23/CA",
        state="CA",
        minimum_age=21,
        validity_days=365,
        citation="California CDPH emergency regulation DPH-24-005, industrial hemp",
        in_force_from=date(2024, 9, 23),
    ),
    PolicyRule(
        version="2025-10-02/TX",
        state="TX",
        minimum_age=21,
        validity_days=365,
        citation="Texas DSHS consumable-hemp emergency rules, 25 TAC §§300.701–300.702",
        in_force_from=date(2025, 10, 2),
    ),
)


def policy_for(state: str | None, on: date, policies: Sequence[PolicyRule] = POLICIES) -> PolicyRule:
    """The newest rule in force on the local day `on`: the state's own before the one for every state.

    `state` is a USPS code in upper case, or None for the rule of every state. `policies` needs such a rule in
    force from `date.min`. Raises UnknownStateError.
    """
    if state is not None:
        jurisdiction(state)
    in_force = (rule for rule in policies if rule.state in (None, state) and rule.in_force_from <= on)
    return max(in_force, key=lambda rule: (rule.state is not None, rule.in_force_from))
