"""Job: reservations that are over become sold or free tickets, and sales whose draw date has come are closed."""

from __future__ import annotations

import logging

from shared.integrations.authorizenet import connect as connect_gateway
from shared.integrations.drand import connect as connect_drand
from shared.platform.errors import Unavailable
from shared.raffles.sweeping import Sweep
from shared.runtime.declare import job
from shared.runtime.request import Delivery

log = logging.getLogger(__name__)


@job(
    "* * * * *",
    topic="release-reservations",
    concurrency=1,
    max_instances=1,
    timeout_seconds=120,
    ack_deadline_seconds=150,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "payment-events", "raffle-events"),
)
def handle(delivery: Delivery) -> None:
    """Ask the gateway what became of each reservation's charge. Raises `Unavailable` when it says nothing of any."""
    swept = Sweep.on(delivery.platform, connect_gateway, connect_drand).run()
    log.info("reservations_swept", extra=vars(swept))
    if swept.failed and swept.failed == swept.over:
        raise Unavailable("None of the reservations that are over could be followed up.")
