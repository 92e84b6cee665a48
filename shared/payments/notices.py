"""What the gateway's webhooks tell: only that something has happened to a transaction. Pure.

Nothing else is taken from a notice: the transaction is read at the gateway as it is by then, so that repeats and a
wrong order do no harm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.platform.pubsub import Message

TOPIC = "payment-notices"
EVENTS = ("net.authorize.payment.",)
TRANSACTION_ID = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True)
class Notice:
    """A command on topic `payment-notices`: {transactionId}; leaves through the outbox."""

    id: str
    transaction_id: str
    topic: str = TOPIC

    def message(self) -> Message:
        return Message(
            json.dumps({"transactionId": self.transaction_id}), {"type": "payment.notice", "eventId": self.id}
        )


def transaction_of(notification: Mapping[str, Any]) -> str | None:
    """The id of the transaction that a notification is about; None for one about something else.

    Raises ValueError for a shape that is none.
    """
    kind, payload = notification.get("eventType"), notification.get("payload")
    if not isinstance(kind, str) or not isinstance(payload, dict):
        raise ValueError("eventType or payload is missing.")
    if not kind.startswith(EVENTS) or payload.get("entityName") != "transaction":
        return None
    found = payload.get("id")
    if not isinstance(found, str) or not TRANSACTION_ID.fullmatch(found):
        raise ValueError("payload.id is no transaction's id.")
    return found
