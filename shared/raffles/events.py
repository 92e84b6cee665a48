"""What raffles tell the rest of the house, on topic `raffle-events`, and the mails that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.platform.clock import wire_time
from shared.platform.mail import Mail
from shared.platform.outbox import Event
from shared.raffles.models import Buyer, Purchase, Raffle
from shared.raffles.ranges import text
from shared.values.cents import dollars

TOPIC = "raffle-events"
CREATED, UPDATED, ACTIVATED, COMPLETED = "created", "updated", "activated", "completed"
SOLD_OUT, REOPENED, SALES_CLOSED, DRAWN, CANCELLED = "sold_out", "reopened", "sales_closed", "drawn", "cancelled"
PURCHASED, REFUNDED = "tickets_purchased", "tickets_refunded"
BONUS_TAKEN_BACK = "bonus_taken_back"
# Mails.
BOUGHT, WON = "raffle_purchase_confirmation", "raffle_winner_notification"
RUNNER_UP, CALLED_OFF = "raffle_runner_up_notification", "raffle_update"


def of_raffle(event_id: str, kind: str, raffle: Raffle, request_id: str, at: datetime) -> Event:
    """A raffle as it is after something has happened to it. Nothing personal."""
    closing, drawing = raffle.closing, raffle.drawing
    data = {
        "raffleId": raffle.id,
        "name": raffle.name,
        "status": raffle.status,
        "ticketPriceCents": raffle.ticket_price,
        "maxTickets": raffle.max_tickets,
        "ticketsSold": raffle.sold,
        "bonusEntries": raffle.bonus,
        "ticketsReserved": raffle.reserved,
        "revenueCents": raffle.revenue,
        "drawDate": wire_time(raffle.draw_date),
        "seedCommitment": raffle.seed_commitment,
        "legalBasis": raffle.legal.basis if raffle.legal else None,
        "legalReference": raffle.legal.reference if raffle.legal else None,
        "ledgerRoot": closing.root if closing else None,
        "drandRound": closing.round or None if closing else None,
        "winningTicket": drawing.picks[0].ticket if drawing else None,
        "winningPurchaseId": drawing.picks[0].purchase_id if drawing else None,
    }
    return _event(kind, event_id, "", request_id, data, at)


def of_purchase(event_id: str, kind: str, purchase: Purchase, at: datetime) -> Event:
    """Tickets that were paid, or whose money went back, or the bonus with them. Numbers as `1-5,9`."""
    data = {
        "raffleId": purchase.raffle_id,
        "purchaseId": purchase.id,
        "chargeId": purchase.charge_id,
        "paidNumbers": text(purchase.paid),
        "bonusNumbers": text(purchase.bonus) or None,
        "paidTickets": purchase.paid_tickets,
        "bonusTickets": purchase.bonus_tickets,
        "priceCents": purchase.price,
        "cents": purchase.cents,
        "status": purchase.state,
    }
    return _event(kind, event_id, purchase.customer_hash, purchase.request_id, data, at)


def mail(
    mail_id: str,
    template: str,
    buyer: Buyer,
    raffle: Raffle,
    purchase: Purchase,
    at: datetime,
    more: Mapping[str, Any] | None = None,
) -> Mail | None:
    """Money in its data is text in dollars, numbers `1-5,9`. None: the address cannot be opened."""
    if not buyer.email:
        return None
    data: dict[str, Any] = {
        "name": buyer.name,
        "raffle": raffle.name,
        "raffleId": raffle.id,
        "prize": raffle.prize if isinstance(raffle.prize, str) else dollars(raffle.prize),
        "drawDate": wire_time(raffle.draw_date),
        "purchaseId": purchase.id,
        "ticketNumbers": text(purchase.paid),
        "bonusNumbers": text(purchase.bonus),
        "amount": dollars(purchase.cents),
        **(more or {}),
    }
    return Mail(
        id=mail_id,
        template=template,
        to=buyer.email,
        data=data,
        queued_at=at,
        customer_hash=purchase.customer_hash,
        about=purchase.id,
    )


def _event(kind: str, event_id: str, customer: str, request_id: str, data: dict[str, Any], at: datetime) -> Event:
    return Event(
        id=event_id,
        type=f"raffle.{kind}",
        topic=TOPIC,
        occurred_at=at,
        request_id=request_id,
        customer_hash=customer,
        data=data,
    )
