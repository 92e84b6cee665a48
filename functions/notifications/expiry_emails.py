"""Job: customers whose verification ends within 30 days and who were not told yet get a reminder."""

from __future__ import annotations

import json
from dataclasses import asdict

from shared.notifications.preferences import Preferences
from shared.platform.pubsub import Message
from shared.runtime.declare import Schedule, subscriber
from shared.runtime.request import Delivery
from shared.verification.pages import message_of, place_of
from shared.verification.reminders import Reminders, Tally

# Of the 300: the page that is under way then is finished.
SECONDS = 200.0
TOPIC = "expiry-emails"


@subscriber(
    TOPIC,
    schedules=(Schedule("expiry_emails", "0 9 * * *", {}),),
    concurrency=1,
    max_instances=1,
    timeout_seconds=300,
    ack_deadline_seconds=330,
    secrets=("CUSTOMER_HASH_KEY", "VERIFICATION_KEY"),
    reads=("commerce.customers",),
    publishes=("emails", "expiry-emails"),
)
def handle(delivery: Delivery) -> None:
    """Queue reminders; what there is no time for is left to a message to itself. Raises `Unavailable`."""
    platform = delivery.platform
    tally = Tally.of(delivery.data.get("tally") or {})
    reminders = Reminders(platform, Preferences.on(platform).unsubscribed_of)
    place = reminders.run(place_of(delivery.data), tally, SECONDS)
    if place is None:
        reminders.report(tally)
        return
    platform.publisher.publish(TOPIC, [Message(json.dumps({**message_of(place), "tally": asdict(tally)}))])
