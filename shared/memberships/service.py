"""Subscribing, upgrading, cancelling.

How a charge is booked, sent and concluded: bookings.py.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.memberships import events, rules
from shared.memberships.billing import Billing
from shared.memberships.bookings import Booking, Bookings
from shared.memberships.contact import Contact
from shared.memberships.errors import AlreadyMember, NoActiveMembership, NotHigher, UnknownCard
from shared.memberships.models import ACTIVE, FIRST, LEASE, PAST_DUE, RECOVERY, UPGRADE, Member, Membership, Pending
from shared.memberships.repository import Record
from shared.memberships.rules import Now, Proration
from shared.memberships.tiers import is_higher
from shared.payments.models import Method, Token
from shared.payments.ports import Gateway
from shared.payments.service import Payments
from shared.platform.context import Platform


@dataclass(frozen=True, kw_only=True, repr=False)
class Subscription:
    """What a customer asks for. `funding`: a token, or a stored card that is checked to be theirs."""

    customer_id: str
    email: str
    tier: str
    funding: Token | Method
    method_type: str
    request_id: str


class MembershipService:
    """One per instance."""

    def __init__(self, platform: Platform, billing: Billing) -> None:
        self._platform = platform
        self._billing = billing
        self._bookings = Bookings(platform, billing)
        self._payments = billing.payments
        self._repository = billing.repository

    @classmethod
    def on(cls, platform: Platform, connect: Callable[[Platform], Gateway]) -> MembershipService:
        return platform.once(cls, lambda: cls(platform, Billing(platform, Payments(platform, connect(platform)))))

    # --- subscribing

    def subscribe(self, wanted: Subscription) -> tuple[Membership, str]:
        """The new membership, or one that was past due and is active again; with the e-mail address.

        Raises `AlreadyMember`, `UnknownCard`, `PaymentDeclined`, `PaymentUnderReview`, `PaymentUnknown`, `InProgress`,
        `Unavailable`.
        """
        customer_hash = self._platform.customer_hash(wanted.customer_id)
        contact = Contact(wanted.customer_id, wanted.email)
        customer = self._billing.customer(customer_hash, contact)
        if isinstance(wanted.funding, Method):
            wanted = replace(wanted, funding=self._own_card(wanted.funding, customer.reference))
        begun = self._bookings.when_free(customer_hash, lambda record: self._begin(record, wanted, contact))
        if isinstance(begun, Membership):
            return begun, wanted.email
        outcome = self._payments.send(
            begun.charge.id,
            f"{wanted.tier} membership",
            customer,
            wanted.funding,
            keep=isinstance(wanted.funding, Token),
        )
        return self._bookings.concluded(customer_hash, begun, outcome), wanted.email

    def _own_card(self, method: Method, reference: str) -> Method:
        """A stored card is only ever charged for whom it was stored."""
        found = self._payments.gateway.card(method)
        if found is None or not hmac.compare_digest(found[0], reference):
            raise UnknownCard
        return found[1]

    def _begin(self, record: Record, wanted: Subscription, contact: Contact) -> Booking | Membership:
        now, member = self._billing.now(), record.member
        before, fingerprint = member.membership, self._fingerprint(member.customer_hash, wanted)
        if before and before.claim == fingerprint and before.status == ACTIVE:
            # Bought by a request that never heard of it; this is the same one again.
            return before
        if not rules.is_over(before) and not (before and before.status == PAST_DUE):
            raise AlreadyMember
        if before and before.status == PAST_DUE:
            kind, result = RECOVERY, replace(rules.renewed(before, wanted.tier, now), method_type=wanted.method_type)
        else:
            ids = self._platform.ids
            kind = FIRST
            result = rules.begun(
                ids=(ids.new("MEM"), ids.new("SUB")),
                tier=wanted.tier,
                method_type=wanted.method_type,
                before=before,
                now=now,
            )
        method = wanted.funding if isinstance(wanted.funding, Method) else None
        key, sealed = self._billing.contacts.seal(contact, member.customer_hash)
        pending = Pending(
            charge_id=result.paid_by,
            kind=kind,
            result=replace(result, method=method),
            lease_until=now.moment + LEASE,
            fingerprint=fingerprint,
            contact_key=key,
            contact=sealed,
            request_id=wanted.request_id,
        )
        return self._bookings.book(record, pending, result.price, now)

    def _fingerprint(self, customer_hash: str, wanted: Subscription) -> str:
        funding = wanted.funding
        card = funding.value if isinstance(funding, Token) else funding.id
        text = "\n".join((customer_hash, wanted.tier, wanted.email, card))
        return hashlib.sha256(text.encode()).hexdigest()

    # --- upgrading

    def upgrade(self, customer_id: str, tier: str, request_id: str) -> tuple[Membership, Proration, str]:
        """The membership in its new tier, and what was charged for it; with the e-mail address.

        Raises `NoActiveMembership`, `NotHigher`, and what `subscribe` raises for payments.
        """
        customer_hash = self._platform.customer_hash(customer_id)
        booked = self._bookings.when_free(customer_hash, lambda record: self._begin_upgrade(record, tier, request_id))
        begun, proration, member = booked
        contact = self._billing.contacts.open(member, customer_hash)
        if isinstance(begun, Membership):
            return begun, proration, contact.email
        customer = self._billing.customer(customer_hash, contact)
        after = self._bookings.charge_card(begun, member.membership, customer, f"Upgrade to {tier} membership")
        return after, proration, contact.email

    def preview(self, customer_id: str, tier: str) -> tuple[Membership, Proration, str]:
        """What `upgrade` would do now; changes nothing."""
        record = self._repository.get(self._platform.customer_hash(customer_id))
        result, proration = self._upgraded(record.member, tier, self._billing.now())
        return result, proration, self._billing.contacts.open(record.member, record.member.customer_hash).email

    def _begin_upgrade(
        self, record: Record, tier: str, request_id: str
    ) -> tuple[Booking | Membership, Proration, Member]:
        now = self._billing.now()
        result, proration = self._upgraded(record.member, tier, now)
        before = record.member.membership
        if not proration.charge or before is None:
            self._billing.changed(record, result, events.UPGRADED, request_id, now)
            return result, proration, record.member
        charge_id = self._bookings.free_id(rules.upgrade_id(before, tier))
        pending = Pending(
            charge_id=charge_id,
            kind=UPGRADE,
            result=rules.with_upgrade(result, charge_id),
            lease_until=now.moment + LEASE,
            request_id=request_id,
        )
        booking = self._bookings.book(record, pending, proration.charge, now)
        return booking, proration, record.member

    def _upgraded(self, member: Member, tier: str, now: Now) -> tuple[Membership, Proration]:
        before = member.membership
        if before is None or before.status != ACTIVE:
            raise NoActiveMembership
        if not is_higher(tier, before.tier):
            raise NotHigher(before.tier)
        whole = self._platform.settings.proration == "full_difference"
        proration = rules.prorated(before, tier, now, whole_difference=whole)
        return rules.upgraded(before, tier, proration, now), proration

    # --- cancelling

    def cancel(self, customer_id: str, reason: str, request_id: str) -> tuple[Membership, str]:
        """Raises `NoActiveMembership`, `InProgress`, `Unavailable`."""
        customer_hash = self._platform.customer_hash(customer_id)

        def cancelled(record: Record) -> tuple[Membership, str]:
            before, now = record.member.membership, self._billing.now()
            if rules.is_over(before) or before is None:
                raise NoActiveMembership
            after = rules.cancelled(before, reason, now)
            self._billing.changed(record, after, events.CANCELLED, request_id, now)
            return after, self._billing.contacts.open(record.member, customer_hash).email

        return self._bookings.when_free(customer_hash, cancelled)
