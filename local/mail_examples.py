"""Made-up mails of every template, in each state that its readers may be in: for previews, screenshots and tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from shared.memberships.tiers import TIERS
from shared.notifications.letters import Sender, letter
from shared.notifications.models import Command
from shared.notifications.rendering import Templates

SENDER = Sender("LivHana", "no-reply@example.com", "")
UNSUBSCRIBE = "https://api.example.com/api/notifications/unsubscribe?c=...&s=..."
AT = datetime(2026, 7, 1, 17, tzinfo=UTC)
BEFORE, LATER = "2026-07-01T16:59:59.000Z", "2026-08-01T05:00:00.000Z"
Data = Mapping[str, Any]


def _member(tier: str = "SILVER", **changes: Any) -> dict[str, Any]:
    offer = TIERS[tier]
    return {
        "tier": tier,
        "price": f"{offer.price // 100}.{offer.price % 100:02}",
        "discountPercent": offer.discount,
        "benefits": list(offer.benefits),
        "nextBillingDate": "2026-08-01",
        "status": "active",
        "amount": None,
        "reason": None,
        "nextTry": None,
        "accessUntil": None,
        **changes,
    }


def _buyer(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Ada Example",
        "raffle": "Blue Dream $250K",
        "raffleId": "RAFFLE_01JZ3MVK5Q8Y7R2N4T6W9XBCDE",
        "prize": "250000.00",
        "drawDate": "2026-09-01T00:00:00.000Z",
        "purchaseId": "TXN_01JZ3MVK5Q8Y7R2N4T6W9XBCDE",
        "ticketNumbers": "17-21,40",
        "bonusNumbers": "101-105",
        "amount": "300.00",
        **changes,
    }


def _alert(**changes: Any) -> dict[str, Any]:
    return {
        "state": "raised",
        "severity": "critical",
        "title": "Verification success rate is low",
        "message": "Success rate is 83.33% (10/12) in the last hour",
        "value": 83.33,
        "threshold": 90,
        "tags": ["verification"],
        "at": "2026-07-01T17:00:00.000Z",
        **changes,
    }


_EXPIRING = {"name": "José Núñez", "expiresAt": "2026-07-31", "reverifyUrl": "https://shop.example.com/verify"}
EXAMPLES: Mapping[str, Mapping[str, Data]] = {
    "age-verification-expiring": {"with a name": _EXPIRING, "without a name": {**_EXPIRING, "name": ""}},
    "membership_welcome": {"paid": _member(amount="97.00"), "bronze": _member("BRONZE", amount="47.00")},
    "membership_upgraded": {
        "paid": _member("GOLD", amount="64.52"),
        "at the end of a period": _member("GOLD", amount="0.00"),
    },
    "membership_cancelled": {
        "days are left": _member(status="cancelled", accessUntil=LATER),
        "ended now": _member(status="cancelled", accessUntil=BEFORE),
        "money went back": _member(status="cancelled", amount="97.00", accessUntil=BEFORE),
        "money went back, days are left": _member(status="cancelled", amount="97.00", accessUntil=LATER),
    },
    "membership_payment_failed": {
        "tried again": _member(
            status="past_due",
            amount="97.00",
            reason="This transaction has been declined.",
            nextTry="2026-08-04",
        ),
        "tried again, without a reason": _member(status="past_due", amount="97.00", nextTry="2026-08-04"),
        "given up": _member(status="expired", amount="97.00", reason="The credit card has expired."),
        "given up, without a reason": _member(status="expired", amount="97.00"),
    },
    "membership_renewed": {"paid": _member(amount="97.00")},
    "raffle_purchase_confirmation": {
        "with bonus entries": _buyer(),
        "one ticket, a prize in words": _buyer(
            ticketNumbers="7", bonusNumbers="", amount="50.00", prize="A year of tea", name=""
        ),
    },
    "raffle_winner_notification": {"won": _buyer(ticketNumber=18, rank=0)},
    "raffle_runner_up_notification": {"third": _buyer(ticketNumber=40, rank=3, bonusNumbers="")},
    "raffle_update": {
        "with a reason": _buyer(reason="Too few tickets were sold."),
        "without a reason": _buyer(reason=None, bonusNumbers=""),
        "nothing was paid": _buyer(reason=None, amount="0.00"),
    },
    "alert": {
        "raised": _alert(),
        "reminded": _alert(state="reminded"),
        "resolved": _alert(state="resolved", value=99.1),
        "without figures": _alert(value=None, threshold=None, tags="sync,square", severity="warning"),
    },
}


def letter_of(template: str, state: str, zone: str = "America/Chicago", sender: Sender = SENDER) -> EmailMessage:
    """The mail of an example, as it would be sent."""
    wanted = command(template, state)
    url = UNSUBSCRIBE if wanted.unsubscribable else ""
    return letter(wanted, Templates(zone, sender.name).render(wanted, url), sender, url, AT)


def command(template: str, state: str) -> Command:
    """As the sender would get it."""
    data = EXAMPLES[template][state]
    return Command(
        id=f"mail_{template}",
        template=template,
        to="ops@example.com" if template == "alert" else "customer@example.com",
        data=data,
        queued_at=AT,
        customer_hash="" if template == "alert" else "a" * 64,
        about="",
    )
