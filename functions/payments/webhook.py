"""POST /api/payments/webhook"""

from __future__ import annotations

import re
from typing import Any

from shared.payments import notices, signatures
from shared.payments.schemas import NotificationAnswer
from shared.platform.errors import BadSignature, Invalid, Unavailable
from shared.platform.webhooks import WebhookEvents
from shared.runtime import json_body
from shared.runtime.declare import SIGNED, endpoint
from shared.runtime.request import Answer, Request

NOTIFICATION_ID = re.compile(r"[A-Za-z0-9-]{1,128}")
SIGNATURE = "X-ANET-Signature"


@endpoint(
    "POST /api/payments/webhook",
    auth=SIGNED,
    headers={SIGNATURE: "`sha512=` and HMAC-SHA-512 of the raw body, hexadecimal."},
    responds={200: NotificationAnswer},
    tier="webhook",
    optional_secrets=("AUTHORIZE_NET_SIGNATURE_KEY",),
    publishes=("payment-notices",),
)
def handle(request: Request) -> Answer:
    """Take a notification of the payment gateway: the transaction that it names is looked at within seconds."""
    key = request.platform.settings.authorize_net_signature_key
    if not key:
        raise Unavailable("Webhooks are not set up: AUTHORIZE_NET_SIGNATURE_KEY is not set.")
    if not signatures.is_genuine(key, request.raw, request.headers[SIGNATURE]):
        raise BadSignature("The signature does not fit the body.")
    notification = json_body.parse(request.raw)
    return Answer(200, {"duplicate": not _remembered(request, notification)})


def _remembered(request: Request, notification: dict[str, Any]) -> bool:
    """Whether it is the first time; then the transaction is queued, if it is about one."""
    platform, event_id = request.platform, notification.get("notificationId")
    # It becomes a document's name.
    if not isinstance(event_id, str) or not NOTIFICATION_ID.fullmatch(event_id):
        raise Invalid("The body is no notification: notificationId is missing.", field="notificationId")
    try:
        transaction = notices.transaction_of(notification)
    except ValueError as error:
        raise Invalid(f"This is no notification of the gateway: {error}") from None
    queued = [notices.Notice(platform.ids.new("evt"), transaction)] if transaction else []
    return WebhookEvents.on(platform).remember(f"payment-{event_id}", queued)
