"""Where memberships are kept: `memberships/{customer_hash}`, one document for each customer.

A membership, the charge that it hangs on, their events and mails are one commit: all of them or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from shared.memberships import documents
from shared.memberships.models import Member
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.firestore import Stored
from shared.platform.outbox import Outgoing

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

    # Whoever only reads memberships has nothing to do with charges and their events.
    from shared.payments.ledger import Booked, Ledger
    from shared.payments.models import Charge

MEMBERSHIPS = "memberships"
PAGE = 300


@dataclass(frozen=True)
class Record:
    """A customer as read, with the document's version; None: nothing is stored."""

    member: Member
    seen: Stored | None


class Memberships:
    """For reading. Every method raises `Unavailable` when Firestore does not answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def get(self, customer_hash: str) -> Record:
        seen = firestore.read(self._reference(customer_hash))
        member = documents.to_member(customer_hash, seen.data) if seen else Member(customer_hash=customer_hash)
        return Record(member, seen)

    def due(self, day: date) -> Iterator[str]:
        """Customer hashes whose membership the job has to look at on this day."""
        from google.cloud.firestore import FieldFilter

        with firestore.translated():
            query = self._platform.firestore.collection(MEMBERSHIPS)
            due = query.where(filter=FieldFilter("dueOn", "<=", day.isoformat())).order_by("dueOn").select([])
            yield from [found.id for found in firestore.counted(due.stream())]

    def everyone(self) -> Iterator[Member]:
        """In pages, so that a large shop is read in flat memory."""
        query = self._platform.firestore.collection(MEMBERSHIPS).order_by("__name__").limit(PAGE)
        last = None
        while True:
            with firestore.translated():
                page = list(firestore.counted((query.start_after(last) if last else query).stream()))
            for found in page:
                yield documents.to_member(found.id, found.to_dict() or {})
            if len(page) < PAGE:
                return
            last = page[-1]

    def _reference(self, customer_hash: str) -> DocumentReference:
        return self._platform.firestore.collection(MEMBERSHIPS).document(customer_hash)


class MembershipRepository(Memberships):
    """Writes as well: `save` raises `Unavailable` too."""

    def __init__(self, platform: Platform, ledger: Ledger) -> None:
        super().__init__(platform)
        self._ledger = ledger

    def save(
        self,
        member: Member,
        record: Record,
        outgoing: Sequence[Outgoing] = (),
        charges: Sequence[tuple[Charge, Booked | None]] = (),
    ) -> None:
        """Raises `ChangedMeanwhile` when the customer, or one of the charges, is not as it was read any more."""
        batch = self._platform.firestore.batch()
        firestore.put(batch, self._reference(member.customer_hash), documents.of_member(member), record.seen)
        told = list(outgoing)
        for charge, booked in charges:
            told += self._ledger.put(batch, charge, booked)
        for message in told:
            self._platform.outbox.add(batch, message)
        firestore.commit(batch)
        self._platform.outbox.publish(told)
