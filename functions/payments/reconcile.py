"""Job: our charges beside the gateway's transactions, once a day."""

from __future__ import annotations

import logging

from shared.integrations.reconciliation import reconciliation
from shared.runtime.declare import job
from shared.runtime.request import Delivery

log = logging.getLogger(__name__)


# At the turn of the day the gateway settles; afterwards its lists are quiet.
@job(
    "30 4 * * *",
    topic="reconcile-payments",
    concurrency=1,
    max_instances=1,
    timeout_seconds=540,
    ack_deadline_seconds=600,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("alerts", "emails", "membership-events", "payment-events", "raffle-events"),
)
def handle(delivery: Delivery) -> None:
    """Mend what differs and print the certificate. Raises `Unavailable` when the gateway's lists cannot be read.

    A shop without the gateway's credentials has taken no money: nothing is compared, and nobody is alarmed.
    """
    if not delivery.platform.settings.authorize_net_api_login_id:
        log.info("payments_not_set_up")
        return
    reconciliation(delivery.platform).run()
