"""Subscriber: what the gateway tells of a transaction, and each charge whose end is not known, brought to its end."""

from __future__ import annotations

import logging

from shared.integrations.payments import follow_up
from shared.platform.errors import Unavailable
from shared.runtime.declare import Schedule, subscriber
from shared.runtime.request import Delivery

log = logging.getLogger(__name__)


@subscriber(
    "payment-notices",
    schedules=(Schedule("follow_up_payments", "*/5 * * * *", {"openCharges": True}),),
    concurrency=4,
    max_instances=3,
    timeout_seconds=240,
    ack_deadline_seconds=300,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "membership-events", "payment-events", "raffle-events"),
)
def handle(delivery: Delivery) -> None:
    """Ask the gateway, and let what it says have its effect. Raises `Unavailable` to be called again."""
    if "transactionId" in delivery.data:
        follow_up(delivery.platform).told_of(str(delivery.data["transactionId"]))
        return
    looked_at, failed = follow_up(delivery.platform).open_charges()
    log.info("charges_followed_up", extra={"lookedAt": looked_at, "failed": failed})
    if failed == looked_at and failed:
        raise Unavailable("None of the open charges could be followed up.")
