"""Book → send → conclude, for whatever a member pays.

The charge is booked together with what it is for (`Pending`), which nobody else may then do; it is sent once; and its
outcome is written together with its effect. A process that dies in between leaves a `Pending` whose lease ends, and
whoever comes next, a request or the follow-up, finds out at the gateway what became of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from shared.memberships.billing import Billing
from shared.memberships.errors import InProgress
from shared.memberships.models import LEASE, OWNER, Membership, Pending
from shared.memberships.repository import Record
from shared.memberships.rules import Now
from shared.payments.errors import GatewayUnavailable, PaymentUnknown, failure_of
from shared.payments.ledger import Booked
from shared.payments.models import (
    ABSENT,
    CODE_UNAVAILABLE,
    DECLINED,
    INTENT,
    PAID,
    REVERSED,
    Charge,
    Customer,
    Method,
    Outcome,
)
from shared.payments.rules import again, reference_of
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.errors import ChangedMeanwhile
from shared.values import leases

# How long a request waits for another one of the same customer: longer than a gateway usually takes.
PATIENCE_SECONDS = 12.0
POLL_SECONDS = 0.1
Decided = TypeVar("Decided")


@dataclass(frozen=True)
class Booking:
    """A charge that was booked, to be sent by who booked it."""

    charge: Charge
    pending: Pending


class Bookings:
    """The charges of members."""

    def __init__(self, platform: Platform, billing: Billing) -> None:
        self._platform = platform
        self._billing = billing
        self._payments = billing.payments
        self._repository = billing.repository

    def free_id(self, charge_id: str) -> str:
        """The id, with a number behind it when what it is for was paid before, and all of that has gone back."""
        found, number = charge_id, 1
        while (booked := self._payments.ledger.get(found)) and booked.charge.state == REVERSED:
            number += 1
            found = f"{charge_id}_{number}"
        return found

    def book(self, record: Record, pending: Pending, cents: int, now: Now) -> Booking:
        """Book a charge and what it is for. Raises `ChangedMeanwhile`."""
        booked = self._payments.ledger.get(pending.charge_id)
        charge = self._charge(booked, record, pending, cents, now)
        self._repository.save(replace(record.member, pending=pending), record, (), [(charge, booked)])
        return Booking(charge, pending)

    def _charge(self, booked: Booked | None, record: Record, pending: Pending, cents: int, now: Now) -> Charge:
        if booked is not None:
            if booked.charge.state != DECLINED:
                self._check_unchanged(record)
                raise LookupError(f"The charge {pending.charge_id} is {booked.charge.state}, and nothing waits for it.")
            return again(booked.charge, now.moment, cents=cents, request_id=pending.request_id)
        return Charge(
            id=pending.charge_id,
            owner=OWNER,
            customer_hash=record.member.customer_hash,
            kind=pending.charge_id.rpartition(":")[2],
            cents=cents,
            state=INTENT,
            attempt=1,
            references=(reference_of(pending.charge_id, 1),),
            created_at=now.moment,
            updated_at=now.moment,
            request_id=pending.request_id,
        )

    def _check_unchanged(self, record: Record) -> None:
        """A charge that is booked after its customer was read belongs to who was faster. Raises `ChangedMeanwhile`."""
        now = self._repository.get(record.member.customer_hash)
        if (now.seen and now.seen.version) != (record.seen and record.seen.version):
            raise ChangedMeanwhile("membership")

    def charge_card(
        self,
        begun: Booking,
        membership: Membership | None,
        customer: Customer,
        description: str,
        *,
        recurring: bool = False,
    ) -> Membership:
        """Charge the stored card; else that of the last payment, which the gateway did not store at the time."""
        method = membership.method if membership else None
        if membership and method is None:
            method = self._last_card(membership, customer)
        if method is None:
            outcome = Outcome(kind=ABSENT, code=CODE_UNAVAILABLE, reason="The card could not be stored yet.")
        else:
            outcome = self._payments.send(begun.charge.id, description, customer, method, recurring=recurring)
        return self.concluded(begun.charge.customer_hash, begun, replace(outcome, method=outcome.method or method))

    def _last_card(self, membership: Membership, customer: Customer) -> Method | None:
        paid = self._payments.ledger.get(membership.paid_by)
        return self._payments.card_of(paid.charge.transaction_id, customer) if paid else None

    def concluded(self, customer_hash: str, begun: Booking, outcome: Outcome) -> Membership:
        charge = self._billing.conclude(customer_hash, begun.charge.id, outcome)
        if charge.state == PAID:
            membership = self._repository.get(customer_hash).member.membership
            return membership or begun.pending.result
        raise failure_of(charge)

    def when_free(self, customer_hash: str, decide: Callable[[Record], Decided]) -> Decided:
        """Decide once nothing of this customer is under way; what a dead process left is brought to its end first."""
        until = self._platform.clock.monotonic() + PATIENCE_SECONDS

        def decided() -> Decided | Pending:
            record = self._repository.get(customer_hash)
            return decide(record) if record.member.pending is None else record.member.pending

        while isinstance(found := until_unchanged(decided, self._platform.clock, self._platform.ids), Pending):
            if not _held(found, self._billing.now().moment):
                self.bring_to_its_end(customer_hash, found)
            elif self._platform.clock.monotonic() > until:
                raise InProgress
            else:
                self._platform.clock.sleep(POLL_SECONDS)
        return found

    def bring_to_its_end(self, customer_hash: str, pending: Pending) -> None:
        """Of a charge that nobody works on any more. Raises what the caller is to be told if that is not known yet."""
        booked = self._payments.ledger.get(pending.charge_id)
        if booked is None:
            raise LookupError(f"There is no charge {pending.charge_id}.")
        try:
            outcome = self._payments.ask(booked.charge)
        except GatewayUnavailable:
            raise PaymentUnknown from None
        charge = self._billing.conclude(customer_hash, pending.charge_id, outcome, asked=booked.charge)
        if charge.open:
            raise failure_of(charge)


def _held(pending: Pending, now: datetime) -> bool:
    """Whether somebody works on it."""
    return leases.ahead(pending.lease_until, LEASE, now)
