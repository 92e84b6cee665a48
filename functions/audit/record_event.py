"""Subscriber: every event becomes rows in BigQuery, once each, chained by hash."""

from __future__ import annotations

from shared.audit.service import AuditService
from shared.runtime.declare import subscriber
from shared.runtime.request import Delivery


# One message at a time: the rows of a day are links of one chain. Deliveries must go on for longer than the lease of an
# instance that died (60 s), or its event would end as a dead letter.
@subscriber(
    "verification-events",
    "security-events",
    concurrency=1,
    max_instances=3,
    timeout_seconds=60,
    max_delivery_attempts=20,
)
def handle(delivery: Delivery) -> None:
    """Record one event. Raises `Unavailable` to be called again."""
    AuditService.on(delivery.platform).record(delivery.data)
