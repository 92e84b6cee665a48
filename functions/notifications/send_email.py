"""Subscriber: mails to be sent, each once."""

from __future__ import annotations

from datetime import datetime

from shared.integrations.smtp import connect
from shared.notifications.models import EXPIRING, Command
from shared.notifications.rules import command_of
from shared.notifications.service import MailService
from shared.platform.clock import parse_wire_time
from shared.platform.context import Platform
from shared.runtime.declare import subscriber
from shared.runtime.request import Delivery
from shared.verification.marks import ExpiryNotices


# Five tries in 24 minutes: 2, 4, 8 and 10 minutes apart, so that a provider that is down for a quarter of an hour costs
# no mail its last try. The acknowledgement is awaited longer than a delivery can take. Few connections: providers count
# them, and one mail takes a fraction of a second.
@subscriber(
    "emails",
    concurrency=4,
    max_instances=3,
    timeout_seconds=180,
    ack_deadline_seconds=210,
    minimum_backoff_seconds=120,
    maximum_backoff_seconds=600,
    secrets=("CUSTOMER_HASH_KEY",),
    optional_secrets=("SMTP_URL",),
    publishes=("mail-events",),
)
def handle(delivery: Delivery) -> None:
    """Send one mail. Raises `Unavailable` to be called again."""
    platform = delivery.platform
    command = command_of(delivery.data, _queued_at(delivery))
    MailService.on(platform, connect).send(command, wanted=_wanted(platform, command))


def _queued_at(delivery: Delivery) -> datetime:
    text = delivery.data.get("queuedAt")
    return parse_wire_time(text) if isinstance(text, str) else delivery.published_at


def _wanted(platform: Platform, command: Command) -> bool:
    """A reminder is not sent to who has verified again, or was erased, since it was queued."""
    if command.template != EXPIRING:
        return True
    return ExpiryNotices.on(platform).still_due(command.customer_hash, command.about)
