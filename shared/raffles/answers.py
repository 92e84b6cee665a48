"""Raffles as their wire shapes want them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.raffles.draw import ALGORITHM
from shared.raffles.models import ACTIVE, DRAND, STATUSES, Buyer, Closing, Pick, Purchase, Raffle
from shared.raffles.ranges import numbers
from shared.raffles.reading import Audit, Ticket
from shared.values.cents import dollars, share

if TYPE_CHECKING:
    from shared.raffles.cancelling import Refunds

NOTES = {
    "": "The seed was fixed when the raffle was made. When sales close, the ledger and the number of a drand round "
    "that does not exist yet are published here, and the round then decides.",
    DRAND: "The result follows from the seed, the ledger and a drand round that did not exist when both were fixed.",
    "local": "The randomness of this draw was made by the shop's own machine, not by drand: that it was made once, and "
    "not chosen, cannot be checked.",
}


def public(raffle: Raffle) -> dict[str, Any]:
    """`RaffleShape`, and what `RaffleRecordShape` has beyond it."""
    return {
        **{name: getattr(raffle, name) for name in ("id", "name", "description", "prize", "status", "draw_date")},
        **{name: getattr(raffle, name) for name in ("ticket_price", "max_tickets", "created_at", "updated_at")},
        "tickets_sold": raffle.sold,
        "tickets_reserved": raffle.reserved,
        "tickets_remaining": raffle.remaining,
        "total_revenue": raffle.revenue,
    }


def record(raffle: Raffle) -> dict[str, Any]:
    """`RaffleRecordShape`."""
    return {**public(raffle), "seed_commitment": raffle.seed_commitment, "legal_basis": raffle.legal}


def detail(raffle: Raffle, buyers: Sequence[tuple[Pick, Buyer]]) -> dict[str, Any]:
    """`RaffleDetailShape`. `buyers`: for an admin."""
    known = {pick.rank: buyer.customer_id for pick, buyer in buyers}
    drawing = raffle.drawing
    picks = [
        {
            "rank": pick.rank,
            "ticket_number": pick.ticket,
            "draw_date": drawing.at,
            **({"customer_id": known[pick.rank]} if pick.rank in known else {}),
        }
        for pick in (drawing.picks if drawing else ())
        if drawing
    ]
    return {**public(raffle), "winner": picks[0] if picks else None, "runner_ups": picks[1:]}


def progress(raffle: Raffle, now: datetime) -> dict[str, Any]:
    """`ProgressAnswer`. `time_remaining` is null when the draw date is over."""
    left = int((raffle.draw_date - now).total_seconds()) // 60
    hundredths = share(10_000, raffle.sold, raffle.max_tickets)
    return {
        **public(raffle),
        "raffle_id": raffle.id,
        "percent_sold": dollars(hundredths),
        "time_remaining": {"days": left // 1440, "hours": left // 60 % 24, "minutes": left % 60} if left > 0 else None,
    }


def bought(purchase: Purchase) -> dict[str, Any]:
    """`PurchaseAnswer`."""
    paid, bonus = list(numbers(purchase.paid)), list(numbers(purchase.bonus))
    return {
        "transaction": {
            "id": purchase.id,
            "raffle_id": purchase.raffle_id,
            "num_tickets": len(paid),
            "ticket_numbers": paid,
            "bonus_entries": len(bonus),
            "amount": purchase.cents,
            "timestamp": purchase.updated_at,
        },
        "tickets": [
            {"ticket_number": number, "is_bonus_entry": extra}
            for extra, some in ((False, paid), (True, bonus))
            for number in some
        ],
    }


def tickets(found: Sequence[Ticket]) -> dict[str, Any]:
    """`TicketsAnswer`."""
    bonus = sum(ticket.bonus for ticket in found)
    shown = [
        {
            "id": f"{ticket.purchase.id}-{ticket.number}",
            "purchase_id": ticket.purchase.id,
            "ticket_number": ticket.number,
            "is_bonus_entry": ticket.bonus,
            "purchase_date": ticket.purchase.created_at,
            "is_winner": ticket.rank == 0,
            "is_runner_up": bool(ticket.rank),
            "runner_up_rank": ticket.rank or None,
        }
        for ticket in found
    ]
    return {"tickets": shown, "count": len(found), "paid_tickets": len(found) - bonus, "bonus_tickets": bonus}


def audit(found: Audit) -> dict[str, Any]:
    """`AuditShape`. `ledger` and `receipt` when they were asked for."""
    raffle, closing, drawing = found.raffle, found.raffle.closing, found.raffle.drawing
    asked = {"ledger": found.ledger, "receipt": found.receipt}
    return {
        "raffle_id": raffle.id,
        "status": raffle.status,
        "algorithm": ALGORITHM,
        "seed_commitment": raffle.seed_commitment,
        "seed": drawing.seed if drawing else raffle.revealed_seed or None,
        "planned_draw_at": raffle.draw_date,
        "sales_closed_at": closing.at if closing else None,
        "tickets": closing.tickets if closing else None,
        "ledger_root": closing.root if closing else None,
        "entropy": _entropy(raffle, closing) if closing else None,
        "picks": [{"rank": pick.rank, "ticket_number": pick.ticket} for pick in (drawing.picks if drawing else ())],
        "drawn_at": drawing.at if drawing else None,
        "cancelled_at": raffle.cancelled_at,
        "note": NOTES[closing.source if closing else ""],
        "changes": raffle.changes,
        **{name: value for name, value in asked.items() if value is not None},
    }


def drawn(raffle: Raffle, picked: Sequence[tuple[Pick, Buyer]]) -> dict[str, Any]:
    """`DrawingShape`."""
    shown = [
        {
            "rank": pick.rank,
            "ticket_number": pick.ticket,
            "customer_id": buyer.customer_id,
            "customer_email": buyer.email,
            "customer_name": buyer.name,
        }
        for pick, buyer in picked
    ]
    return {
        "raffle_id": raffle.id,
        "winner": shown[0],
        "runner_ups": shown[1:],
        "draw_timestamp": raffle.drawing.at if raffle.drawing else None,
        "audit_trail": audit(Audit(raffle)),
    }


def refunds(found: Refunds) -> dict[str, Any]:
    """`RefundsShape`."""
    details = [
        {
            "transaction_id": refund.purchase_id,
            "refund": {
                "status": "refunded" if refund.done else "pending",
                "amount": refund.cents,
                "error": refund.sentence or None,
            },
            "success": refund.done,
        }
        for refund in found.details
    ]
    return {
        "total": len(details) + found.left,
        "successful": found.successful,
        "failed": found.failed,
        "remaining": found.left,
        "details": details,
    }


def stats(raffles: Sequence[Raffle], now: datetime) -> dict[str, Any]:
    """`RaffleStatsAnswer`. The average price is over paid tickets; over raffles while there are none."""
    count, paid = len(raffles), sum(raffle.paid - raffle.returned for raffle in raffles)
    revenue, prices = sum(raffle.revenue for raffle in raffles), sum(raffle.ticket_price for raffle in raffles)
    by_status = Counter(raffle.status for raffle in raffles)
    return {
        "total_raffles": count,
        "active_raffles": by_status[ACTIVE],
        "total_revenue": dollars(revenue),
        "total_tickets_sold": sum(raffle.sold for raffle in raffles),
        "avg_ticket_price": dollars(share(revenue, 1, paid) if paid else share(prices, 1, count)),
        "by_status": [
            {
                "status": status,
                "count": by_status[status],
                "revenue": dollars(sum(one.revenue for one in raffles if one.status == status)),
                "tickets_sold": sum(one.sold for one in raffles if one.status == status),
            }
            for status in STATUSES
            if by_status[status]
        ],
        "generated_at": now,
    }


def _entropy(raffle: Raffle, closing: Closing) -> dict[str, Any]:
    drawing = raffle.drawing
    drand = closing.source == DRAND
    return {
        **vars(closing),
        "round_time": datetime.fromtimestamp(closing.round_time, UTC) if drand else None,
        "signature": drawing.signature if drawing else None,
        "randomness": drawing.randomness if drawing else None,
    }
