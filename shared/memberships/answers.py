"""Memberships and figures as their wire shapes want them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.memberships.figures import MONTHS, Figures, Standing
from shared.memberships.models import ACTIVE, CANCELLED, PAST_DUE, Membership
from shared.memberships.tiers import TIERS
from shared.values.cents import dollars

DEFINITIONS = {
    "mrr": "The sum of the monthly prices of active members.",
    "churn": "Memberships that ended in the last 30 days, over memberships that had begun and not ended 30 days ago.",
    "ltv": "12 months' price; with a year of history and any churn, price over the churn of 30 days.",
}


def membership(found: Membership, customer_id: str, email: str) -> dict[str, Any]:
    """`MembershipWithBenefitsShape`."""
    cancelled = found.status == CANCELLED
    return {
        **vars(found),
        "customer_id": customer_id,
        "email": email,
        "discount_percent": found.discount,
        "payment_method_id": found.method.id if found.method else None,
        "next_billing_date": found.due_on if found.status in (ACTIVE, PAST_DUE) else None,
        "cancel_reason": found.cancel_reason or None,
        "access_until": found.access_until if cancelled else None,
        "benefits": TIERS[found.tier].benefits,
    }


def stats(figures: Figures) -> dict[str, Any]:
    """`MembershipStatsShape`."""
    return {
        "monthly_recurring_revenue": figures.mrr,
        "active_members": len(figures.active),
        "churn_rate": figures.churn_rate,
        "tier_distribution": figures.tiers,
        "lifetime_value_by_tier": figures.lifetime_values,
        "generated_at": figures.at,
    }


def explanation(metric: str, figures: Figures) -> dict[str, Any]:
    """`ExplanationShape`."""
    total, parts = EXPLAINED[metric](figures)
    return {"metric": metric, "definition": DEFINITIONS[metric], "total": total, "parts": parts}


def _mrr(figures: Figures) -> tuple[str | None, list[dict[str, Any]]]:
    parts = [_part(found, value=found.price) for found in figures.active]
    return dollars(sum(part["value"] for part in parts)), parts


def _churn(figures: Figures) -> tuple[str | None, list[dict[str, Any]]]:
    lost = [_part(found, group="lost") for found in figures.lost]
    before = [_part(found, group="before") for found in figures.before]
    return f"{len(lost)} / {len(before)}", [*lost, *before]


def _ltv(figures: Figures) -> tuple[str | None, list[dict[str, Any]]]:
    by_churn = figures.has_history and figures.churn > 0
    months = f"{1 / figures.churn:.2f}" if by_churn else str(MONTHS)
    values = figures.lifetime_values
    parts = [
        {"tier": tier.name, "price": tier.price, "months": months, "value": values[tier.name]}
        for tier in TIERS.values()
    ]
    return None, parts


def _part(found: Standing, **more: Any) -> dict[str, Any]:
    return {
        "membership_id": found.id,
        "tier": found.tier,
        "price": found.price,
        "started_at": found.started_at,
        "ended_at": found.ended_at,
        **more,
    }


EXPLAINED: dict[str, Callable[[Figures], tuple[str | None, list[dict[str, Any]]]]] = {
    "mrr": _mrr,
    "churn": _churn,
    "ltv": _ltv,
}
