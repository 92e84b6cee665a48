"""What requests have left open, and what the gateway tells of a transaction: brought to its end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from shared.payments import rules
from shared.payments.models import EXCESS, HELD, PAID, REFUND, VOIDED, Charge, Transaction
from shared.payments.ports import Owner
from shared.payments.service import Payments
from shared.platform.clock import Clock
from shared.platform.errors import ChangedMeanwhile, Unavailable
from shared.values import leases

# A younger one is still being worked on by the request that made it: longer than any function's time-out.
IN_WORK = timedelta(seconds=75)

log = logging.getLogger(__name__)


class FollowUp:
    """`owners`: by the name that their charges carry."""

    def __init__(self, payments: Payments, owners: Mapping[str, Owner], clock: Clock) -> None:
        self._payments = payments
        self._owners = owners
        self._clock = clock

    def open_charges(self) -> tuple[int, int]:
        """How many were looked at, and how many are still open. One that fails does not hold up the others."""
        looked_at, failed = 0, 0
        for charge in list(self._payments.ledger.open()):
            if self._in_work(charge):
                continue
            looked_at += 1
            failed += not self._tried(charge)
        return looked_at, failed

    def told_of(self, transaction_id: str) -> None:
        """The gateway says that something has happened to it: what, is read there. Raises `Unavailable`."""
        transaction = self._payments.gateway.transaction(transaction_id)
        if transaction is None:
            log.warning("payment_notice_of_nothing", extra={"transactionId": transaction_id})
            return
        self.settle(transaction)

    def settle(self, transaction: Transaction) -> bool:
        """Make our books agree with the transaction, as far as it is ours; whether there was something to do.

        Safe to repeat. Raises `Unavailable`.
        """
        charge = self.charge_of(transaction)
        if transaction.status == REFUND:
            return self._settle_refund(transaction, charge)
        if charge is None:
            log.info("payment_foreign", extra={"transactionId": transaction.id})
            return False
        if charge.open:
            return self._resolved(charge)
        if transaction.status == VOIDED and charge.state == PAID and charge.transaction_id == transaction.id:
            self._owner(charge).take_back(charge, transaction.id, charge.cents)
            return True
        return bool(rules.owed(charge, [transaction])) and self._given_back(charge, transaction)

    def charge_of(self, transaction: Transaction) -> Charge | None:
        """Ours that the transaction is of; None for a foreign one."""
        ledger = self._payments.ledger
        if rules.is_reference(transaction.reference) and (found := ledger.with_reference(transaction.reference)):
            return found
        # Money that a person gives back at the gateway carries what that person has typed.
        return ledger.with_transaction(transaction.id) if transaction.status == REFUND else None

    def _settle_refund(self, transaction: Transaction, refund: Charge | None) -> bool:
        if refund is not None and refund.refund_of and refund.open:
            return self._resolved(refund)
        # A list does not say what is refunded.
        details = transaction if transaction.refunds else self._payments.gateway.transaction(transaction.id)
        original = self._payments.ledger.with_transaction(details.refunds) if details else None
        if original is None or original.refund_of or transaction.id in original.reversals:
            return False
        self._owner(original).take_back(original, transaction.id, transaction.cents)
        return True

    def _given_back(self, charge: Charge, transaction: Transaction) -> bool:
        """Taken beyond what is owed: an attempt that was given up has arrived, or the gateway took two."""
        ledger, now = self._payments.ledger, self._clock.now()
        refund = self._payments.refund(charge, EXCESS, transaction.id, transaction.cents, now)
        booked = ledger.get(refund.id)
        if booked is None:
            log.warning("payment_given_back", extra={"chargeId": charge.id, "transactionId": transaction.id})
            # Somebody else may have booked it meanwhile: it is the same one.
            with suppress(ChangedMeanwhile):
                ledger.save(refund, None)
        elif not booked.charge.open:
            return False
        self._payments.give_back(refund.id)
        return True

    def _resolved(self, charge: Charge) -> bool:
        if self._in_work(charge):
            return False
        if charge.refund_of:
            self._payments.give_back(charge.id)
        else:
            self._owner(charge).resolve(charge)
        return True

    def _tried(self, charge: Charge) -> bool:
        try:
            self._resolved(charge)
        except Unavailable as error:
            log.warning("charge_still_open", extra={"chargeId": charge.id, "reason": str(error)})
            return False
        return True

    def _owner(self, charge: Charge) -> Owner:
        return self._owners[charge.owner]

    def _in_work(self, charge: Charge) -> bool:
        return charge.state != HELD and leases.younger(charge.updated_at, IN_WORK, self._clock.now())
