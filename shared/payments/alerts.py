"""What operators must be told of payments: topic `alerts`."""

from __future__ import annotations

from datetime import datetime

from shared.platform.outbox import Event

TOPIC = "alerts"


def unreconciled(event_id: str, differences: int, at: datetime) -> Event:
    """Our books and the gateway's differ, and it could not be mended."""
    text = (
        f"{differences} of our charges and the gateway's transactions do not match. The log lines "
        "payment_difference name them."
    )
    return _event("alert.raised", event_id, "Payments are not reconciled", text, differences, at)


def reconciled_again(event_id: str, at: datetime) -> Event:
    """They are the same, for the first time since they were not."""
    text = "Our books and the gateway's are the same again."
    return _event("alert.resolved", event_id, "Payments are reconciled again", text, 0, at)


def _event(kind: str, event_id: str, title: str, message: str, differences: int, at: datetime) -> Event:
    data = {
        "severity": "critical",
        "title": title,
        "message": message,
        "tags": "payments",
        "dedupKey": "payments-unreconciled",
        "value": str(differences),
        "threshold": "0",
    }
    return Event(id=event_id, type=kind, topic=TOPIC, occurred_at=at, request_id="", data=data)
