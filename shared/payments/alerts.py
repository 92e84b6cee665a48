"""What operators must be told of payments: topic `alerts`."""

from __future__ import annotations

from datetime import datetime

from shared.platform.outbox import Event

TOPIC = "alerts"


def unreconciled(event_id: str, differences: int, at: datetime) -> Event:
    """Our books and the gateway's differ, and it could not be mended."""
    data = {
        "severity": "critical",
        "title": "Payments are not reconciled",
        "message": f"{differences} of our charges and the gateway's transactions do not match. The log lines "
        "payment_difference name them.",
        "tags": "payments",
        "dedupKey": "payments-unreconciled",
        "value": str(differences),
        "threshold": "0",
    }
    return Event(id=event_id, type="alert.raised", topic=TOPIC, occurred_at=at, request_id="", data=data)
