"""Our books beside the gateway's, once a day: what differs is mended, what cannot be mended is told."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.payments import alerts, events
from shared.payments.follow_up import FollowUp
from shared.payments.models import (
    EXCESS,
    FAILED,
    PAID,
    PENDING,
    REFUND,
    RETURNED,
    REVERSED,
    SETTLED,
    VOIDED,
    Charge,
    Transaction,
)
from shared.payments.service import Payments
from shared.platform.clock import wire_time
from shared.platform.context import Platform
from shared.platform.errors import Unavailable
from shared.platform.outbox import Event

# A comparison begins a while before the last one that was green.
OVERLAP = timedelta(days=4)
TAKEN = frozenset({PENDING, SETTLED})

log = logging.getLogger(__name__)


@dataclass
class Side:
    """Charges, or transactions, by transaction id: their cents, refunds negative."""

    cents: dict[str, int] = field(default_factory=dict)


class Reconciliation:
    """`run` twice is as good as once."""

    def __init__(self, platform: Platform, payments: Payments, follow_up: FollowUp) -> None:
        self._clock = platform.clock
        self._ids = platform.ids
        self._ledger = payments.ledger
        self._gateway = payments.gateway
        self._follow_up = follow_up

    def run(self) -> dict[str, Any]:
        """Mend, compare, keep and tell. The certificate: {from, to, ourCount, ourCents, theirCount, theirCents,
        repaired, foreign, differences, green}; money that went back counts as a negative entry of its own.

        Raises `Unavailable` when the gateway's lists cannot be read.
        """
        until = self._clock.now()
        since = self._since(until)
        repaired = sum(self._mended(found) for found in list(self._disagreeing(since)))
        ours, theirs, foreign = self._sides(since, until)
        differences = [t for t in {**ours.cents, **theirs.cents} if ours.cents.get(t) != theirs.cents.get(t)]
        for transaction in differences:
            sides = {"ours": ours.cents.get(transaction), "theirs": theirs.cents.get(transaction)}
            log.error("payment_difference", extra={"transactionId": transaction, **sides})
        certificate = {
            "from": wire_time(since),
            "to": wire_time(until),
            "ourCount": len(ours.cents),
            "ourCents": sum(ours.cents.values()),
            "theirCount": len(theirs.cents),
            "theirCents": sum(theirs.cents.values()),
            "repaired": repaired,
            "foreign": foreign,
            "differences": len(differences),
            "green": not differences,
        }
        self._tell(certificate, until)
        log.info("payments_reconciled", extra=certificate)
        return certificate

    def _since(self, now: datetime) -> datetime:
        # Never green: from the first payment that there is.
        begin = self._ledger.green_at() or self._ledger.first_paid() or now
        return min(now, begin) - OVERLAP

    def _disagreeing(self, since: datetime) -> Iterable[Transaction]:
        """Theirs that our books do not say the same of, and what has become of ours that are not in their lists."""
        paid = self._paid(since)
        listed: set[str] = set()
        for transaction in self._gateway.transactions(since):
            listed.add(transaction.id)
            charge = paid.get(transaction.id) or self._follow_up.charge_of(transaction)
            if not _agrees(charge, transaction):
                yield transaction
        for charge in paid.values():
            if charge.transaction_id not in listed and not charge.refund_of:
                found = self._gateway.transaction(charge.transaction_id)
                if found is not None and not _agrees(charge, found):
                    yield found

    def _mended(self, transaction: Transaction) -> bool:
        """Whether something was done. Failure policy: one that fails is told as a difference, the rest goes on."""
        try:
            return self._follow_up.settle(transaction)
        except Unavailable as error:
            log.warning("payment_not_mended", extra={"transactionId": transaction.id, "reason": str(error)})
            return False

    def _sides(self, since: datetime, until: datetime) -> tuple[Side, Side, int]:
        """What both say now of every transaction that concerns us; how many do not."""
        ours, theirs, foreign, paid = Side(), Side(), 0, self._paid(since)
        for transaction in self._gateway.transactions(since):
            charge = paid.get(transaction.id) or self._follow_up.charge_of(transaction)
            if charge is None:
                foreign += transaction.status in TAKEN
            elif transaction.submitted_at <= until:
                _enter(theirs, transaction)
                _book(ours, charge)
        for charge in paid.values():
            if charge.transaction_id in ours.cents or (charge.paid_at and charge.paid_at > until):
                continue
            found = self._gateway.transaction(charge.transaction_id)
            _book(ours, charge)
            if found is not None:
                _enter(theirs, found)
        return ours, theirs, foreign

    def _paid(self, since: datetime) -> dict[str, Charge]:
        """Our charges and refunds by transaction; a void is both the charge's and the refund's, and is the charge's."""
        charges = sorted(self._ledger.paid_since(since), key=lambda charge: not charge.refund_of)
        return {charge.transaction_id: charge for charge in charges}

    def _tell(self, certificate: dict[str, Any], at: datetime) -> None:
        def told(was_green: bool) -> list[Event]:
            found = [events.reconciled(self._ids.new("evt"), certificate, at)]
            if not certificate["green"]:
                found.append(alerts.unreconciled(self._ids.new("evt"), certificate["differences"], at))
            elif not was_green:
                found.append(alerts.reconciled_again(self._ids.new("evt"), at))
            return found

        self._ledger.keep(certificate, at, told)


def _agrees(charge: Charge | None, transaction: Transaction) -> bool:
    """Whether our books say the same; a foreign transaction is none of their business, but a refund may be of ours."""
    if charge is None:
        return transaction.status != REFUND
    if transaction.id in charge.reversals:
        return True
    paid_by_it = not charge.open and charge.transaction_id == transaction.id
    if transaction.status in (VOIDED, FAILED):
        return not charge.open and not (paid_by_it and charge.state == PAID)
    if charge.kind == RETURNED:
        # Whether the charge that it is of knows of it is looked at each time.
        return False
    same = paid_by_it and charge.cents == transaction.cents and charge.state in (PAID, REVERSED)
    return same and (transaction.status == REFUND) == bool(charge.refund_of)


def _enter(side: Side, transaction: Transaction) -> None:
    if transaction.status in TAKEN:
        side.cents[transaction.id] = transaction.cents
    elif transaction.status == REFUND:
        side.cents[transaction.id] = -transaction.cents


def _book(side: Side, charge: Charge) -> None:
    """What our books hold: a voided charge is in neither side, and neither is what was voided beyond what is owed."""
    if charge.state not in (PAID, REVERSED) or not charge.transaction_id:
        return
    if not charge.refund_of:
        entries = {charge.transaction_id: charge.cents} if charge.transaction_id not in charge.reversals else {}
        side.cents |= {**entries, **{t: -c for t, c in charge.reversals.items() if t != charge.transaction_id}}
    elif charge.transaction_id != charge.refund_of:
        beyond = {charge.refund_of: charge.cents} if charge.kind == EXCESS else {}
        side.cents |= {**beyond, charge.transaction_id: -charge.cents}
