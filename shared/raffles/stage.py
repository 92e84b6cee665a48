"""One commit of one raffle: what it changes, read once and written together, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shared.payments.ledger import Booked, Ledger
from shared.payments.models import Charge
from shared.platform import firestore
from shared.platform.clock import to_milliseconds
from shared.platform.context import Platform
from shared.platform.firestore import Stored
from shared.platform.outbox import Outgoing
from shared.raffles import documents, events
from shared.raffles.errors import NoRaffle
from shared.raffles.models import ACTIVE, SOLD_OUT, Bonus, Purchase
from shared.raffles.repository import Raffles, Record

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class _Entry:
    """A document: as read, as it is to be, and whether that is another."""

    seen: Stored | None
    value: Any
    dirty: bool = False


class Stage:
    """Read through it, change through it, `commit` at the end. Raises `NoRaffle`, `Unavailable`."""

    def __init__(
        self, platform: Platform, raffles: Raffles, ledger: Ledger, raffle_id: str, known: Record | None = None
    ) -> None:
        """`known`: the raffle as this instance has just left it; when it has changed since, the commit fails."""
        record = known or raffles.get(raffle_id)
        if record is None:
            raise NoRaffle
        self.raffle = record.raffle
        self.now: datetime = to_milliseconds(platform.clock.now())
        self._before = record
        self._platform = platform
        self._raffles = raffles
        self._ledger = ledger
        self._purchases: dict[str, _Entry] = {}
        self._charges: dict[str, _Entry] = {}
        self._buyers: dict[str, _Entry] = {}
        self._told: list[Outgoing] = []

    # --- purchases, charges, buyers

    def know(self, purchase: Purchase, charge: Charge, version: Any) -> None:
        """What was committed a moment ago need not be read: when it has changed meanwhile, the commit fails."""
        self._purchases.setdefault(purchase.id, _Entry(Stored(documents.of_purchase(purchase), version), purchase))
        self._charges.setdefault(charge.id, _Entry(Stored({}, version), charge))

    def purchase(self, purchase_id: str) -> Purchase:
        if purchase_id not in self._purchases:
            found = self._raffles.purchase(self.raffle.id, purchase_id)
            if found is None:
                raise LookupError(f"There is no purchase {purchase_id} in raffle {self.raffle.id}.")
            self._purchases[purchase_id] = _Entry(found[1], found[0])
        purchase: Purchase = self._purchases[purchase_id].value
        return purchase

    def put_purchase(self, purchase: Purchase) -> None:
        _put(self._purchases, purchase.id, purchase)

    def charge(self, charge_id: str) -> Charge:
        if charge_id not in self._charges:
            booked = self._ledger.get(charge_id)
            if booked is None:
                raise LookupError(f"There is no charge {charge_id}.")
            self._charges[charge_id] = _Entry(booked.seen, booked.charge)
        charge: Charge = self._charges[charge_id].value
        return charge

    def put_charge(self, charge: Charge) -> None:
        _put(self._charges, charge.id, charge)

    def bonus_of(self, customer_hash: str) -> Bonus | None:
        """Whether, and how, this customer has had the bonus entries."""
        if customer_hash not in self._buyers:
            seen = firestore.read(self._raffles.buyer(self.raffle.id, customer_hash))
            self._buyers[customer_hash] = _Entry(seen, documents.to_bonus(seen.data) if seen else None)
        found: Bonus | None = self._buyers[customer_hash].value
        return found

    def put_bonus(self, customer_hash: str, bonus: Bonus | None) -> None:
        self.bonus_of(customer_hash)
        _put(self._buyers, customer_hash, bonus)

    # --- what is told

    def tell(self, *outgoing: Outgoing | None) -> None:
        self._told += [one for one in outgoing if one is not None]

    def tell_of_raffle(self, kind: str, request_id: str = "") -> None:
        self.tell(events.of_raffle(self._platform.ids.new("evt"), kind, self.raffle, request_id, self.now))

    # --- all of it

    @property
    def changed(self) -> bool:
        """Whether there is anything to commit."""
        entries = (*self._purchases.values(), *self._charges.values(), *self._buyers.values())
        return bool(self._told) or self.raffle != self._before.raffle or any(entry.dirty for entry in entries)

    def commit(self) -> tuple[Any, list[Outgoing]]:
        """The version that all of it has now, and what is to be published. Raises `ChangedMeanwhile` when anything is
        not as it was read."""
        before = self._before.raffle
        if (before.status, self.raffle.status) in ((ACTIVE, SOLD_OUT), (SOLD_OUT, ACTIVE)):
            self.tell_of_raffle(events.SOLD_OUT if self.raffle.status == SOLD_OUT else events.REOPENED)
        batch = self._platform.firestore.batch()
        self.raffle = replace(self.raffle, updated_at=self.now)
        reference = self._raffles.reference(self.raffle.id)
        firestore.put(batch, reference, documents.of_raffle(self.raffle), self._before.seen)
        told = list(self._told)
        self._write_purchases(batch)
        for entry in _dirty(self._charges):
            told += self._ledger.put(batch, entry.value, Booked(entry.value, entry.seen) if entry.seen else None)
        self._platform.outbox.add_together(batch, told)
        return firestore.commit(batch), told

    def _write_purchases(self, batch: Any) -> None:
        for entry in _dirty(self._purchases):
            document = documents.of_purchase(entry.value)
            reference = self._raffles.purchase_reference(self.raffle.id, entry.value.id)
            firestore.put(batch, reference, document, entry.seen)
        for customer_hash, entry in self._buyers.items():
            reference = self._raffles.buyer(self.raffle.id, customer_hash)
            if entry.dirty and entry.value:
                firestore.put(batch, reference, documents.of_bonus(entry.value), entry.seen)
            elif entry.dirty and entry.seen:
                firestore.remove(batch, reference, entry.seen)


def _put(entries: dict[str, _Entry], name: str, value: Any) -> None:
    """A document that was not read is new."""
    entry = entries.setdefault(name, _Entry(None, None))
    entry.value, entry.dirty = value, True


def _dirty(entries: dict[str, _Entry]) -> list[_Entry]:
    return [entry for entry in entries.values() if entry.dirty]
