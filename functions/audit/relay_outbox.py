"""Job: publish the events that a crash, or a Pub/Sub that did not answer, left in the outbox."""

from __future__ import annotations

import logging

from shared.runtime.declare import job
from shared.runtime.request import Delivery

log = logging.getLogger(__name__)


@job(
    "* * * * *",
    topic="relay-outbox",
    concurrency=1,
    max_instances=1,
    timeout_seconds=55,
    publishes=(
        "alerts",
        "cache-refresh",
        "emails",
        "expire-verifications",
        "expiry-emails",
        "mail-events",
        "membership-events",
        "payment-events",
        "payment-notices",
        "raffle-events",
        "raffle-refunds",
        "renew-memberships",
        "security-events",
        "sync-events",
        "sync-requests",
        "verification-events",
    ),
)
def handle(delivery: Delivery) -> None:
    """Publish what is left. Raises `Unavailable` when a topic does not answer: the next minute tries again."""
    published = delivery.platform.outbox.relay()
    log.info("outbox_relayed", extra={"published": published})
