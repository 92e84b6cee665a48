"""Pub/Sub's pushes to subscribers and jobs."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from local.provision import PubSub

VERIFICATION_EVENTS = "verification-events"
SECURITY_EVENTS = "security-events"


def push(client: FlaskClient, message: dict[str, Any], topic: str = VERIFICATION_EVENTS) -> TestResponse:
    """Deliver a message, as pulled or as made by `message_of`, to a subscriber's functions-framework app."""
    body = {"subscription": "projects/p/subscriptions/s", "message": message}
    return client.post(f"/projects/p/topics/{topic}", json=body)


def pulled(pubsub: PubSub, topic: str = VERIFICATION_EVENTS) -> list[dict[str, Any]]:
    """All messages of a topic that were not pulled before; one pull alone may bring a part of them."""
    messages: list[dict[str, Any]] = []
    while page := pubsub.pull(topic):
        messages += page
    return messages


def message_of(data: Any, **attributes: str) -> dict[str, Any]:
    """A message whose data is this JSON value."""
    return {
        "data": base64.b64encode(json.dumps(data).encode()).decode(),
        "attributes": attributes,
        "messageId": uuid.uuid4().hex,
        "publishTime": "2026-07-01T17:00:00.000Z",
    }


def data_of(message: dict[str, Any]) -> dict[str, Any]:
    """The event inside a pulled message."""
    return json.loads(base64.b64decode(message["data"]))
