"""Job: send the alerts again that a channel has not taken yet, for as long as it takes."""

from __future__ import annotations

import logging

from shared.integrations.alert_channels import connect
from shared.runtime.declare import job
from shared.runtime.request import Delivery

# Then no further alert is begun; one takes ten seconds for each channel that is silent.
SECONDS = 30.0

log = logging.getLogger(__name__)


@job(
    "*/2 * * * *",
    topic="retry-alerts",
    concurrency=1,
    max_instances=1,
    timeout_seconds=80,
    ack_deadline_seconds=90,
    optional_secrets=("SLACK_WEBHOOK_URL", "PAGERDUTY_ROUTING_KEY"),
    publishes=("emails",),
)
def handle(delivery: Delivery) -> None:
    """Go on with what waits. Raises `Unavailable` when Firestore does not answer: the next run tries again."""
    log.info("alerts_retried", extra={"alerts": connect(delivery.platform).retry(SECONDS)})
