"""Recurring revenue, churn and lifetime value. Pure, over every membership there is or was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from shared.memberships.models import ACTIVE, Member
from shared.memberships.tiers import TIERS
from shared.values.cents import share

WINDOW = timedelta(days=30)
HISTORY = timedelta(days=365)
MONTHS = 12


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A membership, as far as figures need it. `ended_at`: cancelled, or expired for want of payment."""

    id: str
    tier: str
    price: int
    active: bool
    started_at: datetime
    ended_at: datetime | None

    def member_at(self, moment: datetime) -> bool:
        return self.started_at <= moment and (self.ended_at is None or self.ended_at > moment)


def standings(members: Iterable[Member]) -> Iterator[Standing]:
    """The current and all past memberships."""
    for member in members:
        if (current := member.membership) is not None:
            yield Standing(
                id=current.id,
                tier=current.tier,
                price=current.price,
                active=current.status == ACTIVE,
                started_at=current.created_at,
                ended_at=current.ended_at,
            )
        for past in member.past:
            yield Standing(
                id=past.id,
                tier=past.tier,
                price=past.price,
                active=False,
                started_at=past.created_at,
                ended_at=past.ended_at,
            )


@dataclass(frozen=True)
class Figures:
    """All that the statistics show, over `everyone`, at the moment `at`."""

    everyone: Sequence[Standing]
    at: datetime

    @property
    def active(self) -> list[Standing]:
        """Members whose status is active: neither past due nor cancelled, though these may have access."""
        return [found for found in self.everyone if found.active]

    @property
    def mrr(self) -> int:
        """The sum of the monthly prices of active members, in cents."""
        return sum(found.price for found in self.active)

    @property
    def tiers(self) -> dict[str, int]:
        """Active members by tier."""
        return {name: sum(found.tier == name for found in self.active) for name in TIERS}

    @property
    def lost(self) -> list[Standing]:
        """Memberships that ended in the last 30 days: cancelled, or expired after the last try to charge."""
        since = self.at - WINDOW
        return [found for found in self.everyone if found.ended_at and since < found.ended_at <= self.at]

    @property
    def before(self) -> list[Standing]:
        """Memberships that had begun and not ended 30 days ago."""
        return [found for found in self.everyone if found.member_at(self.at - WINDOW)]

    @property
    def churn(self) -> Decimal:
        """`lost` over `before`, a ratio; 0 when there was nobody to lose."""
        return Decimal(len(self.lost)) / len(self.before) if self.before else Decimal(0)

    @property
    def churn_rate(self) -> str:
        """As on the wire: `5.26%`."""
        return f"{(self.churn * 100).quantize(Decimal('0.01'), ROUND_HALF_UP)}%"

    @property
    def has_history(self) -> bool:
        """Whether the first membership began a year ago."""
        return any(found.started_at <= self.at - HISTORY for found in self.everyone)

    def lifetime_value(self, price: int) -> int:
        """Of a tier, in cents: 12 months' price, and with a year of history price over churn, if there is any churn."""
        if not self.has_history or not self.churn:
            return price * MONTHS
        return share(price, len(self.before), len(self.lost))

    @property
    def lifetime_values(self) -> dict[str, int]:
        return {tier.name: self.lifetime_value(tier.price) for tier in TIERS.values()}
