"""The control API of Square's payments and webhooks: what a cashier, a buyer or the network would do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from local.simulators import square_control_values as read
from local.simulators.database import Database
from local.simulators.messages import Answer, Request, Wrong
from local.simulators.provider import Route
from local.simulators.square_pages import Pager
from local.simulators.square_payments import SquarePayments
from local.simulators.square_shop import CUSTOMER, LOCATIONS, PAYMENT, REFUND, SOURCES
from local.simulators.webhooks import Event, Webhooks, catalog_event, new_event_id

STATUSES = ("APPROVED", "PENDING", "COMPLETED", "CANCELED", "FAILED")
NEW_PAYMENT = {"amount", "tip", "location", "status", "customer_id", "source_type", "created_at", "silent"}
CHANGED_PAYMENT = {"status", "refund_cents", "updated_at", "silent"}


class SaleControls:
    """Every change is told by webhook, unless `silent` is sent with it."""

    def __init__(self, database: Database, pager: Pager, webhooks: Webhooks, payments: SquarePayments) -> None:
        self._database = database
        self._pager = pager
        self._webhooks = webhooks
        self._payments = payments

    def routes(self) -> Sequence[Route]:
        return [
            ("POST", "/payments", self._add_payment),
            ("PATCH", "/payments/{record_id}", self._change_payment),
            ("DELETE", "/payments/{record_id}", self._delete_payment),
            ("GET", "/webhooks", self._webhooks.report),
            ("POST", "/webhooks", self._webhooks.configure),
            ("POST", "/webhooks/send", self._send_webhook),
        ]

    def _add_payment(self, request: Request) -> Answer:
        """{amount, tip, location, status, customer_id, source_type, created_at}, all optional."""
        asked, now = read.values(request, NEW_PAYMENT), self._pager.now()
        kinds = [source[0] for source in SOURCES]
        values = (
            LOCATIONS.index(read.one_of(asked.get("location", LOCATIONS[0]), LOCATIONS)),
            read.moment(asked.get("created_at")) or now,
            now,
            read.cents(asked.get("amount", 1999)),
            read.cents(asked.get("tip", 0)),
            read.one_of(asked.get("status", "COMPLETED"), STATUSES),
            kinds.index(read.one_of(asked.get("source_type", "CARD"), kinds)),
            self._customer(asked.get("customer_id")),
            now,
        )
        with self._database.write() as connection:
            number = connection.execute(
                "INSERT INTO payments (location, created, updated, amount, tip, refunded, status, source, customer, "
                "refunds, touched) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, '', ?)",
                values,
            ).lastrowid
        assert number is not None
        payment_id = self._payments.ids.of(PAYMENT, number)
        self._tell(asked, "payment.created", payment_id)
        return self._payment_answer(payment_id)

    def _change_payment(self, request: Request, record_id: str) -> Answer:
        """{status, refund_cents, updated_at}; an old `updated_at` hides the change from who asks for what is new."""
        asked = read.values(request, CHANGED_PAYMENT)
        row = self._payments.payment_row(record_id)
        if row is None:
            raise Wrong(f"There is no payment {record_id}.")
        refund = read.cents(asked.get("refund_cents", 0))
        if refund > row[4] + row[5] - row[6]:
            raise Wrong(f"Only {row[4] + row[5] - row[6]} cents are left to refund.")
        status = read.one_of(asked.get("status", row[7]), STATUSES)
        updated = read.moment(asked.get("updated_at"))
        made = self._payments.change(row[0], status=status, refund=refund, updated=updated)
        self._tell(asked, "payment.updated", record_id)
        if made is not None:
            refund_id = self._payments.ids.of(REFUND, made)
            self._tell(asked, "refund.created", refund_id)
            self._tell(asked, "refund.updated", refund_id)
        return self._payment_answer(record_id)

    def _payment_answer(self, payment_id: str) -> Answer:
        row = self._payments.payment_row(payment_id)
        assert row is not None
        return Answer(200, self._payments.whole_payment(row).encode())

    def _delete_payment(self, _: Request, record_id: str) -> Answer:
        """As no real payment ever goes."""
        with self._database.write() as connection:
            number = self._payments.ids.number(PAYMENT, record_id)
            if connection.execute("DELETE FROM payments WHERE number = ?", (number,)).rowcount == 0:
                raise Wrong(f"There is no payment {record_id}.")
        return Answer.json(200, {})

    def _customer(self, customer_id: Any) -> int | None:
        """The customer's number."""
        if customer_id is None:
            return None
        number = self._payments.ids.number(CUSTOMER, str(customer_id))
        if self._database.row("SELECT 1 FROM customers WHERE number = ?", (number,)) is None:
            raise Wrong(f"There is no customer {customer_id}.")
        return number

    def _tell(self, asked: dict[str, Any], kind: str, record_id: str) -> None:
        if not asked.get("silent"):
            self._webhooks.send(self._event(kind, record_id, 0))

    def _send_webhook(self, request: Request) -> Answer:
        """{type, id, times, delay}: the same event `times` times."""
        asked = read.values(request, {"type", "id", "times", "delay"})
        event = self._event(str(asked.get("type")), str(asked.get("id")), float(asked.get("delay") or 0))
        self._webhooks.send(event, int(asked.get("times") or 1))
        return Answer.json(202, {"eventId": event.event_id})

    def _event(self, kind: str, record_id: str, delay: float) -> Event:
        """With the record as it is now."""
        subject = kind.split(".", maxsplit=1)[0]
        if subject == "catalog":
            return catalog_event(self._pager.now(), delay)
        find = {"payment": self._payments.payment_row, "refund": self._payments.refund_row}.get(subject)
        row = find(record_id) if find else None
        if row is None:
            raise Wrong(f"There is nothing to send a {kind} of: {record_id}.")
        text = self._payments.whole_payment(row) if subject == "payment" else self._payments.refund(row)
        found = json.loads(text)
        content = {"type": subject, "id": record_id, "object": {subject: found}}
        return Event(kind, content, new_event_id(), self._pager.now(), found["location_id"], delay)
