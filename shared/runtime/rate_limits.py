"""The tiers of the API's rate limits, and what the caller is told about them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from shared.platform.context import Platform
from shared.platform.errors import Contended, TooMany, Unavailable
from shared.platform.permits import LEASE_SECONDS, WINDOW_SECONDS, Decision, OwnWindow
from shared.platform.settings import Settings
from shared.runtime.request import Principal

log = logging.getLogger(__name__)

# Tiers that count addresses, whoever signs in.
BY_ADDRESS = ("anonymous", "health", "webhook")
# Health is asked for when Firestore hangs, and has two seconds in all to say so.
HEALTH_LEASE_SECONDS = 0.5


@dataclass(frozen=True)
class Tier:
    name: str
    limit: int

    @property
    def lease_seconds(self) -> float:
        return HEALTH_LEASE_SECONDS if self.name == "health" else LEASE_SECONDS


def limits(settings: Settings) -> Mapping[str, int]:
    """Of each tier: requests in a window."""
    return {
        "anonymous": settings.rate_anonymous,
        "signed_in": settings.rate_signed_in,
        "admin": settings.rate_admin,
        "health": settings.rate_health,
        "webhook": settings.rate_webhook,
    }


def tier_for(settings: Settings, principal: Principal, fixed: str | None) -> Tier:
    """Health endpoints and webhooks have a tier of their own; everything else goes by who calls."""
    name = fixed or {"anonymous": "anonymous", "admin": "admin"}.get(principal.role, "signed_in")
    return Tier(name, limits(settings)[name])


def client_ip(settings: Settings, forwarded_for: str, remote: str) -> str:
    """The right-most hop that is not ours; everything to its left is whatever the client liked to write."""
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    position = 1 + settings.trusted_proxy_hops
    return hops[-position] if len(hops) >= position else remote


class RateLimiter:
    """Admits or refuses a request, and remembers what to write into the answer's headers."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._own_window = OwnWindow(platform.clock)

    def admit(self, tier: Tier, caller: str, *, here: bool = False) -> Decision:
        """`here`: this instance's own window decides, and Firestore is not asked.

        Failure policy: without Firestore the limit falls back to this instance's own window, and says so.
        """
        # Keyed, so that nobody who reads the store can try out ids and addresses.
        key = self._platform.customer_hash(f"{tier.name}:{caller}")
        decision = self._own_window.admit(key, tier.limit) if here else self._decided(key, tier)
        for name in ("rate_limit_hits", *([] if decision.allowed else ["rate_limit_blocks"])):
            self._platform.metrics.count(name)
            self._platform.metrics.count(f"{name}_{tier.name}")
        return decision

    def _decided(self, key: str, tier: Tier) -> Decision:
        try:
            return self._leased(key, tier)
        except Contended:
            # Others are taking permits this very moment: admitting here could pass the limit.
            return Decision(False, 0, 1)
        except Unavailable:
            log.warning("rate_limit_fallback", extra={"tier": tier.name, "metric": "rate_limit_fallback"})
            return self._own_window.admit(key, tier.limit)

    def _leased(self, key: str, tier: Tier) -> Decision:
        decision = self._platform.permits.admit(key, tier.limit, tier.lease_seconds)
        if decision.allowed:
            # Counted in the own window too: when Firestore falls silent, it must not start from nothing.
            self._own_window.admit(key, tier.limit)
        return decision


def headers(tier: Tier, decision: Decision) -> Mapping[str, str]:
    """RateLimit and RateLimit-Policy of the IETF draft."""
    return {
        "RateLimit-Policy": f'"{tier.name}";q={tier.limit};w={WINDOW_SECONDS}',
        "RateLimit": f'"{tier.name}";r={decision.remaining};t={decision.reset_seconds}',
    }


def refused(tier: Tier, decision: Decision) -> TooMany:
    wait = decision.reset_seconds
    return TooMany(
        "Too many requests",
        tier=tier.name,
        retryAfter=f"{wait}s",
        message=f"At most {tier.limit} requests a minute. Try again in {wait} s.",
        limit=tier.limit,
        headers={"Retry-After": str(wait)},
    )
