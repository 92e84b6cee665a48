"""Customers and their cards that Authorize.Net keeps."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from local.simulators.authorizenet_account import Card
from local.simulators.authorizenet_answers import DUPLICATE, NOT_FOUND, Content, Failed, Result
from local.simulators.authorizenet_book import APPROVED, CHARGE, HELD, Book, Entry
from local.simulators.authorizenet_wallet import Wallet
from local.simulators.database import Database, Row
from local.simulators.traps import Traps

TABLES = """
CREATE TABLE profiles (id INTEGER PRIMARY KEY, merchant TEXT, email TEXT, description TEXT, lag INTEGER);
CREATE TABLE payments (id INTEGER PRIMARY KEY, profile INTEGER, card TEXT, bill_to TEXT, lag INTEGER);
CREATE INDEX people ON profiles (merchant, email);
CREATE INDEX cards ON payments (profile);
"""
FIRST_PROFILE, FIRST_PAYMENT, IDS_A_SEED = 500_000_000, 700_000_000, 100_000
MOST_CARDS = 10
SAME_CARD = "A duplicate customer payment profile already exists."
UNKNOWN = "Customer Profile ID or Customer Payment Profile ID not found."


class Profiles:
    """`profile_lag`: the first k calls that name a new profile do not find it."""

    def __init__(self, database: Database, traps: Traps, book: Book, wallet: Wallet) -> None:
        self._database = database
        self._traps = traps
        self._book = book
        self._wallet = wallet

    def named(self, profile: Any, payment: Any = None) -> None:
        """A call names them. Raises `Failed` when they are not there, or not yet."""
        wanted: list[tuple[str, str, tuple[int, ...]]] = [("profiles", "id = ?", (int(profile),))]
        if payment is not None:
            wanted.append(("payments", "id = ? AND profile = ?", (int(payment), int(profile))))
        with self._database.write() as connection:
            lags = []
            for table, where, values in wanted:
                lags += connection.execute(f"SELECT lag FROM {table} WHERE {where}", values).fetchall()
                connection.execute(f"UPDATE {table} SET lag = max(0, lag - 1) WHERE {where}", values)
        if len(lags) < len(wanted) or any(lag for (lag,) in lags):
            raise Failed(NOT_FOUND)

    def card(self, connection: sqlite3.Connection, profile: Any, payment: Any) -> tuple[Card, Content, Content]:
        """A stored card, the address with it, and its owner as {id, email}."""
        sql = (
            "SELECT card, bill_to, merchant, email FROM payments JOIN profiles ON profile = profiles.id "
            "WHERE payments.id = ? AND profiles.id = ?"
        )
        found = connection.execute(sql, (int(payment), int(profile))).fetchone()
        if found is None:
            raise Failed(NOT_FOUND, UNKNOWN)
        card, bill_to, merchant, email = found
        return Card.read(card), json.loads(bill_to), _without_empty({"id": merchant, "email": email})

    def of_charge(self, connection: sqlite3.Connection, entry: Entry) -> tuple[Result, int | None, int | None]:
        """`createProfile` of a charge: what `profileResponse` says, and the new ids."""
        owner = {"merchantCustomerId": entry.customer.get("id"), "email": entry.customer.get("email")}
        if not any(owner.values()):
            return Result(_lists([]), "E00102"), None, None
        if (known := self._known(connection, owner)) is not None:
            text = f"A duplicate record with ID {known} already exists."
            return Result(_lists([]), DUPLICATE, text), None, None
        profile = self._add(connection, owner)
        payment = self._add_card(connection, profile, entry.card, entry.bill_to)
        return Result({"customerProfileId": str(profile), **_lists([payment])}), profile, payment

    def from_transaction(self, content: Content) -> Result:
        entry = self._book.entry(content["transId"])
        if entry is None:
            raise Failed("E00099")
        if entry.type != CHARGE or entry.response not in (APPROVED, HELD):
            raise Failed("E00100")
        profile = content.get("customerProfileId")
        if profile is not None:
            self.named(profile)
        with self._database.write() as connection:
            number = int(profile) if profile is not None else self._owner(connection, content.get("customer"), entry)
            try:
                payment = self._add_card(connection, number, entry.card, entry.bill_to)
            except Failed as failed:
                # This call does not say which card is the same.
                raise Failed(failed.result.code, failed.result.text, _lists([])) from None
            return Result({"customerProfileId": str(number), **_lists([payment])})

    def create(self, content: Content) -> Result:
        asked = content["profile"]
        cards = asked.get("paymentProfiles") or []
        with self._database.write() as connection:
            profile = self._new(connection, asked)
            made = [
                self._add_card(connection, profile, *self._given(connection, each))
                for each in (cards if isinstance(cards, list) else [cards])
            ]
        return Result({"customerProfileId": str(profile), **_lists(made)})

    def create_payment(self, content: Content) -> Result:
        profile = content["customerProfileId"]
        self.named(profile)
        with self._database.write() as connection:
            card = self._given(connection, content["paymentProfile"])
            payment = self._add_card(connection, int(profile), *card)
        return Result({"customerProfileId": str(profile), "customerPaymentProfileId": str(payment)})

    def get(self, content: Content) -> Result:
        profile = content.get("customerProfileId") or self._found(content)
        self.named(profile)
        sql = "SELECT id, merchant, email, description FROM profiles WHERE id = ?"
        (row,) = self._database.rows(sql, (int(profile),))
        number, merchant, email, description = row
        cards = self._database.rows(
            "SELECT id, card, bill_to FROM payments WHERE profile = ? ORDER BY id LIMIT ?", (number, MOST_CARDS)
        )
        about = {"customerProfileId": str(number), "merchantCustomerId": merchant}
        about |= {"description": description, "email": email}
        stored = {"paymentProfiles": [masked(*each) for each in cards]} if cards else {}
        return Result({"profile": {**stored, "profileType": "regular", **_without_empty(about)}})

    def get_payment(self, content: Content) -> Result:
        profile, payment = content["customerProfileId"], content.get("customerPaymentProfileId")
        self.named(profile, payment)
        found = self._database.rows(
            "SELECT id, card, bill_to FROM payments WHERE profile = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY id LIMIT 1",
            (int(profile), None if payment is None else int(payment)),
        )
        if not found:
            raise Failed(NOT_FOUND)
        return Result({"paymentProfile": {"customerProfileId": str(profile), **masked(*found[0])}})

    def delete_payment(self, content: Content) -> Result:
        profile, payment = content["customerProfileId"], content["customerPaymentProfileId"]
        self.named(profile, payment)
        with self._database.write() as connection:
            # It stays, out of reach: an id is never given twice.
            connection.execute("UPDATE payments SET profile = -profile WHERE id = ?", (int(payment),))
        return Result()

    def all(self) -> list[Content]:
        """For the control API."""
        owners = self._database.rows("SELECT id, merchant, email, description, lag FROM profiles ORDER BY id")
        cards = self._database.rows("SELECT profile, id, card FROM payments ORDER BY id")
        return [_shown(owner, [card for card in cards if card[0] == owner[0]]) for owner in owners]

    def _given(self, connection: sqlite3.Connection, asked: Content) -> tuple[Card, Content]:
        """The card of a `paymentProfile` that is sent."""
        payment = asked.get("payment") or {}
        if opaque := payment.get("opaqueData"):
            return self._wallet.spend(connection, opaque), asked.get("billTo") or {}
        if plain := payment.get("creditCard"):
            return Card(str(plain["cardNumber"]), str(plain["expirationDate"])), asked.get("billTo") or {}
        raise Failed("E00013", "Payment is invalid.")

    def _owner(self, connection: sqlite3.Connection, asked: Content | None, entry: Entry) -> int:
        own = {"merchantCustomerId": entry.customer.get("id"), "email": entry.customer.get("email")}
        return self._new(connection, asked or own)

    def _new(self, connection: sqlite3.Connection, asked: Mapping[str, Any]) -> int:
        if not any(asked.get(name) for name in ("merchantCustomerId", "email", "description")):
            raise Failed("E00102")
        if (known := self._known(connection, asked)) is not None:
            raise Failed(DUPLICATE, f"A duplicate record with ID {known} already exists.", _lists([]))
        return self._add(connection, asked)

    def _known(self, connection: sqlite3.Connection, asked: Mapping[str, Any]) -> int | None:
        sql = "SELECT id FROM profiles WHERE merchant = ? AND email = ? AND description = ?"
        found = connection.execute(sql, _identity(asked)).fetchone()
        return None if found is None else int(found[0])

    def _add(self, connection: sqlite3.Connection, asked: Mapping[str, Any]) -> int:
        number = self._next(connection, "profiles", FIRST_PROFILE)
        lag = int(self._traps["profile_lag"])
        connection.execute("INSERT INTO profiles VALUES (?, ?, ?, ?, ?)", (number, *_identity(asked), lag))
        return number

    def _add_card(
        self, connection: sqlite3.Connection, profile: int, card: Card, bill_to: Mapping[str, Any] | None
    ) -> int:
        stored = connection.execute("SELECT id, card, bill_to FROM payments WHERE profile = ?", (profile,)).fetchall()
        for number, text, address in stored:
            if Card.read(text).number == card.number and json.loads(address) == (bill_to or {}):
                raise Failed(DUPLICATE, SAME_CARD, {"customerPaymentProfileId": str(number)})
        if len(stored) >= MOST_CARDS:
            raise Failed("E00042")
        number = self._next(connection, "payments", FIRST_PAYMENT)
        row = (number, profile, card.text(), json.dumps(bill_to or {}), int(self._traps["profile_lag"]))
        connection.execute("INSERT INTO payments VALUES (?, ?, ?, ?, ?)", row)
        return number

    def _next(self, connection: sqlite3.Connection, table: str, first: int) -> int:
        (newest,) = connection.execute(f"SELECT max(id) FROM {table}").fetchone()
        return (newest or first + self._book.seed % 1000 * IDS_A_SEED) + 1

    def _found(self, content: Content) -> int:
        for column, name in (("merchant", "merchantCustomerId"), ("email", "email")):
            if value := content.get(name):
                row = self._database.row(f"SELECT min(id) FROM profiles WHERE {column} = ?", (value,))
                if row and row[0] is not None:
                    return int(row[0])
        raise Failed(NOT_FOUND)


def masked(number: int, card: str, bill_to: str) -> Content:
    """A stored card as it is shown."""
    read = Card.read(card)
    shown = {"cardNumber": read.masked, "expirationDate": "XXXX", "cardType": read.brand}
    address = json.loads(bill_to)
    return {
        **({"billTo": address} if address else {}),
        "customerPaymentProfileId": str(number),
        "payment": {"creditCard": shown},
    }


def _lists(payments: list[int]) -> Content:
    ids = [str(payment) for payment in payments]
    empty: list[str] = []
    return {
        "customerPaymentProfileIdList": ids,
        "customerShippingAddressIdList": empty,
        "validationDirectResponseList": empty,
    }


def _identity(asked: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(asked.get(name) or "") for name in ("merchantCustomerId", "email", "description"))


def _shown(owner: Row, cards: list[Row]) -> Content:
    stored = [
        {"id": str(number), "last4": Card.read(text).last4, "token": Card.read(text).token} for _, number, text in cards
    ]
    names = ("id", "merchantCustomerId", "email", "description", "lag")
    return {**dict(zip(names, owner, strict=True)), "id": str(owner[0]), "cards": stored}


def _without_empty(content: Content) -> Content:
    return {name: value for name, value in content.items() if value}
