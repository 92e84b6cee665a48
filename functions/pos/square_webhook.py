"""POST /api/square/webhook"""

from __future__ import annotations

import re
from typing import Any

from shared.platform.errors import BadSignature, Invalid, Unavailable
from shared.pos import webhook
from shared.pos.schemas import ReceivedAnswer
from shared.pos.trigger import TriggerService
from shared.runtime import json_body
from shared.runtime.declare import SIGNED, endpoint
from shared.runtime.request import Answer, Request

EVENT_ID = re.compile(r"[A-Za-z0-9-]{1,128}")
SIGNATURE = "x-square-hmacsha256-signature"


@endpoint(
    "POST /api/square/webhook",
    auth=SIGNED,
    headers={SIGNATURE: "base64 of HMAC-SHA-256 of the notification URL and the raw body."},
    responds={200: ReceivedAnswer},
    tier="webhook",
    optional_secrets=("SQUARE_WEBHOOK_SIGNATURE_KEY",),
    publishes=("sync-requests",),
)
def handle(request: Request) -> Answer:
    """Take an event of Square: what it names is read and stored within seconds. It may come again, in any order."""
    settings = request.platform.settings
    if not settings.square_webhook_signature_key:
        raise Unavailable("Webhooks are not set up: SQUARE_WEBHOOK_SIGNATURE_KEY is not set.")
    url = settings.square_webhook_url or f"{settings.public_url}/api/square/webhook"
    if not webhook.is_genuine(settings.square_webhook_signature_key, url, request.raw, request.headers[SIGNATURE]):
        raise BadSignature("The signature does not fit the body and the notification URL.")
    fresh = TriggerService(request.platform).told_by_square(_event(request.raw))
    return Answer(200, {"duplicate": not fresh})


def _event(raw: bytes) -> dict[str, Any]:
    found = json_body.parse(raw)
    event_id = found.get("event_id")
    # It becomes a document's name.
    if not isinstance(event_id, str) or not EVENT_ID.fullmatch(event_id):
        raise Invalid("The body is no event: event_id is missing.", field="event_id")
    return found
