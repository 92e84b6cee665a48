"""`createTransactionRequest`: voids and refunds; and what a person does to a transaction in the merchant interface."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from local.simulators import authorizenet_book as book
from local.simulators import authorizenet_notices as notices
from local.simulators.authorizenet_account import DAY, cents_of
from local.simulators.authorizenet_answers import Content, Result, not_taken, taken
from local.simulators.authorizenet_book import Book, Entry
from local.simulators.authorizenet_charges import Outcome, fingerprint_of, order_of, window_of

NOT_ELIGIBLE, TOO_MUCH, NO_TRANSACTION, ALREADY_VOIDED = "54", "55", "16", "310"
REFUNDABLE_DAYS = 180


class Reversals:
    def __init__(self, books: Book, told: notices.Notices) -> None:
        self._book = books
        self._notices = told

    def void(self, connection: sqlite3.Connection, asked: Content, _: str) -> Outcome:
        """Of what is not settled yet, refunds too; always the whole."""
        named = str(asked.get("refTransId") or "")
        entry = self._book.entry(named, connection)
        if entry is not None and entry.status == book.VOIDED:
            response = taken(replace(entry, response=book.APPROVED), said=ALREADY_VOIDED, refers_to=named)
            return Result({"transactionResponse": response}), ()
        if entry is None or entry.status not in book.UNSETTLED:
            return not_taken(NO_TRANSACTION, refers_to=named), ()
        entry, number = self.voided(connection, entry)
        response = taken(replace(entry, response=book.APPROVED), refers_to=named)
        return Result({"transactionResponse": response}), (number,)

    def refund(self, connection: sqlite3.Connection, asked: Content, ref_id: str) -> Outcome:
        cents, named = cents_of(asked.get("amount")), str(asked.get("refTransId") or "")
        original = self._book.entry(named, connection)
        if cents is None:
            return not_taken("5", refers_to=named), ()
        if not asked.get("payment") and not asked.get("profile"):
            return not_taken("33", refers_to=named), ()
        if original is None or not self._eligible(original) or not _is_of(original, asked):
            return not_taken(NOT_ELIGIBLE, refers_to=named), ()
        fingerprint = fingerprint_of(asked, cents, original.card)
        if (twin := self._book.twin(connection, fingerprint, window_of(asked))) is not None:
            return not_taken("11", refers_to=str(twin.id)), ()
        if cents > self.left(connection, original):
            return not_taken(TOO_MUCH, refers_to=named), ()
        reference, description = order_of(asked)
        values = {"reference": reference, "description": description, "ref_id": ref_id, "fingerprint": fingerprint}
        entry, number = self.refunded(connection, original, cents, **values)
        return Result({"transactionResponse": taken(entry, refers_to=named)}), (number,)

    def voided(self, connection: sqlite3.Connection, entry: Entry) -> tuple[Entry, int]:
        made = self._book.change(connection, entry, status=book.VOIDED)
        return made, self._notices.add(connection, notices.VOIDED, made)

    def refunded(self, connection: sqlite3.Connection, original: Entry, cents: int, **values: str) -> tuple[Entry, int]:
        now = self._book.now()
        entry = Entry(
            type=book.REFUND,
            cents=cents,
            status=book.REFUND_PENDING,
            response=book.APPROVED,
            reason="1",
            submitted=now,
            captured=now,
            card=original.card,
            refunds=original.id,
            customer=original.customer,
            **values,  # type: ignore[arg-type]
        )
        made = self._book.insert(connection, entry)
        return made, self._notices.add(connection, notices.REFUNDED, made)

    def reviewed(self, connection: sqlite3.Connection, entry: Entry, *, approved: bool) -> tuple[Entry, int]:
        """Of a held one. It is settled with the day on which it was released."""
        if approved:
            values = {"status": book.CAPTURED, "response": book.APPROVED, "reason": "1", "captured": self._book.now()}
        else:
            values = {"status": book.REFUSED, "response": book.DECLINED, "reason": "2"}
        made = self._book.change(connection, entry, **values)
        return made, self._notices.add(connection, notices.RELEASED if approved else notices.DENIED, made)

    def left(self, connection: sqlite3.Connection, original: Entry) -> int:
        return original.cents - self._book.refunded(connection, original)

    def _eligible(self, original: Entry) -> bool:
        young = self._book.now() - original.captured <= REFUNDABLE_DAYS * DAY
        return original.type == book.CHARGE and original.status == book.SETTLED and young


def _is_of(original: Entry, asked: Content) -> bool:
    """Whether the refund goes to the card that was charged: its last four digits are enough."""
    if card := (asked.get("payment") or {}).get("creditCard"):
        return str(card["cardNumber"])[-4:] == original.card.last4
    stored = asked.get("profile") or {}
    payment = (stored.get("paymentProfile") or {}).get("paymentProfileId")
    return (str(stored.get("customerProfileId")), str(payment)) == (str(original.profile), str(original.payment))
