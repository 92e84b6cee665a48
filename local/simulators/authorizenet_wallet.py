"""Cards that are not kept: Accept.js' tokens, used once, and what somebody has decided of a card."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from local.simulators.authorizenet_account import DESCRIPTOR, TOKEN, Card
from local.simulators.authorizenet_answers import NO_TRANSACTION, Content, Failed, Result
from local.simulators.authorizenet_book import Book
from local.simulators.database import Database

TABLES = """
CREATE TABLE nonces (value TEXT PRIMARY KEY, card TEXT, made INTEGER, used INTEGER);
CREATE TABLE fates (kind TEXT, value TEXT, fate TEXT, PRIMARY KEY (kind, value));
"""
LIFETIME = 15 * 60_000
KINDS = ("token", "profile", "last4")


class Wallet:
    def __init__(self, database: Database, book: Book) -> None:
        self._database = database
        self._book = book

    def contain(self, content: Content) -> Result:
        """`securePaymentContainerRequest`, which Accept.js sends from the browser."""
        token = content["data"].get("token")
        if not token:
            raise Failed("E00003", "The element 'data' has incomplete content.")
        card = Card(str(token["cardNumber"]), str(token["expirationDate"]), str(token.get("zip") or ""))
        value = f"eyJ{uuid.uuid4().hex}{uuid.uuid4().hex}"
        with self._database.write() as connection:
            connection.execute("INSERT INTO nonces VALUES (?, ?, ?, 0)", (value, card.text(), self._book.now()))
        return Result({"opaqueData": {"dataDescriptor": DESCRIPTOR, "dataValue": value}})

    def spend(self, connection: sqlite3.Connection, opaque: Content) -> Card:
        """Raises `Failed` for a token that is unknown, was used, or is older than 15 minutes."""
        value = str(opaque["dataValue"])
        if value.startswith(TOKEN) and opaque["dataDescriptor"] == DESCRIPTOR:
            return Card.of_token(value)
        changed = connection.execute(
            "UPDATE nonces SET used = 1 WHERE value = ? AND used = 0 AND made >= ? RETURNING card",
            (value, self._book.now() - LIFETIME),
        ).fetchone()
        if changed is None or opaque["dataDescriptor"] != DESCRIPTOR:
            raise Failed("E00114", body=dict(NO_TRANSACTION))
        return Card.read(changed[0])

    def decide(self, kind: str, value: str, fate: str) -> None:
        with self._database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO fates VALUES (?, ?, ?)", (kind, value, fate))

    def decided(self, connection: sqlite3.Connection, card: Card, profiles: tuple[Any, ...]) -> str:
        """Empty when nobody has. `profiles`: the ids that the card was charged by."""
        for kind, values in (("token", (card.token,)), ("profile", profiles), ("last4", (card.last4,))):
            for value in values:
                sql = "SELECT fate FROM fates WHERE kind = ? AND value = ?"
                if value and (found := connection.execute(sql, (kind, str(value))).fetchone()):
                    return str(found[0])
        return ""
