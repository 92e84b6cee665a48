"""What may be seen of raffles. Nothing here is written."""

from __future__ import annotations

from dataclasses import dataclass

from shared.platform.context import Platform
from shared.raffles import merkle
from shared.raffles.errors import NoRaffle, NoTickets
from shared.raffles.merkle import Entry, Receipt
from shared.raffles.models import CANCELLED, PAID, REFUNDED, REFUNDING, Purchase, Raffle
from shared.raffles.ranges import numbers
from shared.raffles.repository import Raffles


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """One number of a customer."""

    number: int
    bonus: bool
    purchase: Purchase
    rank: int | None
    """Of a picked one: 0 won."""


@dataclass(frozen=True)
class Audit:
    """What anyone needs to check a draw. `ledger`, `receipt`: when they were asked for."""

    raffle: Raffle
    ledger: list[Entry] | None = None
    receipt: Receipt | None = None


class RaffleReader:
    """One per instance. Every method raises `NoRaffle`, `Unavailable`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._raffles = Raffles(platform)

    @classmethod
    def on(cls, platform: Platform) -> RaffleReader:
        return platform.once(cls, lambda: cls(platform))

    def listed(self) -> list[Raffle]:
        return self._raffles.listed()

    def everyone(self) -> list[Raffle]:
        return self._raffles.everyone()

    def get(self, raffle_id: str) -> Raffle:
        record = self._raffles.get(raffle_id)
        if record is None:
            raise NoRaffle
        return record.raffle

    def tickets(self, raffle_id: str, customer_id: str) -> list[Ticket]:
        """A customer's paid tickets, by number."""
        raffle = self.get(raffle_id)
        ranks = {pick.ticket: pick.rank for pick in raffle.drawing.picks} if raffle.drawing else {}
        purchases = self._raffles.purchases_of(raffle_id, self._platform.customer_hash(customer_id))
        found = [
            Ticket(number=number, bonus=bonus, purchase=purchase, rank=ranks.get(number))
            for purchase in purchases
            if _held(purchase, raffle)
            for bonus, ranges in ((False, purchase.paid), (True, purchase.bonus))
            for number in numbers(ranges)
        ]
        return sorted(found, key=lambda ticket: ticket.number)

    def audit(self, raffle_id: str, *, with_ledger: bool, ticket: int | None) -> Audit:
        """Raises `NoTickets` for a receipt of a ticket that is not in the ledger, or while there is none."""
        raffle = self.get(raffle_id)
        ledger = self._raffles.ledger(raffle_id) if with_ledger or ticket else []
        receipt = merkle.receipt(raffle_id, ledger, ticket) if ticket and ledger else None
        if ticket and receipt is None:
            raise NoTickets(ticket)
        return Audit(raffle, ledger if with_ledger else None, receipt)


def _held(purchase: Purchase, raffle: Raffle) -> bool:
    """Money that went back after sales had closed leaves the ticket in the ledger, where it may be picked: unless the
    raffle was cancelled then."""
    if purchase.state in (PAID, REFUNDING):
        return True
    if raffle.status == CANCELLED:
        return False
    return purchase.state == REFUNDED and raffle.closing is not None and purchase.updated_at > raffle.closing.at
