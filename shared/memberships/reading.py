"""What a membership takes off a price, and the figures over all. Nothing here needs a key or the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from shared.memberships import rules
from shared.memberships.figures import Figures, standings
from shared.memberships.models import ACTIVE, Member
from shared.memberships.repository import Memberships
from shared.memberships.rules import Now
from shared.platform.context import Platform


@dataclass(frozen=True)
class PaidTier:
    """`charges`: ids of those that it is paid by."""

    name: str
    charges: tuple[str, ...]


@dataclass(frozen=True)
class Discount:
    """Cents; `tier` None: no discount."""

    amount: int
    total: int
    percent: int = 0
    tier: str | None = None


class MembershipReader:
    """One per instance."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._repository = Memberships(platform)

    @classmethod
    def on(cls, platform: Platform) -> MembershipReader:
        return platform.once(cls, lambda: cls(platform))

    def discount(self, customer_id: str, subtotal: Decimal) -> Discount:
        """Of a subtotal in dollars, at this moment. Raises `Unavailable`."""
        membership = self._member(customer_id).membership
        if membership is None or not rules.entitled(membership, self._now()):
            return Discount(*rules.discount(subtotal, 0))
        return Discount(*rules.discount(subtotal, membership.discount), membership.discount, membership.tier)

    def paid_tier(self, customer_id: str) -> PaidTier | None:
        """That of an active member whose days are paid, grace not counted. Raises `Unavailable`."""
        membership = self._member(customer_id).membership
        if membership is None or membership.status != ACTIVE or not rules.paid(membership, self._now()):
            return None
        return PaidTier(membership.tier, rules.paying(membership))

    def figures(self) -> Figures:
        """Over every membership. Raises `Unavailable`."""
        return Figures(list(standings(self._repository.everyone())), self._platform.clock.now())

    def _member(self, customer_id: str) -> Member:
        return self._repository.get(self._platform.customer_hash(customer_id)).member

    def _now(self) -> Now:
        return Now(self._platform.clock.now(), self._platform.settings.store_timezone)
