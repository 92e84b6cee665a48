"""Buying tickets. How numbers are kept and charges concluded: sales.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.payments.errors import failure_of
from shared.payments.models import PAID, Customer, Token
from shared.payments.ports import Gateway
from shared.payments.service import Payments
from shared.platform.context import Platform
from shared.platform.errors import Unprocessable
from shared.raffles.errors import NotActive
from shared.raffles.models import RELEASED, RESERVED, Buyer, Purchase
from shared.raffles.sales import Sales
from shared.raffles.works import Reserve, Sold

# The gateway keeps 20 characters.
CUSTOMER_REFERENCE = 20


@dataclass(frozen=True, kw_only=True, repr=False)
class Wanted:
    """What a customer asks for. `verified`: of age. `key`: their Idempotency-Key.

    `bonus_paid_by`: of an active GOLD member, the charges that the membership is paid by.
    """

    raffle_id: str
    buyer: Buyer
    count: int
    token: Token
    verified: bool
    bonus_paid_by: tuple[str, ...]
    key: str
    request_id: str


class RaffleService:
    """One per instance."""

    def __init__(self, platform: Platform, sales: Sales) -> None:
        self._platform = platform
        self._sales = sales

    @classmethod
    def on(cls, platform: Platform, connect: Callable[[Platform], Gateway]) -> RaffleService:
        return platform.once(cls, lambda: cls(platform, Sales(platform, Payments(platform, connect(platform)))))

    def purchase(self, wanted: Wanted) -> Purchase:
        """The tickets, paid. Asked for again with the same key, they are bought once.

        Raises `NoRaffle`, `NotActive`, `SalesClosed`, `AgeUnverified`, `TooFewLeft`, `PaymentDeclined`,
        `PaymentUnderReview`, `PaymentUnknown`, `Unavailable`.
        """
        customer_hash = self._platform.customer_hash(wanted.buyer.customer_id)
        # An Idempotency-Key is given back after a failure like `PaymentUnknown`: the purchase remembers it.
        key_hash = self._platform.customer_hash(f"{customer_hash}\n{wanted.key}") if wanted.key else ""
        earlier = self._sales.raffles.purchase_asked_with(wanted.raffle_id, key_hash) if key_hash else None
        if earlier is not None and earlier.paid_tickets != wanted.count:
            raise Unprocessable(
                "This Idempotency-Key was used with another body. Send a new key for a new request.",
                code="idempotency_key_reused",
            )
        if earlier is not None and (found := self._brought_to_its_end(earlier)):
            return found
        return self._paid(self._bought(wanted, customer_hash, key_hash))

    def _brought_to_its_end(self, earlier: Purchase) -> Purchase | None:
        """The purchase of the same request; None: its numbers were released, and it may be tried anew."""
        if earlier.state == RESERVED:
            booked = self._sales.payments.ledger.get(earlier.charge_id)
            if booked is None:
                raise LookupError(f"There is no charge {earlier.charge_id}.")
            sold = self._sales.resolved(booked.charge)
            if sold.charge.open:
                raise failure_of(sold.charge)
            earlier = sold.purchase
        return None if earlier.state == RELEASED else earlier

    def _bought(self, wanted: Wanted, customer_hash: str, key_hash: str) -> Sold:
        purchase_id = self._platform.ids.new("TXN")
        key, sealed = self._sales.vault.seal(wanted.buyer, purchase_id)
        reserved = self._sales.reserve(
            wanted.raffle_id,
            Reserve(
                purchase_id=purchase_id,
                customer_hash=customer_hash,
                count=wanted.count,
                verified=wanted.verified,
                bonus_paid_by=wanted.bonus_paid_by,
                contact_key=key,
                contact=sealed,
                key_hash=key_hash,
                request_id=wanted.request_id,
            ),
        )
        outcome = self._sales.payments.send_booked(
            reserved.charge,
            f"{wanted.count} raffle tickets",
            Customer(customer_hash[:CUSTOMER_REFERENCE], wanted.buyer.email),
            wanted.token,
        )
        return self._sales.conclude(reserved, outcome)

    @staticmethod
    def _paid(sold: Sold) -> Purchase:
        if sold.charge.state != PAID:
            raise failure_of(sold.charge)
        if sold.purchase.state == RELEASED:
            # Cancelled while it was being paid: the money is on its way back.
            raise NotActive("cancelled")
        return sold.purchase
