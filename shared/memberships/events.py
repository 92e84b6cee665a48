"""What memberships tell the rest of the house, on topic `membership-events`, and the mails that go with it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from shared.memberships.models import Membership
from shared.memberships.tiers import TIERS
from shared.payments.models import Charge
from shared.platform.clock import wire_time
from shared.platform.mail import Mail
from shared.platform.outbox import Event
from shared.values.cents import dollars

TOPIC = "membership-events"
STARTED, UPGRADED, RENEWED, PAYMENT_FAILED = "started", "upgraded", "renewed", "payment_failed"
CANCELLED, EXPIRED, DOWNGRADED = "cancelled", "expired", "downgraded"
LAPSED = "lapsed"
# Told to the customer as well.
TEMPLATES = {
    STARTED: "membership_welcome",
    UPGRADED: "membership_upgraded",
    RENEWED: "membership_renewed",
    PAYMENT_FAILED: "membership_payment_failed",
    EXPIRED: "membership_payment_failed",
    CANCELLED: "membership_cancelled",
}


def changed(
    event_id: str,
    kind: str,
    customer_hash: str,
    request_id: str,
    membership: Membership,
    at: datetime,
    *,
    charge: Charge | None = None,
    previous_tier: str | None = None,
) -> Event:
    """A membership as it is after something has happened to it. Nothing personal, no reason that a person typed."""
    data = {
        "membershipId": membership.id,
        "subscriptionId": membership.subscription_id,
        "tier": membership.tier,
        "previousTier": previous_tier,
        "status": membership.status,
        "priceCents": membership.price,
        "discountPercent": membership.discount,
        "startDate": membership.start_date.isoformat(),
        "periodStart": membership.period_start.isoformat(),
        "nextBillingDate": membership.period_end.isoformat(),
        "cancelDate": _day(membership.cancel_date),
        "accessUntil": wire_time(membership.access_until) if membership.access_until else None,
        "declines": membership.declines,
        "chargeId": charge.id if charge else None,
        "chargeCents": charge.cents if charge else None,
    }
    return Event(
        id=event_id,
        type=f"membership.{kind}",
        topic=TOPIC,
        occurred_at=at,
        request_id=request_id,
        customer_hash=customer_hash,
        data=data,
    )


def mail(
    mail_id: str,
    kind: str,
    to: str,
    customer_hash: str,
    membership: Membership,
    at: datetime,
    charge: Charge | None = None,
) -> Mail | None:
    """The mail about it. Money in its data is text in dollars, a day `YYYY-MM-DD`. None: nobody is to be told."""
    if not to or kind not in TEMPLATES:
        return None
    data: dict[str, Any] = {
        "tier": membership.tier,
        "price": dollars(membership.price),
        "discountPercent": membership.discount,
        "benefits": list(TIERS[membership.tier].benefits),
        "nextBillingDate": membership.period_end.isoformat(),
        "status": membership.status,
        "amount": dollars(charge.cents) if charge else None,
        "reason": charge.reason if charge and charge.reason else None,
        "nextTry": _day(membership.due_on) if kind == PAYMENT_FAILED else None,
        "accessUntil": wire_time(membership.access_until) if membership.access_until else None,
    }
    return Mail(
        id=mail_id,
        template=TEMPLATES[kind],
        to=to,
        data=data,
        queued_at=at,
        customer_hash=customer_hash,
        about=membership.id,
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
