"""What payments tell the rest of the house: topic `payment-events`. Nothing in them is personal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.payments.models import DECLINED, HELD, PAID, REVERSED, UNKNOWN, Charge
from shared.platform.outbox import Event

TOPIC = "payment-events"
TYPES = {
    PAID: "payment.settled",
    DECLINED: "payment.declined",
    HELD: "payment.held",
    UNKNOWN: "payment.unknown",
    REVERSED: "payment.reversed",
}


def changed(event_id: str, charge: Charge, at: datetime) -> Event:
    """What became of a charge, or of a refund (`refundOf`)."""
    data = {
        "chargeId": charge.id,
        "owner": charge.owner,
        "kind": charge.kind,
        "state": charge.state,
        "cents": charge.cents,
        "reversedCents": charge.reversed_cents,
        "attempt": charge.attempt,
        "reference": charge.reference,
        "transactionId": charge.transaction_id or None,
        "code": charge.code or None,
        "reason": charge.reason or None,
        "refundOf": charge.refund_of or None,
    }
    return _event(TYPES[charge.state], event_id, charge.customer_hash, charge.request_id, data, at)


def reconciled(event_id: str, certificate: dict[str, Any], at: datetime) -> Event:
    """The daily comparison with the gateway's lists. `since` and `until`: BigQuery has no columns `from` and `to`."""
    names = {"from": "since", "to": "until"}
    data = {names.get(name, name): value for name, value in certificate.items()}
    return _event("payment.reconciled", event_id, "", "", data, at)


def _event(kind: str, event_id: str, customer: str, request_id: str, data: dict[str, Any], at: datetime) -> Event:
    return Event(
        id=event_id,
        type=kind,
        topic=TOPIC,
        occurred_at=at,
        request_id=request_id,
        customer_hash=customer,
        data=data,
    )
