"""Subscriber: an operator's order to publish parked messages again, or to throw them away (tools/dead_letters.py)."""

from __future__ import annotations

import logging

from shared.monitoring.orders import TOPIC_OF_ORDERS, order_of
from shared.monitoring.resolving import Resolver
from shared.runtime.declare import subscriber
from shared.runtime.request import Delivery

log = logging.getLogger(__name__)


@subscriber(
    TOPIC_OF_ORDERS,
    concurrency=1,
    max_instances=1,
    timeout_seconds=300,
    ack_deadline_seconds=300,
    republishes=True,
    secrets=("VERIFICATION_KEY",),
)
def handle(delivery: Delivery) -> None:
    """Carry out one order. Raises `Unavailable` to be called again: what is resolved by then stays so."""
    order = order_of(delivery.data, delivery.published_at)
    resolved = Resolver(delivery.platform).carry_out(order)
    log.info("dead_letters_resolved", extra={"order": order.id, "action": order.action, "resolved": resolved})
