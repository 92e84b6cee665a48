"""Where raffles are kept.

`raffles/{id}`                     one raffle: what is published, the free numbers, the counts, the draw
`raffles/{id}/purchases/{TXN_}`    one purchase, with its numbers as ranges
`raffles/{id}/buyers/{hash}`       that a customer has had the bonus entries, with which purchase and by which charges
`raffles/{id}/ledger/{n}`          the ledger as it was fixed, in pieces that fit into documents

The raffle's document changes with every purchase of it, in the same commit: who has read it and commits has seen all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.platform import firestore
from shared.platform.context import Platform
from shared.platform.firestore import Stored
from shared.raffles import documents
from shared.raffles.merkle import Entry
from shared.raffles.models import LISTED, Bonus, Purchase, Raffle

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference, DocumentSnapshot, FieldFilter

RAFFLES = "raffles"
PURCHASES = "purchases"
BUYERS = "buyers"
LEDGER = "ledger"
# Entries in a document: some 60 bytes each.
PIECE = 5_000
PAGE = 1_000


@dataclass(frozen=True)
class Record:
    """A raffle as read, with the document's version."""

    raffle: Raffle
    seen: Stored


class Raffles:
    """For reading. Every method raises `Unavailable` when Firestore does not answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def get(self, raffle_id: str) -> Record | None:
        seen = firestore.read(self.reference(raffle_id))
        return Record(documents.to_raffle(raffle_id, seen.data), seen) if seen else None

    def listed(self) -> list[Raffle]:
        """Those that everybody sees, the next draw first."""
        raffles = self._platform.firestore.collection(RAFFLES)
        found = _read(raffles.where(filter=_where("status", "in", list(LISTED))).stream())
        return sorted((_raffle(one) for one in found), key=lambda raffle: (raffle.draw_date, raffle.id))

    def everyone(self) -> list[Raffle]:
        return [_raffle(found) for found in _read(self._platform.firestore.collection(RAFFLES).stream())]

    def with_reservations(self) -> list[Raffle]:
        raffles = self._platform.firestore.collection(RAFFLES)
        return [_raffle(found) for found in _read(raffles.where(filter=_where("open", ">", 0)).stream())]

    def purchase(self, raffle_id: str, purchase_id: str) -> tuple[Purchase, Stored] | None:
        seen = firestore.read(self.purchase_reference(raffle_id, purchase_id))
        return (documents.to_purchase(purchase_id, seen.data), seen) if seen else None

    def purchases_in(self, raffle_id: str, *states: str) -> Iterator[Purchase]:
        """In pages, so that a large raffle is read in flat memory, in the order of their ids."""
        purchases = self.reference(raffle_id).collection(PURCHASES)
        query = purchases.where(filter=_where("state", "in", list(states))).order_by("__name__")
        last = None
        while True:
            page = _read((query.start_after(last) if last else query).limit(PAGE).stream())
            yield from (documents.to_purchase(found.id, found.to_dict() or {}) for found in page)
            if len(page) < PAGE:
                return
            last = page[-1]

    def purchases_of(self, raffle_id: str, customer_hash: str) -> list[Purchase]:
        """A customer's, the oldest first."""
        purchases = self.reference(raffle_id).collection(PURCHASES)
        theirs = _read(purchases.where(filter=_where("customerHash", "==", customer_hash)).stream())
        found = [documents.to_purchase(one.id, one.to_dict() or {}) for one in theirs]
        return sorted(found, key=lambda purchase: (purchase.created_at, purchase.id))

    def purchase_asked_with(self, raffle_id: str, key_hash: str) -> Purchase | None:
        """The newest one that was asked for with this Idempotency-Key."""
        purchases = self.reference(raffle_id).collection(PURCHASES)
        asked = _read(purchases.where(filter=_where("keyHash", "==", key_hash)).stream())
        found = [documents.to_purchase(one.id, one.to_dict() or {}) for one in asked]
        return max(found, key=lambda purchase: (purchase.created_at, purchase.id), default=None)

    def bonus(self, raffle_id: str, customer_hash: str) -> Bonus | None:
        """That this customer has had the bonus entries."""
        seen = firestore.read(self.buyer(raffle_id, customer_hash))
        return documents.to_bonus(seen.data) if seen else None

    def ledger(self, raffle_id: str) -> list[Entry]:
        """As it was fixed; empty before that."""
        pieces = _read(self.reference(raffle_id).collection(LEDGER).stream())
        found = sorted(pieces, key=lambda piece: int(piece.id))
        return [entry for piece in found for entry in _entries((piece.to_dict() or {})["entries"])]

    def reference(self, raffle_id: str) -> DocumentReference:
        return self._platform.firestore.collection(RAFFLES).document(raffle_id)

    def purchase_reference(self, raffle_id: str, purchase_id: str) -> DocumentReference:
        return self.reference(raffle_id).collection(PURCHASES).document(purchase_id)

    def buyer(self, raffle_id: str, customer_hash: str) -> DocumentReference:
        return self.reference(raffle_id).collection(BUYERS).document(customer_hash)

    def piece(self, raffle_id: str, number: int) -> DocumentReference:
        return self.reference(raffle_id).collection(LEDGER).document(str(number))


def pieces(entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    """The documents of a ledger: numbers and purchases in turn, as Firestore holds no list in a list."""
    for start in range(0, len(entries), PIECE):
        piece = entries[start : start + PIECE]
        yield {"entries": [value for entry in piece for value in (entry.first, entry.last, entry.purchase_id)]}


def _entries(values: Sequence[Any]) -> Iterator[Entry]:
    for first, last, purchase_id in zip(values[::3], values[1::3], values[2::3], strict=True):
        yield Entry(first, last, purchase_id)


def _raffle(found: DocumentSnapshot) -> Raffle:
    return documents.to_raffle(found.id, found.to_dict() or {})


def _read(stream: Iterable[DocumentSnapshot]) -> list[DocumentSnapshot]:
    """A stream asks Firestore when it is gone through, no earlier."""
    with firestore.translated():
        return list(firestore.counted(stream))


def _where(name: str, operator: str, value: Any) -> FieldFilter:
    from google.cloud.firestore import FieldFilter

    return FieldFilter(name, operator, value)
