"""What is done to a raffle in one of its commits: each work decides on a `Stage`, alone or beside many others.

Failure policy: a work that cannot be done raises before it has changed anything, and the others of its commit go on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, Protocol

from shared.payments import rules as charges
from shared.payments.models import APPROVED, DECLINED, EXCESS, HELD, PAID, RETURNED, SENT, UNKNOWN, Charge, Outcome
from shared.payments.service import Payments
from shared.platform.ids import Ids
from shared.raffles import events, rules
from shared.raffles.errors import AgeUnverified, NotActive, SalesClosed, TooFewLeft
from shared.raffles.models import (
    ACTIVE,
    CANCELLED,
    OWNER,
    REFUNDING,
    RESERVATION,
    RESERVED,
    TICKETS,
    Bonus,
    Purchase,
)
from shared.raffles.models import PAID as PAID_FOR
from shared.raffles.stage import Stage
from shared.raffles.vault import Vault

# Of a payment that the gateway's people have not looked at before the reservation ended.
CODE_EXPIRED = "reservation_expired"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tools:
    """What works need beside the stage."""

    payments: Payments
    vault: Vault
    ids: Ids


@dataclass(frozen=True)
class Sold:
    """A purchase with its charge, as they are after the commit."""

    purchase: Purchase
    charge: Charge
    version: Any = None


class Work(Protocol):
    """Decided anew when somebody else was faster: it keeps nothing from one time to the next."""

    def on(self, stage: Stage, tools: Tools) -> Sold: ...


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """Take numbers, and book their charge as sent: whoever has committed this sends it, and nobody else does.

    `verified`: of age. `bonus_paid_by`: of an active GOLD member, the charges of the membership. Raises `NotActive`,
    `SalesClosed`, `AgeUnverified`, `TooFewLeft`.
    """

    purchase_id: str
    customer_hash: str
    count: int
    verified: bool
    bonus_paid_by: tuple[str, ...]
    contact_key: str
    contact: bytes
    key_hash: str
    request_id: str

    def on(self, stage: Stage, tools: Tools) -> Sold:
        raffle, now = stage.raffle, stage.now
        if raffle.status != ACTIVE:
            raise NotActive(raffle.status)
        if not rules.on_sale(raffle, now):
            raise SalesClosed
        if not self.verified:
            raise AgeUnverified
        if raffle.remaining < self.count:
            raise TooFewLeft(raffle.remaining)
        bonus = bool(self.bonus_paid_by) and not stage.bonus_of(self.customer_hash)
        after, paid, extra = rules.reserved(raffle, self.count, bonus, now)
        charge_id = f"{raffle.id}:{self.purchase_id}:{TICKETS}"
        purchase = Purchase(
            id=self.purchase_id,
            raffle_id=raffle.id,
            customer_hash=self.customer_hash,
            state=RESERVED,
            paid=paid,
            bonus=extra,
            price=raffle.ticket_price,
            charge_id=charge_id,
            created_at=now,
            updated_at=now,
            expires_at=now + RESERVATION,
            contact_key=self.contact_key,
            contact=self.contact,
            key_hash=self.key_hash,
            request_id=self.request_id,
        )
        charge = Charge(
            id=charge_id,
            owner=OWNER,
            customer_hash=self.customer_hash,
            kind=TICKETS,
            cents=purchase.cents,
            state=SENT,
            attempt=1,
            references=(charges.reference_of(charge_id, 1),),
            created_at=now,
            updated_at=now,
            sent_at=now,
            request_id=self.request_id,
        )
        stage.raffle = after
        stage.put_purchase(purchase)
        stage.put_charge(charge)
        if extra:
            stage.put_bonus(self.customer_hash, Bonus(self.purchase_id, self.bonus_paid_by))
        return Sold(purchase, charge)


@dataclass(frozen=True, kw_only=True)
class Conclude:
    """Book what the gateway says of a reservation's charge, and let it have its effect, once.

    `asked`: the charge as it was when the gateway was asked, by another than who sent it.
    """

    purchase_id: str
    charge_id: str
    outcome: Outcome
    asked: Charge | None = None

    def on(self, stage: Stage, tools: Tools) -> Sold:
        purchase, before = stage.purchase(self.purchase_id), stage.charge(self.charge_id)
        if not before.open or self._outdated(before):
            return Sold(purchase, before)
        charge = charges.after(before, self.outcome, stage.now)
        if charge.state in (HELD, UNKNOWN):
            if charge.state == before.state:
                # Still in review, still unknown: nothing to tell.
                return Sold(purchase, before)
            stage.put_charge(charge)
            return Sold(purchase, charge)
        stage.put_charge(charge)
        if charge.state != PAID:
            return Sold(_released(stage, purchase), charge)
        if stage.raffle.status == CANCELLED:
            # Nobody waits for these tickets any more: they are free, and the money goes back.
            stage.put_charge(tools.payments.refund(charge, EXCESS, charge.transaction_id, charge.cents, stage.now))
            return Sold(_released(stage, purchase), charge)
        return Sold(self._confirmed(stage, purchase, tools), charge)

    def _outdated(self, charge: Charge) -> bool:
        """That it was not charged is known of the charge as it was then: it may have been sent since."""
        return self.asked is not None and self.outcome.kind != APPROVED and charge != self.asked

    @staticmethod
    def _confirmed(stage: Stage, purchase: Purchase, tools: Tools) -> Purchase:
        stage.raffle, sold = rules.paid(stage.raffle, purchase, stage.now)
        stage.put_purchase(sold)
        stage.tell(
            events.of_purchase(tools.ids.new("evt"), events.PURCHASED, sold, stage.now),
            events.mail(tools.ids.new("mail"), events.BOUGHT, tools.vault.buyer(sold), stage.raffle, sold, stage.now),
        )
        return sold


@dataclass(frozen=True, kw_only=True)
class LetGo:
    """Release a reservation whose payment is still being reviewed at its end; the held money is given back."""

    purchase_id: str
    charge_id: str
    transaction_id: str

    def on(self, stage: Stage, tools: Tools) -> Sold:
        purchase, before = stage.purchase(self.purchase_id), stage.charge(self.charge_id)
        if not before.open or not rules.expired(purchase, stage.now):
            return Sold(purchase, before)
        charge = replace(
            before,
            state=DECLINED,
            transaction_id=self.transaction_id,
            code=CODE_EXPIRED,
            reason="The payment was still being reviewed when the reservation ended.",
            updated_at=stage.now,
        )
        stage.put_charge(charge)
        stage.put_charge(tools.payments.refund(charge, EXCESS, self.transaction_id, charge.cents, stage.now))
        return Sold(_released(stage, purchase), charge)


@dataclass(frozen=True, kw_only=True)
class TakeBack:
    """Money of a paid charge has gone back by this transaction (its own id: it was voided)."""

    purchase_id: str
    charge_id: str
    transaction_id: str
    cents: int

    def on(self, stage: Stage, tools: Tools) -> Sold:
        purchase, before = stage.purchase(self.purchase_id), stage.charge(self.charge_id)
        if before.open or self.transaction_id in before.reversals:
            return Sold(purchase, before)
        charge = charges.reversal(before, self.transaction_id, self.cents, stage.now)
        stage.put_charge(charge)
        if charge.reversed_cents < charge.cents or purchase.state not in (PAID_FOR, REFUNDING):
            return Sold(purchase, charge)
        stage.raffle, gone = rules.returned(stage.raffle, purchase, stage.now)
        stage.put_purchase(gone)
        _take_bonus_back(stage, purchase)
        stage.tell(events.of_purchase(tools.ids.new("evt"), events.REFUNDED, gone, stage.now))
        return Sold(gone, charge)


@dataclass(frozen=True, kw_only=True)
class TakeBonusBack:
    """The money of a membership has gone back by which the bonus entries of this purchase were given: they are free."""

    purchase_id: str
    paid_by: str

    def on(self, stage: Stage, tools: Tools) -> Sold:
        purchase = stage.purchase(self.purchase_id)
        charge, bonus = stage.charge(purchase.charge_id), stage.bonus_of(purchase.customer_hash)
        given = bonus is not None and bonus.purchase_id == purchase.id and self.paid_by in bonus.paid_by
        if not given or not rules.changeable(stage.raffle):
            return Sold(purchase, charge)
        stage.raffle, after = rules.without_bonus(stage.raffle, purchase, stage.now)
        stage.put_purchase(after)
        stage.put_bonus(purchase.customer_hash, None)
        if purchase.state == PAID_FOR:
            stage.tell(events.of_purchase(tools.ids.new("evt"), events.BONUS_TAKEN_BACK, after, stage.now))
        return Sold(after, charge)


@dataclass(frozen=True, kw_only=True)
class BookRefund:
    """Of a cancelled raffle: a purchase's money is to go back, and its buyer is told. Once."""

    purchase_id: str
    charge_id: str
    reason: str

    def on(self, stage: Stage, tools: Tools) -> Sold:
        purchase, charge = stage.purchase(self.purchase_id), stage.charge(self.charge_id)
        if purchase.state != PAID_FOR or stage.raffle.status != CANCELLED:
            return Sold(purchase, charge)
        left = charge.cents - charge.reversed_cents
        stage.put_charge(tools.payments.refund(charge, RETURNED, charge.transaction_id, left, stage.now))
        refunding = replace(purchase, state=REFUNDING, updated_at=stage.now)
        stage.put_purchase(refunding)
        buyer = tools.vault.buyer(purchase)
        more = {"reason": self.reason or None}
        stage.tell(
            events.mail(tools.ids.new("mail"), events.CALLED_OFF, buyer, stage.raffle, purchase, stage.now, more)
        )
        return Sold(refunding, charge)


def place_of(charge: Charge) -> tuple[str, str]:
    """(raffle id, purchase id) that a charge of ours is for."""
    raffle_id, purchase_id, _ = charge.id.split(":")
    return raffle_id, purchase_id


def _released(stage: Stage, purchase: Purchase) -> Purchase:
    stage.raffle, released = rules.released(stage.raffle, purchase, stage.now)
    stage.put_purchase(released)
    _take_bonus_back(stage, purchase)
    return released


def _take_bonus_back(stage: Stage, purchase: Purchase) -> None:
    """Whoever had the bonus entries with this purchase may have them with another."""
    bonus = stage.bonus_of(purchase.customer_hash) if purchase.bonus else None
    if bonus and bonus.purchase_id == purchase.id:
        stage.put_bonus(purchase.customer_hash, None)
