"""Authorize.Net, the gateway that takes the money: `shared.payments.ports.Gateway` over its JSON API.

How it is called stands in authorizenet_calls.py, what is sent in authorizenet_requests.py, what the answers mean in
authorizenet_answers.py. There is no key that makes a request idempotent: our reference goes with every transaction as
its invoice number, and by it the gateway's lists are searched when an answer was lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.integrations import authorizenet_answers as answers
from shared.integrations import authorizenet_requests as shapes
from shared.integrations.authorizenet_calls import TIMEOUT_SECONDS, Calls, part
from shared.integrations.authorizenet_cards import Cards
from shared.integrations.authorizenet_lists import Lists
from shared.payments.errors import GatewayUnavailable
from shared.payments.models import (
    ABSENT,
    APPROVED,
    CODE_DECLINED,
    CODE_UNAVAILABLE,
    DECLINED,
    IN_REVIEW,
    NOT_YET,
    PENDING,
    SETTLED,
    UNKNOWN,
    VOIDED,
    Customer,
    Method,
    Order,
    Outcome,
    Transaction,
)
from shared.platform.clock import Clock
from shared.platform.context import Platform

CREATE = "createTransactionRequest"


def connect(platform: Platform, timeouts: tuple[float, float] = TIMEOUT_SECONDS) -> AuthorizeNet:
    """`timeouts`: seconds to connect, and to wait for each part of an answer. One for an instance; calls nobody yet."""
    return platform.once(AuthorizeNet, lambda: AuthorizeNet(Calls.on(platform, timeouts), platform.clock))


class AuthorizeNet:
    """Threads may share it. Without credentials what would call raises `GatewayUnavailable` that names the variable."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._cards = Cards(calls, clock)
        self._lists = Lists(calls, clock)

    def charge(self, order: Order) -> Outcome:
        outcome = answers.outcome(CREATE, self._calls.once(CREATE, shapes.charge(order)))
        if outcome.kind == NOT_YET and not isinstance(order.funding, Method):
            # A token names no profile that could be missing.
            return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
        return outcome

    def give_back(self, transaction: Transaction, cents: int, reference: str) -> Outcome:
        if transaction.status in (PENDING, IN_REVIEW):
            return self._void(transaction, reference)
        if transaction.status == SETTLED:
            return self._refund(transaction, cents, reference)
        if transaction.status == VOIDED:
            return Outcome(kind=APPROVED, transaction_id=transaction.id)
        return Outcome(kind=DECLINED, code=CODE_DECLINED, reason="There is nothing to give back.")

    def transaction(self, transaction_id: str) -> Transaction | None:
        if not _is_id(transaction_id):
            return None
        asked = shapes.details(transaction_id)
        answer = self._calls.ask("getTransactionDetailsRequest", asked, {answers.NOT_FOUND})
        found = part(answer.body, "transaction")
        return answers.transaction(found) if found else None

    def find(self, reference: str, since: datetime) -> list[Transaction]:
        return self._lists.find(reference, since)

    def transactions(self, since: datetime) -> Iterator[Transaction]:
        return self._lists.transactions(since)

    def keep_card(self, transaction_id: str, customer: Customer) -> Method:
        return self._cards.keep(transaction_id, customer)

    def card(self, method: Method) -> tuple[str, Method] | None:
        return self._cards.card(method) if _is_id(method.profile) and _is_id(method.payment) else None

    def _void(self, transaction: Transaction, reference: str) -> Outcome:
        outcome = answers.outcome(CREATE, self._calls.once(CREATE, shapes.void(transaction.id, reference)))
        if outcome.kind == APPROVED:
            return Outcome(kind=APPROVED, transaction_id=transaction.id)
        if outcome.kind in (DECLINED, NOT_YET):
            return self._not_voided(transaction, outcome)
        return outcome

    def _not_voided(self, transaction: Transaction, outcome: Outcome) -> Outcome:
        """It may have been voided by somebody else, or settled since it was looked at: then it is to be refunded."""
        try:
            now = self.transaction(transaction.id)
        except GatewayUnavailable:
            return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
        if now is not None and now.status == VOIDED:
            return Outcome(kind=APPROVED, transaction_id=transaction.id)
        if now is None or now.status == SETTLED:
            return Outcome(kind=UNKNOWN, code=CODE_UNAVAILABLE)
        return Outcome(kind=DECLINED, code=CODE_DECLINED, reason=outcome.reason)

    def _refund(self, transaction: Transaction, cents: int, reference: str) -> Outcome:
        """By the card's last digits, which go on being right when the stored card is changed or deleted."""
        try:
            last4, _ = self._cards.of_transaction(transaction.id)
        except GatewayUnavailable as error:
            return Outcome(kind=ABSENT, code=CODE_UNAVAILABLE, reason=error.sentence)
        if last4:
            card = shapes.last_digits(last4)
        elif transaction.method:
            card = shapes.stored(transaction.method)
        else:
            return Outcome(kind=DECLINED, code=CODE_DECLINED, reason="The gateway does not say what card was charged.")
        outcome = answers.outcome(
            CREATE, self._calls.once(CREATE, shapes.refund(transaction.id, card, cents, reference))
        )
        if outcome.kind == NOT_YET:
            return Outcome(kind=DECLINED, code=CODE_DECLINED, reason="The gateway does not have the transaction.")
        return outcome


def _is_id(text: str) -> bool:
    """Of the gateway's: anything else would be refused as a malformed request."""
    return text.isascii() and text.isdecimal()
