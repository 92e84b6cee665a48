"""Calling a raffle off: every buyer is told, and every cent goes back, once.

Each purchase is a step of its own, and each step can be repeated: what a call did not get to is done by the next one,
by the message that it leaves behind, or by the schedule of `raffles_refund_purchases`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from shared.payments.models import APPROVED, Charge
from shared.payments.ports import Gateway
from shared.payments.service import Payments
from shared.platform import firestore
from shared.platform.clock import to_milliseconds
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.tally import carried
from shared.raffles import documents, events, rules
from shared.raffles.errors import AlreadyDrawn, NoRaffle
from shared.raffles.models import (
    CANCELLABLE,
    CANCELLED,
    PAID,
    REFUNDED,
    REFUNDING,
    Purchase,
    Raffle,
)
from shared.raffles.refunds import TOPIC, RefundOrder
from shared.raffles.sales import Sales
from shared.raffles.works import BookRefund, TakeBack

# Refunds under way at once: most of the time of each is the gateway's.
AT_ONCE = 8

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refund:
    """What became of one purchase's money. `sentence`: why it is not back yet."""

    purchase_id: str
    cents: int
    done: bool
    sentence: str = ""


@dataclass
class Refunds:
    """Of all purchases that were paid. `left`: those that there was no time for."""

    details: list[Refund] = field(default_factory=list)
    left: int = 0

    @property
    def successful(self) -> int:
        return sum(refund.done for refund in self.details)

    @property
    def failed(self) -> int:
        return len(self.details) - self.successful


class Cancellations:
    """One per instance."""

    def __init__(self, platform: Platform, sales: Sales) -> None:
        self._platform = platform
        self._sales = sales
        self._raffles = sales.raffles

    @classmethod
    def on(cls, platform: Platform, connect: Callable[[Platform], Gateway]) -> Cancellations:
        return platform.once(cls, lambda: cls(platform, Sales(platform, Payments(platform, connect(platform)))))

    def cancel(self, raffle_id: str, reason: str, request_id: str, seconds: float) -> Refunds:
        """Cancel, or go on where an earlier call stopped, for so long. Refunds that were refused are tried again.

        Raises `NoRaffle`, `AlreadyDrawn`, `Unavailable`.
        """
        raffle = until_unchanged(
            lambda: self._cancelled(raffle_id, reason, request_id), self._platform.clock, self._platform.ids
        )
        refunds = self.refund(raffle, seconds, again=True)
        if refunds.left:
            # Not earlier, for both would then work on the same refunds. If this process dies, the schedule goes on.
            self._platform.publisher.publish(TOPIC, [RefundOrder(raffle_id).message()])
        return refunds

    def refund_everywhere(self, seconds: float) -> Refunds:
        """Go on with every cancelled raffle that still has money."""
        until, all_of_them = self._platform.clock.monotonic() + seconds, Refunds()
        for raffle in self._raffles.everyone():
            if raffle.status == CANCELLED and raffle.paid:
                found = self.refund(raffle, until - self._platform.clock.monotonic())
                all_of_them.details += [refund for refund in found.details if not refund.done]
                all_of_them.left += found.left
        return all_of_them

    def refund_one(self, raffle_id: str, seconds: float) -> Refunds:
        """Go on with a cancelled raffle. Raises `NoRaffle`."""
        record = self._raffles.get(raffle_id)
        if record is None:
            raise NoRaffle
        return self.refund(record.raffle, seconds) if record.raffle.status == CANCELLED else Refunds()

    def refund(self, raffle: Raffle, seconds: float, *, again: bool = False) -> Refunds:
        until = self._platform.clock.monotonic() + seconds
        gone = self._raffles.purchases_in(raffle.id, REFUNDED)
        since = raffle.cancelled_at
        refunds = Refunds([_done(one) for one in gone if since is None or one.updated_at >= since])
        waiting = list(self._raffles.purchases_in(raffle.id, PAID, REFUNDING))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            tried: Iterable[Refund | None] = threads.map(
                carried(lambda purchase: self._refunded(raffle, purchase, until, again=again)), waiting
            )
            for refund in tried:
                if refund is None:
                    refunds.left += 1
                else:
                    refunds.details.append(refund)
        return refunds

    def _cancelled(self, raffle_id: str, reason: str, request_id: str) -> Raffle:
        record = self._raffles.get(raffle_id)
        if record is None:
            raise NoRaffle
        before = record.raffle
        if before.status == CANCELLED:
            return before
        if before.status not in CANCELLABLE:
            raise AlreadyDrawn
        now = to_milliseconds(self._platform.clock.now())
        after = rules.called_off(before, self._kept(before), reason, now)
        if before.closing is not None:
            # Whoever has the seed can compute the winner by now: everybody may see who it would have been.
            after = replace(after, revealed_seed=self._sales.vault.seed(before).hex())
        told = [events.of_raffle(self._platform.ids.new("evt"), events.CANCELLED, after, request_id, now)]
        batch = self._platform.firestore.batch()
        firestore.put(batch, self._raffles.reference(raffle_id), documents.of_raffle(after), record.seen)
        for outgoing in told:
            self._platform.outbox.add(batch, outgoing)
        firestore.commit(batch)
        self._platform.outbox.publish(told)
        return after

    def _kept(self, raffle: Raffle) -> list[Purchase]:
        """In the ledger, with their money gone back."""
        if not raffle.returned:
            return []
        names = {entry.purchase_id for entry in self._raffles.ledger(raffle.id)}
        return [purchase for purchase in self._raffles.purchases_in(raffle.id, REFUNDED) if purchase.id in names]

    def _refunded(self, raffle: Raffle, purchase: Purchase, until: float, *, again: bool) -> Refund | None:
        """None: there was no time. Failure policy: one that fails stays for the next call, the others go on."""
        if self._platform.clock.monotonic() > until:
            return None
        try:
            return self._refund(raffle, purchase, again=again)
        except Unavailable as error:
            log.warning("refund_not_done", extra={"purchaseId": purchase.id, "reason": error.sentence})
            return Refund(purchase.id, purchase.cents, done=False, sentence=error.sentence)

    def _refund(self, raffle: Raffle, purchase: Purchase, *, again: bool) -> Refund:
        booked = self._sales.do(
            raffle.id,
            BookRefund(purchase_id=purchase.id, charge_id=purchase.charge_id, reason=raffle.cancel_reason),
        )
        charge = booked.charge
        if booked.purchase.state == REFUNDED:
            return _done(booked.purchase)
        outcome = self._sales.payments.give_back_of(charge, charge.transaction_id, again=again)
        if outcome.kind != APPROVED:
            sentence = outcome.reason or "The payment provider has not confirmed it yet."
            return Refund(purchase.id, purchase.cents, done=False, sentence=sentence)
        self._sales.do(raffle.id, self._taken_back(purchase, charge, outcome.transaction_id))
        return _done(purchase)

    @staticmethod
    def _taken_back(purchase: Purchase, charge: Charge, transaction_id: str) -> TakeBack:
        return TakeBack(
            purchase_id=purchase.id,
            charge_id=charge.id,
            transaction_id=transaction_id or charge.transaction_id,
            cents=charge.cents - charge.reversed_cents,
        )


def _done(purchase: Purchase) -> Refund:
    return Refund(purchase.id, purchase.cents, done=True)
