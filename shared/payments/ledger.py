"""Our books in Firestore.

`charges/{id}`                   one for each thing that is owed
`payment_state/reconciliation`   the last certificate, and when one was green
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.payments import documents, events
from shared.payments.models import INTENT, SENT, Charge
from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.firestore import Stored
from shared.platform.outbox import Event

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference, DocumentSnapshot, FieldFilter, WriteBatch

CHARGES = "charges"
STATE, RECONCILIATION = "payment_state", "reconciliation"
BEFORE_ALL = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Booked:
    """A charge as read, with its version."""

    charge: Charge
    seen: Stored


class Ledger:
    """Every method raises `Unavailable` when Firestore does not answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def get(self, charge_id: str) -> Booked | None:
        seen = firestore.read(self._reference(charge_id))
        return Booked(documents.to_charge(charge_id, seen.data), seen) if seen else None

    def put(self, batch: WriteBatch, charge: Charge, booked: Booked | None) -> list[Event]:
        """Write it in the caller's batch; its event, which the caller puts into the outbox and publishes."""
        firestore.put(batch, self._reference(charge.id), documents.of_charge(charge), booked.seen if booked else None)
        if charge.state in (INTENT, SENT):
            return []
        return [events.changed(self._platform.ids.new("evt"), charge, charge.updated_at)]

    def save(self, charge: Charge, booked: Booked | None) -> None:
        """Alone. Raises `ChangedMeanwhile`."""
        batch = self._platform.firestore.batch()
        told = self.put(batch, charge, booked)
        for event in told:
            self._platform.outbox.add(batch, event)
        firestore.commit(batch)
        self._platform.outbox.publish(told)

    def open(self) -> Iterator[Charge]:
        """Those of which it is not known what becomes of them."""
        charges = self._platform.firestore.collection(CHARGES)
        yield from _read(charges.where(filter=_where("open", "==", True)).stream())

    def paid_since(self, moment: datetime) -> Iterator[Charge]:
        charges = self._platform.firestore.collection(CHARGES)
        yield from _read(charges.where(filter=_where("paidAt", ">=", moment)).stream())

    def first_paid(self) -> datetime | None:
        """When the first of all was paid."""
        charges = self._platform.firestore.collection(CHARGES)
        oldest = charges.where(filter=_where("paidAt", ">", BEFORE_ALL)).order_by("paidAt").limit(1)
        return next((charge.paid_at for charge in _read(oldest.stream())), None)

    def with_reference(self, reference: str) -> Charge | None:
        charges = self._platform.firestore.collection(CHARGES)
        found = charges.where(filter=_where("references", "array_contains", reference)).stream()
        return next(_read(found), None)

    def with_transaction(self, transaction_id: str) -> Charge | None:
        """The one that it pays, or has gone back from; else the refund that it is."""
        charges = self._platform.firestore.collection(CHARGES)
        found = charges.where(filter=_where("transactions", "array_contains", transaction_id)).stream()
        return min(_read(found), key=lambda charge: bool(charge.refund_of), default=None)

    # --- reconciliation

    def green_at(self) -> datetime | None:
        """When the books were the same the last time."""
        seen = firestore.read(self._reconciliation())
        found: datetime | None = seen.data["greenAt"] if seen else None
        return found

    def keep(self, certificate: Mapping[str, Any], at: datetime, tell: Callable[[bool], Sequence[Event]]) -> None:
        """The newest certificate, with what is told of it: `tell(whether the one before was green)`.

        Raises `ChangedMeanwhile`.
        """
        seen = firestore.read(self._reconciliation())
        told = tell(seen.data["certificate"]["green"] if seen else True)
        before = seen.data["greenAt"] if seen else None
        batch = self._platform.firestore.batch()
        document = {"certificate": dict(certificate), "greenAt": at if certificate["green"] else before}
        firestore.put(batch, self._reconciliation(), document, seen)
        for event in told:
            self._platform.outbox.add(batch, event)
        firestore.commit(batch)
        self._platform.outbox.publish(told)

    def _reconciliation(self) -> DocumentReference:
        return self._platform.firestore.collection(STATE).document(RECONCILIATION)

    def _reference(self, charge_id: str) -> DocumentReference:
        return self._platform.firestore.collection(CHARGES).document(charge_id)


def _where(name: str, operator: str, value: Any) -> FieldFilter:
    from google.cloud.firestore import FieldFilter

    return FieldFilter(name, operator, value)


def _read(found: Iterable[DocumentSnapshot]) -> Iterator[Charge]:
    """Firestore is asked while they are gone through."""
    with firestore.translated():
        for charge in firestore.counted(found):
            yield documents.to_charge(charge.id, charge.to_dict() or {})
