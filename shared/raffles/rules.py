"""What selling, releasing and giving back do to a raffle's numbers, and what an update may change. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shared.raffles import ranges
from shared.raffles.models import (
    ACTIVE,
    BONUS_ENTRIES,
    CANCELLED,
    DRAWABLE,
    PAID,
    REFUNDED,
    RELEASED,
    RESERVED,
    SOLD_OUT,
    Purchase,
    Raffle,
    Ranges,
)


def on_sale(raffle: Raffle, now: datetime) -> bool:
    """Whether an active raffle still sells: until its draw date, or until the ledger is fixed."""
    return raffle.closing is None and now < raffle.draw_date


def reserved(raffle: Raffle, count: int, bonus: bool, now: datetime) -> tuple[Raffle, Ranges, Ranges]:
    """The raffle without `count` numbers, which must be there, and with `bonus` as many entries as then remain, five
    at most; the numbers, contiguous where they can be."""
    extra = min(BONUS_ENTRIES, raffle.remaining - count) if bonus else 0
    taken, free = ranges.take(raffle.free, count + extra)
    paid, rest = ranges.take(taken, count) if extra else (taken, ())
    after = replace(raffle, free=free, reserved=raffle.reserved + count + extra, open=raffle.open + 1, updated_at=now)
    return _sold_out_or_not(after), paid, rest


def paid(raffle: Raffle, purchase: Purchase, now: datetime) -> tuple[Raffle, Purchase]:
    """A reservation whose money is there."""
    after = replace(
        raffle,
        reserved=raffle.reserved - purchase.tickets,
        open=raffle.open - 1,
        paid=raffle.paid + purchase.paid_tickets,
        bonus=raffle.bonus + purchase.bonus_tickets,
        ever_sold=True,
        updated_at=now,
    )
    return after, replace(purchase, state=PAID, updated_at=now)


def released(raffle: Raffle, purchase: Purchase, now: datetime) -> tuple[Raffle, Purchase]:
    """A reservation that nobody pays."""
    after = replace(
        raffle,
        free=_back(raffle, purchase),
        reserved=raffle.reserved - purchase.tickets,
        open=raffle.open - 1,
        updated_at=now,
    )
    return _sold_out_or_not(after), replace(purchase, state=RELEASED, updated_at=now)


def returned(raffle: Raffle, purchase: Purchase, now: datetime) -> tuple[Raffle, Purchase]:
    """A purchase whose money has gone back. Once sales have closed the ledger stays as it was published."""
    gone = replace(purchase, state=REFUNDED, updated_at=now)
    if raffle.closing is not None and raffle.status != CANCELLED:
        return replace(raffle, returned=raffle.returned + purchase.paid_tickets, updated_at=now), gone
    after = replace(
        raffle,
        free=_back(raffle, purchase),
        paid=raffle.paid - purchase.paid_tickets,
        bonus=raffle.bonus - purchase.bonus_tickets,
        updated_at=now,
    )
    return _sold_out_or_not(after), gone


def without_bonus(raffle: Raffle, purchase: Purchase, now: datetime) -> tuple[Raffle, Purchase]:
    """A purchase that stands, without the entries that were given with it."""
    gone, held = purchase.bonus_tickets, purchase.state == RESERVED
    after = replace(
        raffle,
        free=ranges.give_back(raffle.free, purchase.bonus),
        reserved=raffle.reserved - (gone if held else 0),
        bonus=raffle.bonus - (0 if held else gone),
        updated_at=now,
    )
    return _sold_out_or_not(after), replace(purchase, bonus=(), updated_at=now)


def changeable(raffle: Raffle) -> bool:
    """Whether the numbers of a raffle are not fixed yet: neither in a ledger, nor because it was called off."""
    return raffle.status in DRAWABLE and raffle.closing is None


def called_off(raffle: Raffle, kept: Iterable[Purchase], reason: str, now: datetime) -> Raffle:
    """Cancelled. `kept`: those whose money went back after sales had closed, and whose numbers stayed in the ledger:
    nothing is drawn from it any more."""
    after = replace(raffle, status=CANCELLED, cancelled_at=now, cancel_reason=reason, updated_at=now)
    for purchase in kept:
        after = replace(
            after,
            free=_back(after, purchase),
            paid=after.paid - purchase.paid_tickets,
            bonus=after.bonus - purchase.bonus_tickets,
            returned=after.returned - purchase.paid_tickets,
        )
    return after


def expired(purchase: Purchase, now: datetime) -> bool:
    return purchase.state == RESERVED and now >= purchase.expires_at


def _back(raffle: Raffle, purchase: Purchase) -> Ranges:
    return ranges.give_back(ranges.give_back(raffle.free, purchase.paid), purchase.bonus)


def _sold_out_or_not(raffle: Raffle) -> Raffle:
    if raffle.status == ACTIVE and not raffle.free:
        return replace(raffle, status=SOLD_OUT)
    if raffle.status == SOLD_OUT and raffle.free and raffle.closing is None:
        return replace(raffle, status=ACTIVE)
    return raffle
