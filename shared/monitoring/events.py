"""What monitoring tells the audit trail."""

from __future__ import annotations

from datetime import datetime

from shared.platform.outbox import Event

TOPIC = "security-events"


def resolved(event_id: str, at: datetime, order: str, function: str, how: str) -> Event:
    """A message that `function` had given up was published again (`replayed`) or thrown away (`discarded`)."""
    return Event(
        id=event_id,
        type="security.dead_letter_resolved",
        topic=TOPIC,
        occurred_at=at,
        request_id=order,
        data={"function": function, "role": "admin", "code": how},
    )
