"""Subscriber: bring every alert, of whichever domain, to Slack, PagerDuty and e-mail, as configured."""

from __future__ import annotations

from shared.integrations.alert_channels import connect
from shared.runtime.declare import subscriber
from shared.runtime.request import Delivery


# One instance, since Slack takes a message a second.
@subscriber(
    "alerts",
    concurrency=4,
    max_instances=1,
    timeout_seconds=60,
    ack_deadline_seconds=90,
    optional_secrets=("SLACK_WEBHOOK_URL", "PAGERDUTY_ROUTING_KEY"),
    publishes=("emails",),
)
def handle(delivery: Delivery) -> None:
    """Record and send one alert. Raises `Unavailable` to be called again when it could not be recorded."""
    connect(delivery.platform).deliver(dict(delivery.data))
