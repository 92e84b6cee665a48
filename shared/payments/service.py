"""Taking money, once, and giving it back, once.

Failure policy: a charge is sent by whoever turns its INTENT into SENT, and by nobody else. Whoever finds it SENT, or
gets no answer, asks the gateway by our reference; nothing is sent again on suspicion.
"""

from __future__ import annotations

import logging
from datetime import datetime

from shared.payments import rules
from shared.payments.errors import GatewayUnavailable
from shared.payments.ledger import Booked, Ledger
from shared.payments.models import (
    ABSENT,
    APPROVED,
    CODE_UNAVAILABLE,
    DECLINED,
    HELD,
    INTENT,
    NOT_YET,
    PAID,
    REVERSED,
    UNKNOWN,
    Charge,
    Customer,
    Method,
    Order,
    Outcome,
    Token,
    Transaction,
)
from shared.payments.ports import Gateway
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile

# A profile that was just made is unknown at some of the gateway's machines for a while.
PROFILE_PAUSES = (0.5, 1.0, 2.0, 4.0)
# After an answer that was lost: the gateway's lists have the charge at once.
ASKING_PAUSES = (0.0, 0.5)

log = logging.getLogger(__name__)


class Payments:
    """What every domain that takes money calls."""

    def __init__(self, platform: Platform, gateway: Gateway) -> None:
        self.ledger = Ledger(platform)
        self.gateway = gateway
        self._clock = platform.clock
        self._metrics = platform.metrics

    def send(
        self,
        charge_id: str,
        description: str,
        customer: Customer,
        funding: Token | Method,
        *,
        keep: bool = False,
        recurring: bool = False,
    ) -> Outcome:
        """What becomes of a charge that was just booked as an INTENT. The caller books the outcome.

        Raises `Unavailable` before anything is sent.
        """
        booked = self._booked(charge_id)
        charge = booked.charge
        if charge.state != INTENT:
            return self.ask(charge)
        if charge.attempt > 1 and len(charge.references) < charge.attempt:
            # The last attempt was given up as lost: it may have arrived meanwhile.
            found = self.ask(rules.sent(charge, charge.created_at))
            if found.kind != ABSENT:
                return found
        try:
            self.ledger.save(rules.sent(charge, self._clock.now()), booked)
        except ChangedMeanwhile:
            return self.ask(self._booked(charge_id).charge)
        return self.send_booked(charge, description, customer, funding, keep=keep, recurring=recurring)

    def send_booked(
        self,
        charge: Charge,
        description: str,
        customer: Customer,
        funding: Token | Method,
        *,
        keep: bool = False,
        recurring: bool = False,
    ) -> Outcome:
        """The same of a charge that the caller itself has just booked as SENT, and that nobody else may send."""
        order = Order(
            reference=charge.reference,
            cents=charge.cents,
            description=description,
            customer=customer,
            funding=funding,
            keep=keep,
            recurring=recurring,
        )
        outcome = self._sent(order, charge.id)
        if outcome.kind != UNKNOWN:
            self._metrics.count("payment_charges")
            self._metrics.count("payment_failures", int(outcome.kind in (DECLINED, ABSENT)))
        return outcome

    def ask(self, charge: Charge) -> Outcome:
        """What has become of a charge, by our books, else by the gateway's. Raises `GatewayUnavailable`.

        An INTENT was not sent, and is ABSENT: once that is booked, it cannot be.
        """
        if charge.state in (PAID, REVERSED):
            return Outcome(kind=APPROVED, transaction_id=charge.transaction_id)
        if charge.state == DECLINED:
            return Outcome(kind=DECLINED, code=charge.code, reason=charge.reason)
        if charge.state == INTENT:
            return Outcome(kind=ABSENT, code=CODE_UNAVAILABLE, reason="The payment was not sent.")
        if charge.refund_of:
            original = self.gateway.transaction(charge.refund_of)
            return rules.refund_outcome(self._found(charge), charge, original, self._clock.now())
        if charge.state == HELD:
            return rules.outcome_of(_known(self.gateway.transaction(charge.transaction_id)), charge, self._clock.now())
        return rules.outcome_of(self._found(charge), charge, self._clock.now())

    def card_of(self, transaction_id: str, customer: Customer) -> Method | None:
        """The card of an approved transaction, stored at the gateway. None, and a log line, when that fails now."""
        try:
            return self.gateway.keep_card(transaction_id, customer)
        except GatewayUnavailable as error:
            log.warning("card_not_kept", extra={"transactionId": transaction_id, "reason": error.sentence})
            return None

    def _sent(self, order: Order, charge_id: str) -> Outcome:
        outcome = self._charged(order)
        for pause in PROFILE_PAUSES:
            if outcome.kind != NOT_YET:
                break
            self._clock.sleep(pause)
            outcome = self._charged(order)
        if outcome.kind == NOT_YET:
            return Outcome(kind=ABSENT, code=CODE_UNAVAILABLE, reason="The stored card is not known at the gateway.")
        if outcome.kind != UNKNOWN:
            return outcome
        log.warning("payment_unknown", extra={"chargeId": charge_id, "code": outcome.code})
        return self._asked_soon(charge_id, outcome.transaction_id)

    def _charged(self, order: Order) -> Outcome:
        try:
            return self.gateway.charge(order)
        except GatewayUnavailable as error:
            # Not set up: nothing was sent.
            return Outcome(kind=ABSENT, code=CODE_UNAVAILABLE, reason=error.sentence)

    def _asked_soon(self, charge_id: str, duplicate_of: str) -> Outcome:
        """`duplicate_of`: the transaction that the gateway says was sent before with the same reference."""
        outcome = Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
        for pause in ASKING_PAUSES:
            self._clock.sleep(pause)
            try:
                charge = self._booked(charge_id).charge
                outcome = self._of_duplicate(charge, duplicate_of) or self.ask(charge)
            except GatewayUnavailable:
                continue
            if outcome.kind != UNKNOWN:
                break
        return outcome

    def _of_duplicate(self, charge: Charge, transaction_id: str) -> Outcome | None:
        """A declined one is in no list: only so is it known that the first try was declined."""
        found = self.gateway.transaction(transaction_id) if transaction_id else None
        if found is None or found.reference not in charge.references:
            return None
        return rules.outcome_of([found], charge, self._clock.now())

    def _found(self, charge: Charge) -> list[Transaction]:
        since = charge.created_at - rules.CLOCK_SKEW
        return [found for reference in charge.references for found in self.gateway.find(reference, since)]

    def _booked(self, charge_id: str) -> Booked:
        booked = self.ledger.get(charge_id)
        if booked is None:
            raise LookupError(f"There is no charge {charge_id}.")
        return booked

    # --- giving back

    def refund(self, charge: Charge, kind: str, transaction: str, cents: int, now: datetime) -> Charge:
        """A refund to be booked in the caller's batch: `Ledger.put(batch, refund, None)`. `give_back` carries it out.

        `kind`: RETURNED or EXCESS.
        One for each transaction: a second call makes the same id, and its commit fails.
        """
        refund_id = refund_id_of(charge, transaction)
        return Charge(
            id=refund_id,
            owner=charge.owner,
            customer_hash=charge.customer_hash,
            kind=kind,
            cents=cents,
            state=INTENT,
            attempt=1,
            references=(rules.reference_of(refund_id, 1),),
            created_at=now,
            updated_at=now,
            request_id=charge.request_id,
            refund_of=transaction,
        )

    def give_back_of(self, charge: Charge, transaction: str, *, again: bool = False) -> Outcome:
        """`give_back` for the refund of a charge's transaction. `again`: also when it was refused the last time."""
        refund_id = refund_id_of(charge, transaction)
        booked = self._booked(refund_id)
        if again and booked.charge.state == DECLINED:
            try:
                self.ledger.save(rules.again(booked.charge, self._clock.now()), booked)
            except ChangedMeanwhile:
                return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
        return self.give_back(refund_id)

    def give_back(self, refund_id: str) -> Outcome:
        """Carry out a refund that was booked, or find out what became of it. Raises `Unavailable`: call again.

        Failure policy: a refund that was lost is sent again under the same reference; one that was refused is logged
        as an error and stays DECLINED for a person.
        """
        booked = self._booked(refund_id)
        if booked.charge.state != INTENT:
            return self._followed_up(booked)
        transaction = self.gateway.transaction(booked.charge.refund_of)
        if transaction is None:
            return self._book(booked, Outcome(kind=DECLINED, reason="The gateway does not have the transaction."))
        try:
            self.ledger.save(rules.sent(booked.charge, self._clock.now()), booked)
        except ChangedMeanwhile:
            return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
        outcome = self.gateway.give_back(transaction, booked.charge.cents, booked.charge.reference)
        return self._book(self._booked(refund_id), outcome)

    def _followed_up(self, booked: Booked) -> Outcome:
        outcome = self.ask(booked.charge)
        if outcome.kind == ABSENT:
            try:
                self.ledger.save(rules.again(booked.charge, self._clock.now()), booked)
            except ChangedMeanwhile:
                return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
            return self.give_back(booked.charge.id)
        return self._book(booked, outcome)

    def _book(self, booked: Booked, outcome: Outcome) -> Outcome:
        if not booked.charge.open:
            return outcome
        if outcome.kind == ABSENT:
            # Not sent, or not arrived: it is asked for, and sent again, by the follow-up.
            outcome = Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
        refund = rules.after(booked.charge, outcome, self._clock.now())
        try:
            self.ledger.save(refund, booked)
        except ChangedMeanwhile:
            # Somebody else has found out the same, and booked it.
            return outcome
        if refund.state == DECLINED:
            log.error("refund_declined", extra={"chargeId": refund.id, "reason": refund.reason})
        return outcome


def refund_id_of(charge: Charge, transaction: str) -> str:
    """There is one refund of a transaction."""
    return f"{charge.id}:refund:{transaction}"


def _known(transaction: Transaction | None) -> list[Transaction]:
    return [transaction] if transaction else []
