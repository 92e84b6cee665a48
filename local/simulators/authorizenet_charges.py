"""`createTransactionRequest`: charges. Each is one SQLite transaction, token, card and money together."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.simulators import authorizenet_account as account
from local.simulators import authorizenet_book as book
from local.simulators import authorizenet_notices as notices
from local.simulators.authorizenet_account import Card
from local.simulators.authorizenet_answers import (
    NO_TRANSACTION,
    NOT_FOUND,
    Content,
    Failed,
    Result,
    echoed,
    not_taken,
    profile_of,
    taken,
)
from local.simulators.authorizenet_book import Book, Entry
from local.simulators.authorizenet_profiles import UNKNOWN, Profiles
from local.simulators.authorizenet_schema import is_true
from local.simulators.authorizenet_wallet import Wallet
from local.simulators.traps import Traps

WINDOW, LONGEST_WINDOW = 120, 28_800
# Fates that leave no transaction, with their error codes.
ERRORS = {account.EXPIRED: "8", account.INVALID: "6", account.ERROR: "19"}
# Fate → status, response code, reason code, what is told.
TAKEN = {
    account.APPROVE: (book.CAPTURED, book.APPROVED, "1", notices.CHARGED),
    account.HOLD: (book.IN_REVIEW, book.HELD, "253", notices.HELD),
    account.DECLINE: (book.REFUSED, book.DECLINED, "2", ""),
}
ADDRESS = ("firstName", "lastName", "company", "address", "city", "state", "zip", "country")
Outcome = tuple[Result, Sequence[int]]


@dataclass(frozen=True)
class Funding:
    """What a charge is paid with. `profile`, `payment`: of a stored card; `customer`, `bill_to`: its owner's."""

    card: Card
    profile: int | None = None
    payment: int | None = None
    customer: Mapping[str, str] = field(default_factory=dict)
    bill_to: Mapping[str, str] = field(default_factory=dict)


class Charges:
    """An outcome is the answer and the numbers of the notifications that follow from it."""

    def __init__(self, books: Book, wallet: Wallet, profiles: Profiles, told: notices.Notices, traps: Traps) -> None:
        self._book = books
        self._wallet = wallet
        self._profiles = profiles
        self._notices = told
        self._traps = traps

    def look_up(self, asked: Content) -> None:
        """Raises `Failed` for a stored card that is not there (yet)."""
        if stored := _stored(asked):
            try:
                self._profiles.named(*stored)
            except Failed:
                raise Failed(NOT_FOUND, UNKNOWN, dict(NO_TRANSACTION)) from None

    def charge(self, connection: sqlite3.Connection, asked: Content, ref_id: str) -> Outcome:
        cents = account.cents_of(asked.get("amount"))
        if cents is None:
            return not_taken("5"), ()
        funding = self._funding(connection, asked)
        if funding is None:
            return not_taken("33"), ()
        card = funding.card
        fingerprint = fingerprint_of(asked, cents, card)
        if (twin := self._book.twin(connection, fingerprint, window_of(asked))) is not None:
            return not_taken("11", refers_to=str(twin.id), masked=card.masked, brand=card.brand), ()
        fate = self._fate(connection, funding, asked, cents)
        if fate in ERRORS:
            return not_taken(ERRORS[fate], masked=card.masked, brand=card.brand), ()
        status, response, reason, kind = TAKEN[fate]
        reference, description = order_of(asked)
        now = self._book.now()
        entry = Entry(
            type=book.CHARGE,
            cents=cents,
            status=status,
            response=response,
            reason=reason,
            submitted=now,
            captured=now,
            card=card,
            reference=reference,
            description=description,
            ref_id=ref_id,
            customer=asked.get("customer") or funding.customer,
            bill_to=asked.get("billTo") or funding.bill_to,
            profile=funding.profile,
            payment=funding.payment,
            fingerprint=fingerprint,
        )
        return self._booked(connection, self._book.insert(connection, entry), asked, kind)

    def foreign(self, connection: sqlite3.Connection, cents: int, reference: str) -> tuple[Entry, int]:
        """Of somebody else who uses the same account."""
        now = self._book.now()
        entry = Entry(
            type=book.CHARGE,
            cents=cents,
            status=book.CAPTURED,
            response=book.APPROVED,
            reason="1",
            submitted=now,
            captured=now,
            card=Card(account.TEST_CARD, "2199-12"),
            reference=reference,
        )
        made = self._book.insert(connection, entry)
        return made, self._notices.add(connection, notices.CHARGED, made)

    def _booked(self, connection: sqlite3.Connection, entry: Entry, asked: Content, kind: str) -> Outcome:
        told = (self._notices.add(connection, kind, entry),) if kind else ()
        made: Content = {}
        if kind and is_true((asked.get("profile") or {}).get("createProfile")):
            entry, made = self._kept(connection, entry)
        response = {**taken(entry), **profile_of(entry), **echoed(asked)}
        return Result({"transactionResponse": response, **made}), told

    def _kept(self, connection: sqlite3.Connection, entry: Entry) -> tuple[Entry, Content]:
        result, profile, payment = self._profiles.of_charge(connection, entry)
        if profile is not None:
            entry = self._book.change(connection, entry, profile=profile, payment=payment)
        return entry, {"profileResponse": {"messages": result.messages, **result.body}}

    def _funding(self, connection: sqlite3.Connection, asked: Content) -> Funding | None:
        if stored := _stored(asked):
            card, bill_to, customer = self._profiles.card(connection, *stored)
            return Funding(card, int(stored[0]), int(stored[1]), customer, bill_to)
        payment = asked.get("payment") or {}
        if opaque := payment.get("opaqueData"):
            return Funding(self._wallet.spend(connection, opaque))
        if plain := payment.get("creditCard"):
            return Funding(Card(str(plain["cardNumber"]), str(plain["expirationDate"])))
        return None

    def _fate(self, connection: sqlite3.Connection, funding: Funding, asked: Content, cents: int) -> str:
        # Both count every charge, whichever strikes.
        decline, hold = self._traps.every("decline"), self._traps.every("hold")
        if decline or hold:
            return account.DECLINE if decline else account.HOLD
        zip_code = str((asked.get("billTo") or funding.bill_to).get("zip", ""))
        decided = self._wallet.decided(connection, funding.card, (funding.payment, funding.profile))
        return decided or funding.card.fate(zip_code, cents, self._book.today())


def order_of(asked: Content) -> tuple[str, str]:
    """Its invoice number and its description."""
    order = asked.get("order") or {}
    return str(order.get("invoiceNumber") or ""), str(order.get("description") or "")


def fingerprint_of(asked: Content, cents: int, card: Card) -> str:
    """What two transactions have in common that are taken for one: not the token, and nothing of the profile."""
    bill_to, order = asked.get("billTo") or {}, asked.get("order") or {}
    fields = [
        asked["transactionType"],
        cents,
        card.number,
        card.expires,
        asked.get("poNumber"),
        order.get("invoiceNumber"),
        (asked.get("customer") or {}).get("id"),
        *(bill_to.get(name) for name in ADDRESS),
        window_of(asked),
    ]
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def window_of(asked: Content) -> int:
    """Seconds; 0 asks for no check."""
    settings = (asked.get("transactionSettings") or {}).get("setting") or []
    for setting in settings if isinstance(settings, list) else [settings]:
        if setting.get("settingName") == "duplicateWindow" and str(setting.get("settingValue")).isdecimal():
            return min(int(setting["settingValue"]), LONGEST_WINDOW)
    return WINDOW


def _stored(asked: Content) -> tuple[Any, Any] | None:
    profile = asked.get("profile") or {}
    if "customerProfileId" not in profile:
        return None
    payment = (profile.get("paymentProfile") or {}).get("paymentProfileId")
    if payment is None:
        raise Failed(NOT_FOUND, UNKNOWN, dict(NO_TRANSACTION))
    return profile["customerProfileId"], payment
