"""Subscriber: what became of a reminder is noted on the verification that it is about."""

from __future__ import annotations

from shared.platform.clock import parse_wire_time
from shared.runtime.declare import subscriber
from shared.runtime.request import Delivery
from shared.verification.marks import TEMPLATE, ExpiryNotices


@subscriber("mail-events", concurrency=4, max_instances=3)
def handle(delivery: Delivery) -> None:
    """Note that it was sent, or that its address takes none. Raises `Unavailable` to be called again."""
    event = delivery.data
    if (event.get("data") or {}).get("template") != TEMPLATE:
        return
    ExpiryNotices.on(delivery.platform).note(
        event["customerHash"],
        event["data"]["about"],
        parse_wire_time(event["occurredAt"]),
        sent=event["type"] == "mail.sent",
    )
