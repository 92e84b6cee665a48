"""Job: of each verification that is over one event tells."""

from __future__ import annotations

import json
import logging

from shared.platform.pubsub import Message
from shared.runtime.declare import Schedule, subscriber
from shared.runtime.request import Delivery
from shared.verification.expiry import Expiry
from shared.verification.pages import message_of, place_of

# Of the 300: the page that is under way then is finished.
SECONDS = 200.0
TOPIC = "expire-verifications"

log = logging.getLogger(__name__)


@subscriber(
    TOPIC,
    schedules=(Schedule("expire_verifications", "0 * * * *", {}),),
    concurrency=1,
    max_instances=1,
    timeout_seconds=300,
    ack_deadline_seconds=330,
    publishes=("expire-verifications", "verification-events"),
)
def handle(delivery: Delivery) -> None:
    """Tell of all; what there is no time for is left to a message to itself. Raises `Unavailable`."""
    expiry = Expiry(delivery.platform)
    place = expiry.run(place_of(delivery.data), SECONDS)
    log.info("verifications_expired", extra={"told": expiry.told, "ended": place is None})
    if place is not None:
        delivery.platform.publisher.publish(TOPIC, [Message(json.dumps(message_of(place)))])
