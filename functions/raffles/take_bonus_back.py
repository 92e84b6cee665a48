"""Subscriber: when the money of a membership goes back, so do the raffle entries that were given for it."""

from __future__ import annotations

import logging

from shared.integrations.authorizenet import connect
from shared.payments.events import TOPIC, TYPES
from shared.payments.models import REVERSED
from shared.payments.service import Payments
from shared.raffles.models import OWNER
from shared.raffles.sales import Sales
from shared.runtime.declare import subscriber
from shared.runtime.request import Delivery

log = logging.getLogger(__name__)


@subscriber(
    TOPIC,
    optional_secrets=("AUTHORIZE_NET_API_LOGIN_ID", "AUTHORIZE_NET_TRANSACTION_KEY"),
    secrets=("VERIFICATION_KEY",),
    publishes=("emails", "payment-events", "raffle-events"),
)
def handle(delivery: Delivery) -> None:
    """A charge, not for tickets, all of whose money has gone back. Raises `Unavailable` to be called again."""
    event, platform = delivery.data, delivery.platform
    if event["type"] != TYPES[REVERSED] or event["data"]["owner"] == OWNER:
        return
    sales = platform.once(Sales, lambda: Sales(platform, Payments(platform, connect(platform))))
    taken = sales.take_bonus_back(event["customerHash"], event["data"]["chargeId"])
    log.info("bonus_taken_back", extra={"raffles": taken})
