"""Subscriber: what a subscriber or job has failed on as often as it may is kept, sealed, until somebody decides."""

from __future__ import annotations

from shared.monitoring.letters import Letter
from shared.monitoring.parking import park
from shared.runtime.declare import DEAD_LETTERS, subscriber
from shared.runtime.request import Delivery


@subscriber(DEAD_LETTERS, max_delivery_attempts=0, any_data=True, secrets=("VERIFICATION_KEY",))
def handle(delivery: Delivery) -> None:
    """Park one message. Raises `Unavailable` to be called again, for as long as Pub/Sub keeps it."""
    letter = Letter(delivery.id, delivery.raw, delivery.attributes, delivery.published_at)
    park(delivery.platform, letter)
