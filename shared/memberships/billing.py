"""What a charge does to a membership: the one place where both are written, in one commit.

It does not matter who finds out what became of a charge, the request that sent it, the follow-up or the gateway's
webhook, nor how often: the first to commit gives it its effect, the others see that it has had it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.memberships import events, rules
from shared.memberships.contact import Contact, Contacts
from shared.memberships.models import (
    CANCELLED,
    EXPIRED,
    FIRST,
    RECOVERY,
    RENEWAL,
    UPGRADE,
    Member,
    Membership,
    Pending,
)
from shared.memberships.repository import MembershipRepository, Record
from shared.memberships.rules import Now
from shared.payments import rules as charges
from shared.payments.ledger import Booked
from shared.payments.models import (
    APPROVED,
    CODE_UNAVAILABLE,
    EXCESS,
    HELD,
    PAID,
    UNKNOWN,
    Charge,
    Customer,
    Method,
    Outcome,
)
from shared.payments.service import Payments
from shared.platform.clock import to_milliseconds
from shared.platform.contention import until_unchanged
from shared.platform.context import Platform
from shared.platform.errors import Contended
from shared.platform.outbox import Outgoing

# The gateway keeps 20 characters.
CUSTOMER_REFERENCE = 20

# What is told when a pending charge is paid.
PAID_FOR = {
    FIRST: events.STARTED,
    RENEWAL: events.RENEWED,
    RECOVERY: events.RENEWED,
    UPGRADE: events.UPGRADED,
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Effect:
    """The customer after it, and what is told."""

    member: Member
    kind: str = ""
    previous_tier: str | None = None


class Billing:
    """The `Owner` of memberships' charges (shared/payments/ports.py)."""

    def __init__(self, platform: Platform, payments: Payments) -> None:
        self.payments = payments
        self.repository = MembershipRepository(platform, payments.ledger)
        self.contacts = Contacts(platform)
        self._platform = platform

    def now(self) -> Now:
        return Now(to_milliseconds(self._platform.clock.now()), self._platform.settings.store_timezone)

    # --- as the owner of charges

    def resolve(self, charge: Charge) -> None:
        """Raises `Unavailable`."""
        self.conclude(charge.customer_hash, charge.id, self.payments.ask(charge), asked=charge)

    def take_back(self, charge: Charge, transaction_id: str, cents: int) -> None:
        """Raises `Contended` while another charge of the customer is under way: call again."""
        until_unchanged(
            lambda: self._take_back(charge.id, transaction_id, cents), self._platform.clock, self._platform.ids
        )

    # --- what becomes of a charge

    def conclude(self, customer_hash: str, charge_id: str, outcome: Outcome, *, asked: Charge | None = None) -> Charge:
        """The charge with its outcome, which has had its effect.

        `asked`: the charge as it was when the gateway was asked, by another than who sent it.
        """
        if outcome.kind == APPROVED:
            outcome = self._with_card(customer_hash, charge_id, outcome)
        return until_unchanged(
            lambda: self._conclude(customer_hash, charge_id, outcome, asked), self._platform.clock, self._platform.ids
        )

    def _conclude(self, customer_hash: str, charge_id: str, outcome: Outcome, asked: Charge | None) -> Charge:
        booked = self.payments.ledger.get(charge_id)
        if booked is None:
            raise LookupError(f"There is no charge {charge_id}.")
        if not booked.charge.open or _outdated(outcome, asked, booked.charge):
            return booked.charge
        now, record = self.now(), self.repository.get(customer_hash)
        charge = charges.after(booked.charge, outcome, now.moment)
        pending = record.member.pending
        if charge.state == booked.charge.state and asked is not None:
            # Still in review, still unknown: nothing to tell.
            return booked.charge
        if pending is None or pending.charge_id != charge_id:
            return self._conclude_alone(record, charge, booked, now)
        effect = self._effect(record.member, pending, charge, outcome, asked is None, now)
        told = self._told(effect, pending.request_id, charge, now)
        self.repository.save(effect.member, record, told, [(charge, booked)])
        return charge

    def _conclude_alone(self, record: Record, charge: Charge, booked: Booked, now: Now) -> Charge:
        """Nobody waits for this charge. Failure policy: its money goes back."""
        writes: list[tuple[Charge, Booked | None]] = [(charge, booked)]
        if charge.state == PAID:
            log.error("charge_without_membership", extra={"chargeId": charge.id})
            writes.append((self.payments.refund(charge, EXCESS, charge.transaction_id, charge.cents, now.moment), None))
        self.repository.save(record.member, record, (), writes)
        return charge

    def _effect(
        self, member: Member, pending: Pending, charge: Charge, outcome: Outcome, heard: bool, now: Now
    ) -> Effect:
        if charge.state == PAID:
            return self._paid(member, pending, outcome.method, heard, now)
        if charge.state in (HELD, UNKNOWN):
            return Effect(replace(member, pending=replace(pending, lease_until=now.moment)))
        without = replace(member, pending=None)
        # A customer's own new card that is declined is no try of ours, and an outage is nobody's fault.
        if pending.kind != RENEWAL or charge.code == CODE_UNAVAILABLE or member.membership is None:
            return Effect(without)
        failed = rules.declined(member.membership, now)
        kind = events.EXPIRED if failed.status == EXPIRED else events.PAYMENT_FAILED
        return Effect(replace(without, membership=failed), kind)

    def _paid(self, member: Member, pending: Pending, method: Method | None, heard: bool, now: Now) -> Effect:
        result, before = pending.result, member.membership
        if pending.kind == FIRST and result.start_date < now.day:
            result = rules.started_late(result, before, now)
        result = rules.with_card(result, method, now)
        result = replace(result, claim="" if heard else pending.fingerprint)
        replaced = (rules.past_of(before, now),) if pending.kind == FIRST and before else ()
        contact = (pending.contact_key, pending.contact) if pending.contact else (member.contact_key, member.contact)
        after = replace(
            member,
            membership=result,
            pending=None,
            past=(*member.past, *replaced),
            contact_key=contact[0],
            contact=contact[1],
        )
        return Effect(after, PAID_FOR[pending.kind], before.tier if before and before.id == result.id else None)

    def _told(self, effect: Effect, request_id: str, charge: Charge | None, now: Now) -> Sequence[Outgoing]:
        membership = effect.member.membership
        if not effect.kind or membership is None:
            return ()
        ids = self._platform.ids
        event = events.changed(
            ids.new("evt"),
            effect.kind,
            effect.member.customer_hash,
            request_id,
            membership,
            now.moment,
            charge=charge,
            previous_tier=effect.previous_tier,
        )
        customer_hash = effect.member.customer_hash
        email = self.contacts.open(effect.member, customer_hash).email
        mail = events.mail(ids.new("mail"), effect.kind, email, customer_hash, membership, now.moment, charge)
        return (event, mail) if mail else (event,)

    def changed(self, record: Record, membership: Membership, kind: str, request_id: str, now: Now) -> None:
        """A change that costs nothing. Raises `ChangedMeanwhile`."""
        effect = Effect(replace(record.member, membership=membership), kind, _tier(record.member))
        self.repository.save(effect.member, record, self._told(effect, request_id, None, now))

    def _with_card(self, customer_hash: str, charge_id: str, outcome: Outcome) -> Outcome:
        """A new card that the gateway did not store with the charge is stored now."""
        pending = self.repository.get(customer_hash).member.pending
        if outcome.method or pending is None or pending.charge_id != charge_id or not pending.contact:
            return outcome
        if pending.result.method is not None:
            return outcome
        customer = self.customer(customer_hash, self.contacts.open(pending, customer_hash))
        return replace(outcome, method=self.payments.card_of(outcome.transaction_id, customer))

    def customer(self, customer_hash: str, contact: Contact) -> Customer:
        """As the gateway knows them."""
        return Customer(customer_hash[:CUSTOMER_REFERENCE], contact.email)

    # --- money that has gone back

    def _take_back(self, charge_id: str, transaction_id: str, cents: int) -> None:
        booked = self.payments.ledger.get(charge_id)
        if booked is None or booked.charge.open or transaction_id in booked.charge.reversals:
            return
        now = self.now()
        charge = charges.reversal(booked.charge, transaction_id, cents, now.moment)
        record = self.repository.get(charge.customer_hash)
        if record.member.pending is not None:
            raise Contended("Another charge of this customer is under way.")
        effect = self._reversed(record.member, charge, now)
        told = self._told(effect, charge.request_id, charge, now)
        self.repository.save(effect.member, record, told, [(charge, booked)])

    def _reversed(self, member: Member, charge: Charge, now: Now) -> Effect:
        before = member.membership
        if before is None or charge.reversed_cents < charge.cents:
            return Effect(member)
        after = rules.taken_back(before, charge.id, charge.cents, now)
        if after is None:
            return Effect(member)
        kind = events.CANCELLED if after.status == CANCELLED else events.DOWNGRADED
        return Effect(replace(member, membership=after), kind, before.tier)


def _outdated(outcome: Outcome, asked: Charge | None, charge: Charge) -> bool:
    """That it was not charged is known of the charge as it was then: it may have been sent since."""
    return asked is not None and outcome.kind != APPROVED and charge != asked


def _tier(member: Member) -> str | None:
    return member.membership.tier if member.membership else None
