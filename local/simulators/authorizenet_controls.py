"""The control API of the simulated Authorize.Net account: what a person, a bank or another shop would do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from local.simulators import authorizenet_account as account
from local.simulators import authorizenet_book as book
from local.simulators import square_control_values as read
from local.simulators.authorizenet_book import Book, Entry, is_number, shown
from local.simulators.authorizenet_charges import Charges
from local.simulators.authorizenet_notices import Notices
from local.simulators.authorizenet_profiles import Profiles
from local.simulators.authorizenet_reversals import Reversals
from local.simulators.authorizenet_wallet import KINDS, Wallet
from local.simulators.database import Database
from local.simulators.messages import Answer, Request, Wrong
from local.simulators.provider import Route

FATES = (account.APPROVE, account.DECLINE, account.HOLD, account.EXPIRED, account.INVALID, account.ERROR)
Change = Callable[[sqlite3.Connection, Entry], tuple[Entry, int]]


class Controls:
    def __init__(
        self,
        database: Database,
        books: Book,
        wallet: Wallet,
        profiles: Profiles,
        charges: Charges,
        reversals: Reversals,
        told: Notices,
    ) -> None:
        self._database = database
        self._book = books
        self._wallet = wallet
        self._profiles = profiles
        self._charges = charges
        self._reversals = reversals
        self._notices = told

    def routes(self) -> Sequence[Route]:
        return [
            ("POST", "/cards", self._decide),
            ("GET", "/profiles", lambda _: Answer.json(200, {"profiles": self._profiles.all()})),
            ("GET", "/transactions", self._list),
            ("POST", "/transactions", self._foreign),
            ("POST", "/transactions/{transaction_id}/approve", self._approve),
            ("POST", "/transactions/{transaction_id}/decline", self._decline),
            ("POST", "/transactions/{transaction_id}/void", self._void),
            ("POST", "/transactions/{transaction_id}/refund", self._refund),
            ("GET", "/notifications", self._list_notifications),
            ("GET", "/webhooks", self._notices.report),
            ("POST", "/webhooks", self._notices.configure),
            ("POST", "/webhooks/send", self._send_webhook),
        ]

    def _decide(self, request: Request) -> Answer:
        """{profile or last4 or token, fate}: what becomes of every charge of that card from now on.

        `profile`: the id of a customer profile or of a payment profile.
        """
        asked = read.values(request, {*KINDS, "fate"})
        kinds = [kind for kind in KINDS if asked.get(kind)]
        if len(kinds) != 1:
            raise Wrong(f"Name the card by one of {', '.join(KINDS)}.")
        self._wallet.decide(kinds[0], str(asked[kinds[0]]), read.one_of(asked.get("fate"), FATES))
        return Answer.json(200, {})

    def _list(self, _: Request) -> Answer:
        self._book.settle()
        return Answer.json(200, {"transactions": [shown(entry) for entry in self._book.entries("1 ORDER BY id")]})

    def _foreign(self, request: Request) -> Answer:
        """{cents, reference}: a charge by somebody else on the same account."""
        asked = read.values(request, {"cents", "reference"})
        cents, reference = read.cents(asked.get("cents")), str(asked.get("reference") or "")
        with self._database.write() as connection:
            entry, number = self._charges.foreign(connection, cents, reference)
        self._notices.tell(number)
        return Answer.json(200, shown(entry))

    def _approve(self, _: Request, transaction_id: str) -> Answer:
        return self._changed(transaction_id, (book.IN_REVIEW,), partial(self._reversals.reviewed, approved=True))

    def _decline(self, _: Request, transaction_id: str) -> Answer:
        return self._changed(transaction_id, (book.IN_REVIEW,), partial(self._reversals.reviewed, approved=False))

    def _void(self, _: Request, transaction_id: str) -> Answer:
        return self._changed(transaction_id, book.UNSETTLED, self._reversals.voided)

    def _refund(self, request: Request, transaction_id: str) -> Answer:
        """{amount}: cents; without it what is left."""
        asked = read.values(request, {"amount"})
        amount = None if asked.get("amount") is None else read.cents(asked["amount"])

        def change(connection: sqlite3.Connection, entry: Entry) -> tuple[Entry, int]:
            left = self._reversals.left(connection, entry)
            cents = left if amount is None else amount
            if not 0 < cents <= left:
                raise Wrong(f"Only {left} cents are left to refund.")
            return self._reversals.refunded(connection, entry, cents)

        return self._changed(transaction_id, (book.SETTLED,), change)

    def _changed(self, transaction_id: str, statuses: Sequence[str], change: Change) -> Answer:
        self._book.settle()
        with self._database.write() as connection:
            entry = self._book.entry(transaction_id, connection)
            if entry is None:
                raise Wrong(f"There is no transaction {transaction_id}.")
            if entry.status not in statuses:
                raise Wrong(f"The transaction is {entry.status}. It must be {' or '.join(statuses)}.")
            made, number = change(connection, entry)
        self._notices.tell(number)
        return Answer.json(200, shown(made))

    def _list_notifications(self, request: Request) -> Answer:
        since = request.arguments.get("since", "0")
        if not is_number(since):
            raise Wrong(f"'{since}' is no number of a notification.")
        return Answer.json(200, {"notifications": self._notices.since(int(since))})

    def _send_webhook(self, request: Request) -> Answer:
        """{type, id, times, delay}: one notification of a transaction as it is now, sent `times` times."""
        asked: dict[str, Any] = read.values(request, {"type", "id", "times", "delay"})
        entry = self._book.entry(str(asked.get("id")))
        if entry is None:
            raise Wrong(f"There is no transaction {asked.get('id')}.")
        with self._database.write() as connection:
            number = self._notices.add(connection, str(asked.get("type")), entry)
        event = self._notices.tell(number, int(asked.get("times") or 1), float(asked.get("delay") or 0))
        return Answer.json(202, {"eventId": event})
