"""Job: charge the memberships that are due."""

from __future__ import annotations

from shared.integrations.authorizenet import connect
from shared.memberships.renewals import Renewals
from shared.platform.errors import Unavailable
from shared.platform.pubsub import Message
from shared.runtime.declare import job
from shared.runtime.request import Delivery

# Of the 540: what is under way then is finished.
SECONDS = 420.0
TOPIC = "renew-memberships"


@job(
    "0 6 * * *",
    topic=TOPIC,
    concurrency=1,
    max_instances=1,
    timeout_seconds=540,
    ack_deadline_seconds=600,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "membership-events", "payment-events", "renew-memberships"),
)
def handle(delivery: Delivery) -> None:
    """Renew what is due. Raises `Unavailable`, to be called again, when there were some that could not be charged."""
    counts = Renewals(delivery.platform, connect).run(SECONDS)
    if counts["left"]:
        delivery.platform.publisher.publish(TOPIC, [Message("{}", {})])
    if counts["failed"]:
        raise Unavailable(f"{counts['failed']} memberships could not be renewed.")
