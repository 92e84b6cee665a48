"""What is on offer: data."""

from __future__ import annotations

from shared.memberships.models import Tier

# The cheapest first: a higher tier comes later.
TIERS = {
    tier.name: tier
    for tier in (
        Tier(
            "BRONZE",
            4700,
            10,
            ("10% discount on all products", "Monthly newsletter", "Member-only promotions"),
        ),
        Tier(
            "SILVER",
            9700,
            20,
            (
                "20% discount on all products",
                "Access to exclusive strains",
                "Monthly gift with purchase",
                "Priority customer support",
                "Early access to new products",
            ),
        ),
        Tier(
            "GOLD",
            19700,
            30,
            (
                "30% discount on all products",
                "VIP event invitations",
                "Monthly raffle entries",
                "Exclusive limited edition strains",
                "Concierge service",
                "Premium gift box monthly",
                "Private consultation sessions",
            ),
        ),
    )
}
NAMES = tuple(TIERS)


def is_higher(one: str, other: str) -> bool:
    """Whether the tier `one` is above `other`."""
    return NAMES.index(one) > NAMES.index(other)
