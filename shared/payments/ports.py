"""What payments need of a gateway. The real one is shared/integrations/authorizenet.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from shared.payments.models import Charge, Customer, Method, Order, Outcome, Transaction


class Gateway(Protocol):
    """Failure policy: what moves money is sent once and answers UNKNOWN when there is no answer; everything else is
    asked again a few times, then raises `GatewayUnavailable`."""

    def charge(self, order: Order) -> Outcome:
        """Send it, once. Never raises for the gateway's part."""

    def give_back(self, transaction: Transaction, cents: int, reference: str) -> Outcome:
        """Void what is pending (whole), refund what is settled; once."""

    def transaction(self, transaction_id: str) -> Transaction | None:
        """Its details; None when there is none."""

    def find(self, reference: str, since: datetime) -> list[Transaction]:
        """All with our reference that were submitted since then, newest first. A declined one is FAILED."""

    def transactions(self, since: datetime) -> Iterator[Transaction]:
        """The unsettled ones, and those of each batch that was settled since then."""

    def keep_card(self, transaction_id: str, customer: Customer) -> Method:
        """Store the card of an approved transaction as the customer's."""

    def card(self, method: Method) -> tuple[str, Method] | None:
        """Whose (`Customer.reference`) a stored card is, and the card with its last digits; None: there is none."""


class Owner(Protocol):
    """A domain that takes money: what follows from a charge is its business. Each is safe to call again."""

    def resolve(self, charge: Charge) -> None:
        """Ask what has become of an open charge that nobody works on any more, and let it have its effect."""

    def take_back(self, charge: Charge, transaction_id: str, cents: int) -> None:
        """Money of a paid charge has gone back by this transaction (its own id: voided)."""
