"""The daily job: charge what is due, try again what was declined, end what is over.

Each member stands alone: one that fails, or whose charge is not known yet, holds up nobody. What is left when the time
is over, or when the gateway did not answer, is due again at the next run.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from shared.memberships import events, rules
from shared.memberships.billing import Billing
from shared.memberships.bookings import Booking, Bookings
from shared.memberships.models import CANCELLED, LEASE, RENEWAL, Pending
from shared.memberships.repository import Record
from shared.payments.errors import PaymentDeclined, PaymentUnderReview
from shared.payments.ports import Gateway
from shared.payments.service import Payments
from shared.platform.context import Platform
from shared.platform.errors import Failure
from shared.platform.tally import carried

# Members at once: the gateway takes a second for each.
PARALLEL = 4

log = logging.getLogger(__name__)


class Renewals:
    """`run` twice on a day changes nothing the second time."""

    def __init__(self, platform: Platform, connect: Callable[[Platform], Gateway]) -> None:
        self._platform = platform
        self._billing = Billing(platform, Payments(platform, connect(platform)))
        self._bookings = Bookings(platform, self._billing)

    def run(self, seconds: float) -> Counter[str]:
        """How many were `renewed`, `declined`, `ended`, `failed`, are `waiting` for a review, `left` for want of time.

        Raises `Unavailable`.
        """
        until = self._platform.clock.monotonic() + seconds
        due = list(self._billing.repository.due(self._billing.now().day))
        with ThreadPoolExecutor(PARALLEL) as threads:
            counts = Counter(threads.map(carried(lambda customer_hash: self._tried(customer_hash, until)), due))
        log.info("memberships_renewed", extra={"due": len(due), **counts})
        return counts

    def _tried(self, customer_hash: str, until: float) -> str:
        if self._platform.clock.monotonic() >= until:
            return "left"
        try:
            return self._renew(customer_hash)
        except PaymentDeclined:
            return "declined"
        except PaymentUnderReview:
            return "waiting"
        except Failure as failure:
            log.warning("renewal_failed", extra={"customerHash": customer_hash, "code": failure.code})
        except Exception:
            log.exception("renewal_failed", extra={"customerHash": customer_hash})
        return "failed"

    def _renew(self, customer_hash: str) -> str:
        begun = self._bookings.when_free(customer_hash, self._begin)
        if not isinstance(begun, Booking):
            return begun
        record = self._billing.repository.get(customer_hash)
        customer = self._billing.customer(customer_hash, self._billing.contacts.open(record.member, customer_hash))
        description = f"{begun.pending.result.tier} membership"
        self._bookings.charge_card(begun, record.member.membership, customer, description, recurring=True)
        return "renewed"

    def _begin(self, record: Record) -> Booking | str:
        """The charge to be sent, or what was done without one."""
        now, before = self._billing.now(), record.member.membership
        if before and before.status == CANCELLED and before.due_on and before.due_on <= now.day:
            self._billing.changed(record, rules.lapsed(before, now), events.LAPSED, "", now)
            return "ended"
        if before is None or not rules.renewal_due(before, now):
            return "done"
        result = rules.renewed(before, before.tier, now)
        pending = Pending(charge_id=result.paid_by, kind=RENEWAL, result=result, lease_until=now.moment + LEASE)
        return self._bookings.book(record, pending, result.price, now)
