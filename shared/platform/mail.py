"""A mail to be sent: it leaves through the outbox with the state change that it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.platform.clock import wire_time
from shared.platform.pubsub import Message

TOPIC = "emails"


@dataclass(frozen=True, kw_only=True, repr=False)
class Mail:
    """A command on topic `emails`: {emailId, template, to, data, queuedAt, customerHash, about}.

    Personal, hence no repr.
    `id`: of two commands with one id only one is sent. `template`: the name of its folder in
    shared/notifications/templates. `data`: what the template shows, JSON values. `about`: the id of what it is about,
    and `customer_hash` who gets it: events name both, so neither is personal; without the hash nobody can unsubscribe.
    """

    id: str
    template: str
    to: str
    data: Mapping[str, Any]
    queued_at: datetime
    customer_hash: str = ""
    about: str = ""
    topic: str = TOPIC

    def message(self) -> Message:
        queued_at = wire_time(self.queued_at)
        command = {
            "emailId": self.id,
            "template": self.template,
            "to": self.to,
            "data": self.data,
            "queuedAt": queued_at,
            "customerHash": self.customer_hash,
            "about": self.about,
        }
        attributes = {"type": self.template, "eventId": self.id, "occurredAt": queued_at}
        return Message(json.dumps(command, ensure_ascii=False, separators=(",", ":")), attributes)
