"""Subscriber: the refunds of cancelled raffles, until all money is back."""

from __future__ import annotations

import logging

from shared.integrations.authorizenet import connect
from shared.raffles.cancelling import Cancellations
from shared.raffles.refunds import TOPIC, RefundOrder
from shared.runtime.declare import Schedule, subscriber
from shared.runtime.request import Delivery

# Of the 240: what is under way then is finished.
SECONDS = 180.0

log = logging.getLogger(__name__)


@subscriber(
    TOPIC,
    schedules=(Schedule("refund_purchases", "*/5 * * * *", {}),),
    concurrency=1,
    max_instances=2,
    memory="512Mi",
    timeout_seconds=240,
    ack_deadline_seconds=300,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "payment-events", "raffle-events", "raffle-refunds"),
)
def handle(delivery: Delivery) -> None:
    """Go on with one raffle, or with all. Failure policy: a refund that fails now is tried again by the schedule."""
    cancellations = Cancellations.on(delivery.platform, connect)
    raffle_id = delivery.data.get("raffleId")
    if raffle_id:
        refunds = cancellations.refund_one(str(raffle_id), SECONDS)
    else:
        refunds = cancellations.refund_everywhere(SECONDS)
    log.info("raffle_refunds", extra={"failed": refunds.failed, "left": refunds.left})
    if refunds.left and raffle_id:
        delivery.platform.publisher.publish(TOPIC, [RefundOrder(str(raffle_id)).message()])
